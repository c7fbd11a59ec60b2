"""Reading recordings from files, each checked before anything is done with it."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from ..checks import Floats
from .amplifiers import EXTRA, open_amplifier
from .assignment import Wanted, assign
from .resampling import Rows
from .source import Source, numbered
from .tables import open_table
from .wav import open_wav

TABLES = (".csv", ".tsv", ".txt")
"""Suffixes of tables."""
RATES = (2.0, 1e7)
"""What passes for a sampling rate, in Hz."""


@dataclass(frozen=True)
class Recording:
    """The channels of a file, and when they were taken; samples are read when asked for."""

    rows: Rows
    n_samples: int
    names: list[str]
    rate: float
    """Hz; where irregular the mean, or with gaps the median."""
    times: Floats | None = None
    """s, shape (n_samples,), increasing; only where irregular."""
    largest: float = 1.0
    """Of the absolute values."""
    time_column: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns that are no channels, and why."""
    notes: tuple[str, ...] = ()
    """What is to be known of how the file was read."""

    @property
    def samples(self) -> Floats:
        """All of them, shape (n_samples, n_channels)."""
        return self.rows(0, self.n_samples)

    @property
    def duration(self) -> float:
        """In seconds."""
        if self.times is None:
            return self.n_samples / self.rate
        return float(self.times[-1] - self.times[0]) + 1 / self.rate


def read(
    path: str | PathLike[str],
    sampling_rate: float | None = None,
    *,
    time_column: str | int | None = None,
    columns: str | Sequence[str | int] | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    skip_rows: int | None = None,
) -> Recording:
    """The recording in a file. Nothing but `path` is needed where the file leaves no doubt.

    Parameters
    ----------
    path
        Its suffix tells the format:

        ============== =====================================================================
        csv, tsv, txt  one column a channel, with a header or without; see `dialect`
        npy            (n_samples,) or (n_samples, n_channels)
        wav            of any number of bits, see `wav`
        others         what neo opens, where it is installed
        ============== =====================================================================
    sampling_rate
        In Hz, for files that do not hold it. Where they do, the two must agree.
    time_column
        Name or number (from 1 on) of the column that is the time; ``"none"``: none is.
    columns
        Names, numbers or ranges ("2-9") of the channels; by default all that vary and are no clocks
        or counters.
    separator, encoding
        Of a table's columns (a character, "tab" or "space") and characters.
    skip_rows
        Lines of a table before its header (or its first row).

    Raises
    ------
    ValueError
        Missing file, unknown suffix, no samples, a cell that is not a finite number (with its line
        and column), no channel that varies, time stamps that do not increase, a sampling rate that
        is missing, absurd or not that of the file.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    columns = [columns] if isinstance(columns, str) else columns
    wanted = Wanted(sampling_rate, None if time_column is None else str(time_column), columns)
    try:
        if path.suffix.lower() in TABLES:
            source = open_table(path, separator, encoding, skip_rows)
        else:
            source = _open(path, columns)
        return _recording(source, wanted)
    except (ValueError, struct.error) as error:
        raise ValueError(f"{path}: {error}") from error


def _open(path: Path, columns: Sequence[str | int] | None) -> Source:
    """Any file but a table."""
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _open_npy(path)
    if suffix == ".wav":
        return open_wav(path)
    source = open_amplifier(path, columns)
    if source is None:
        known = ", ".join((".csv", ".npy", ".wav", *TABLES[1:]))
        raise ValueError(f"the name of a recording must end in {known}; {EXTRA}")
    return source


def _recording(source: Source, wanted: Wanted) -> Recording:
    if not source.n_samples or not source.names:
        left_out = "".join(f"; column {name!r} {why}" for name, why in source.left_out.items())
        raise ValueError(
            f"holds {source.n_samples} samples of {len(source.names)} channels: must hold some"
            f"{left_out}"
        )
    found = assign(source, wanted)
    rate, times = found.timing.rate, found.timing.times
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(
            f"the sampling rate is {rate:g} Hz: must be from {RATES[0]:g} Hz to {RATES[1]:g} Hz"
            + f" (of column {found.time_column!r}: a name with its unit, such as t_ms, or "
            "sampling_rate say what it is in)" * (found.time_column is not None)
        )
    channels = found.channels
    everything = channels == list(range(len(source.names)))
    return Recording(
        source.rows if everything else lambda start, stop: source.rows(start, stop)[:, channels],
        source.n_samples,
        [source.names[k] for k in channels],
        rate,
        times,
        found.largest,
        found.time_column,
        found.left_out,
        source.notes + found.notes,
    )


def _open_npy(path: Path) -> Source:
    array = np.lib.format.open_memmap(path, mode="r")
    if array.dtype.kind not in "iuf":
        raise ValueError(f"holds {array.dtype}: must be real numbers")
    if array.ndim not in (1, 2):
        raise ValueError(
            f"has shape {array.shape}: must be (n_samples,) or (n_samples, n_channels)"
        )
    turned = array.ndim == 2 and 0 < array.shape[0] < array.shape[1]
    notes = (f"of shape {array.shape}: taken as (channels, samples)",) if turned else ()
    n_samples, n_channels = _samples_first(array, turned).shape

    def rows(start: int, stop: int) -> Floats:
        # mapped anew each time: what was read before does not stay in memory
        array = np.lib.format.open_memmap(path, mode="r")
        return np.array(_samples_first(array, turned)[start:stop], dtype=float, order="C")

    return Source(n_samples, numbered(n_channels), rows, notes=notes)


def _samples_first(array: np.ndarray, turned: bool) -> np.ndarray:
    """(n_samples, n_channels)"""
    return array.T if turned else array.reshape(len(array), -1 if array.size else 0)
