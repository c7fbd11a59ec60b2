"""The study of predictive coding: its system, its theory, its chips, and one small run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from studies.lab.tracking.chips import Chips
from studies.lab.tracking.task import DT, PERIOD, TAU, off_diagonal, steps
from studies.predictive_coding.command import KAPPA, PRETRAINED, TASK, A, main
from studies.predictive_coding.numbers import analytic_network, matrix_between


def test_the_target_solves_the_system():
    """Its slope is that of ``tau dx/dt = (A - 1) x + input``."""
    x, target = TASK.signals(np.random.default_rng(0), 3, steps(PERIOD))
    slope = (target[:, 2:] - target[:, :-2]) / (2 * float(DT))
    right = (target @ (np.array(A) - np.eye(2)).T + x)[:, 1:-1]
    np.testing.assert_allclose(float(TAU) * slope, right, atol=2e-3)  # of a size of 1


def directions(seed):
    e = np.random.default_rng(seed).normal(size=(30, 2))
    return e / np.linalg.norm(e, axis=1, keepdims=True)


def test_least_squares_give_the_matrix_back():
    network = analytic_network(TASK, directions(0), 0.9, 0.5)
    np.testing.assert_allclose(matrix_between(network), A, atol=1e-12)
    inhibited = analytic_network(TASK, directions(0), 0.9, 0.5, inhibition=-1.0)
    np.testing.assert_allclose(matrix_between(inhibited), A, atol=1e-12)


def test_theory_has_no_fast_autapses():
    network = analytic_network(TASK, directions(0), 0.9, 0.5)
    np.testing.assert_array_equal(np.diag(network.W_f), 0)
    np.testing.assert_allclose(off_diagonal(network.W_f), off_diagonal(-network.U @ network.O))


@pytest.mark.slow
def test_the_analytic_network_follows_the_system():
    """And without its slow weights it does not."""
    batch = TASK.fresh(1, 4)
    network = analytic_network(TASK, directions(0), 2.0, 0.5)
    errors = [
        TASK.network.moments(own, batch).error.mean()
        for own in (network, replace(network, W=0 * network.W))
    ]
    power = (batch.target**2).sum(axis=-1).mean()
    assert 2 * errors[0] / power < 0.1
    assert errors[1] > 4 * errors[0]


@pytest.mark.slow
def test_chips_are_the_trainers_network(tmp_path):
    """Filtered spikes of Brian2 are ``s`` of a gate as narrow as a spike, with slow synapses."""
    chips = Chips(TASK, 2, "numpy", tmp_path, KAPPA)
    weights = analytic_network(TASK, directions(0), 1.0, 0.5)
    weights = replace(weights, W_f=0.01 * np.rint(100 * weights.W_f))
    batch = TASK.fresh(3, 2, duration=300 * DT)
    network = TASK.network
    neuron = replace(network.neuron, v_th=network.neuron.v_spike, Delta=1e-7)
    traces = replace(network, neuron=neuron).simulate(weights, batch.x, batch.v_0)
    response = chips.run(chips.values(weights), batch)
    assert traces.spikes.sum() > 20
    np.testing.assert_array_equal(response.spikes, traces.spikes)
    np.testing.assert_allclose(response.s, traces.s, atol=1e-6 / float(TAU))


@pytest.mark.slow
def test_a_small_run_goes_on(tmp_path):
    call = ["--quick", "--out", str(tmp_path)]
    costs = []
    for _ in range(2):
        assert CliRunner().invoke(main, call, catch_exceptions=False).exit_code == 0
        costs.append(json.loads((tmp_path / "summary.json").read_text())["cost"])
    assert costs[0] == costs[1]
    summary = json.loads((tmp_path / "summary.json").read_text())
    for name in ("corr_U_O", "corr_Wf_UO", "corr_W_UAO_offdiagonal", "M_21", "spikes_on"):
        assert np.isfinite(summary[name])
        assert np.isfinite(summary[f"{name}_released"])
    for name in ("rel_rmse_gated", "rel_rmse_spiking", "cost", "cost_analytic", "wall_s"):
        assert summary[name] > 0
    assert {"figure.png", "data.nc", "states"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(not any(PRETRAINED.glob("*.npz")), reason="no stored weights")
def test_stored_weights_hold_the_system(tmp_path):
    call = ["--pretrained", "--quick", "--out", str(tmp_path)]
    assert CliRunner().invoke(main, call, catch_exceptions=False).exit_code == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["corr_Wf_UO"] > 0.94
    assert summary["corr_W_UAO_offdiagonal"] > 0.94
    assert abs(summary["M_21"] + 2.3) < 0.15 * 2.3
    assert summary["cost"] < summary["cost_analytic"]


def test_no_stored_weights(tmp_path):
    done = CliRunner().invoke(main, ["--pretrained", "--seed", "99", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "--pretrained" in done.output
