"""Which columns of a file are its channels, which is its time, and its sampling rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..checks import Floats
from .clocks import check_rising, intervals, regular_rate, stamps
from .columns import Survey, clock_unit, is_clock, is_counter, resolve, says_unit, survey
from .source import Source

TIME_COLUMNS = ("t", "time", "t_s", "time_s")
"""Columns of these names are the time, in seconds, and must increase."""
NEAR = 0.05
"""So far apart may be two sampling rates that are the same, nominal and measured."""
GAP = 10
"""A gap of so many intervals between samples is worth a word."""

NO_RATE = (
    "does not hold its sampling rate: sampling_rate must be given, or in a CSV file a column "
    f"{', '.join(TIME_COLUMNS)} (s)"
)


@dataclass(frozen=True)
class Wanted:
    """What the user says of a file."""

    sampling_rate: float | None = None
    time_column: str | None = None
    columns: Sequence[str | int] | None = None


@dataclass(frozen=True)
class Timing:
    """When samples were taken."""

    rate: float
    times: Floats | None = None
    """In seconds, where irregular."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """What the columns of a file are."""

    channels: list[int]
    largest: float
    """Of the channels' absolute values."""
    timing: Timing
    time_column: str | None
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


def assign(source: Source, wanted: Wanted) -> Assignment:
    """Look at all samples of a file and decide what they are.

    Raises
    ------
    ValueError
        If that leaves no channel, or a doubt; then it names the option that settles it.
    """
    names = source.names
    seen = survey(source.rows, source.n_samples, len(names))
    chosen = None if wanted.columns is None else resolve(wanted.columns, names)
    units = _clocks(source, seen, chosen or [], wanted.time_column)
    used = _time(source, seen, units, wanted)
    why = _no_signals(source, seen, units, used, chosen)
    channels = [k for k in (chosen or range(len(names))) if k not in why and k != used]
    notes: tuple[str, ...] = ()
    if not channels and chosen is None and (channels := _ramps(source, seen, units, why)):
        why = {k: reason for k, reason in why.items() if k not in channels}
        notes = (f"{names[channels[0]]!r} changes in equal steps, and is all there is",)
    if not channels:
        raise ValueError(_no_channel(source, seen, why))
    _check_finite(source, seen, channels, used)
    timing = _timing(source, seen, units, used, wanted)
    return Assignment(
        channels,
        float(np.abs([seen.least[channels], seen.most[channels]]).max()),
        timing,
        None if used is None else names[used],
        {**source.left_out, **{names[k]: reason for k, reason in why.items()}},
        notes + timing.notes,
    )


def _clocks(
    source: Source, seen: Survey, chosen: Sequence[int], asked: str | None
) -> dict[int, float | None]:
    """Columns that are the time, and their unit in seconds where it is known."""
    clocks: dict[int, float | None] = {}
    for k, name in enumerate(source.names):
        unit = source.units.get(name, "")
        if k in chosen or not (source.judged and is_clock(name, unit)):
            continue
        seconds = clock_unit(name, unit, seen.first[k])
        counts = seconds is None and is_counter(name)
        if not counts and (seen.rising[k] or name.lower() in TIME_COLUMNS):
            clocks[k] = seconds
    if asked is not None and (asked in source.names or asked.lower() != "none"):
        (k,) = resolve([asked], source.names)
        unit = source.units.get(source.names[k], "")
        clocks[k] = clock_unit(source.names[k], unit, seen.first[k]) or 1.0
    falling = [k for k in clocks if not seen.rising[k] and source.names[k] != asked]
    if len(falling) < len(clocks):  # a "T" beside the time is a temperature
        clocks = {k: unit for k, unit in clocks.items() if k not in falling}
    return clocks


def _time(
    source: Source, seen: Survey, clocks: Mapping[int, float | None], wanted: Wanted
) -> int | None:
    """The clock to go by."""
    if wanted.time_column is not None:
        if wanted.time_column not in source.names and wanted.time_column.lower() == "none":
            return None
        return resolve([wanted.time_column], source.names)[0]
    known = [k for k, unit in clocks.items() if unit is not None]
    if not known:
        return None
    rates = [_mean_rate(seen, k, clocks[k]) for k in known]
    if wanted.sampling_rate is None and max(rates) > min(rates) * 1.01:
        columns = [source.names[k] for k in known]
        raise ValueError(
            f"columns {columns} are all the time, and differ: there must be at most one; "
            "time_column=... names it"
        )
    return known[0]


def _no_signals(
    source: Source,
    seen: Survey,
    clocks: Mapping[int, float | None],
    used: int | None,
    chosen: Sequence[int] | None,
) -> dict[int, str]:
    """Columns that are no channels, and why; the time itself is not among them."""
    why: dict[int, str] = {}
    for k, name in enumerate(source.names):
        if k == used:
            continue
        if chosen is not None and k not in chosen:
            why[k] = "not asked for"
        elif seen.constant[k]:
            why[k] = f"is {seen.first[k]:g} throughout"
        elif chosen is not None:
            continue
        elif k in clocks:
            why[k] = "a clock"
        elif seen.missing[k] > seen.n_samples / 2:
            why[k] = "empty in most rows"
        elif source.judged and is_counter(name) and seen.rising[k] and seen.whole[k]:
            why[k] = "a counter"
        elif source.judged and seen.steady[k]:
            why[k] = "its steps are all alike, as those of a clock or counter"
    return why


