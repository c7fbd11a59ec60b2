"""Time stamps, and the sampling rate of those that are regular."""

from collections.abc import Iterator

import numpy as np

from ..checks import Floats
from .columns import ENOUGH, decimals
from .source import Source

REGULAR = 0.05
"""Stamps this far off a regular grid, in sampling intervals, still count as regular."""
_PART = 1 << 20


def stamps(source: Source, column: int, unit: float) -> Floats:
    """Times of all samples in seconds, from those of the first on where they are large."""
    times = np.empty(source.n_samples)
    for part in _parts(source.n_samples):
        times[part] = source.rows(part.start, part.stop)[:, column]
    if unit != 1:
        times -= times[0]
        times *= unit
    return times


def check_rising(source: Source, name: str, times: Floats) -> None:
    """ValueError with the place where time stamps do not increase."""
    for part in _parts(len(times) - 1):
        falls = np.flatnonzero(times[part.start + 1 : part.stop + 1] <= times[part])
        if len(falls):
            late = part.start + int(falls[0]) + 1
            raise ValueError(
                f"{source.place(late)} is of {times[late]} s, after {times[late - 1]} s in the row "
                f"before: the time, column {name!r}, must increase; with time_column='none' and "
                "sampling_rate it is left out"
            )


def regular_rate(times: Floats) -> float | None:
    """Sampling rate of stamps that are regular, as they are or but for their rounding."""
    n = len(times)
    if n < 2 or times[-1] <= times[0]:
        return None
    rate = (n - 1) / (times[-1] - times[0])
    if _largest_offset(times, times[0], (times[-1] - times[0]) / (n - 1)) * rate <= REGULAR:
        return float(rate)
    return _rounded_rate(times) if n >= ENOUGH else None


def intervals(times: Floats) -> tuple[float, float]:
    """The median time between two samples, and the longest."""
    steps = np.diff(times)
    return float(np.median(steps)), float(steps.max())


def _rounded_rate(times: Floats) -> float | None:
    """The roundest rate that all stamps agree with to within one of their last digit."""
    first, n = times[0], len(times)
    index = np.arange(n) - (n - 1) / 2
    interval = float(index @ (times - first)) / float(index @ index)  # of least squares
    if interval <= 0:
        return None
    _, coarsest = intervals(times)
    span = (n - 1) * interval
    low, high = (n - 1) / (span + coarsest), (n - 1) / max(span - coarsest, interval)
    candidates = [float(f"{1 / interval:.{k}g}") for k in range(1, 8)]
    candidates += [1 / float(f"{interval:.{k}g}") for k in range(1, 8)]
    last_digits = [digit for digit in (decimals(times), _significant(times)) if digit is not None]
    for rate in [*sorted(candidates, key=_digits), 1 / interval]:
        if low <= rate <= high and any(_agrees(times, 1 / rate, digit) for digit in last_digits):
            return rate
    return None


def _digits(rate: float) -> int:
    """How many digits it takes to write a rate or its interval."""
    return min(len(f"{value:.9g}".strip("0").replace(".", "")) for value in (rate, 1 / rate))


def _agrees(times: Floats, interval: float, digit: float | int) -> bool:
    """Whether stamps are those of a regular grid, rounded or cut at their last digit.

    Each of them leaves a range to the start of the grid; so there is one in all of these.
    """
    low, high = -np.inf, np.inf
    for part in _parts(len(times)):
        t = times[part]
        start = t - np.arange(part.start, part.stop) * interval
        unit = digit if isinstance(digit, float) else _last_digit(t, digit)
        room = 1.01 * unit + 1e-12 * np.abs(t) + 1e-6 * interval
        low, high = max(low, (start - room).max()), min(high, (start + room).min())
    return bool(low <= high)


def _significant(times: Floats) -> int | None:
    """How many significant digits suffice to write any of the stamps."""
    for k in range(1, 10):
        unit = _last_digit(times, k)
        if (np.abs(times - np.rint(times / unit) * unit) <= 1e-12 * np.abs(times)).all():
            return k
    return None


def _last_digit(times: Floats, significant: int) -> Floats:
    with np.errstate(divide="ignore"):
        power = np.floor(np.log10(np.abs(times)) + 1e-9)
    unit: Floats = 10.0 ** (np.where(np.isfinite(power), power, -300) - significant + 1)
    return unit


def _largest_offset(times: Floats, start: float, interval: float) -> float:
    return max(
        float(np.abs(times[p] - (start + np.arange(p.start, p.stop) * interval)).max())
        for p in _parts(len(times))
    )


def _parts(n: int) -> Iterator[slice]:
    for start in range(0, n, _PART):
        yield slice(start, min(start + _PART, n))
