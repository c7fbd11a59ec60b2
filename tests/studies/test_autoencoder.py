"""The study of the auto-encoder: its trials, its chips, and one small run."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from studies.autoencoder.command import KAPPA, PRETRAINED, TASK, main
from studies.lab.tracking.chips import Chips, rms_error
from studies.lab.tracking.numbers import refitted
from studies.lab.tracking.task import DT, PERIOD, TAU, correlation, off_diagonal, steps


def test_signals_have_their_period_and_size():
    x, target = TASK.signals(np.random.default_rng(0), 4, 2 * steps(PERIOD))
    np.testing.assert_allclose(x[:, : steps(PERIOD)], x[:, steps(PERIOD) :], atol=1e-9)
    np.testing.assert_allclose((x**2).mean(axis=1), 1)
    assert target is x


def test_streams_of_trials_differ():
    a, b = TASK.fresh(1, 2), TASK.fresh(1, 2, "readout trials")
    assert not np.allclose(a.x, b.x)
    np.testing.assert_array_equal(TASK.batch(1, 5, 2).x, TASK.batch(1, 5, 2).x)


@pytest.fixture(scope="module")
def chips(tmp_path_factory):
    return Chips(TASK, 2, "numpy", tmp_path_factory.mktemp("chips"), KAPPA)


@pytest.mark.slow
def test_chips_are_the_trainers_network(chips):
    """Filtered spikes of Brian2 are ``s`` of a gate as narrow as a spike."""
    weights = TASK.start(3)
    r = np.random.default_rng(0)
    weights = replace(weights, W_f=0.01 * np.rint(10 * r.normal(size=(30, 30))))
    np.fill_diagonal(weights.W_f, 0)
    batch = TASK.fresh(3, 2, duration=100 * DT)
    network = TASK.network
    neuron = replace(network.neuron, v_th=network.neuron.v_spike, Delta=1e-7)
    traces = replace(network, neuron=neuron).simulate(weights, batch.x, batch.v_0)
    response = chips.run(chips.values(weights), batch)
    np.testing.assert_array_equal(response.spikes, traces.spikes)
    np.testing.assert_allclose(response.s, traces.s, atol=1e-6 / float(TAU))


def test_the_rule_takes_the_common_signal_out(chips):
    """Fast weights that learn from nothing oppose neurons that code for the same."""
    weights = TASK.start(3)
    batch = TASK.fresh(3, 2, "learning trials", 1500 * DT)
    w = chips.run({**chips.values(weights), "trained_fast.plastic": 1.0}, batch).w[0]
    assert correlation(off_diagonal(w), -off_diagonal(weights.U @ weights.U.T)) > 0.3


def test_refitted_readouts_are_the_best():
    r = np.random.default_rng(0)
    s, O = r.normal(size=(1, 500, 30)), r.normal(size=(1, 2, 30))  # noqa: E741
    target = s @ O.swapaxes(1, 2)
    assert rms_error(s, refitted(SimpleNamespace(s=s), target), target)[0] < 0.01


@pytest.mark.slow
def test_a_small_run_goes_on(tmp_path):
    call = ["--quick", "--out", str(tmp_path)]
    for _ in range(2):
        done = CliRunner().invoke(main, call, catch_exceptions=False)
        assert done.exit_code == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    for name in ("corr_U_O", "corr_Wf_UO", "spikes_on", "spikes_off", "rel_rmse_gated"):
        assert np.isfinite(summary[name])
        assert np.isfinite(summary[f"{name}_released"])
    for name in ("rel_rmse_spiking", "cost", "cost_analytic", "wall_s"):
        assert summary[name] > 0
    assert {"figure.png", "data.nc", "states"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(not any(PRETRAINED.glob("*.npz")), reason="no stored weights")
def test_stored_weights_are_balanced(tmp_path):
    call = ["--pretrained", "--quick", "--out", str(tmp_path)]
    assert CliRunner().invoke(main, call, catch_exceptions=False).exit_code == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["corr_U_O"] > 0.98
    assert summary["corr_Wf_UO"] > 0.98
    assert summary["spike_ratio"] < 0.25


def test_no_stored_weights(tmp_path):
    done = CliRunner().invoke(main, ["--pretrained", "--seed", "99", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "--pretrained" in done.output
