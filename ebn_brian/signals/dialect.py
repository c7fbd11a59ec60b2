"""How a table is written: characters, separators, header, units, and the line of its first row.

pandas reads the table; what it needs to be told is found here in the beginning of the file. The
second half of that shows which columns hold numbers, and the first line that is like it is the
first row. What stands before is the header, its units, and remarks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .cells import (
    DATE,
    EMPTY,
    NUMBER,
    Row,
    encoding_of,
    is_missing,
    is_number,
    kinds_of,
    separator_of,
    split,
    width_of,
)
from .remarks import is_units, rate_in
from .source import unique

HEAD = 1 << 20
"""Bytes of the file that are looked at, and at most `LINES` lines."""
LINES = 2000
COMMENTS = ("%", "#", "//")
SEPARATORS = {"tab": "\t", r"\t": "\t", "space": r"\s+", " ": r"\s+"}


@dataclass(frozen=True)
class Dialect:
    """What it takes to read a table."""

    encoding: str
    separator: str
    decimal: str
    comment: str | None
    first: int
    """Lines before the first row."""
    names: list[str]
    kinds: list[str]
    """What columns hold, see `cells`; nothing where a column is no more than a comma too many."""
    dates: Mapping[int, str]
    """Formats of dates by column."""
    units: Mapping[str, str]
    """By name, as far as a line of units says them."""
    rate: float | None
    """In Hz, as remarks tell it."""
    notes: tuple[str, ...]


class _Lines(NamedTuple):
    """The beginning of a table, by line from 0 on."""

    cells: dict[int, Row]
    """Of lines that are neither empty nor a comment."""
    comments: dict[int, Row]
    """Of comments, without their mark."""
    mark: str | None
    separator: str
    decimal: str


class _Heading(NamedTuple):
    names: Row
    units: Row
    first: int
    """Of the rows."""
    line: int | None
    """Of the names."""


def dialect(
    path: Path, separator: str | None, encoding: str | None, skip_rows: int | None
) -> Dialect:
    """Look at the beginning of a table.

    Raises
    ------
    ValueError
        If it leaves a doubt, with the line and the option that settles it.
    """
    text, encoding = _beginning(path, encoding)
    if skip_rows is not None and not 0 <= skip_rows < len(text):
        raise ValueError(f"skip_rows={skip_rows}: must be from 0 to {len(text) - 1}")
    lines = _lines(text, separator, skip_rows or 0)
    numbers = list(lines.cells)
    tail = [lines.cells[k] for k in numbers[len(numbers) // 2 :]]
    kinds, dates = kinds_of(tail, width_of(tail), lines.decimal)
    first = next((k for k in numbers if _is_row(lines.cells[k], kinds, lines.decimal)), len(text))
    heading = _heading(lines, kinds, first, skip_rows)
    if first == len(text):
        kinds = [NUMBER] * len(heading.names)
    kinds += [EMPTY] * (len(heading.names) - len(kinds))
    names = [*heading.names, *[""] * (len(kinds) - len(heading.names))]
    kinds = [
        "" if kind == EMPTY and not name else kind for name, kind in zip(names, kinds, strict=True)
    ]
    names = unique(names)
    units = dict(zip(names, heading.units, strict=False))
    remarks = text[: heading.first] + [f"{name} {unit}" for name, unit in units.items()]
    return Dialect(
        encoding,
        lines.separator,
        lines.decimal,
        lines.mark,
        heading.first,
        names,
        kinds,
        dates,
        units,
        rate_in(remarks),
        _notes(lines, encoding, heading),
    )


def _beginning(path: Path, encoding: str | None) -> tuple[list[str], str]:
    """The first lines, and their encoding."""
    with path.open("rb") as file:
        head = file.read(HEAD + 1)
    encoding = encoding or encoding_of(head)
    try:
        text = head[:HEAD].decode(encoding, errors="replace")
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r}: there is none of this name") from error
    lines = re.split(r"\r\n|\r|\n", text)
    if len(head) > HEAD:
        lines = lines[:-1]  # it may be cut
    return lines[:LINES], encoding


def _lines(text: Sequence[str], separator: str | None, skip: int) -> _Lines:
    filled = {k: line for k, line in enumerate(text) if k >= skip and line.strip("\0 \t,;")}
    mark = next((m for line in filled.values() for m in COMMENTS if line.startswith(m)), None)
    comments = {k: line for k, line in filled.items() if mark and line.startswith(mark)}
    rows = {k: line for k, line in filled.items() if k not in comments}
    if separator is not None:
        separator = SEPARATORS.get(separator, separator)
        if separator != r"\s+" and len(separator) != 1:
            raise ValueError(f"separator={separator!r}: must be one character, 'tab' or 'space'")
    separator, decimal = separator_of(list(rows.values())[len(rows) // 2 :], separator)
    return _Lines(
        {k: split(line, separator) for k, line in rows.items()},
        {k: split(line.lstrip("%#/ "), separator) for k, line in comments.items()},
        mark,
        separator,
        decimal,
    )


def _is_row(cells: Row, kinds: Sequence[str], decimal: str) -> bool:
    """Whether a line is like the rows: numbers in their columns, dates in theirs."""
    if len(cells) != len(kinds):
        return False
    numbers = [cell for cell, kind in zip(cells, kinds, strict=True) if kind == NUMBER]
    dates = [cell for cell, kind in zip(cells, kinds, strict=True) if kind == DATE]
    found = sum(is_number(cell, decimal) for cell in numbers)
    return (
        2 * found >= len(numbers) > 0
        and all(is_number(cell, decimal) or is_missing(cell) for cell in numbers)
        and all(cell[:1].isdigit() for cell in dates)
    )


def _heading(lines: _Lines, kinds: Sequence[str], first: int, skip_rows: int | None) -> _Heading:
    """Names and units of the columns: the last lines before the first row."""
    if first not in lines.cells:
        return _no_rows(lines, first)
    above = {k: row for k, row in lines.cells.items() if k < first}
    last = max((k for k in lines.comments if k < first), default=-1)
    if not above and last >= 0 and _may_be_names(lines.comments[last], kinds):
        above = lines.comments
    line = max((k for k in above if k < first), default=-1)
    if line < 0:
        return _no_heading(lines, first, skip_rows)
    names, before = above[line], above.get(line - 1, [])
    units: Row = []
    if before and not any(is_number(cell) for cell in before):
        if is_units(names) and len(before) >= len(_trimmed(names)):
            names, units, line = before, names, line - 1
        elif len(before) == len(names) and any(is_number(cell) for cell in names):
            _refuse(line, before, names)
    names = _trimmed(names)
    widest = max(k + 1 for k, kind in enumerate(kinds) if kind in (NUMBER, DATE))
    if widest > len(names):
        raise ValueError(
            f"line {first + 1}: the rows have more columns ({widest}) than the header in line "
            f"{line + 1} ({len(names)}: {', '.join(names)[:60]}); columns are separated by "
            f"{lines.separator!r} here, separator=... names another, skip_rows=... another header"
        )
    return _Heading(names, units, first, line)


def _no_rows(lines: _Lines, first: int) -> _Heading:
    """A header alone; error if more lines without numbers follow it."""
    if not lines.cells:
        return _Heading([], [], first, None)
    line, *others = lines.cells
    if others:
        _refuse(others[0], lines.cells[line], lines.cells[others[0]])
    return _Heading(lines.cells[line], [], first, line)


def _refuse(line: int, names: Row, cells: Row) -> None:
    """Error at the first cell that is no number."""
    k = next((k for k, cell in enumerate(cells) if not is_number(cell)), 0)
    column = names[k] if k < len(names) else str(k + 1)
    raise ValueError(f"line {line + 1}, column {column!r} holds {cells[k]!r}: must be a number")


def _no_heading(lines: _Lines, first: int, skip_rows: int | None) -> _Heading:
    """Columns without names; or the first row is names, if it counts columns."""
    row = lines.cells.get(first, [])
    if skip_rows is None and row in ([f"{k + j}" for k in range(len(row))] for j in (0, 1)):
        if len(row) < 3:
            raise ValueError(
                f"line {first + 1} ({', '.join(row)}) may be the names of columns or a first row: "
                f"skip_rows={first + 1} leaves it out, skip_rows={first} takes it for a row"
            )
        later = min((k for k in lines.cells if k > first), default=first + 1)
        return _Heading(row, [], later, first)
    return _Heading([], [], first, None)


def _may_be_names(row: Row, kinds: Sequence[str]) -> bool:
    """Whether a comment is the header."""
    row = _trimmed(row)
    single = len(row) == 1 and any(sign in row[0] for sign in ":=")
    return kinds.count(NUMBER) <= len(row) <= len(kinds) and not (
        single or any(is_number(cell) for cell in row)
    )


def _trimmed(row: Row) -> Row:
    """Without empty cells at the end."""
    return row[: max((k + 1 for k, cell in enumerate(row) if cell), default=0)]


def _notes(lines: _Lines, encoding: str, heading: _Heading) -> tuple[str, ...]:
    """What is unusual about the table."""
    words = []
    if encoding not in ("utf-8", "utf-8-sig", "ascii"):
        words.append(f"characters are {encoding}")
    if lines.separator != ",":
        sign = {"\t": "tabs", r"\s+": "spaces"}.get(lines.separator, repr(lines.separator))
        words.append(f"columns are separated by {sign}")
    if lines.decimal == ",":
        words.append("decimals have a comma")
    if heading.line is None:
        words.append("there is no header")
    elif heading.line or heading.first > 1:
        words.append(f"the header is line {heading.line + 1}")
    if words:
        words.append(f"rows begin in line {heading.first + 1}")
    return ("; ".join(words),) if words else ()
