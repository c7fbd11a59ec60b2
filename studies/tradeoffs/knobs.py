"""What is turned, one knob at a time, from a design that is otherwise as it should be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..design.file import Design
from ..design.schema import TABLES
from ..design.sizes import Parameter

#: Settings by name; a point is what differs from the design as it is.
Point = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Knob:
    """One curve, or one a `remedy`, of `values`; `base` is that of the design as it is, if any."""

    label: str
    values: tuple[float, ...]
    base: float | None = None
    percent: bool = False
    remedies: tuple[str, ...] = ("",)

    @property
    def all_values(self) -> tuple[float, ...]:
        """With that of the design."""
        more = () if self.base is None else (self.base,)
        return tuple(sorted({*self.values, *more}))


CVS = (0.1, 0.2, 0.4)
KNOBS = {
    "bits": Knob("bits of a weight's counter", (4, 5, 6, 8), 10),
    "threshold_bits": Knob("bits of a threshold's DAC", (3, 4, 5, 6)),
    "target": Knob("homeostats' target rates, CV / %", CVS, 0, percent=True),
    "offset": Knob("comparators' offset, SD / % of |D|²", CVS, 0, percent=True),
    "copy_gain": Knob("comparators' own copy gain, CV / %", (0, *CVS), percent=True),
    "neurons": Knob("neurons", (10, 30, 50), 20),
    "signals": Knob("signals", (1, 3, 4), 2),
    "noise": Knob("noise of the membrane, SD / % of threshold", (0.02, 0.05, 0.1), 0, True),
    "drift": Knob(
        "thresholds' drift since they were set, CV / %", (0.02, 0.05, 0.1, 0.2), 0, True,
        remedies=("", "learning", "rest"),
    ),
}  # fmt: skip
#: Several at once: what a cheap homeostat and cheap comparators would be.
STRESS: Point = (("target", 0.2), ("offset", 0.2), ("threshold_bits", 5))
BASE: Point = ()
#: Tables of a design that hold a knob; all but the counter's bits ask for clean chips of their own.
TABLE_OF = {"bits": "circuit", "neurons": "circuit", "noise": "circuit", "signals": "signal"}
#: Parameters that have mismatch in the design as it is.
PARAMETERS = ("gain", "threshold", "reset", "tau", "F")


def base_design(cv: float) -> Design:
    """Chips that set their thresholds first, with mismatch of this CV in all `PARAMETERS`."""
    tables = {t: {key: value for key, (_, value) in keys.items()} for t, keys in TABLES.items()}
    return Design(tables, tuple(Parameter(name, cv) for name in PARAMETERS))


def design_at(base: Design, point: Point) -> Design:
    """The design of a point."""
    tables = {name: dict(keys) for name, keys in base.tables.items()}
    parameters = list(base.parameters)
    for name, value in point:
        if name in TABLE_OF:
            tables[TABLE_OF[name]][name] = value
        elif name in ("target", "offset", "copy_gain"):
            parameters.append(Parameter(name, value))
    return replace(base, tables=tables, parameters=tuple(parameters))


def reference(point: Point) -> Point:
    """What a point shares with the clean chips that it is compared with."""
    return tuple((name, value) for name, value in point if name in TABLE_OF and name != "bits")


def program_of(design: Design) -> str:
    """Name of the program that the chips of a design need."""
    circuit, n_signals = design["circuit"], design["signal"]["signals"] or 2
    return f"{circuit['neurons']}-{n_signals}" + "-noise" * bool(circuit["noise"])


def label(point: Point) -> str:
    """Name of a point."""
    if point in (BASE, STRESS):
        return "stress" if point else "base"
    (name, value), *remedy = point
    return "_".join([f"{name}_{value:g}", *(str(how) for _, how in remedy)])


def points_of(name: str, values: Sequence[float], remedy: str) -> list[Point]:
    """Those of a knob's curve, in the order of `values`."""
    how = (("remedy", remedy),) if remedy else ()
    base = KNOBS[name].base
    return [BASE if value == base else ((name, value), *how) for value in values]


def all_points(values: Mapping[str, Sequence[float]]) -> list[Point]:
    """Of all curves of these knobs with their values, each once."""

    def each() -> Iterator[Point]:
        yield BASE
        yield STRESS
        for name, tried in values.items():
            for remedy in KNOBS[name].remedies:
                yield from points_of(name, tried, remedy)

    return list(dict.fromkeys(each()))
