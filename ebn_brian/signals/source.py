"""What a file holds, before it is decided what of it is a signal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .resampling import Rows


@dataclass(frozen=True)
class Source:
    """Columns of a file; none of their samples is in memory."""

    n_samples: int
    names: list[str]
    rows: Rows
    """All columns, those that are the time included."""
    rate: float | None = None
    """In Hz, as far as the file tells it."""
    exact: bool = False
    """Whether `rate` is part of the format (WAV), not a remark."""
    units: Mapping[str, str] = field(default_factory=dict)
    """By column, as written in the file."""
    judged: bool = True
    """Whether a column may be a clock or a counter."""
    notes: tuple[str, ...] = ()
    """What is to be known of how the file was read."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns that hold no numbers, and why."""
    line: Callable[[int], int] | None = None
    """Line of the file that a row stands in, both counted from 1."""

    def place(self, row: int) -> str:
        """Where a row (from 0 on) stands, for a message."""
        row += 1
        return f"row {row}" if self.line is None else f"line {self.line(row)}, row {row}"


def numbered(n_channels: int) -> list[str]:
    """Names of channels that have none."""
    return [f"channel {k + 1}" for k in range(n_channels)]


def unique(names: Sequence[str]) -> list[str]:
    """Names, those that stand there again with a number, empty ones by their place."""
    out: list[str] = []
    for k, name in enumerate(names):
        called, again = name or f"column {k + 1}", 1
        while called in out:
            again += 1
            called = f"{name} ({again})"
        out.append(called)
    return out
