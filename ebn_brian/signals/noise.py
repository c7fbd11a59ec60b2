"""Smoothed noise as in the paper's Figure 1, and its strength in closed form."""

from collections.abc import Callable
from functools import partial

import numpy as np
from brian2 import Hz, Quantity, ms, second
from numpy.typing import NDArray
from scipy import fft
from scipy.special import erfcx

from .. import checks
from ..checks import Floats
from ..seeds import generator

SIGMA = 30 * ms
"""Standard deviation of the Gaussian kernel that smooths the default noise."""
STD = 5000 * float(np.sqrt(0.1 * ms / (2 * np.sqrt(np.pi) * SIGMA))) * Hz
"""Standard deviation of the default drive, 153.3 Hz: unit white noise at 0.1 ms, smoothed with a
kernel of unit sum and `SIGMA`, times the paper's amplitude of 5000."""

_REACH = 5  # the kernel is cut at this many sigma, where it is 4e-6 of its peak


def smoothed_noise(
    duration: Quantity,
    n_signals: int,
    seed: int,
    *,
    dt: Quantity = 0.1 * ms,
    std: Quantity = STD,
    sigma: Quantity = SIGMA,
    start: Quantity = 0 * second,
    stream: str = "signal",
) -> Quantity:
    """Stationary Gaussian noise with the autocorrelation ``std**2 exp(-t**2 / (4 sigma**2))``.

    White noise smoothed with a Gaussian kernel, as for the paper's Figure 1. Sample k of channel j
    depends on (seed, stream, j, k, dt, std, sigma) alone: any window of a signal, with any number
    of channels, is bit-identical to the same part of a longer one, and costs the same at any
    `start`.

    Parameters
    ----------
    duration, start : Quantity
        The window [start, start + duration), both a whole number of steps of `dt`.
    n_signals : int
        Number of independent channels.
    seed : int
        Names the signal. The same seed with another `dt` is another signal.
    dt, sigma : Quantity
        Time step and width of the smoothing kernel.
    std : Quantity
        Standard deviation of each channel, in Hz.
    stream : str
        Name of the random stream of `seed`. Input to test on takes one of its own, such as "test
        signal": no seed of a user can make it the input that was trained on.

    Returns
    -------
    Quantity
        Shape (n_steps, n_signals), in Hz.
    """
    n_steps = checks.whole_steps("duration", duration, dt)
    first = checks.whole_steps("start", start, dt, zero=True)
    width = checks.seconds("sigma", sigma) / checks.seconds("dt", dt)
    transfer = _transfer(width, checks.hertz("std", std))
    drive = np.empty((n_steps, checks.count("n_signals", n_signals)))
    for channel in range(n_signals):
        generator_of = partial(generator, seed, stream, channel)
        drive[:, channel] = _smooth(generator_of, transfer, first, n_steps)
    return Quantity(drive, dim=Hz.dim)


def noise_rms(tau_m: Quantity = 50 * ms, *, std: Quantity = STD, sigma: Quantity = SIGMA) -> float:
    """RMS per channel of x, the leaky integral of `smoothed_noise` with time constant `tau_m`.

    The square root of ``std**2 tau_m integral_0^inf exp(-t**2 / (4 sigma**2) - t / tau_m) dt``, in
    closed form; 5.96 for the default signal. Forward Euler changes it by a fraction < dt / tau_m.
    """
    tau, width = checks.seconds("tau_m", tau_m), checks.seconds("sigma", sigma)
    return checks.hertz("std", std) * float(
        np.sqrt(tau * width * np.sqrt(np.pi) * erfcx(width / tau))
    )


def _transfer(width: float, std: float) -> NDArray[np.complex128]:
    """What turns the spectrum of two blocks of unit white noise into that of a drive of `std`.

    The kernel is `width` samples wide. Blocks are longer than it, ``len(transfer) - 1`` samples.
    """
    reach = int(np.ceil(_REACH * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    kernel *= std / np.sqrt(np.sum(kernel**2))
    size = 1 << max(10, (2 * reach).bit_length())
    transfer: NDArray[np.complex128] = np.conj(fft.rfft(kernel, 2 * size))
    return transfer


def _smooth(
    generator_of: Callable[[int], np.random.Generator],
    transfer: NDArray[np.complex128],
    first: int,
    n_steps: int,
) -> Floats:
    """Steps `first` to `first + n_steps` of smoothed noise; each block has a generator."""
    size = len(transfer) - 1
    drive = np.empty(n_steps)
    block = first // size
    noise = generator_of(block).standard_normal(size)
    while (begin := block * size - first) < n_steps:
        block += 1
        following = generator_of(block).standard_normal(size)
        spectrum = fft.rfft(np.concatenate([noise, following]))
        smooth = fft.irfft(spectrum * transfer, 2 * size)
        part = slice(max(begin, 0), min(begin + size, n_steps))
        drive[part] = smooth[part.start - begin : part.stop - begin]
        noise = following
    return drive
