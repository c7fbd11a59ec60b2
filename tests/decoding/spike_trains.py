"""Random spikes and signals for the tests of the readout."""

import numpy as np
from brian2 import ms

from ebn_brian.seeds import generator

TAU, DT = 50 * ms, 0.1 * ms


def spikes(n_chips, n_neurons, n_steps, seed, per_neuron=30):
    """Random spikes in the order of a monitor: `i`, `t` and their steps."""
    rng = generator(seed, "spikes")
    n = n_chips * n_neurons
    events = np.sort(rng.choice(n * n_steps, min(per_neuron * n, n * n_steps), replace=False))
    step, i = np.divmod(events, n)
    return i, step * DT, step


def smooth(n_steps, n_signals, seed, n_chips=None):
    """A signal that varies."""
    shape = (n_steps, n_signals) if n_chips is None else (n_chips, n_steps, n_signals)
    return np.cumsum(generator(seed, "signal").normal(size=shape), axis=-2)
