"""What chips make of an input: filtered spikes and the signal beside them; neurons alone."""

from collections.abc import Callable

import numpy as np
from brian2 import Quantity

from ebn_brian import decoding, homeostasis
from ebn_brian.checks import Floats
from ebn_brian.chips import Blueprint
from ebn_brian.signals import Drive
from ebn_brian.training import DT, Evaluation, Training


def filtered(spikes: Evaluation, every: int) -> Floats:
    """Spikes filtered with the membrane's time constant, (n_chips, n, n_neurons).

    At the end of every so many steps, as `signal_of`.
    """
    n_chips, _, n_neurons = spikes.chips.D.shape
    return decoding.filtered_spikes(
        spikes.i, spikes.t, n_neurons, len(spikes.c), spikes.chips.tau, DT, n_chips, every=every
    )


def signal_of(c: Quantity, tau_m: Quantity, every: int) -> Floats:
    """The signal x of a drive, (n, n_signals)."""
    return decoding.leaky_integral(c, tau_m, DT)[every - 1 :: every]


def judged(D: Floats, r: Floats, x: Floats) -> Floats:
    """Variance ratio of each chip read with its decoder, (n_chips,)."""
    return np.array([decoding.variance_ratio(x, own @ d.T) for own, d in zip(r, D, strict=True)])


def design_rate(
    training: Training, chips_of: Callable[[Floats], Blueprint], D: Floats, drive: Drive
) -> Quantity:
    """Rate of a neuron of the design alone: one for all chips, in whatever block they are.

    `chips_of` gives chips without mismatch for decoders; `D` is that of all of them.
    """
    every = np.broadcast_to(D, training.chips.D.shape)
    return homeostasis.uncoupled_rate(training.using(chips_of(every)), drive)
