"""Filters of drives and of spikes."""

from math import prod

import numpy as np
from brian2 import Hz, Quantity
from numpy.typing import ArrayLike
from scipy.signal import lfilter

from .. import checks
from ..checks import Floats, Integers
from .activity import locate_spikes


def leaky_integral(c: ArrayLike, tau: Quantity, dt: Quantity) -> Floats:
    """Signal x of ``dx/dt = -x/tau + c`` from zero, forward Euler.

    Parameters
    ----------
    c
        Drive, (..., n_steps, n_signals), Hz (with the unit or plain).

    Returns
    -------
    array
        Same shape: ``x[k] = (1 - dt/tau) x[k-1] + dt c[k]``.
    """
    step, leak = checks.seconds("dt", dt), leak_of(tau, dt)
    x: Floats = lfilter([step], [1, -leak], checks.signal("c", c, Hz), axis=-2)
    return x


def decode(
    i: ArrayLike,
    t: Quantity,
    D: ArrayLike,
    n_steps: int,
    tau: Quantity,
    dt: Quantity,
    n_chips: int | None = None,
) -> Floats:
    """Reconstruction ``x_hat = D r``, r the spikes filtered with `tau`.

    Parameters
    ----------
    i, t
        Spikes, as in the head of `decoding`.
    D
        Decoder, (n_chips, n_signals, n_neurons); or (n_signals, n_neurons), shared by `n_chips`
        chips (one, if not given).

    Returns
    -------
    array
        (n_chips, n_steps, n_signals).

    Raises
    ------
    ValueError
        If a spike's neuron or time lies outside these shapes.
    """
    D = checks.per_chip(D, n_chips)
    n_chips, n_signals, n_neurons = D.shape
    chip, neuron, step = locate_spikes(i, t, n_chips, n_neurons, n_steps, dt)
    entry = ((chip * n_steps + step) * n_signals)[:, None] + np.arange(n_signals)
    return _filtered(entry, D[chip, :, neuron], (n_chips, n_steps, n_signals), leak_of(tau, dt))


def filtered_spikes(
    i: ArrayLike,
    t: Quantity,
    n_neurons: int,
    n_steps: int,
    tau: Quantity,
    dt: Quantity,
    n_chips: int = 1,
    every: int = 1,
) -> Floats:
    """``r[k] = (1 - dt/tau) r[k-1] + spikes of step k``.

    Parameters
    ----------
    i, t
        Spikes, as in the head of `decoding`.
    every
        Only the value at the end of every so many steps is returned, ``r[every-1::every]``. All
        spikes count.

    Returns
    -------
    array
        (n_chips, n_steps // every, n_neurons).

    Raises
    ------
    ValueError
        If a spike's neuron or time lies outside these shapes, or `every` exceeds `n_steps`.
    """
    chip, neuron, step = locate_spikes(i, t, n_chips, n_neurons, n_steps, dt)
    n_samples = n_steps // checks.count("every", every)
    if n_samples < 1:
        raise ValueError(f"every={every!r}: must be at most n_steps={n_steps!r}")
    leak = leak_of(tau, dt)
    sample, place = np.divmod(step, every)
    weight = (np.float64(leak) ** np.arange(every)[::-1])[place]  # left at the sample's end
    entry = (chip * n_samples + sample) * n_neurons + neuron
    whole = sample < n_samples
    return _filtered(entry[whole], weight[whole], (n_chips, n_samples, n_neurons), leak**every)


def leak_of(tau: Quantity, dt: Quantity, name: str = "tau") -> float:
    """What is left of a filter's state after one step; `name` is that of its time constant."""
    ratio = checks.seconds("dt", dt) / checks.seconds(name, tau)
    if ratio > 1:
        raise ValueError(f"{name}={tau!r}: must be at least dt={dt!r}")
    return 1 - ratio


def _filtered(entry: Integers, weight: Floats, shape: tuple[int, int, int], leak: float) -> Floats:
    """Sum of `weight` at each flat index `entry`, filtered along the middle axis of `shape`."""
    r = np.bincount(entry.ravel(), weight.ravel(), minlength=prod(shape)).reshape(shape)
    for chip in r:  # one at a time: lfilter copies what it filters
        chip[:] = lfilter([1.0], [1.0, -leak], chip, axis=0)
    return r
