"""A rule that the package does not know, written here as a user would: continuous weights."""

from dataclasses import dataclass

import numpy as np
import pytest
from brian2 import second
from helpers import DT

from ebn_brian import balance
from ebn_brian.chips import dpi_chips, even_decoder, lif_chips
from ebn_brian.rule import Rule
from ebn_brian.seeds import generator
from ebn_brian.signals import noise_drive
from ebn_brian.training import Training


@dataclass(frozen=True)
class Continuous(Rule):
    """``Omega -= eps*(2 V + kappa Omega)`` at each presynaptic spike, without steps or dead zone.

    Its weights are real numbers in units of ``|D|**2``.
    """

    eps: float = 0.02
    kappa: float = 2.5
    learn_reset: bool = False

    def parameters(self, unit):
        return {"eps": self.eps}

    def decide(self, state):
        return f"d = -eps*(2*({state})/step + kappa*gain*w)\n"


N_CHIPS, N = 2, 10
D = even_decoder(2, N, seed=1, n_chips=N_CHIPS)
INITIAL = generator(1, "first weights").normal(0, 0.3, (N_CHIPS, N, N))
INITIAL[:, range(N), range(N)] = -1
DRIVE = noise_drive(2, seed=1)
SYSTEMS = {
    "lif": lambda drive: lif_chips(D, drive=drive, rule=Continuous(), dt=DT),
    "lif, learned reset": lambda drive: lif_chips(
        D, drive=drive, rule=Continuous(learn_reset=True), dt=DT
    ),
    "dpi": lambda drive: dpi_chips(D, drive=drive, rule=Continuous(), dt=DT),
}


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request):
    """The function that makes chips, and their program compiled."""
    make = SYSTEMS[request.param]
    return make, Training(make, 2)


@pytest.mark.parametrize("make", SYSTEMS.values(), ids=SYSTEMS)
def test_its_weights_are_real_numbers(make):
    """And none stays where it was, once its source has spiked."""
    training = Training(make, 2, device="numpy")
    state = training.rest(INITIAL)
    (stretch,) = training.advance(state, DRIVE, 1000)
    learned = training.weights(stretch.state)
    changed = (learned != training.weights(state)).any(axis=1)
    spiked = np.bincount(stretch.i, minlength=N_CHIPS * N).reshape(N_CHIPS, N) > 0
    assert changed.any()
    assert not changed[~spiked].any()
    hundredths = learned.swapaxes(1, 2)[changed] * 100
    assert (np.abs(hundredths - np.rint(hundredths)) > 1e-6).mean() > 0.5


def test_its_weights_are_held_while_the_chips_are_evaluated():
    """The rule says nothing of ``plastic``: it is the synapse that holds its weight."""
    training = Training(SYSTEMS["lif"], 2, device="numpy")
    state = training.rest(INITIAL)
    (held,) = training.advance(state, DRIVE, 500, plastic=False)
    (learned,) = training.advance(state, DRIVE, 500)
    assert len(held.i) > 10
    np.testing.assert_array_equal(held.state.w, state.w)
    assert (learned.state.w != state.w).any()


@pytest.mark.slow
def test_all_targets_agree_bit_for_bit(system):
    make, compiled = system
    states = [
        training.trained(INITIAL, DRIVE, 0.3 * second)
        for training in (compiled, Training(make, 2, device="numpy"))
    ]
    moved = compiled.weights(states[0]) != compiled.weights(compiled.rest(INITIAL))
    assert moved.mean() > 0.5
    np.testing.assert_array_equal(states[0].w, states[1].w)
    for name, value in states[0].variables.items():
        np.testing.assert_array_equal(value, states[1].variables[name])


@pytest.mark.slow
def test_it_learns(system):
    """From random weights towards the optimum, which it does not know."""
    _, training = system
    optimal = balance.optimal_weights(D)
    state = training.trained(INITIAL, DRIVE, 20 * second)
    learned = training.weights(state)
    before, after = (balance.distance(Omega, optimal) for Omega in (INITIAL, learned))
    assert (before > 0.8).all()
    assert (after < 0.25).all()
    assert (balance.correlation(learned, optimal) > 0.9).all()
