"""Reading recordings from files: CSV, NPY and WAV, each checked before anything is done with it."""

import re
import struct
import warnings
from functools import partial
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.io import wavfile

from ..checks import Floats

TIME_COLUMNS = ("t", "time", "t_s", "time_s")
_LIKE_TIME = re.compile(
    r"timestamps?.*|(t|time)[\W_]*(s|sec|seconds?|ms|msec|us|usec|ns|min|h)?\W*"
)
RATES = (2.0, 1e7)
"""What passes for a sampling rate, in Hz."""
REGULAR = 0.05
"""Time stamps this far off a regular grid, in sampling intervals, still count as regular."""


class Recording(NamedTuple):
    """Samples of shape (n_samples, n_channels), and when they were taken."""

    samples: Floats
    names: list[str]
    rate: float  # Hz, the mean where irregular
    times: Floats | None  # s, shape (n_samples,), increasing; only where irregular

    @property
    def duration(self) -> float:
        """In seconds."""
        return len(self.samples) / self.rate


Contents = tuple[Floats, list[str], float | None, Floats | None]
"""The same as far as a file holds it: rate or times or neither."""


def read(path: str | PathLike[str], sampling_rate: float | None = None) -> Recording:
    """The recording in a file, with its `rate`.

    `sampling_rate` (Hz) is for files that do not hold it, and for those only.

    Raises
    ------
    ValueError
        Missing file, unknown suffix, no samples, no header, a cell that is not a finite number
        (with its row and column), a channel that never changes, time stamps that do not increase, a
        sampling rate that is missing, doubled or absurd.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    if path.suffix.lower() not in _READERS:
        raise ValueError(f"{path}: the name of a recording must end in {', '.join(_READERS)}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    try:
        samples, names, rate, times = _READERS[path.suffix.lower()](path)
        _check_samples(samples, names, times)
        if times is not None:
            rate = (len(times) - 1) / (times[-1] - times[0])
            regular = np.linspace(times[0], times[-1], len(times))
            if np.max(np.abs(times - regular)) * rate <= REGULAR:
                times = None
        return Recording(samples, names, _check_rate(rate, sampling_rate), times)
    except (ValueError, struct.error) as error:
        raise ValueError(f"{path}: {error}") from error


def _read_csv(path: Path) -> Contents:
    read_csv = partial(pd.read_csv, path, skipinitialspace=True)
    first = read_csv(header=None, nrows=1, dtype=str, keep_default_na=False)
    header = [name.strip() for name in first.iloc[0]]
    if all(_is_number(name) for name in header):
        raise ValueError(
            f"the first line ({', '.join(header)}) must be a header with the names of the channels"
        )
    if "" in header:
        raise ValueError(f"column {header.index('') + 1} has no name: every column must have one")
    with warnings.catch_warnings():  # where all rows are longer than the header, pandas cuts them
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = read_csv(names=header, header=0, index_col=False)
        except pd.errors.ParserWarning as warning:
            raise ValueError("the rows have more columns than the header") from warning
    for name in header:
        _check_numeric(table[name])
    time_columns = [name for name in header if name.lower() in TIME_COLUMNS]
    names = [name for name in header if name not in time_columns]
    for name in names:
        if _LIKE_TIME.fullmatch(name.lower()):
            raise ValueError(
                f"column {name!r} looks like the time: it must be in seconds and be called "
                f"{', '.join(TIME_COLUMNS)}"
            )
    if len(time_columns) > 1:
        raise ValueError(f"columns {time_columns} are all the time: there must be at most one")
    times = table[time_columns[0]].to_numpy(dtype=float) if time_columns else None
    return table[names].to_numpy(dtype=float), names, None, times


def _read_npy(path: Path) -> Contents:
    with path.open("rb") as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"holds {array.dtype}: must be real numbers")
    if array.ndim not in (1, 2):
        raise ValueError(
            f"has shape {array.shape}: must be (n_samples,) or (n_samples, n_channels)"
        )
    return *_numbered(array), None, None


def _read_wav(path: Path) -> Contents:
    with warnings.catch_warnings():  # a truncated file is an error, unknown metadata is not
        warnings.filterwarnings("ignore", category=wavfile.WavFileWarning)
        warnings.filterwarnings("error", "Reached EOF", category=wavfile.WavFileWarning)
        try:
            rate, array = wavfile.read(path)
        except wavfile.WavFileWarning as warning:
            raise ValueError(f"the file is cut short ({warning})") from warning
    return *_numbered(array), float(rate), None


_READERS = {".csv": _read_csv, ".npy": _read_npy, ".wav": _read_wav}


def _numbered(array: np.ndarray) -> tuple[Floats, list[str]]:
    samples = array.astype(float).reshape(len(array), -1 if array.size else 0)
    return samples, [f"channel {i + 1}" for i in range(samples.shape[1])]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_numeric(column: pd.Series) -> None:
    if column.dtype.kind in "iuf" or column.empty:
        return
    bad = column.notna() & pd.to_numeric(column.astype(str), errors="coerce").isna()
    row = int(np.argmax(bad)) if bad.any() else 0
    raise ValueError(
        f"row {row + 1}, column {column.name!r} holds {str(column.iloc[row])!r}: must be a number "
        "(with a decimal point; commas separate the columns)"
    )


def _check_samples(samples: Floats, names: list[str], times: Floats | None) -> None:
    if samples.size == 0:
        raise ValueError(f"holds {len(samples)} samples of {len(names)} channels: must hold some")
    cells, columns = samples, names
    if times is not None:
        cells, columns = np.column_stack([times, samples]), ["time", *names]
    bad = np.argwhere(~np.isfinite(cells))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"row {row + 1}, column {columns[column]!r} holds {cells[row, column]}: must be finite "
            f"(cells that are not: {len(bad)})"
        )
    constant = np.flatnonzero(np.ptp(samples, axis=0) == 0)
    if len(constant):
        raise ValueError(
            f"column {names[constant[0]]!r} is {samples[0, constant[0]]:g} throughout: a channel "
            "must vary"
        )
    if times is not None and (np.diff(times) <= 0).any():
        late = int(np.argmax(np.diff(times) <= 0)) + 1
        raise ValueError(
            f"row {late + 1} is of {times[late]} s, after {times[late - 1]} s in the row before: "
            "the time must increase"
        )


def _check_rate(rate: float | None, sampling_rate: float | None) -> float:
    if rate is not None and sampling_rate is not None:
        raise ValueError(f"sampling_rate={sampling_rate:g} Hz, but the file holds it: {rate:g} Hz")
    rate = sampling_rate if rate is None else rate
    if rate is None:
        raise ValueError(
            "does not hold its sampling rate: sampling_rate must be given, or in a CSV file a "
            f"column {', '.join(TIME_COLUMNS)} (s)"
        )
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(
            f"the sampling rate is {rate:g} Hz: must be from {RATES[0]:g} Hz to {RATES[1]:g} Hz"
        )
    return float(rate)
