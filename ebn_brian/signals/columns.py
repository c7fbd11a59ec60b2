"""Which columns of a recording are signals: clocks, counters and constants are none.

A column is judged by its name and by its values. What its name says must agree with its values: a
column "count" that goes up and down is a signal. By its values alone a column is no signal if all
its steps are alike; then it is a signal all the same if there is no other, or if it is asked for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..checks import Floats, Integers
from .resampling import Rows, stretches

UNITS = {
    unit: seconds
    for seconds, names in (
        (1.0, "s sec secs second seconds"),
        (1e-3, "ms msec msecs millis millisecond milliseconds"),
        (1e-6, "us usec usecs micros microsecond microseconds"),
        (1e-9, "ns nsec nsecs nanosecond nanoseconds"),
        (60.0, "min mins minute minutes"),
        (3600.0, "h hr hrs hour hours"),
    )
    for unit in names.split()
}
"""Units of time, in seconds."""
_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]")


def _words(name: str) -> list[str]:
    """``Time:250Hz`` is time and hz, ``TimeStamp`` is time and stamp."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("µ", "u").replace("μ", "u"))
    name = re.sub(r"\d+(?=hz)", "", name.lower())
    return [word for word in re.findall(r"[^\W_]+", name) if not word.isdigit()]


_SPELT = set(_words("sec secs second seconds ms msec millis us usec micros ns nsec nanoseconds"))
_CLOCK = set(_words("t time times timestamp timestamps elapsed uptime clock date datetime unix"))
_CLOCK |= set(_words("epoch zeit uhrzeit datum"))
_BESIDE = set(_words("stamp rel relative abs absolute system sys local utc gmt day of since start"))
_BESIDE |= set(_words("sample samples sampling axis hz formatted device board recording rec"))
_EPOCH = set(_words("timestamp timestamps stamp unix epoch"))
"""Of these the unit goes without saying only if they count from 1970."""
_COUNTER = set(_words("index idx counter count number num no nr seq sequence epoch sample samples"))
_COUNTER |= set(_words("row frame frames packet packets scan record unnamed id"))

ENOUGH = 32
"""Fewer samples are not judged by their values."""


def seconds_of(unit: str) -> float | None:
    """What a unit of time is in seconds, with or without brackets; None if it is none."""
    return UNITS.get(unit.lower().replace("µ", "u").replace("μ", "u").strip(" ()[]<>{}."))


def is_clock(name: str, unit: str = "") -> bool:
    """Whether a column of this name, in `unit`, is the time."""
    words = _words(name)
    beside = _CLOCK | _BESIDE | UNITS.keys()
    core = any(word in _CLOCK for word in words) or (bool(words) and words[0] in _SPELT)
    return any(map(seconds_of, (unit, *_BRACKETS.findall(name)))) or (
        core and all(word in beside for word in words)
    )


def clock_unit(name: str, unit: str, first: float) -> float | None:
    """Unit of a clock in seconds: as its name or `unit` says, or by its first value.

    Where nothing is said a "time" is in seconds; of a "timestamp" it is not known.
    """
    words = _words(name)
    spelt = [UNITS[word] for k, word in enumerate(words) if word in UNITS and (k or word in _SPELT)]
    bracketed = [seconds_of(text) for text in _BRACKETS.findall(name)]
    for seconds in (*spelt[-1:], *bracketed, seconds_of(unit)):
        if seconds is not None:
            return seconds
    return since_1970(first) or (None if _EPOCH & set(words) else 1.0)


def says_unit(name: str, unit: str) -> bool:
    """Whether the unit of a clock is written anywhere."""
    return seconds_of(unit) is not None or any(word in UNITS for word in _words(name))


def since_1970(first: float) -> float | None:
    """Unit of stamps that count from 1970, by the size of the first; None if it is none of these.

    Ten digits are seconds (2001 to 2286), thirteen milliseconds, and so on.
    """
    for digits, unit in ((10, 1.0), (13, 1e-3), (16, 1e-6), (19, 1e-9)):
        if 10 ** (digits - 1) <= first < 10**digits:
            return unit
    return None


def is_counter(name: str) -> bool:
    """Whether a column of this name counts samples, packets or the like."""
    words = set(_words(name))
    return name.strip() == "#" or (bool(words - {"id"}) and words <= _COUNTER)


@dataclass(frozen=True)
class Survey:
    """What is seen of all samples in one pass; one entry a column."""

    n_samples: int
    first: Floats
    last: Floats
    least: Floats
    most: Floats
    missing: Integers
    """Samples that are not finite."""
    first_missing: Integers
    rising: list[bool]
    """Nine steps of ten do not go down, or they go down little beside the whole."""
    steady: list[bool]
    """Steps are alike: that of a clock, or of a counter that starts again now and then."""

    @property
    def whole(self) -> list[bool]:
        """Columns whose extremes and ends are whole numbers."""
        values = np.array([self.first, self.last, self.least, self.most])
        return [bool(whole) for whole in (values == np.rint(values)).all(axis=0)]

    @property
    def constant(self) -> list[bool]:
        """Columns that never change."""
        return [bool(same) for same in (self.least == self.most) & (self.missing == 0)]


