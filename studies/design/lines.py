"""Where the keys of a TOML file stand, which `tomllib` does not tell."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

#: A key and the tables that it is in, from the outside.
Place = tuple[str, ...]


def places(tables: Mapping[str, Any], outer: Place = ()) -> Iterator[Place]:
    """All tables and keys."""
    for name, value in tables.items():
        yield (*outer, name)
        if isinstance(value, dict):
            yield from places(value, (*outer, name))


def lines(text: str) -> dict[Place, int]:
    """Line on which each table and key of a sound TOML file begins, the first being 1.

    A statement is what must be added to the file's beginning for it to be sound again, and to hold
    a key more: so this knows no grammar but that of `tomllib`.
    """
    line_of: dict[Place, int] = {}
    rows, begin = text.splitlines(), 0
    for end in range(1, len(rows) + 1):
        try:
            so_far = tomllib.loads("\n".join(rows[:end]))
        except tomllib.TOMLDecodeError:  # within a value of several lines
            continue
        for place in places(so_far):
            line_of.setdefault(place, begin + 1)
        begin = end
    return line_of
