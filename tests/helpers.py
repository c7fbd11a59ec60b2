"""What tests of several folders share: drives, short simulations, whether there is CUDA."""

import numpy as np
import pytest
from brian2 import Hz, Network, Quantity, SpikeMonitor, TimedArray, ms

from ebn_brian.chips import Chips
from ebn_brian.devices import toolkit

DT = 0.1 * ms

try:
    TOOLKIT = toolkit.find_toolkit()
    MISSING = ""
except RuntimeError as error:
    TOOLKIT, MISSING = None, str(error)
needs_toolkit = pytest.mark.skipif(TOOLKIT is None, reason=MISSING)
needs_gpu = pytest.mark.skipif(
    TOOLKIT is None or toolkit.find_gpu() is None, reason="there is no GPU"
)


def timed(c: np.ndarray) -> TimedArray:
    """The drive `c` (n_steps, n_signals), in Hz, as chips take it."""
    return TimedArray(np.asarray(c) * Hz, DT, name="drive")


def silent(n_steps: int = 10, n_signals: int = 2) -> TimedArray:
    """No drive."""
    return timed(np.zeros((n_steps, n_signals)))


def simulate(chips: Chips, duration: Quantity) -> SpikeMonitor:
    """Spikes of `chips` in this process."""
    spikes = SpikeMonitor(chips.neurons, name=chips.called("spikes"))
    Network(chips.objects, spikes).run(duration, namespace={})
    return spikes


def one_direction(n: int) -> np.ndarray:
    """The simplest of decoders with unit columns: all neurons code the first of two signals."""
    return np.vstack([np.ones(n), np.zeros(n)])
