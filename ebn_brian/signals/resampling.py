"""Samples at other times, in stretches: what comes out does not depend on where they are cut.

Samples are `Rows`, functions that return any part of them. So is what is made of them here, and
memory is that of the part asked for, whatever the length of the recording.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.signal import firwin, resample_poly

from ..checks import Floats

Rows = Callable[[int, int], Floats]
"""``rows(start, stop)`` are samples `start` to `stop`, shape (stop - start, n_channels)."""

STRETCH = 1 << 21
"""Numbers that are worked on at a time."""
_KAISER = ("kaiser", 8.0)  # the default, 5.0, lets 0.5 % of slow parts through as images
_REACH = 10  # of the filter, in intervals of the lower rate, to each side
_MAX_FACTOR = 50_000  # of up- and downsampling; holds the ratio of rates to 10 ppm


def stretches(n_samples: int, n_channels: int) -> Iterator[tuple[int, int]]:
    """Start and stop of parts of about `STRETCH` numbers."""
    length = max(1, STRETCH // max(1, n_channels))
    for start in range(0, n_samples, length):
        yield start, min(start + length, n_samples)


def interpolated(rows: Rows, times: Floats, n_dense: int) -> Rows:
    """The samples of `times` on a regular grid of `n_dense` from the first to the last of them.

    Monotonic between the samples (PCHIP).
    """
    interval = (times[-1] - times[0]) / (n_dense - 1)

    def dense(start: int, stop: int) -> Floats:
        grid = times[0] + np.arange(start, stop) * interval
        if stop == n_dense:
            grid[-1] = times[-1]
        # two more on each side, which the slopes of the curve depend on
        first = max(0, int(np.searchsorted(times, grid[0], "right")) - 3)
        last = int(np.searchsorted(times, grid[-1])) + 3
        curve = PchipInterpolator(times[first:last], rows(first, min(last, len(times))), axis=0)
        values: Floats = curve(grid)
        return values

    return dense


def ratio_of(rate: float, step: float) -> Fraction:
    """Steps of `step` seconds in a sampling interval, as a ratio of whole numbers."""
    ratio = 1 / (step * rate)
    slower = Fraction(min(ratio, 1 / ratio)).limit_denominator(_MAX_FACTOR)
    return slower if ratio < 1 else 1 / slower


def resampled(rows: Rows, n_samples: int, n_channels: int, ratio: Fraction) -> Rows:
    """The samples at `ratio` times their rate, ``int(n_samples*ratio)`` rows.

    Polyphase (`scipy.signal.resample_poly`), anti-aliased. The straight line through the first and
    the last sample is taken out before and put back afterwards, so that the filter sees no step at
    the ends. Less one constant a channel: the first sample.
    """
    if ratio == 1:
        return rows
    up, down = ratio.numerator, ratio.denominator
    taps = _taps(up, down)
    first, last = rows(0, 1), rows(n_samples - 1, n_samples)
    slope = (last - first) / max(1, n_samples - 1)
    margin = _REACH * max(up, down) // (up * down) + 2  # in units of `down` samples
    length = max(1, STRETCH // (n_channels * max(up, down)))  # in units of `up` steps

    def stretch(start: int, stop: int) -> Floats:
        """Steps `start` to `stop`; whole units are cut out of the samples."""
        unit = max(0, start // up - margin)
        begin, end = unit * down, min((-(-stop // up) + margin) * down, n_samples)
        flat = rows(begin, end) - first
        flat -= np.arange(begin, end)[:, None] * slope
        # a copy, since resample_poly scales its window in place
        y: Floats = resample_poly(flat, up, down, window=taps.copy(), padtype="constant")
        y = y[start - unit * up : stop - unit * up]
        y += np.arange(start, stop)[:, None] * (down / up) * slope
        return y

    def at_steps(start: int, stop: int) -> Floats:
        cuts = [*range(start, stop, length * up), stop]
        y = np.empty((stop - start, n_channels))
        for a, b in pairwise(cuts):
            y[a - start : b - start] = stretch(a, b)
        return y

    return at_steps


def _taps(up: int, down: int) -> Floats:
    """The low-pass filter of `resample_poly`, as it takes it.

    Each of the `up` phases has the same weight in all, so that a constant comes out as one, to
    rounding; else slow parts that are a thousand times the signal would leave a ripple as large.
    """
    slower = max(up, down)
    taps: Floats = firwin(2 * _REACH * slower + 1, 1 / slower, window=_KAISER)
    for phase in range(up):
        taps[phase::up] /= up * taps[phase::up].sum()
    return taps
