"""What chips make of an input, as readouts see it: filtered spikes, and the signal beside them."""

from brian2 import Quantity

from ebn_brian import decoding
from ebn_brian.checks import Floats
from ebn_brian.training import DT, Evaluation


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
