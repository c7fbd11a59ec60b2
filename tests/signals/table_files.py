"""Tables for the tests: two channels of noise, and any way to write them down."""

import numpy as np

N, RATE = 500, 250.0
TIME = np.arange(N) / RATE
CHANNELS = np.round(np.random.default_rng(5).normal(scale=20, size=(N, 2)), 3)


def lines(*columns, separator=",", decimal="."):
    """Rows of numbers and words, one column an argument."""
    cells = ([_cell(value).replace(".", decimal) for value in row] for row in zip(*columns))  # noqa: B905
    return "".join(separator.join(row) + "\n" for row in cells)


def _cell(value):
    return f"{value:.12g}" if isinstance(value, float | np.floating) else str(value)


def table(header, *columns, **how):
    """A header and rows; columns by default are the time and the two channels."""
    return header + "\n" + lines(*(columns or (TIME, *CHANNELS.T)), **how)
