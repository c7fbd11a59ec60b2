"""Least-squares readout of filtered spikes, to be judged on other data than it was fitted on."""

import numpy as np
from brian2 import Quantity, second
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats
from .activity import locate_spikes
from .errors import centred, first_step
from .filters import filtered_spikes


def fit_readout(r: ArrayLike, x: ArrayLike) -> Floats:
    """The decoder D of one chip for which ``r @ D.T`` comes closest to `x`, but for an offset.

    Least squares by the normal equations. Directions of `r` with less than 1e-6 of the largest
    variance, such as the tails of neurons that only spiked together at the start, would be given
    readouts of any size; they are given none.

    Parameters
    ----------
    r
        Filtered spikes, (n, n_neurons), as of one chip from `filtered_spikes`.
    x
        Signal at the same times, (n, n_signals).

    Returns
    -------
    array
        (n_signals, n_neurons); columns of silent neurons are zero.
    """
    r, x = checks.signal("r", r), checks.signal("x", x)
    if r.ndim != 2 or x.ndim != 2 or len(r) != len(x):
        raise ValueError(
            f"r has shape {r.shape}, x {x.shape}: must be (n, n_neurons) and (n, n_signals)"
        )
    source = centred(r)
    fit: Floats = np.linalg.lstsq(source.T @ source, source.T @ centred(x), rcond=1e-6)[0]
    return fit.T


def fit_decoder(
    i: ArrayLike,
    t: Quantity,
    x: ArrayLike,
    n_neurons: int,
    tau: Quantity,
    dt: Quantity,
    n_chips: int = 1,
    start: Quantity = 0.1 * second,
) -> Floats:
    """`fit_readout` for each chip, from its spikes, for `error_refit`.

    Parameters
    ----------
    x
        Signal to read out, (n_steps, n_signals) or (n_chips, n_steps, n_signals).
    start
        Steps before it are left out of the fit.

    Returns
    -------
    array
        Decoder, (n_chips, n_signals, n_neurons); columns of silent neurons are zero.
    """
    x = checks.signal("x", x)
    n_steps, n_signals = x.shape[-2:]
    first = first_step(start, dt, n_steps)
    chip, neuron, _ = locate_spikes(i, t, n_chips, n_neurons, n_steps, dt)
    x = np.broadcast_to(x, (n_chips, n_steps, n_signals))
    D = np.empty((n_chips, n_signals, n_neurons))
    for c in range(n_chips):  # r of one chip at a time: it is large
        own = chip == c
        r = filtered_spikes(neuron[own], t[own], n_neurons, n_steps, tau, dt)[0]
        D[c] = fit_readout(r[first:], x[c, first:])
    return D
