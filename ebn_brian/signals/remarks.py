"""What instruments write beside a table: units of its columns, and the sampling rate."""

import re
from collections.abc import Sequence

_UNIT = re.compile(
    r"[(\[]?(s|secs?|seconds?|[mµμun]s(ecs?)?|min|h|[kM]?Hz|[munpµμ]?[VA]|k?V|volts?|amp(ere)?s?|"
    r"ohms?|[mu]?W|°?C|deg|K|d?B|m?g|Pa|bar|%|counts?|adc|lsb|a\.?u\.?|sequence|none|unknown|-|"
    r"[+-]?[0-9.]+(e[+-]?\d+)?)?[)\]]?",
    re.IGNORECASE,
)
_VALUE = r"([^0-9]{0,20})([0-9][0-9.]*(?:e[+-]?\d+)?)(?!\d|,\d) *([^\W\d]*)"
_RATE = re.compile(rf"sampl\w*[ _-]*(?:rate|freq\w*){_VALUE}", re.IGNORECASE)
_INTERVAL = re.compile(
    rf"(?:sampl\w*[ _-]*(?:interval|period)|\bt ?inc|increment){_VALUE}", re.IGNORECASE
)
_HERTZ = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "sps": 1.0}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def is_units(cells: Sequence[str]) -> bool:
    """Whether a line is one of units: ``second,Volt``; numbers may stand in it."""
    return any(cells) and all(_UNIT.fullmatch(cell) for cell in cells)


def rate_in(remarks: Sequence[str]) -> float | None:
    """The sampling rate in Hz that remarks speak of; None if it is none, or several.

    ::

        %Sample Rate = 250 Hz      Sampling frequency (kHz): 2      Increment 1.0e-4
    """
    text = "\n".join(remarks)
    rates = [value * f for value, f in _values(_RATE, text, _HERTZ)]
    rates += [1 / (value * f) for value, f in _values(_INTERVAL, text, _SECONDS) if value]
    return rates[0] if rates and max(rates) <= 1.001 * min(rates) else None


def _values(
    pattern: re.Pattern[str], text: str, units: dict[str, float]
) -> list[tuple[float, float]]:
    """Values that follow a word, and the factor of the unit that stands behind or before them."""
    found = []
    for between, value, unit in pattern.findall(text):
        before = [word for word in re.findall(r"[^\W\d]+", between.lower()) if word in units]
        word = unit.lower() or (before[-1] if before else "")
        if not word or word in units:
            found.append((float(value.rstrip(".")), units.get(word, 1.0)))
    return found
