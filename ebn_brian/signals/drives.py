"""Input without end, as functions that return the part asked for."""

from collections.abc import Callable

from brian2 import Hz, Quantity, ms

from .. import checks
from ..seeds import check_seed
from .noise import smoothed_noise
from .recordings import window

Drive = Callable[[int, int], Quantity]
"""``drive(start, n_steps)`` is the input from step `start` on, (n_steps, n_signals), in Hz."""


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


def repeated_drive(recording: Quantity) -> Drive:
    """A recording (n_steps, n_signals), in Hz, over and over; c jumps at the seam."""
    checks.signal("recording", recording, Hz)
    return lambda start, n_steps: window(recording, start, n_steps)
