"""The study of whole chips: its population, its numbers, and one small run."""

import json

import numpy as np
import pytest
import xarray as xr
from brian2 import Hz
from click.testing import CliRunner

from ebn_brian.chips import dpi_chips, random_decoder
from ebn_brian.dpi_model import whole_chip
from ebn_brian.signals import noise_drive
from ebn_brian.training import Training
from studies.chip.arms import (
    ARMS,
    MEASURES,
    SPREAD,
    Bench,
    Input,
    Population,
    circuit,
    rule_of,
    run_block,
)
from studies.chip.command import main
from studies.chip.numbers import add_yield, assemble, summarise


def bench(bits: int = 6, block: int = 2, n: int = 5) -> Bench:
    D = random_decoder(2, n, 4, n_chips=block)
    program = Training(
        lambda drive: dpi_chips(
            D, drive=drive, rule=rule_of(bits), circuit=circuit(), homeostatic=True
        ),
        2,
        device="numpy",
    )
    drive = noise_drive(2, 4)
    given = Input(drive, drive(0, 2000), drive(2000, 2000))
    return Bench(program, block, n, 4, 0.1, given, circuit())


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_counters_of_any_size_hold_the_reset(bits):
    rule = rule_of(bits)
    assert rule.n_bits == bits
    assert rule.w_max * rule.step == pytest.approx(31 / 25, rel=0.1)
    assert (1 / rule.step) == pytest.approx(round(1 / rule.step))
    if bits == 6:
        assert rule == whole_chip().rule()


def test_a_chip_is_itself_in_any_block():
    here = bench()
    some, others = Population(here, [0, 1]), Population(here, [1, 2])
    np.testing.assert_array_equal(some.D[1], others.D[0])
    np.testing.assert_array_equal(some.first[1], others.first[0])
    one, two = (chips.with_mismatch(0.2).values for chips in (some, others))
    for name in SPREAD:
        np.testing.assert_array_equal(np.split(one[name], 2)[1], np.split(two[name], 2)[0])
        assert np.std(np.asarray(one[name])) > 0


def test_chips_rest_where_comparators_refer_to():
    """A nominal neuron without input stays at its reference."""
    here = bench()
    chips = Population(here, [0, 1]).ideal
    state = chips.rest(np.zeros((2, 5, 5)))
    silence = np.zeros((2000, 2)) * Hz
    for stretch in chips.advance(state, lambda first, n: silence[:n], 2000, plastic=False):
        at = np.asarray(stretch.state.variables["neurons.I_mem"])
    np.testing.assert_allclose(at, float(circuit().I_ref), rtol=1e-3)
    assert float(circuit().I_ref) > float(whole_chip().I_ref)


def test_arms_do_not_depend_on_those_beside_them(monkeypatch):
    monkeypatch.setattr(Population, "calibrated", lambda _, training: training)
    here, arms = bench(), ("clean", "random", "homeostatic_random")
    rates = run_block(here, 0.2, 0, *arms)["rate_hz"]
    assert rates.shape == (3, 2)
    np.testing.assert_array_equal(rates[1], rates[2])  # nothing was calibrated
    np.testing.assert_array_equal(run_block(here, 0.2, 0, arms[2])["rate_hz"][0], rates[2])


def test_yield_and_cost_are_over_the_chip_itself_clean():
    n = 4
    rate, error = np.full((len(ARMS), n), 10.0), np.full((len(ARMS), n), 0.01)
    rate[0], error[0] = [5, 10, 20, 40], [0.01, 0.02, 0.01, 0.02]  # clean
    learned = ARMS.index("learned")
    rate[learned], error[learned] = 1.9 * rate[0], 1.4 * error[0]
    rate[learned, 0] *= 1.2
    arrays = dict.fromkeys(MEASURES, np.ones_like(rate)) | {"rate_hz": rate, "error_refit": error}
    data = add_yield(assemble({"a": arrays}, {"a": (0.2, 0)}, n), 2.0, 1.5)
    summary, rows = summarise(data, 0.2)
    assert summary["yield_learned"] == summary["yield_learned_20"] == 0.75
    assert summary["cost_learned_median"] == pytest.approx(1.9 * np.sqrt(1.4))
    assert summary["yield_clean"] == 1
    assert rows["20 % learned"]["yield"] == 0.75


@pytest.mark.slow
def test_the_study_runs_and_whole_chips_come_out_right(tmp_path):
    arms = ["clean", "transfer", "random", "homeostatic"]
    options = ["--quick", "--seed", "5", "--out", str(tmp_path), "--jobs", "1"]
    options += [word for arm in arms[1:] for word in ("--arm", arm)]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["rate_hz_homeostatic_median"] < 12
    assert summary["cost_homeostatic_median"] < summary["cost_transfer_median"]
    assert summary["yield_homeostatic"] >= summary["yield_random"] + 0.5
    data = xr.open_dataset(tmp_path / "data.nc", engine="h5netcdf")
    assert list(data["arm"].values) == arms
    assert (tmp_path / "figure.png").stat().st_size > 50_000
