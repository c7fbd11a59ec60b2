"""A recording becomes a drive: resampled, centred, scaled; and parts of a drive."""

from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, second
from scipy.interpolate import PchipInterpolator
from scipy.signal import lfilter, resample_poly

from .. import checks
from ..checks import Floats
from .files import Recording, read
from .noise import noise_rms

MIN_DURATION = 1 * second
"""The shortest recording that `load` takes."""

_KAISER = ("kaiser", 8.0)  # the default, 5.0, lets 0.5 % of the mean through as images
_MAX_FACTOR = 50_000  # of up- and downsampling; holds the ratio of rates to 10 ppm


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
        The recording; its suffix names the format.
    dt, tau_m : Quantity
        The network's time step and membrane time constant.
    sampling_rate : Quantity, optional
        In Hz; needed for, and only for, files that do not hold it (NPY, CSV without time column).

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
    step, tau = checks.seconds("dt", dt), checks.seconds("tau_m", tau_m)
    if step > tau / 2:
        raise ValueError(f"dt={dt}: must be at most half of tau_m={tau_m}")
    rate = None if sampling_rate is None else checks.hertz("sampling_rate", sampling_rate)
    recording = read(path, rate)
    try:
        drive = _centred(recording, step)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    scale = noise_rms(tau_m) / _leaky_rms(drive, step, tau)
    drive *= scale
    return Quantity(drive, dim=Hz.dim), _description(path, recording, scale, drive)


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


def _centred(recording: Recording, step: float) -> Floats:
    """The samples at steps of `step` seconds, less their means; ValueError if little is left."""
    if recording.duration < float(MIN_DURATION) * (1 - 1e-9):
        n_samples, n_channels = recording.samples.shape
        raise ValueError(
            f"{n_samples} samples of {n_channels} channels at {recording.rate:g} Hz last "
            f"{recording.duration:g} s: must be at least {MIN_DURATION}"
        )
    drive = _resample(recording, step)
    drive -= drive.mean(axis=0)
    kept = np.sqrt(drive.var() / recording.samples.var(axis=0).mean())
    if kept < 0.01:
        raise ValueError(
            f"only {kept:.1%} of its amplitude lies below {0.5 / step:g} Hz, which is the "
            f"highest frequency that steps of dt={step * second} can hold"
        )
    return drive


def _description(
    path: str | PathLike[str], recording: Recording, scale: float, drive: Floats
) -> dict[str, Any]:
    return {
        "file": Path(path).name,
        "channels": recording.names,
        "sampling_rate_hz": recording.rate,
        "regular": recording.times is None,
        "n_samples": len(recording.samples),
        "duration_s": recording.duration,
        "scale_hz": scale,
        "drive_rms_hz": float(drive.std()),
    }


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
    drive: Floats = resample_poly(
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
