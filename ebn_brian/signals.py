"""Inputs: smoothed noise as in the paper, and the user's own recordings.

A drive c is a Quantity in Hz of shape (n_steps, n_signals): the derivative part of the signal
``dx/dt = -x/tau_m + c`` that a network encodes. Entry k is what acts in the step at t = k dt.
"""

from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, have_same_dimensions, ms, second
from scipy import fft
from scipy.interpolate import PchipInterpolator
from scipy.signal import lfilter, resample_poly
from scipy.special import erfcx

from .balance import check_count, check_positive
from .recordings import Floats, Recording, read
from .seeds import generator

SIGMA = 30 * ms
"""Standard deviation of the Gaussian kernel that smooths the default noise."""
STD = 5000 * float(np.sqrt(0.1 * ms / (2 * np.sqrt(np.pi) * SIGMA))) * Hz
"""Standard deviation of the default drive, 153.3 Hz: unit white noise at 0.1 ms, smoothed with a
kernel of unit sum and `SIGMA`, times the paper's amplitude of 5000."""

MIN_DURATION = 1 * second
"""The shortest recording that `load` takes."""

_REACH = 5  # the kernel is cut at this many sigma, where it is 4e-6 of its peak
_KAISER = ("kaiser", 8.0)  # the default, 5.0, lets 0.5 % of the mean through as images
_MAX_FACTOR = 50_000  # of up- and downsampling; holds the ratio of rates to 10 ppm


