"""The study of trade-offs: its points, what it does to thresholds, its numbers, one small run."""

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from ebn_brian.chips import V_UNIT, lif_chips, random_decoder
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.training import Training
from studies.design.measures import MEASURES
from studies.tradeoffs.chips import drifted, stepped
from studies.tradeoffs.command import main
from studies.tradeoffs.figure import figure
from studies.tradeoffs.knobs import (
    BASE,
    KNOBS,
    STRESS,
    all_points,
    base_design,
    design_at,
    label,
    points_of,
    program_of,
    reference,
)
from studies.tradeoffs.numbers import assemble, summarise

VALUES = {name: knob.all_values for name, knob in KNOBS.items()}


@pytest.fixture(scope="module")
def training() -> Training:
    """Three chips of five neurons."""
    D = random_decoder(2, 5, 1, n_chips=3)
    rule = DiscreteRule.calm()
    return Training(
        lambda drive: lif_chips(D, drive=drive, rule=rule, homeostatic=True), 2, device="numpy"
    )


def test_a_knob_changes_what_it_names_alone():
    base = base_design(0.2)
    assert {(p.name, p.cv) for p in base.parameters} == {
        *((name, 0.2) for name in ("gain", "threshold", "reset", "tau", "F"))
    }
    for name in ("bits", "neurons", "noise"):
        other = design_at(base, ((name, 7),))
        assert {**base["circuit"], name: 7} == other["circuit"]
        assert other.parameters == base.parameters
    assert design_at(base, (("signals", 3),))["signal"]["signals"] == 3
    for name in ("target", "offset", "copy_gain"):
        *others, last = design_at(base, ((name, 0.3),)).parameters
        assert tuple(others) == base.parameters
        assert (last.name, last.cv) == (name, 0.3)
    assert design_at(base, (("drift", 0.1), ("remedy", "rest"))) == base


def test_points_and_programs():
    """Each once; the design as it is is a point of the curves that it lies on."""
    points, base = all_points(VALUES), base_design(0.2)
    labels = [label(point) for point in points]
    assert len(set(labels)) == len(labels)
    assert labels[:2] == ["base", "stress"]
    assert {"bits_4", "copy_gain_0", "drift_0.1", "drift_0.1_rest", "noise_0.05"} < set(labels)
    assert {"target_0", "bits_10", "neurons_20"}.isdisjoint(labels)
    for name, knob in KNOBS.items():
        assert (BASE in points_of(name, VALUES[name], "")) == (knob.base is not None)
    programs = {program_of(design_at(base, point)) for point in points}
    assert len(programs) == 1 + 3 + 3 + 1  # neurons, signals, noise


def test_clean_chips_have_the_same_neurons_signals_and_noise():
    assert reference(STRESS) == reference((("bits", 4),)) == reference((("drift", 0.1),)) == BASE
    for point in ((("neurons", 50),), (("signals", 4),), (("noise", 0.05),)):
        assert reference(point) == point


def test_thresholds_lie_on_the_steps_of_their_dac(training):
    v_th = np.linspace(0.002, 0.03, 15)
    training = training.using(values={**training.values, "neurons.v_th": v_th})
    after = np.asarray(stepped(training, 4).values["neurons.v_th"])
    lsb = 2 * 1.25 * float(V_UNIT) / 15  # twice the nominal threshold is full scale
    codes = after / lsb
    np.testing.assert_allclose(codes, np.rint(codes))
    assert codes.max() == 15
    inside = v_th < 15 * lsb
    assert np.abs(after - v_th)[inside].max() <= lsb / 2 * (1 + 1e-9)
    assert np.asarray(stepped(training, 16).values["neurons.v_th"])[0] == pytest.approx(
        v_th[0], 1e-2
    )


def test_drift_is_the_chips_own_whatever_the_block(training):
    v_th = np.full(15, 0.0125)
    training = training.using(values={**training.values, "neurons.v_th": v_th})
    here, there = (
        np.asarray(drifted(training, 0.2, numbers, 3).values["neurons.v_th"]) / v_th
        for numbers in (range(3), range(2, 5))
    )
    np.testing.assert_array_equal(here[10:], there[:5])
    assert 0.1 < here.std() < 0.3
    assert (np.asarray(training.values["neurons.v_th"]) == v_th).all()


def made_up(points, chips, block):
    """Clean chips at 10 Hz, with 50 neurons at 30 Hz; others at 15 Hz, bad ones at 25 Hz."""
    results = {}
    for point in points:
        clean = {name: np.full(block, 0.01) for name in MEASURES}
        many = ("neurons", 50) in point
        name = label(reference(point))
        for first in range(0, chips, block):
            results[f"clean-{name}-{first}"] = clean | {
                "rate_hz": np.full(block, 30.0 if many else 10)
            }
            rate = np.full(block, 15.0)
            rate[0] = 25.0
            results[f"{label(point)}-{first}"] = clean | {"rate_hz": rate}
    return results


def test_yield_and_cost_are_over_chips_of_the_same_kind():
    points = all_points(VALUES)
    data = assemble(points, made_up(points, 8, 4), 8, 4, base_design(0.2))
    summary, rows = summarise(data)
    assert summary["yield_base"] == summary["yield_drift_0.1_rest"] == 0.75
    assert summary["yield_neurons_50"] == 1
    assert summary["cost_base"] == pytest.approx(1.5)
    assert summary["cost_neurons_50"] == pytest.approx(0.5)
    assert summary["yield_base_low"] < 0.75 < summary["yield_base_high"]
    assert len(rows) == len(points)
    assert all(not isinstance(value, dict) for value in summary.values())
    figure(data, VALUES, "made up").canvas.draw()


def test_a_point_that_failed_is_missing_alone():
    points = all_points(VALUES)
    results = made_up(points, 4, 4)
    del results["bits_4-0"]
    data = assemble(points, results, 4, 4, base_design(0.2))
    summary, rows = summarise(data)
    assert "bits_4" not in rows
    assert "yield_bits_5" in summary


@pytest.mark.slow
def test_rest_mends_what_drift_did(tmp_path):
    options = ["--quick", "--chips", "4", "--knob", "drift", "--seed", "6", "--jobs", "1"]
    result = CliRunner().invoke(main, [*options, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["cost_drift_0.2"] > 2 * summary["cost_base"]
    assert summary["cost_drift_0.2_rest"] == pytest.approx(summary["cost_base"], rel=0.15)
    assert summary["cost_drift_0.2_learning"] < 0.7 * summary["cost_drift_0.2"]
    data = xr.load_dataset(tmp_path / "data.nc", engine="h5netcdf")
    assert data["rate_hz"].dims == ("point", "chip")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
