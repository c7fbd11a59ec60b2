"""Input without end, as functions that return the part asked for; and parts of a recording."""

from collections.abc import Callable

import numpy as np
from brian2 import Hz, Quantity, ms

from .. import checks
from ..seeds import check_seed
from .noise import smoothed_noise

Drive = Callable[[int, int], Quantity]
"""``drive(start, n_steps)`` is the input from step `start` on, (n_steps, n_signals), in Hz."""

HELD_OUT = 0.25
"""Share of a recording that is kept to evaluate on."""


def noise_drive(
    n_signals: int, seed: int, dt: Quantity = 0.1 * ms, stream: str = "signal"
) -> Drive:
    """`smoothed_noise` in steps of `dt`, made as it is asked for."""
    checks.count("n_signals", n_signals)
    check_seed(seed)
    checks.seconds("dt", dt)
    return lambda start, n_steps: smoothed_noise(
        n_steps * dt, n_signals, seed, dt=dt, start=start * dt, stream=stream
    )


def repeated_drive(recording: Quantity | Drive, n_steps: int | None = None) -> Drive:
    """A recording (n_steps, n_signals), in Hz, over and over; c jumps at the seam.

    Or the first `n_steps` of a drive that is made as it is asked for, such as `recording_drive`.
    """
    if not callable(recording):
        checks.signal("recording", recording, Hz)
        return lambda start, length: window(recording, start, length)
    end = checks.count("n_steps", 0 if n_steps is None else n_steps)

    def over_and_over(start: int, length: int) -> Quantity:
        parts = []
        while length:
            begin = start % end
            parts.append(recording(begin, min(length, end - begin)))
            start, length = start + len(parts[-1]), length - len(parts[-1])
        return parts[0] if len(parts) == 1 else Quantity(np.concatenate(parts), dim=Hz.dim)

    return over_and_over


def training_steps(n_steps: int, held_out: float = HELD_OUT) -> int:
    """Steps of a recording to train on: all but its last part, `held_out` of it."""
    n_held_out = round(n_steps * held_out) if 0 < held_out < 1 else 0
    if not 0 < n_held_out < n_steps:
        raise ValueError(
            f"held_out={held_out!r}: must be between 0 and 1, so that of {n_steps} steps both "
            "parts get some"
        )
    return n_steps - n_held_out


def split(drive: Quantity, held_out: float = HELD_OUT) -> tuple[Quantity, Quantity]:
    """The first part of a drive, to train on, and its last (`held_out` of it), to evaluate on."""
    n_training = training_steps(len(drive), held_out)
    return drive[:n_training], drive[n_training:]


def window(drive: Quantity, start: int, n_steps: int) -> Quantity:
    """Steps `start` to `start + n_steps` of the drive repeated endlessly (c jumps at the seam)."""
    if start < 0 or n_steps < 1 or not len(drive):
        raise ValueError(
            f"start={start}, n_steps={n_steps} of a drive of {len(drive)} steps: must be at least "
            "0, 1 and 1"
        )
    return drive[np.arange(start, start + n_steps) % len(drive)]
