"""Training over several runs of a program: state and time go on, and weights learn or are held."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from ebn_brian import signals, training
from ebn_brian.chips import lif_chips, random_decoder, random_weights
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.training import Training

D = random_decoder(2, 8, 3, n_chips=2)
INITIAL = random_weights(2, 8, 3)
TRAIN = signals.noise_drive(2, 3)
TEST = signals.noise_drive(2, 3, stream="test signal")(0, 2000)


@pytest.fixture
def build(monkeypatch):
    """Builds chips, on numpy, whose runs are at most `window` long."""

    def build(window, **neuron) -> Training:
        monkeypatch.setattr(training, "WINDOW", window)
        rule = DiscreteRule.calm()
        return Training(
            lambda drive: lif_chips(D, drive=drive, rule=rule, **neuron), 2, device="numpy"
        )

    return build


@pytest.mark.parametrize("synapse", ["delta", "exponential"])
def test_windows_join_without_a_seam(build, synapse):
    """State and time go on from one run of the program to the next."""
    results = []
    for window in (200 * ms, 50 * ms):
        chips = build(window, synapse=synapse)
        state = replace(chips.rest(INITIAL), n_steps=500)
        parts = list(chips.advance(state, TRAIN, 1800))
        assert len(parts) == (1 if window == 200 * ms else 4)
        assert parts[-1].state.n_steps == 500 + 1800
        spikes = [np.concatenate([getattr(p, name) for p in parts]) for name in ("i", "step")]
        results.append((*spikes, chips.weights(parts[-1].state)))
    i, step, Omega = results[0]
    assert len(i) > 100
    assert step.max() - step.min() > 1500
    assert 500 <= step.min() < step.max() < 500 + 1800
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(Omega, INITIAL)


def test_weights_are_held_while_evaluating(build):
    chips = build(100 * ms)
    first, again = (chips.evaluate(INITIAL, TEST) for _ in range(2))
    np.testing.assert_array_equal(first.i, again.i)
    np.testing.assert_array_equal(first.step, again.step)
    np.testing.assert_array_equal(first.Omega, INITIAL)
    assert first.spikes_per_step_max() == 1
    measures = first.measures
    named = {"distance", "correlation", "error", "error_effective", "rate_hz"}
    assert set(measures) == named
    assert all(values.shape == (2,) for values in [first.paper_error, *measures.values()])
    optimal = chips.evaluate(chips.chips.optimal, TEST).measures
    np.testing.assert_allclose(optimal["distance"], 0, atol=1e-12)
    assert (optimal["error"] < 0.1).all()
    assert (optimal["rate_hz"] < measures["rate_hz"]).all()
