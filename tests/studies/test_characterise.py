"""The characterisation of the building blocks: its theory, and that the simulation agrees."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from brian2 import ms, nA, pA, second
from click.testing import CliRunner

from ebn_brian.dpi_model import experiment_1
from ebn_brian.dpi_theory import rise_time
from studies.characterise import numbers
from studies.characterise.command import main
from studies.characterise.network import CODES, READ_AFTER, dark, ideal

CIRCUIT = experiment_1()


def test_theory_of_a_step_begins_in_the_dark_and_ends_at_rest():
    for circuit in (CIRCUIT, ideal(CIRCUIT)):
        still, points, times = numbers.step_theory(circuit, np.array([1e-9, 12e-9]))
        start = float(dark(circuit))
        np.testing.assert_allclose(points[:, 0], start)
        np.testing.assert_allclose(points[:, -1], still, rtol=2e-4)
        np.testing.assert_allclose(times[:, 0], 0, atol=1e-12)
        assert (np.diff(times) > 0).all()


def test_times_of_a_step_grow_with_the_logarithm_near_rest():
    still = float(CIRCUIT.I_th) + 4e-9
    circuit = replace(ideal(CIRCUIT), I_0=1e-4 * pA)
    points = still * (1 - np.array([1e-3, 1e-4]))
    times = numbers.step_times(circuit, still + float(circuit.I_th), points)
    tau = float(circuit.tau) * (1 + float(circuit.I_th) / still)
    assert np.diff(times)[0] == pytest.approx(tau * np.log(10), rel=2e-3)


def test_postsynaptic_step_is_the_area_of_the_pulse_less_the_leak():
    # a short pulse is an impulse: gain*code*width/(b - a) (exp(-t/b) - exp(-t/a))
    width, t = 1e-6, float(READ_AFTER)
    for code in CODES:
        sign = "e" if code > 0 else "i"
        a, b = float(getattr(CIRCUIT, f"tau_{sign}")), float(CIRCUIT.tau)
        decay = (np.exp(-t / b) - np.exp(-t / a)) / (b - a)
        exact = code * getattr(CIRCUIT, f"gain_{sign}") * 1e-9 * width * decay
        step = numbers.postsynaptic_step(CIRCUIT, code, np.array([width]))[0]
        assert step == pytest.approx(exact, rel=1e-3)


def test_rates_are_inverse_intervals():
    i, t = np.array([0, 2, 0, 0, 1]), np.array([0.1, 0.2, 0.2, 0.3, 0.5])
    np.testing.assert_allclose(numbers.rates(i, t, 3), [10, 0, 0])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("characterise")
    arguments = ["--quick", "--device", "cpp_standalone", "--out", str(out)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out


@pytest.mark.slow
def test_simulation_agrees_with_theory(results):
    summary = json.loads((results / "summary.json").read_text())
    assert summary["rate_error_max"] < 0.01
    assert summary["rates_missed"] == 0
    assert summary["step_time_error_max_in_tau"] < 1e-3
    assert summary["step_time_error_max_in_tau_ideal"] < 1e-3
    for circuit in ("", "_circuit"):
        assert summary[f"rest_error_max{circuit}"] < 1e-4
        assert summary[f"time_constant_error_max{circuit}"] < 1e-3
    assert summary["pulse_error_max"] < 1e-3
    assert summary["counters_wrong"] == summary["decisions_wrong"] == 0
    assert summary["decisions_total"] > 400
    assert (results / "figure.png").stat().st_size > 20_000


@pytest.mark.slow
def test_measures_notice_what_is_wrong(results):
    with xr.open_dataset(results / "data.nc") as opened:
        data = opened.load()
    data.decision_blind[0, 0] = 0
    data.counters[1, -1] += 1
    data.ideal_response[:] = data.ideal_response * 1.01
    wrong = numbers.measures(CIRCUIT, data)
    assert (wrong["decisions_wrong"], wrong["counters_wrong"]) == (1, 1)
    assert wrong["rest_error_max"] > 0.009
    assert wrong["step_time_error_max_in_tau_ideal"] > 1e-3


def test_wrong_parameters_are_refused(tmp_path):
    (tmp_path / "p.json").write_text("{}")
    arguments = ["--parameters", str(tmp_path / "p.json"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "not a parameter file" in result.output
    assert not (tmp_path / "out").exists()


def test_a_fall_takes_time_too():
    ideal = {"tau": 20 * ms, "I_th": 1e-6 * nA}
    fall = rise_time(3 * nA, 2 * nA, 1 * nA, **ideal)
    assert float(fall / second) == pytest.approx(0.02 * np.log(2), rel=1e-5)
    assert np.isinf(rise_time(3 * nA, 0.99 * nA, 1 * nA, **ideal))
