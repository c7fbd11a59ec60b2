"""Tables of text as instruments write them, read in pieces by pandas.

Their numbers go to a file of their own, in memory as long as it is small; so a table of any length
takes as much memory as a short one.
"""

import re
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ..checks import Floats
from .cells import DATE, EMPTY, NUMBER, TEXT, is_number
from .dialect import Dialect, dialect
from .source import Source

IN_MEMORY = 1 << 26
"""Bytes of numbers up to which no file on disk is needed."""
ROWS = 1 << 16
"""Rows that are read at a time."""


def open_table(
    path: Path,
    separator: str | None = None,
    encoding: str | None = None,
    skip_rows: int | None = None,
) -> Source:
    """The columns of numbers of a table; dates are seconds from the first one on.

    Raises
    ------
    ValueError
        If a cell is no number, with its line and column, or the header leaves a doubt.
    """
    form = dialect(path, separator, encoding, skip_rows)
    kept = [k for k, kind in enumerate(form.kinds) if kind in (NUMBER, DATE)]
    numbers = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    row_bytes, notes = 8 * len(kept), list(form.notes)
    for part in _numbers(path, form, kept, notes):
        numbers.write(part.tobytes())
    n_rows = numbers.tell() // row_bytes if kept else 0

    def rows(start: int, stop: int) -> Floats:
        numbers.seek(start * row_bytes)
        values = np.frombuffer(numbers.read((stop - start) * row_bytes))
        return values.reshape(-1, len(kept)).copy()

    weakref.finalize(rows, numbers.close)
    return Source(
        n_rows,
        [form.names[k] for k in kept],
        rows,
        form.rate,
        units={**form.units, **{form.names[k]: "s" for k in form.dates}},
        notes=tuple(notes),
        left_out={
            form.names[k]: "is empty" if kind == EMPTY else "holds words"
            for k, kind in enumerate(form.kinds)
            if kind in (EMPTY, TEXT)
        },
        line=partial(_line, path, form),
    )


def _numbers(path: Path, form: Dialect, kept: list[int], notes: list[str]) -> Iterator[Floats]:
    """The columns `kept`, (n_rows, n_kept) at a time."""
    begin, n_rows = None, 0
    for part in _pieces(path, form):
        if 0 < len(part) < ROWS and _is_cut(part, form, kept, _ends(path)):
            part = part.iloc[:-1]
            notes.append("left out: the last line (no whole row)")
        columns = []
        for k in kept:
            if k not in form.dates:
                columns.append(_numeric(part[k], form, n_rows, path))
                continue
            stamps = pd.to_datetime(
                part[k].astype(str), format=form.dates[k], errors="coerce", utc=True
            )
            begin = stamps.iloc[0] if begin is None and len(stamps) else begin
            columns.append(((stamps - begin) / pd.Timedelta("1s")).to_numpy(float))
        n_rows += len(part)
        yield np.column_stack(columns) if columns else np.empty((len(part), 0))


def _pieces(path: Path, form: Dialect) -> Iterator[pd.DataFrame]:
    """Rows as pandas reads them, with all columns, called 0, 1, ..."""
    with (
        path.open(encoding=form.encoding, errors="replace", newline="") as file,
        warnings.catch_warnings(),  # where a row is longer than the first ones, pandas cuts it
    ):
        warnings.simplefilter("error", pd.errors.ParserWarning)
        for _ in range(form.first):
            file.readline()
        try:
            yield from pd.read_csv(
                file,
                header=None,
                names=range(len(form.kinds)),
                index_col=False,
                sep=form.separator,
                decimal=form.decimal,
                comment=form.comment if form.comment and len(form.comment) == 1 else None,
                skipinitialspace=True,
                chunksize=ROWS,
            )
        except pd.errors.EmptyDataError:
            return
        except pd.errors.ParserWarning as warning:
            raise ValueError(
                f"from line {form.first + 1} on rows have more columns than the {len(form.kinds)} "
                "of the others"
            ) from warning
        except pd.errors.ParserError as error:
            message = re.sub(
                r"line (\d+)", lambda m: f"line {int(m[1]) + form.first}", str(error).strip()
            )
            raise ValueError(
                f"{message} (separator=... and skip_rows=... say how to read it)"
            ) from error


def _numeric(column: pd.Series, form: Dialect, before: int, path: Path) -> Floats:
    """A column of numbers; ValueError with the place of a cell that is none."""
    if column.dtype.kind in "iuf":
        numbers: Floats = column.to_numpy(dtype=float)
        return numbers
    words = column.astype(str).str.replace(form.decimal, ".", regex=False)
    values = pd.to_numeric(words, errors="coerce")
    bad = column.notna() & values.isna() | (column.dtype.kind == "b")
    if bad.any():
        row = int(np.argmax(bad))
        number = before + row + 1
        raise ValueError(
            f"line {_line(path, form, number)}, row {number}, column {form.names[column.name]!r} "
            f"holds {str(column.iloc[row])!r}: must be a number"
        )
    numbers = values.to_numpy(dtype=float)
    return numbers


def _is_cut(part: pd.DataFrame, form: Dialect, kept: list[int], whole: bool) -> bool:
    """Whether the last row is none: a line of words, or one that ends too early."""
    last = part.iloc[-1]
    if whole:
        filled = [k for k in kept if not pd.isna(last[k])]
        return filled == kept[:1] != kept and not is_number(str(last[kept[0]]))
    cells = [str(last[k]).replace(form.decimal, ".") for k in kept if k not in form.dates]
    return len(part) > 1 and not all(is_number(cell) for cell in cells)


def _ends(path: Path) -> bool:
    """Whether the last line is a whole one."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4))
        end = file.read().replace(b"\0", b"")
    return end[-1:] in (b"\n", b"\r")


def _line(path: Path, form: Dialect, row: int) -> int:
    """Line of the file where a row stands, both from 1 on."""
    with path.open(encoding=form.encoding, errors="replace", newline="") as file:
        for number, line in enumerate(file, 1):
            row -= number > form.first and bool(line.strip()) and not _is_comment(line, form)
            if row == 0:
                break
    return number


def _is_comment(line: str, form: Dialect) -> bool:
    return form.comment is not None and line.startswith(form.comment)
