"""The study of the delayed exclusive or: its trials, its prior, its training, and one small run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from click.testing import CliRunner
from scipy.signal import lfilter

from ebn_brian.gradient import Batch
from studies.delayed_xor import evolution, recipe
from studies.delayed_xor.command import PRETRAINED, main
from studies.delayed_xor.numbers import DELAYS, accuracy, fresh, gated
from studies.delayed_xor.prior import Mode, moved, weights
from studies.delayed_xor.simulation import Chips, kernel_of_answer
from studies.delayed_xor.task import (
    ANSWERS,
    DT,
    FIRST,
    GO,
    LAST,
    PULSE,
    REACTION,
    TAU,
    answers,
    longest_trial,
    network,
    trials,
)

stored = pytest.mark.skipif(not any(PRETRAINED.glob("*.npz")), reason="no stored weights")


def test_targets_are_the_exclusive_or_of_the_pulses():
    """Read from the input alone, as the network must."""
    for group in trials(np.random.default_rng(0), 30, 20 * ms, 80 * ms):
        for x, target in zip(group.batch.x, group.batch.target, strict=True):
            begins = np.flatnonzero(np.diff(x[:, 0]) * x[1:, 0] > 0) + 1
            signs = x[begins, 0]
            answer = 0 if len(signs) == 1 else (1 if signs[0] != signs[1] else -1)
            (asked,) = np.nonzero(target[:, 0])
            assert set(target[-(GO - REACTION) :, 0]) == {answer}
            assert len(asked) == (GO - REACTION if answer else 0)


def test_both_delays_are_what_was_asked_for():
    (group,) = trials(np.random.default_rng(0), 6, 70 * ms, 70 * ms, size=6)
    for x, kind in zip(group.batch.x, group.kind, strict=True):
        on = np.flatnonzero(x[:, 0])
        go = np.flatnonzero(x[:, 1])[0]
        assert go - on[-1] - 1 == 70
        assert len(on) == PULSE * (1 + abs(FIRST[kind]))
        if FIRST[kind]:
            assert np.diff(on).max() - 1 == 70
        assert x[on[-1], 0] == LAST[kind]
    assert sorted(group.kind) == list(range(len(ANSWERS)))
    assert group.batch.x.shape[1] <= longest_trial()


def test_answers_are_the_nearest():
    np.testing.assert_array_equal(answers(np.array([-3, -0.6, -0.4, 0.4, 0.6])), [-1, -1, 0, 0, 1])


def test_neurons_alike_fire_as_theory_says():
    """At constant ``I`` the phase makes ``2 sqrt(I/tau_v)`` turns a second."""
    own = weights(1, Mode(spread=0, random=0, drive=40))
    v_0 = np.random.default_rng(0).uniform(0, 1, (1, 80))
    batch = Batch(np.zeros((1, 1000, 2)), np.zeros((1, 1000, 1)), v_0)
    spikes = network().moments(own, batch).spikes  # in a second
    assert spikes.mean() == pytest.approx(2 * np.sqrt(40 / 0.025), rel=0.03)


def test_only_the_mode_differs():
    """Steps of 0 change nothing; the random part is that of the seed, whatever the mode."""
    assert moved(Mode(), np.zeros(8)) == Mode()
    a, b = weights(1, Mode(go=1)), weights(1, Mode(go=2))
    np.testing.assert_allclose(2 * a.U[:, 1], b.U[:, 1])
    np.testing.assert_array_equal(a.W, b.W)
    assert not np.allclose(a.W, weights(2, Mode(go=1)).W)


def test_evolution_finds_the_least():
    """Of a quadratic function whose axes differ by 30, along oblique directions."""
    r = np.random.default_rng(0)
    basis = np.linalg.qr(r.normal(size=(8, 8)))[0]
    scale = np.geomspace(1, 30, 8)
    memory = evolution.start(8, 10)
    for generation in range(250):
        draws = evolution.candidates(memory, generation)
        costs = (((draws - 1) @ basis * scale) ** 2).sum(axis=1)
        memory = evolution.selected(memory, draws, costs)
    np.testing.assert_allclose(evolution.strategy(memory).mean, 1, atol=1e-3)


def test_moments_give_the_error():
    r = np.random.default_rng(0)
    own = replace(weights(1, Mode()), O=1e-3 * r.normal(size=(1, 80)))
    (group,) = trials(r, 6, 20 * ms, 40 * ms, size=6)
    (parts,) = recipe.moments(own, [group])
    direct = 2 * network().moments(own, group.batch).error.sum()
    assert parts.error(own.O) == pytest.approx(direct)
    assert parts.error(parts.readout()) < parts.error(own.O)


def test_spikes_are_weighed_as_they_are_filtered():
    n_steps = 150
    spikes = (np.random.default_rng(0).random(n_steps) < 0.2).astype(float)
    share = float(DT / TAU)
    s = lfilter([1 / float(TAU)], [1, share - 1], spikes)
    assert kernel_of_answer(n_steps) @ spikes == pytest.approx(s[REACTION - GO :].mean())


def test_training_goes_on_to_the_last_bit(tmp_path):
    phases = (recipe.Phase(2, 20 * ms), recipe.Phase(2, 30 * ms))

    def stop(state):
        if state.n_updates == 2:
            raise KeyboardInterrupt

    def run(name, progress):
        return recipe.trained(1, tmp_path / name, progress, phases, 48, 3)

    whole = run("a.npz", lambda state: None)
    with pytest.raises(KeyboardInterrupt):
        run("b.npz", stop)
    again = run("b.npz", lambda state: None)
    for name, value in whole.weights.arrays().items():
        np.testing.assert_array_equal(again.weights.arrays()[name], value)
    np.testing.assert_array_equal(again.memory["costs"], whole.memory["costs"])
    assert whole.n_updates == 4


def test_no_stored_weights(tmp_path):
    done = CliRunner().invoke(main, ["--pretrained", "--seed", "99", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "--pretrained" in done.output


def test_more_trials_than_chips(tmp_path):
    chips = Chips(2, "numpy", tmp_path)
    with pytest.raises(ValueError, match="must have at most 2"):
        chips.run(weights(1, Mode()), fresh(1, 20, 3, 3)[0])


@pytest.mark.slow
def test_chips_are_the_trainers_network(tmp_path):
    """Filtered spikes of Brian2 are ``s`` of a gate as narrow as a spike."""
    own = weights(3, Mode())
    (group,) = fresh(3, 20, 2, 2)
    traces = network(1e-7).simulate(own, group.batch.x, group.batch.v_0)
    s = Chips(2, "numpy", tmp_path).run(own, group)
    np.testing.assert_allclose(s, traces.s[:, REACTION - GO :].mean(axis=1), atol=1e-6 / float(TAU))


@pytest.mark.slow
def test_a_small_run_goes_on(tmp_path):
    call = ["--quick", "--out", str(tmp_path)]
    for _ in range(2):
        assert CliRunner().invoke(main, call, catch_exceptions=False).exit_code == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    for delay in DELAYS:
        for name in ("accuracy", "accuracy_spiking", "control_accuracy"):
            assert 0 <= summary[f"{name}_{delay}"] <= 1
    assert {"figure.png", "data.nc", "states"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
@stored
def test_stored_weights_remember_what_untrained_ones_forget():
    for delay, least in ((100, 0.95), (200, 0.9)):
        groups = fresh(1, delay, 120, 30)
        state = recipe.load(PRETRAINED / "seed1.npz")
        assert accuracy(state.weights, groups) >= least
    assert accuracy(recipe.with_readout(weights(1, Mode()), 1), groups) < least


@pytest.mark.slow
@stored
def test_stored_weights_hold_the_first_pulse():
    """Half a second after it, what the pulse left is still there, with its sign."""
    own = recipe.load(PRETRAINED / "seed1.npz").weights
    (group,) = fresh(1, 500, 6, 6)
    single = FIRST[group.kind] == 0
    along = np.sign(own.U[:, 0])
    kept = gated(own, group) @ along / len(along)
    assert (np.sign(kept[single]) == LAST[group.kind][single]).all()
