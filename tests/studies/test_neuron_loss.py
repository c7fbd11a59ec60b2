"""The study of neuron loss: who dies, and one small run beside plain numpy."""

import json

import numpy as np
import pytest
from brian2 import Hz
from click.testing import CliRunner
from study_helpers import output

from ebn_brian.chips import lif_chips, random_decoder, random_weights
from ebn_brian.plasticity import ContinuousRule
from ebn_brian.signals import smoothed_noise
from ebn_brian.training import DT, Training
from studies.neuron_loss import command
from studies.neuron_loss.loss import OUT_OF_REACH, lost_neurons, silenced


def test_who_dies():
    quarter, half = (lost_neurons([3, 8], 20, share, seed=1) for share in (0.25, 0.5))
    assert quarter.sum(1).tolist() == [5, 5]
    assert half.sum(1).tolist() == [10, 10]
    assert not (quarter & ~half).any()
    np.testing.assert_array_equal(quarter[1], lost_neurons([8], 20, 0.25, seed=1)[0])
    assert (half[0] != half[1]).any()
    for share in (-0.1, 1, 0.99):
        with pytest.raises(ValueError, match=f"share={share}: must be"):
            lost_neurons([0], 20, share, seed=1)


def test_plain_numpy():
    """Dead from step 500 on: as a loop that leaves them out; targets are compared below."""
    D, n = random_decoder(2, 8, 5, n_chips=2), 8
    c = np.asarray(smoothed_noise(1000 * DT, 2, 4))
    training = Training(lambda drive: lif_chips(D, drive=drive, dt=DT), 2, device="numpy")
    lost = lost_neurons([0, 1], n, 0.5, seed=3)
    state, spikes = training.rest(training.chips.optimal), []
    for part, values in ((500, {}), (1000, silenced(training, lost))):
        (stretch,) = training.using(values=values).advance(
            state, lambda a, m: c[a : a + m] * Hz, part - state.n_steps
        )
        state = stretch.state
        spikes += list(zip(stretch.step, stretch.i, strict=True))
    assert (np.ravel(silenced(training, lost)["neurons.v_th"]) == OUT_OF_REACH).sum() == 8
    for chip in range(2):
        mine = [(k, i % n) for k, i in sorted(spikes) if i // n == chip]
        assert mine == simulated(D[chip], c, lost[chip])
        assert {i for k, i in mine if k > 500} <= set(np.flatnonzero(~lost[chip]))


def simulated(D, c, lost, unit=0.01):
    v, spikes = np.zeros(D.shape[1]), []
    for k in range(len(c)):
        v = v + 1e-4 * (-v / 0.05 + unit * (D.T @ c[k]))
        able = (v > 1.25 * unit) & ~(lost & (k >= 500))
        if able.any():
            s = int(np.argmax(np.where(able, v, -np.inf)))
            v = v - unit * (D.T @ D[:, s])
            v[s] = 0.25 * unit
            spikes.append((k, s))
    return spikes


def half_lost(device):
    """Spikes, weights and states of two networks that learn and lose half of their neurons."""
    D, n_steps = random_decoder(2, 12, 5, n_chips=2), 5000
    c = smoothed_noise(n_steps * DT, 2, 4)
    training = Training(
        lambda drive: lif_chips(D, drive=drive, dt=DT, rule=ContinuousRule(0.03, kappa=1.5)),
        2, device=device,
    )  # fmt: skip
    lost = lost_neurons([0, 1], 12, 0.5, seed=3)
    state, spikes = training.rest(random_weights(2, 12, 5)), []
    for end, values in ((n_steps // 2, {}), (n_steps, silenced(training, lost))):
        (stretch,) = training.using(values=values).advance(
            state, lambda a, m: c[a : a + m], end - state.n_steps
        )
        state = stretch.state
        spikes.append(np.stack([stretch.step, stretch.i]))
    assert not np.ravel(lost)[spikes[1][1]].any()
    return {"before": spikes[0], "after": spikes[1], "w": state.w, **state.variables}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cython", "cpp_standalone", "cpp_fused"])
def test_all_targets_give_the_same_bits(target):
    one, other = half_lost("numpy"), half_lost(target)
    assert min(one["before"].shape[1], one["after"].shape[1]) > 50
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (0.99, "must be at least 0 and leave one"),
        (0.01, "must be 0 or above 0.025 for one of 20 neurons to die"),
    ],
)
def test_shares_that_are_refused(tmp_path, share, message):
    options = ["--lost", str(share), "--lost", "0.5", "--out", str(tmp_path)]
    result = CliRunner().invoke(command.main, options)
    assert result.exit_code == 2
    assert f"--lost: share={share}: {message}" in output(result)


@pytest.mark.slow
def test_the_study_runs(tmp_path):
    options = ["--quick", "--seed", "5", "--out", str(tmp_path), "--jobs", "1"]
    result = CliRunner().invoke(command.main, options)
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    optimal, uncoupled = (
        [summary[f"error_{arm}_{lost}_median"] for lost in (0, 25)]
        for arm in ("optimal", "uncoupled")
    )
    assert optimal[1] < 0.5 * uncoupled[1]
    assert (tmp_path / "figure.png").stat().st_size > 50_000
