"""A design file becomes a design; what is wrong with it is named with its line."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .fields import Field, nearest
from .lines import Place, lines, places
from .schema import MISMATCH, OF_SIZES, PARAMETERS, TABLES
from .sizes import Parameter, cv_of_mirror


@dataclass(frozen=True)
class Design:
    """What a file asks for: values by table and key, and the parameters that have mismatch."""

    tables: Mapping[str, Mapping[str, Any]]
    parameters: tuple[Parameter, ...]
    text: str = field(default="", repr=False)

    def __getitem__(self, table: str) -> Mapping[str, Any]:
        return self.tables[table]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)


class Problems:
    """What is wrong, and where."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given, self.at = given, dict[Place, str]()

    def add(self, place: Place, message: str) -> None:
        """`message` of a table or key; only the first of each counts."""
        self.at.setdefault(place, message)

    def unknown(self, place: Place, known: Mapping[str, Any]) -> None:
        """A name that is none of those `known` there."""
        name, where = place[-1], f"[{'.'.join(place[:-1])}]" if place[:-1] else "the file"
        self.add(place, f"unknown: {where} may hold {', '.join(known)}{nearest(name, known)}")

    def value(self, place: Place, allowed: Field) -> Any:
        """What is at `place`, checked; None if it is wrong."""
        value: Any = self.given
        for name in place:
            value = value[name]
        try:
            return allowed(value)
        except ValueError as error:
            self.add(place, f"{error}")
            return None

    def raised(self, path: Path, text: str) -> None:
        """ValueError that names them all, if there are any, in the order of the lines."""
        if not self.at:
            return
        line_of = lines(text)
        known = {place: line_of.get(place, line_of.get(place[:-1], 1)) for place in self.at}
        raise ValueError(
            "\n".join(
                f"{path.name}, line {known[place]}: {self._shown(place)}: {self.at[place]}"
                for place in sorted(self.at, key=lambda place: known[place])
            )
        )

    def _shown(self, place: Place) -> str:
        """The key as the file has it, with its value unless that is a table."""
        value: Any = self.given
        for name in place:
            value = value.get(name, {})
        shown = ".".join(place)
        return f"[{shown}]" if isinstance(value, dict) else f"{shown} = {value!r:.80}"


def read(path: Path) -> Design:
    """The design in the file `path`.

    Raises
    ------
    ValueError
        If it is no TOML file, or holds wrong keys, units or values: all of them, each with its
        line, its value and what is allowed.
    """
    try:
        text = path.read_text("utf-8")
        given = tomllib.loads(text)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ValueError(f"{path.name}, line {line}: is not UTF-8, as TOML must be") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: is not TOML: {error}") from error
    problems = Problems(given)
    tables = _tables(problems)
    parameters = _parameters(problems, tables)
    _agree(problems, tables)
    problems.raised(path, text)
    if tables["signal"]["recording"]:
        recording = path.parent / tables["signal"]["recording"]
        tables["signal"] = {**tables["signal"], "recording": str(recording)}
    return Design(tables, parameters, text)


def _tables(problems: Problems) -> dict[str, dict[str, Any]]:
    """All tables but ``[mismatch]``, with what stands for missing keys."""
    known = {**TABLES[""], **{name: {} for name in [*TABLES, "mismatch"] if name}}
    for name in problems.given:
        if name not in known:
            problems.unknown((name,), known)
    tables = {}
    for table, keys in TABLES.items():
        given = problems.given.get(table, {}) if table else problems.given
        tables[table] = {name: default for name, (_, default) in keys.items()}
        if not isinstance(given, dict):
            problems.add((table,), f"must be a table, [{table}]")
            continue
        outer = (table,) if table else ()
        for name in given:
            if name in keys:
                tables[table][name] = problems.value((*outer, name), keys[name][0])
            elif table:
                problems.unknown((table, name), keys)
    return tables