def _ramps(
    source: Source, seen: Survey, clocks: Mapping[int, float | None], why: Mapping[int, str]
) -> list[int]:
    """Columns whose values alone speak against them, where nothing else is there."""
    ramps = [k for k in why if seen.steady[k] and k not in clocks]
    others = [k for k in why if k not in ramps and k not in clocks]
    return [] if others else [k for k in ramps if not is_counter(source.names[k])]


def _no_channel(source: Source, seen: Survey, why: Mapping[int, str]) -> str:
    reasons = [f"column {source.names[k]!r} {reason}" for k, reason in why.items()]
    reasons += [f"column {name!r} {reason}" for name, reason in source.left_out.items()]
    if not reasons:
        return f"holds {seen.n_samples} samples of 0 channels: must hold some"
    more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
    return (
        f"no channel is left: {'; '.join(reasons[:3])}{more}. A channel must vary; columns=... "
        "takes any that does"
    )


def _check_finite(source: Source, seen: Survey, channels: Sequence[int], used: int | None) -> None:
    needed = [*channels, *([] if used is None else [used])]
    bad = [k for k in needed if seen.missing[k]]
    if bad:
        k = min(bad, key=lambda k: (seen.first_missing[k], k))
        row = int(seen.first_missing[k])
        cell = source.rows(row, row + 1)[0, k]
        raise ValueError(
            f"{source.place(row)}, column {source.names[k]!r} holds {cell}: "
            f"must be finite (cells that are not: {sum(seen.missing[k] for k in bad)})"
        )


def _mean_rate(seen: Survey, k: int, unit: float | None) -> float:
    """Of the first and the last stamp, in Hz; 0 if they do not rise."""
    span = float(seen.last[k] - seen.first[k]) * (unit or 1.0)
    return (seen.n_samples - 1) / span if span > 0 else 0.0


def _timing(
    source: Source,
    seen: Survey,
    clocks: Mapping[int, float | None],
    used: int | None,
    wanted: Wanted,
) -> Timing:
    """The sampling rate, from the user, the time stamps, or what the file says beside them."""
    given = wanted.sampling_rate
    if given is not None:
        return _given(source, seen, clocks, used, given)
    if used is not None:
        return _measured(source, source.names[used], stamps(source, used, clocks[used] or 1.0))
    if source.rate is not None:
        return Timing(source.rate)
    unknown = [source.names[k] for k, unit in clocks.items() if unit is None]
    steady = [
        name
        for k, name in enumerate(source.names)
        if source.judged and seen.steady[k] and not is_counter(name)
    ]
    if hints := unknown or steady:
        raise ValueError(
            f"{NO_RATE}; column {hints[0]!r} looks like a clock of unknown unit: time_column="
            f"{hints[0]!r} takes it in seconds"
        )
    raise ValueError(NO_RATE)


def _given(
    source: Source,
    seen: Survey,
    clocks: Mapping[int, float | None],
    used: int | None,
    given: float,
) -> Timing:
    """The user's sampling rate, unless the file says another."""
    rate, where = source.rate, ""
    if used is not None:
        rate, where = _mean_rate(seen, used, clocks[used]), f" (column {source.names[used]!r})"
        says = says_unit(source.names[used], source.units.get(source.names[used], ""))
        guesses = (1.0,) if says else (1.0, 1e3, 1e6, 1e9)
        rate = next((r for f in guesses if _near(r := rate * f, given)), rate)
    if rate and not _near(rate, given, 1e-3 if source.exact else NEAR):
        raise ValueError(
            f"sampling_rate={given:g} Hz, but the file holds it: {rate:g} Hz{where}"
            + "; time_column='none' leaves it aside" * (used is not None)
        )
    notes = (f"sampling_rate is taken, not {source.names[used]!r}",) if used is not None else ()
    return Timing(given, None, notes)


def _near(rate: float, other: float, by: float = NEAR) -> bool:
    return abs(rate / other - 1) <= by


def _measured(source: Source, name: str, times: Floats) -> Timing:
    """By time stamps."""
    rate = regular_rate(times)
    notes: tuple[str, ...] = ()
    if rate is not None:
        if source.rate is not None and not _near(source.rate, rate):
            notes = (f"the header speaks of {source.rate:g} Hz, the time stamps of {rate:g} Hz",)
        return Timing(rate, None, notes)
    mean = (len(times) - 1) / (times[-1] - times[0]) if times[-1] > times[0] else 0.0
    if source.rate is not None and mean and _near(source.rate, mean):
        return Timing(source.rate, None, (f"{name!r} is irregular: the header's rate is taken",))
    check_rising(source, name, times)
    usual, gap = intervals(times)
    if gap > GAP * usual:
        notes = (f"a gap of {gap:.4g} s in {name!r}, {gap / usual:.0f} intervals, is bridged",)
        mean = 1 / usual
    return Timing(mean, times, notes)
