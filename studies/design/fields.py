"""What the values of a design file may be: functions that check one, or say what is allowed.

A quantity is a string, a number and its unit: ``"3.3 mV*um"``, ``"180 nm"``, ``"25 /V"``. A share
is a plain number or per cent: ``0.2`` or ``"20 %"``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from math import inf, isfinite
from typing import Any

from brian2 import (
    DimensionMismatchError,
    Quantity,
    amp,
    farad,
    have_same_dimensions,
    hertz,
    joule,
    metre,
    second,
    volt,
)

#: From a value as it stands in the file to what it means; ValueError says what is allowed.
Field = Callable[[Any], Any]

SYMBOLS = {"V": volt, "A": amp, "s": second, "Hz": hertz, "m": metre, "F": farad, "J": joule}
PREFIXES = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6}
PREFIXES |= {"m": 1e-3, "k": 1e3, "M": 1e6}
UNITS = {f"{p}{name}": k * unit for p, k in PREFIXES.items() for name, unit in SYMBOLS.items()}
UNITS |= {"%": Quantity(0.01), "1": Quantity(1.0)}

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def nearest(name: str, known: Iterable[str]) -> str:
    """What to propose where `name` is none of those `known`; nothing where none is like it."""
    known = list(known)
    alike = [other for other in known if other.lower() == name.lower()] or known
    near = get_close_matches(name, alike, 1, 0.2 if alike is not known else 0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def parsed(text: str) -> Quantity:
    """The quantity that `text` says: a number, then units with ``*`` and ``/`` between them.

    Raises
    ------
    ValueError
        If there is no number or one of the units is unknown.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("is no number with a unit")
    value = Quantity(float(match[1]))
    parts = re.split(r"\s*([*/])\s*", match[2])
    for k, name in enumerate(parts[::2]):
        operator = parts[2 * k - 1] if k else "*"
        if k == 0 and not name:  # a plain number, or "25 /V"
            continue
        if name not in UNITS:
            raise ValueError(f"{name!r} is no unit{nearest(name, UNITS)}")
        value = value * UNITS[name] if operator == "*" else value / UNITS[name]
    return value


def quantity(unit: Quantity, low: str, high: str) -> Field:
    """A quantity from `low` to `high`."""
    bounds = [float(parsed(bound)) for bound in (low, high)]
    allowed = f"must be a quantity from '{low}' to '{high}'"

    def check(value: Any) -> Quantity:
        if not isinstance(value, str):
            raise ValueError(f"{allowed}, a string with its unit")
        try:
            number = parsed(value)
        except ValueError as error:
            raise ValueError(f"{error}; {allowed}") from None
        if not have_same_dimensions(number, unit):
            raise ValueError(f"has the wrong unit; {allowed}")
        if not bounds[0] <= float(number) <= bounds[1]:
            raise ValueError(allowed)
        return Quantity(float(number), dim=unit.dim)

    return check


def share(low: float, high: float) -> Field:
    """A plain number from `low` to `high`, or the same in per cent."""
    most = f" to {high:g} or '{100 * high:g} %'" if high < inf else " on"
    allowed = f"must be a number from {low:g} or '{100 * low:g} %'{most}"

    def check(value: Any) -> float:
        if isinstance(value, str) and value.strip().endswith("%"):
            try:
                value = round(float(parsed(value)), 12)  # 95 times 0.01 is not 0.95
            except (ValueError, DimensionMismatchError) as error:
                raise ValueError(f"{error}; {allowed}") from None
        return in_range(value, low, high, allowed)

    return check


def number(low: float, high: float = inf) -> Field:
    """A plain number from `low` to `high`."""
    allowed = f"must be a number from {low:g}" + (f" to {high:g}" if high < inf else " on")
    return lambda value: in_range(value, low, high, allowed)


def in_range(value: Any, low: float, high: float, allowed: str) -> float:
    """`value` as a float; ValueError says what is `allowed`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(allowed)
    if not (isfinite(value) and low <= value <= high):
        raise ValueError(allowed)
    return float(value)


def whole(low: int, high: int) -> Field:
    """A whole number from `low` to `high`."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def choice(*names: str) -> Field:
    """One of `names`."""

    def check(value: Any) -> str:
        if value not in names:
            hint = nearest(value, names) if isinstance(value, str) else ""
            raise ValueError(f"must be one of '{"', '".join(names)}'{hint}")
        return value

    return check


def text(value: Any) -> str:
    """Some words."""
    if not (isinstance(value, str) and value.strip()) or len(value) > 200:
        raise ValueError("must be a string of 1 to 200 characters")
    return value


def several(field: Field, most: int = 12) -> Field:
    """A list of 1 to `most` different values."""

    def check(value: Any) -> Sequence[Any]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise ValueError(f"must be a list of 1 to {most} values")
        values = []
        for k, entry in enumerate(value):
            try:
                values.append(field(entry))
            except ValueError as error:
                raise ValueError(f"entry {k + 1}, {entry!r}: {error}") from None
        if len(set(values)) < len(values):
            raise ValueError("holds a value twice: must be different values")
        return tuple(values)

    return check


def columns(value: Any) -> Sequence[Any]:
    """Names or numbers of columns."""
    good = isinstance(value, list) and value
    if not good or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in value):
        raise ValueError("must be a list of names or numbers of columns")
    return tuple(value)