def _parameters(problems: Problems, tables: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Those that have mismatch."""
    given = problems.given.get("mismatch", {})
    if not isinstance(given, dict) or not given:
        problems.add(("mismatch",), f"must be a table that holds some of {', '.join(PARAMETERS)}")
        return ()
    for name in given:
        if name not in PARAMETERS:
            problems.unknown(("mismatch", name), PARAMETERS)
    chosen = (_parameter(name, problems, tables) for name in PARAMETERS if name in given)
    return tuple(parameter for parameter in chosen if parameter is not None)


def _parameter(name: str, problems: Problems, tables: Mapping[str, Any]) -> Parameter | None:
    """One of them, or None if something is wrong with it."""
    place, given = ("mismatch", name), problems.given["mismatch"][name]
    if not isinstance(given, dict):
        cv = problems.value(place, MISMATCH["cv"][0])
        return None if cv is None else Parameter(name, cv)
    n_problems = len(problems.at)
    keys = {key: default for key, (_, default) in MISMATCH.items()}
    for key in given:
        if key in MISMATCH:
            keys[key] = problems.value((*place, key), MISMATCH[key][0])
        else:
            problems.unknown((*place, key), MISMATCH)
    _sizes_or_cv(name, problems, tables["process"])
    if name == "offset" and "distribution" in given:
        problems.add((*place, "distribution"), "must be left out: offsets are normal")
    if len(problems.at) > n_problems:
        return None
    more = {"chip": keys["chip"], "distribution": keys["distribution"]}
    if "cv" in given:
        return Parameter(name, keys["cv"], **more)
    if "W" not in given:
        return Parameter(name, 0.0, **more)
    process, W, L, pairs = tables["process"], keys["W"], keys["L"], keys["pairs"]
    if None in process.values():  # which is wrong itself
        return None
    steepest = process["kappa"] / process["U_T"]
    slope = steepest if keys["gm_over_id"] is None else keys["gm_over_id"]
    if float(slope) > float(steepest) * 1.001:
        allowed = f"must be at most kappa/U_T = {float(steepest):.3g} /V, that of weak inversion"
        problems.add((*place, "gm_over_id"), allowed)
        return None
    cv = cv_of_mirror(process["A_VT"], process["A_beta"], slope, W, L, pairs)
    if cv > 1.5:
        problems.add(
            place, f"has a CV of {cv:.3g}, must be at most 1.5: larger W, L or fewer pairs"
        )
        return None
    return Parameter(name, cv, **more, area=2 * pairs * float(W * L))


def _sizes_or_cv(name: str, problems: Problems, process: Mapping[str, Any]) -> None:
    """Either a CV, or W and L, or a chip-to-chip part alone; sizes need a process."""
    place, given = ("mismatch", name), problems.given["mismatch"][name]
    sizes = [key for key in ("W", "L", *OF_SIZES) if key in given]
    if "cv" in given and sizes:
        problems.add((*place, sizes[0]), "must be left out where cv is given: a CV or sizes")
    elif sizes and not {"W", "L"} <= given.keys():
        lacking = " and ".join(key for key in ("W", "L") if key not in given)
        problems.add(place, f"lacks {lacking}: sizes are W and L")
    elif sizes and "A_VT" not in problems.given.get("process", {}):
        problems.add(place, "has W and L: [process] must hold A_VT, such as '3.3 mV*um'")
    elif not given.keys() - {"distribution"}:
        problems.add(place, "must hold cv, or W and L, or chip")


def _agree(problems: Problems, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """What keys ask of each other."""
    given = {place for place in places(problems.given)}
    for one, other in (
        (("signal", "signals"), ("signal", "recording")),
        (("specification", "rate_limit"), ("specification", "rate_max")),
        (("specification", "error_limit"), ("specification", "error_max")),
    ):
        if {one, other} <= given:
            problems.add(other, f"must be left out where {one[-1]} is given: one of the two")
    for key in ("sampling_rate", "columns"):
        if ("signal", key) in given and ("signal", "recording") not in given:
            problems.add(("signal", key), "must be left out: it is that of a recording")
    signals, circuit = tables["signal"]["signals"] or 2, tables["circuit"]
    if circuit["decoder"] == "even" and signals > 2:
        problems.add(("circuit", "decoder"), f"must be 'random' with {signals} signals")
    if circuit["neurons"] and signals >= circuit["neurons"]:
        problems.add(("signal", "signals"), f"must be fewer than neurons, {circuit['neurons']}")
    plain = tables["training"]["procedure"] == "plain"
    for key in ("calibration", "rate_target"):
        if plain and ("training", key) in given:
            problems.add(("training", key), "must be left out: 'plain' does not calibrate")
