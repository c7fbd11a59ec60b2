"""A recording becomes a drive: resampled, centred, scaled.

Resampling is polyphase (`scipy.signal.resample_poly`), anti-aliased where the recording is faster
than the network; frequencies up to 0.7 of the lower Nyquist frequency are kept. An offset or a slow
drift of a channel passes as it is, whatever its size. Irregular time stamps are interpolated first,
monotonically (PCHIP).

Each channel is centred, then all are multiplied by one factor, so that the RMS over time and
channels of x, the leaky integral of the (endlessly repeated) recording, is `noise_rms(tau_m)`. So
any recording drives a network as hard as the default signal does.
"""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, second

from .. import checks
from ..checks import Floats
from .columns import grouped, listed
from .drives import Drive, repeated_drive
from .files import Recording, read
from .moments import Moments, moments, moments_of_stretches, spread
from .noise import noise_rms
from .resampling import Rows, interpolated, ratio_of, resampled

MIN_DURATION = 1 * second
"""The shortest recording that can be a drive."""
MAX_CHANNELS = 1024
"""Chips of so many signals were built and run, in 90 s on cpp_fused; more are not taken."""
IN_MEMORY = 1 << 25
"""Numbers of a drive that are worked out at once; longer ones are made as they are asked for."""
UNEQUAL = 100
"""Amplitudes that differ by more are worth a word, since one factor scales all."""


def recording_drive(
    path: str | PathLike[str],
    dt: Quantity = 0.1 * ms,
    *,
    tau_m: Quantity = 50 * ms,
    sampling_rate: Quantity | None = None,
    **reading: Any,
) -> tuple[Drive, dict[str, Any]]:
    """The drive that makes a network encode the user's own recording, of any length.

    It is made as it is asked for, and repeats itself without end (c jumps at the seam). Memory is
    that of the part asked for, whatever the length of the file. How it is resampled and scaled
    stands at the top of this module.

    Parameters
    ----------
    path : path
        The recording; its suffix names the format, see `read`. At least `MIN_DURATION` long,
        at 2 Hz to 10 MHz, of at most `MAX_CHANNELS` channels.
    dt, tau_m : Quantity
        The network's time step and membrane time constant.
    sampling_rate : Quantity, optional
        In Hz; needed where the file does not hold it (NPY, CSV without a clock).
    reading
        `time_column`, `columns`, `separator`, `encoding`, `skip_rows` of `read`.

    Returns
    -------
    drive : Drive
        ``drive(start, n_steps)``, shape (n_steps, n_channels), in Hz.
    info : dict
        `file`, `channels` (names), `left_out` (columns that are none, and why), `time_column`,
        `sampling_rate_hz`, `regular` (time stamps), `n_samples`, `duration_s`, `n_steps`,
        `scale_hz` (the factor, Hz per unit of the recording), `drive_rms_hz` (much more than 153:
        the recording is faster than the default signal), `shares` (of the drive's variance, by
        channel) and `notes` (what is to be known of how it was read).

    Raises
    ------
    ValueError
        Names what is wrong with the file, the line and column where it is, and where there is a
        doubt the parameter that settles it.
    """
    step, tau = checks.seconds("dt", dt), checks.seconds("tau_m", tau_m)
    if step > tau / 2:
        raise ValueError(f"dt={dt}: must be at most half of tau_m={tau_m}")
    rate = None if sampling_rate is None else checks.hertz("sampling_rate", sampling_rate)
    recording = read(path, rate, **reading)
    try:
        drive, n_steps, seen = _drive(recording, step, tau, noise_rms(tau_m))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    scale = noise_rms(tau_m) / seen.leaky_rms
    return drive, _description(path, recording, seen, scale) | {"n_steps": n_steps}


def load(
    path: str | PathLike[str], dt: Quantity = 0.1 * ms, **options: Any
) -> tuple[Quantity, dict[str, Any]]:
    """All of `recording_drive` in memory, (n_steps, n_channels), in Hz; and its info.

    An hour of 8 channels at 0.1 ms takes 2.3 GB and, while it is made, 50 MB more;
    `recording_drive` takes no more than those. Parameters are the same.
    """
    drive, info = recording_drive(path, dt, **options)
    return drive(0, info["n_steps"]), info