def survey(rows: Rows, n_samples: int, n_columns: int) -> Survey:
    """Look at all samples, in stretches."""
    least, most = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
    missing, first_missing = np.zeros((2, n_columns), np.int64)
    rising, steady = [[True] * n_columns, [n_samples >= ENOUGH] * n_columns]
    for start, stop in stretches(n_samples, n_columns):
        part = rows(start, stop)
        bad = ~np.isfinite(part)
        new = bad.any(axis=0) & (missing == 0)
        first_missing[new] = start + bad[:, new].argmax(axis=0)
        missing += bad.sum(axis=0)
        least = np.fmin(least, np.fmin.reduce(part, axis=0))
        most = np.fmax(most, np.fmax.reduce(part, axis=0))
        for k in range(n_columns):
            rising[k] = rising[k] and _rises(part[:, k])
            steady[k] = steady[k] and not bad[:, k].any() and is_steady(part[:, k])
    first, last = rows(0, 1)[0], rows(n_samples - 1, n_samples)[0]
    return Survey(n_samples, first, last, least, most, missing, first_missing, rising, steady)


def _rises(x: Floats) -> bool:
    steps = np.diff(x)
    if not len(steps) or np.mean(steps >= 0) >= 0.9:
        return True
    return bool(x[-1] - x[0] > -20 * steps.min())  # stamps of packets, a little out of order


def is_steady(x: Floats) -> bool:
    """Whether all steps are alike, but for rounding, gaps, or a counter that starts again.

    ::

        a clock or ramp     never goes down, and lies on a straight line to within its last digit
        one with gaps       never goes down, and 9 steps of 10 are the same
        a counter           whole numbers, and 9 steps of 10 are the same

    over at least 15 steps, so that two levels or a short pulse are a signal; and so is a drift
    under noise. A stretch that is too short to tell says nothing against it.
    """
    if len(x) < ENOUGH:
        return True
    last_digit = decimals(x)
    unit = float(np.ldexp(1.0, int(np.clip(np.frexp(np.abs(x).max())[1], -1000, 1000))))
    steps = np.diff(x / unit)  # so that no difference overflows
    if (np.median(steps) or steps.mean()) < 0:
        steps = -steps
    typical, rounding = float(np.median(steps)), 1e-15
    same = np.abs(steps - typical) <= 1e-5 * typical + rounding
    alike = 15 * typical <= np.ptp(x / unit) and same.mean() >= 0.9 and typical > rounding
    if (steps < -rounding).any():
        return bool(alike and last_digit is not None and last_digit >= 1)
    return bool(alike) or _is_straight(steps, last_digit and last_digit / unit)


def _is_straight(steps: Floats, last_digit: float | None) -> bool:
    """Whether a curve that rises stays on a straight line, to within a digit or its least step."""
    if not steps.any():
        return False
    off = np.concatenate([[0], np.cumsum(steps - steps.mean())])
    least = float(steps[steps > 1e-15].min())
    if np.abs(steps / least - np.rint(steps / least)).max() < 1e-6:
        last_digit = max(least, last_digit or 0.0)
    return last_digit is not None and bool(
        np.abs(off).max() <= 1.01 * last_digit and steps.sum() >= 15 * last_digit
    )


def decimals(x: Floats) -> float | None:
    """The last decimal place of all values, as a unit: 0.001 of 2.718 and 3.14, 1 of 20."""
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(10):
            scaled = x * 10.0**k
            if (np.abs(scaled - np.rint(scaled)) <= 1e-6 + 4e-16 * np.abs(scaled)).all():
                return float(10.0**-k)
    return None


def resolve(wanted: Sequence[str | int], names: Sequence[str]) -> list[int]:
    """Columns by name, by number from 1 on, or by range (``2-9``); several with commas between.

    Raises
    ------
    ValueError
        Naming what there is.
    """
    columns: list[int] = []
    for entry in (str(entry) for entry in wanted):
        parts = [entry] if entry in names else [part.strip() for part in entry.split(",")]
        for part in parts:
            numbers = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
            if part in names:
                columns.append(names.index(part))
                continue
            first = int(numbers[1]) if numbers else 0
            last = int(numbers[2] or first) if numbers else 0
            if not 1 <= first <= last <= len(names):
                raise ValueError(
                    f"columns: there is no {part!r}; there are {len(names)}: {listed(names)}"
                )
            columns += range(first - 1, last)
    if len(set(columns)) < len(columns):
        raise ValueError(f"columns={','.join(map(str, wanted))}: one is named twice")
    return columns


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a message."""
    rest = f", ... {names[-1]}" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def grouped(reasons: Mapping[str, str]) -> list[str]:
    """``left out: a, b (why)``, one entry a reason."""
    why: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        why.setdefault(reason, []).append(name)
    return [f"left out: {listed(names)} ({reason})" for reason, names in why.items()]
