"""Mean, spread and strength of a drive, in one piece or in stretches."""

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from ..checks import Floats
from .resampling import Rows, stretches


class Moments(NamedTuple):
    """Of a drive c, before it is centred and scaled."""

    mean: Floats
    std: Floats
    """(n_channels,), as `mean`."""
    leaky_rms: float
    """Over time and channels, of the leaky integral of c - mean, repeated endlessly."""


def spread(rows: Rows, n_samples: int) -> tuple[Floats, Floats]:
    """Mean and variance of each channel."""
    first = rows(0, 1)
    n_channels = first.shape[1]
    total, squares = np.zeros((2, n_channels))
    for start, stop in stretches(n_samples, n_channels):
        part = rows(start, stop) - first
        total += part.sum(axis=0)
        squares += np.einsum("ij,ij->j", part, part)
    mean = total / n_samples
    return first[0] + mean, np.maximum(squares / n_samples - mean**2, 0)


def moments(drive: Floats, step: float, tau: float) -> Moments:
    """Of a drive in memory, which is centred in place."""
    mean = drive.mean(axis=0)
    drive -= mean
    decay = 1 - step / tau
    silent = np.zeros((1, drive.shape[1]))
    _, end = lfilter([step], [1, -decay], drive, axis=0, zi=silent)
    repeated = end / (1 - decay ** len(drive))  # where the state comes back to after one round
    x, _ = lfilter([step], [1, -decay], drive, axis=0, zi=repeated)
    return Moments(mean, drive.std(axis=0), float(np.sqrt(np.mean(x**2))))


def moments_of_stretches(rows: Rows, n_steps: int, step: float, tau: float) -> Moments:
    """The same of a drive that is made as it is asked for, in one pass.

    With u the leaky integral of c from rest and p_k = decay**(k+1), that of c - mean is
    ``x_k = u_k - tau*mean + w*p_k``, and w = u_last / (1 - p_last) where it repeats itself.
    """
    decay = 1 - step / tau
    state = np.zeros_like(rows(0, 1))
    n_channels = state.shape[1]
    cc, u, uu, up = np.zeros((4, n_channels))
    p, pp = 0.0, 0.0
    last = state[0]
    for start, stop in stretches(n_steps, n_channels):
        part = rows(start, stop)
        cc += np.einsum("ij,ij->j", part, part)
        part, state = lfilter([step], [1, -decay], part, axis=0, zi=state)
        power = decay ** np.arange(start + 1.0, stop + 1.0)
        u += np.ones(len(part)) @ part
        uu += np.einsum("ij,ij->j", part, part)
        up += power @ part
        p, pp, last = p + float(power.sum()), pp + float(power @ power), part[-1]
    mean = (u - decay * (u - last)) / (n_steps * step)
    a, w = tau * mean, last / (1 - decay**n_steps)
    squares = uu + n_steps * a**2 + w**2 * pp - 2 * a * u + 2 * w * up - 2 * a * w * p
    std = np.sqrt(np.maximum(cc / n_steps - mean**2, 0))
    return Moments(mean, std, float(np.sqrt(squares.sum() / (n_steps * n_channels))))
