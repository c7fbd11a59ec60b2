"""Random networks with a mode that remembers, from few numbers."""

from dataclasses import dataclass, fields, replace

import numpy as np

from ebn_brian.checks import Floats
from ebn_brian.gradient import Weights
from ebn_brian.seeds import generator

from .task import N_NEURONS, network


@dataclass(frozen=True)
class Mode:
    """What is common to the weights of all neurons.

    Half of the neurons are excited by a pulse upwards, half by one downwards: the sign ``u`` of
    each is random. They excite their like and inhibit the others, so that what a pulse leaves in
    the mean of ``u s`` dies away slowly; how slowly depends on all of these numbers.
    """

    gain: float = 0.9
    """Of the mode ``u u^T`` in W: at 1, neurons alike neither forget nor grow."""
    inhibition: float = 1.0
    """Of all by all, in the same unit; ``I_o`` makes up for it at rest."""
    drive: float = 30.0
    """Mean input at rest, in Hz."""
    spread: float = 0.15
    """Of ``I_o`` among neurons, in parts of the drive."""
    bias: float = 0.0
    """Of ``I_o`` along the mode, in parts of the drive."""
    pulse: float = 10.0
    """Size of the pulses' weights along the mode, in Hz; they have a random part as well."""
    go: float = 40.0
    """Size of the go-cue's weights, which are random, in Hz."""
    random: float = 0.1
    """Spectral radius of the random part of W, in the unit of the gain."""


#: Steps of the numbers: of those above by so much, of the others by such a part of themselves.
ADDED = {"inhibition": 0.3, "bias": 0.1}
SCALED = {"gain": 0.05, "drive": 0.15, "spread": 0.3, "pulse": 0.3, "go": 0.4, "random": 0.3}
#: Random part of the pulses' weights.
RANDOM_PULSE = 0.3


def moved(mode: Mode, by: Floats) -> Mode:
    """`mode` after steps of its numbers, in the order of their names."""
    new = {}
    for field, step in zip(fields(mode), by, strict=True):
        value = getattr(mode, field.name)
        if field.name in ADDED:
            new[field.name] = value + ADDED[field.name] * step
        else:
            new[field.name] = value * float(np.exp(SCALED[field.name] * step))
    return replace(mode, **new)


def weights(seed: int, mode: Mode) -> Weights:
    """Random weights; all but what `mode` says depends on the seed alone. No readout."""
    N = N_NEURONS
    r = generator(seed, "prior")
    u = r.permutation(np.repeat([1.0, -1.0], N // 2))
    spread, pulse, go = r.normal(size=(3, N))
    chance = r.normal(size=(N, N)) / np.sqrt(N)
    tau_v = float(network().neuron.parameters["tau_v"])
    rate = 2 * np.sqrt(mode.drive / tau_v)
    unit = mode.drive / (rate / 2)  # dI/d(rate): with it a mode's gain is that of its loop
    W = mode.gain * np.outer(u, u) - mode.inhibition * np.ones((N, N))
    I_o = mode.drive * (1 + mode.spread * spread + mode.bias * u) + mode.inhibition * unit * rate
    U = np.column_stack([mode.pulse * (u + RANDOM_PULSE * pulse), mode.go * go])
    return Weights(U=U, O=np.zeros((1, N)), W=unit * (W / N + mode.random * chance), I_o=I_o)
