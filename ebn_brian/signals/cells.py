"""Cells of a table that nothing is known of: what they hold, and what separates them."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence

from pandas.tseries.api import guess_datetime_format

SEPARATORS = (",", ";", "\t", "|", r"\s+")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, which begins alike
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_MISSING = {"", "nan", "-nan", "na", "n/a", "#n/a", "null", "none", "<na>"}

Row = list[str]
NUMBER, DATE, TEXT, EMPTY = "number", "date", "text", "empty"


def encoding_of(beginning: bytes) -> str:
    """Of text that may be in any of the encodings of Unicode; else it is taken for Latin-1.

    Numbers and separators are the same in all encodings of one byte, so at worst the names of
    columns come out wrong.
    """
    for mark, name in _MARKS.items():
        if beginning.startswith(mark):
            return name
    for name, zeros in (("utf-16-le", beginning[1:400:2]), ("utf-16-be", beginning[:400:2])):
        if zeros.count(0) > 0.7 * len(zeros):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def split(line: str, separator: str) -> Row:
    """The cells of a line."""
    if separator == r"\s+":
        return line.split()
    rows = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return [cell.strip() for cell in next(rows, [])]


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is one, infinite ones included."""
    return _NUMBER.fullmatch(cell.replace(decimal, ".")) is not None


def is_missing(cell: str) -> bool:
    """Whether a cell holds nothing, in one of the words for it."""
    return cell.lower() in _MISSING


def separator_of(lines: Sequence[str], asked: str | None) -> tuple[str, str]:
    """What separates columns, and the decimal mark: what leaves most numbers and least else."""
    best, choice = (float("-inf"), 0), (",", ".")
    for separator in SEPARATORS if asked is None else (asked,):
        if separator == r"\s+" and asked is None and any("\t" in line for line in lines):
            continue  # names may hold spaces
        rows = [split(line, separator) for line in lines]
        width = width_of(rows)
        filled = [cell for row in rows if len(row) == width for cell in row if not is_missing(cell)]
        with_comma = separator != "," and any(re.fullmatch(r"[+-]?\d*,\d+.*", c) for c in filled)
        decimal = "," if with_comma else "."
        numbers = sum(is_number(cell, decimal) for cell in filled)
        score = (2 * numbers - len(filled) if numbers else -len(lines) * 1000, width)
        if score > best:
            best, choice = score, (separator, decimal)
    return choice


def width_of(rows: Sequence[Row]) -> int:
    """The number of cells that most rows have; of the first one where that leaves a doubt."""
    counts = Counter(len(row) for row in rows)
    return max(counts, key=lambda n: counts[n], default=0)


def kinds_of(rows: Sequence[Row], width: int, decimal: str) -> tuple[list[str], dict[int, str]]:
    """What columns hold, and the formats of dates by column."""
    kinds, dates = [], {}
    for k in range(width):
        filled = [row[k] for row in rows if len(row) == width and not is_missing(row[k])]
        numbers = sum(is_number(cell, decimal) for cell in filled)
        form = _date_format(filled) if not numbers else None
        if form is not None:
            dates[k] = form
            kinds.append(DATE)
        elif not filled:
            kinds.append(EMPTY)
        elif 2 * numbers >= len(filled) or re.match(r"[+-]?\.?\d+[^-/:\d]", filled[0] + " "):
            kinds.append(NUMBER)  # "5.0u" is a bad number, not a word
        else:
            kinds.append(TEXT)
    return kinds, dates


def _date_format(filled: Sequence[str]) -> str | None:
    """The format of dates or times of the day, for pandas."""
    last = filled[-1] if filled else ""
    if re.match(r"\d{4}-\d\d-\d\d", last):
        return "ISO8601"
    if re.fullmatch(r"\d{1,2}:\d\d:\d\d(\.\d+)?", last):
        return "%H:%M:%S.%f" if "." in last else "%H:%M:%S"
    if re.match(r"\d+[-./]\d+[-./]\d+ ", last):
        form: str | None = guess_datetime_format(last, dayfirst="." in last.split()[0])
        return form
    return None