def smoothed_noise(
    duration: Quantity,
    n_signals: int,
    seed: int,
    *,
    dt: Quantity = 0.1 * ms,
    std: Quantity = STD,
    sigma: Quantity = SIGMA,
    start: Quantity = 0 * second,
) -> Quantity:
    """Stationary Gaussian noise with the autocorrelation ``std**2 exp(-t**2 / (4 sigma**2))``.

    White noise smoothed with a Gaussian kernel, as for the paper's Figure 1. Sample k of channel j
    depends on (seed, j, k, dt, std, sigma) alone: any window of a signal, with any number of
    channels, is bit-identical to the same part of a longer one, and costs the same at any `start`.

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

    Returns
    -------
    Quantity
        Shape (n_steps, n_signals), in Hz.
    """
    step = _positive("dt", dt, second)
    width = _positive("sigma", sigma, second) / step
    n_steps = _whole_steps("duration", duration, step, lowest=1)
    first = _whole_steps("start", start, step, lowest=0)
    n_signals = check_count("n_signals", n_signals)

    reach = int(np.ceil(_REACH * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    kernel *= _positive("std", std, Hz) / np.sqrt(np.sum(kernel**2))
    size = 1 << max(10, (2 * reach).bit_length())  # of a block; longer than the kernel
    transfer = np.conj(fft.rfft(kernel, 2 * size))

    drive = np.empty((n_steps, n_signals))
    for channel in range(n_signals):
        block = first // size
        noise = generator(seed, "signal", channel, block).standard_normal(size)
        while (begin := block * size - first) < n_steps:
            block += 1
            following = generator(seed, "signal", channel, block).standard_normal(size)
            spectrum = fft.rfft(np.concatenate([noise, following]))
            smooth = fft.irfft(spectrum * transfer, 2 * size)
            part = slice(max(begin, 0), min(begin + size, n_steps))
            drive[part, channel] = smooth[part.start - begin : part.stop - begin]
            noise = following
    return Quantity(drive, dim=Hz.dim)


def noise_rms(tau_m: Quantity = 50 * ms, *, std: Quantity = STD, sigma: Quantity = SIGMA) -> float:
    """RMS per channel of x, the leaky integral of `smoothed_noise` with time constant `tau_m`.

    The square root of ``std**2 tau_m integral_0^inf exp(-t**2 / (4 sigma**2) - t / tau_m) dt``, in
    closed form; 5.96 for the default signal. Forward Euler changes it by a fraction < dt / tau_m.
    """
    tau, width = _positive("tau_m", tau_m, second), _positive("sigma", sigma, second)
    return _positive("std", std, Hz) * float(
        np.sqrt(tau * width * np.sqrt(np.pi) * erfcx(width / tau))
    )


def load(
    path: str | PathLike[str],
    dt: Quantity = 0.1 * ms,
    *,
    tau_m: Quantity = 50 * ms,
    sampling_rate: Quantity | None = None,
) -> tuple[Quantity, dict[str, Any]]:
    """The drive that makes a network encode the user's own recording.

    Files: CSV (commas, a header, one column a channel; a column t, time, t_s or time_s holds the
    time in seconds), NPY of shape (n_samples,) or (n_samples, n_channels), WAV. At least
    `MIN_DURATION` long, at 2 Hz to 10 MHz.

    Resampling: polyphase (`scipy.signal.resample_poly`), anti-aliased where the recording is faster
    than 1/dt; frequencies up to 0.7 of the lower Nyquist frequency are kept. Irregular time stamps
    are interpolated first, monotonically (PCHIP).

    Scaling: each channel is centred, then all are multiplied by one factor, so that the RMS over
    time and channels of x, the leaky integral of the (endlessly repeated) recording, is
    `noise_rms(tau_m)`. So any recording drives a network as hard as the default signal does.

    Parameters
    ----------
    path : path
        The recording; its suffix tells the format.
    dt, tau_m : Quantity
        The network's time step and membrane time constant.
    sampling_rate : Quantity, optional
        In Hz; needed for, and only for, files that do not tell it (NPY, CSV without time column).

    Returns
    -------
    drive : Quantity
        Shape (n_steps, n_channels), in Hz.
    info : dict
        `file`, `channels` (names), `sampling_rate_hz`, `n_samples`, `duration_s`,
        `regular` (time stamps), `scale_hz` (the factor, Hz per unit of the recording) and
        `drive_rms_hz` (much more than 153: the recording is faster than the default signal).

    Raises
    ------
    ValueError
        Names what is wrong with the file (and the row and column where it is).
    """
    step, tau = _positive("dt", dt, second), _positive("tau_m", tau_m, second)
    if step > tau / 2:
        raise ValueError(f"dt={dt}: must be at most half of tau_m={tau_m}")
    given = None if sampling_rate is None else _positive("sampling_rate", sampling_rate, Hz)
    recording = read(path, given)
    n_samples, n_channels = recording.samples.shape
    duration = n_samples / recording.rate
    if duration < float(MIN_DURATION) * (1 - 1e-9):
        raise ValueError(
            f"{path}: {n_samples} samples of {n_channels} channels at {recording.rate:g} Hz last "
            f"{duration:g} s: must be at least {MIN_DURATION}"
        )
    drive = _resample(recording, step)
    drive -= drive.mean(axis=0)
    kept = np.sqrt(drive.var() / recording.samples.var(axis=0).mean())
    if kept < 0.01:
        raise ValueError(
            f"{path}: only {kept:.1%} of its amplitude lies below {0.5 / step:g} Hz, which is the "
            f"highest frequency that steps of dt={dt} can hold"
        )
    scale = noise_rms(tau_m) / _leaky_rms(drive, step, tau)
    drive *= scale
    info = {
        "file": Path(path).name,
        "channels": recording.names,
        "sampling_rate_hz": recording.rate,
        "regular": recording.times is None,
        "n_samples": n_samples,
        "duration_s": duration,
        "scale_hz": scale,
        "drive_rms_hz": float(drive.std()),
    }
    return Quantity(drive, dim=Hz.dim), info


def split(drive: Quantity, held_out: float = 0.25) -> tuple[Quantity, Quantity]:
    """The first part of a drive, to train on, and its last (`held_out` of it), to evaluate on."""
    n_held_out = round(len(drive) * held_out) if 0 < held_out < 1 else 0
    if not 0 < n_held_out < len(drive):
        raise ValueError(
            f"held_out={held_out!r}: must be between 0 and 1, so that of {len(drive)} steps both "
            "parts get some"
        )
    return drive[:-n_held_out], drive[-n_held_out:]


def window(drive: Quantity, start: int, n_steps: int) -> Quantity:
    """Steps `start` to `start + n_steps` of the drive repeated endlessly (c jumps at the seam)."""
    if start < 0 or n_steps < 1 or not len(drive):
        raise ValueError(
            f"start={start}, n_steps={n_steps} of a drive of {len(drive)} steps: must be at least "
            "0, 1 and 1"
        )
    return drive[np.arange(start, start + n_steps) % len(drive)]


def _resample(recording: Recording, step: float) -> Floats:
    """The samples at steps of `step` seconds, shape (n_steps, n_channels)."""
    samples, rate, times = recording.samples, recording.rate, recording.times
    if times is not None:  # twice as dense as the stamps, so that little is lost
        rate *= 2
        grid = np.linspace(times[0], times[-1], 2 * len(times) - 1)
        samples = PchipInterpolator(times, samples, axis=0)(grid)
    ratio = 1 / (step * rate)
    slower = Fraction(min(ratio, 1 / ratio)).limit_denominator(_MAX_FACTOR)
    factor = slower if ratio < 1 else 1 / slower
    drive = resample_poly(
        samples, factor.numerator, factor.denominator, window=_KAISER, padtype="line"
    )
    return drive[: int(len(samples) * factor)]


def _leaky_rms(drive: Floats, step: float, tau: float) -> float:
    """RMS over time and channels of the leaky integral of an endlessly repeated drive."""
    decay = 1 - step / tau
    silent = np.zeros((1, drive.shape[1]))
    _, end = lfilter([step], [1, -decay], drive, axis=0, zi=silent)
    repeated = end / (1 - decay ** len(drive))  # where the state comes back to after one round
    x, _ = lfilter([step], [1, -decay], drive, axis=0, zi=repeated)
    return float(np.sqrt(np.mean(x**2)))


def _positive(name: str, value: Quantity, unit: Quantity) -> float:
    """`value` in SI units, if it is one finite, positive number with the dimensions of `unit`."""
    if not (isinstance(value, Quantity) and have_same_dimensions(value, unit) and value.ndim == 0):
        raise ValueError(f"{name}={value!r}: must be one quantity in units of {unit!r}")
    return float(check_positive(name, np.asarray(value)))


def _whole_steps(name: str, value: Quantity, step: float, lowest: int) -> int:
    seconds = 0.0 if lowest == 0 and np.all(value == 0) else _positive(name, value, second)
    n_steps = round(seconds / step)
    if abs(seconds / step - n_steps) > 1e-3 or n_steps < lowest:
        raise ValueError(f"{name}={value}: must be a whole number of steps of dt={step * second}")
    return n_steps