def _drive(
    recording: Recording, step: float, tau: float, leaky_rms: float
) -> tuple[Drive, int, Moments]:
    """The drive, its number of steps, and what it was before it was scaled."""
    _check_size(recording)
    rows, n_steps, variance = _at_steps(recording, step)
    if n_steps * len(recording.names) <= IN_MEMORY:
        whole = rows(0, n_steps)
        seen = moments(whole, step, tau)
        whole *= leaky_rms / seen.leaky_rms
        drive = repeated_drive(Quantity(whole, dim=Hz.dim))
    else:
        seen = moments_of_stretches(rows, n_steps, step, tau)
        scaled = _less(rows, seen.mean, leaky_rms / seen.leaky_rms)
        drive = repeated_drive(lambda k, n: Quantity(scaled(k, k + n), dim=Hz.dim), n_steps)
    kept = np.sqrt(np.mean(seen.std**2) / variance)
    if kept < 0.01:
        raise ValueError(
            f"only {kept:.1%} of its amplitude lies below {0.5 / step:g} Hz, which is the "
            f"highest frequency that steps of dt={step * second} can hold"
        )
    return drive, n_steps, seen


def _check_size(recording: Recording) -> None:
    n_channels = len(recording.names)
    if n_channels > MAX_CHANNELS:
        raise ValueError(
            f"holds {n_channels} channels: at most {MAX_CHANNELS} can be encoded; columns=... "
            f"chooses among {listed(recording.names, 4)}"
        )
    if recording.duration < float(MIN_DURATION) * (1 - 1e-9):
        raise ValueError(
            f"{recording.n_samples} samples of {n_channels} channels at {recording.rate:g} Hz last "
            f"{recording.duration:g} s: must be at least {MIN_DURATION}"
        )


def _at_steps(recording: Recording, step: float) -> tuple[Rows, int, float]:
    """The samples at steps of `step` seconds, their number, and the variance they came with.

    In units of `_unit`, so that no square of a sample leaves the range of floats.
    """
    n_samples, n_channels, times = recording.n_samples, len(recording.names), recording.times
    unit, rows, rate = _unit(recording), recording.rows, recording.rate
    if unit != 1:
        rows = _less(rows, 0.0, 1 / unit)
    mean, variance = spread(rows, n_samples)
    ratio = ratio_of(rate if times is None else 2 * rate, step)
    if times is not None:
        n_samples = 2 * round((times[-1] - times[0]) * rate) + 1  # so that little is lost
        rows = interpolated(rows, times, n_samples)
    n_steps = int(n_samples * ratio)
    if ratio != 1 or n_steps * n_channels > IN_MEMORY:
        rows = _less(rows, mean)
    return resampled(rows, n_samples, n_channels, ratio), n_steps, float(variance.mean())


def _unit(recording: Recording) -> float:
    """A power of two, 1 unless samples are so large or small that their squares are out of range.

    Dividing by it changes no digit.
    """
    exponent = int(np.frexp(recording.largest)[1])
    return float(np.ldexp(1.0, max(exponent, -1000))) if abs(exponent) > 300 else 1.0


def _less(rows: Rows, mean: Floats | float, scale: float = 1.0) -> Rows:
    """``(rows - mean) * scale``, in place, since rows are made anew each time."""

    def less(start: int, stop: int) -> Floats:
        part = rows(start, stop)
        part -= mean
        part *= scale
        return part

    return less


def _description(
    path: str | PathLike[str], recording: Recording, seen: Moments, scale: float
) -> dict[str, Any]:
    shares = seen.std**2 / np.sum(seen.std**2)
    notes = [*recording.notes, *grouped(recording.left_out)]
    if seen.std.max() > UNEQUAL * seen.std.min():
        largest, least = (recording.names[k] for k in (np.argmax(shares), np.argmin(shares)))
        notes.append(
            f"{largest!r} varies more than {UNEQUAL} times as much as {least!r} and has "
            f"{shares.max():.3%} of the drive, since one factor scales all channels: "
            "columns=... chooses those to encode"
        )
    return {
        "file": Path(path).name,
        "channels": recording.names,
        "left_out": dict(recording.left_out),
        "time_column": recording.time_column,
        "sampling_rate_hz": recording.rate,
        "regular": recording.times is None,
        "n_samples": recording.n_samples,
        "duration_s": recording.duration,
        "scale_hz": scale / _unit(recording),
        "drive_rms_hz": float(np.sqrt(np.mean(seen.std**2)) * scale),
        "shares": dict(zip(recording.names, shares.tolist(), strict=True)),
        "notes": notes,
    }
