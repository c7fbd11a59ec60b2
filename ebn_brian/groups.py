"""Parameters of Brian2's groups as arrays: which there are, what they hold, writing all or none."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from brian2 import Quantity, Synapses
from brian2.core.spikesource import SpikeSource
from brian2.core.variables import ArrayVariable, Subexpression, VariableView
from brian2.groups.group import Group
from brian2.groups.subgroup import Subgroup
from brian2.synapses.synapses import SynapticPathway
from brian2.units.fundamentalunits import Dimension, have_same_dimensions

from . import checks
from .checks import Floats

#: What can be read of standalone programs before they run: what was set as a whole, by numbers.
UNREADABLE = (
    "cannot be read before the run in standalone mode, where it belongs to synapses or was set by "
    "a string, by a slice or through a part of a group; say in nominal= what it is"
)


@dataclass(frozen=True)
class Parameter:
    """A real number for each element of a group, and where it is held."""

    group: str
    name: str
    variable: ArrayVariable
    view: VariableView
    start: int
    """First element of the group in the variable: not 0 for a part of a group."""
    size: int
    lowest: float
    """Least value that has a meaning: 0 of delays."""

    @property
    def where(self) -> str:
        """``group.parameter``, for messages."""
        return f"{self.group}.{self.name}"

    @property
    def dim(self) -> Dimension:
        """Its physical dimensions."""
        return self.variable.dim

    @property
    def part(self) -> slice:
        """The elements of the group among those of the variable."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True)
class Change:
    """Values of a parameter, one an element in base units, `before` and `after`."""

    parameter: Parameter
    before: Floats
    after: Floats


def check_group(group: Any) -> None:
    """TypeError if `group` holds no parameters of neurons or synapses."""
    if not (isinstance(group, Group) and isinstance(group, SpikeSource | Synapses)):
        raise TypeError(
            f"group is a {type(group).__name__}: must be neurons, a part of them, or Synapses"
        )


def parameter(group: Any, name: str) -> Parameter:
    """The parameter `name` of `group`; ``'delay'`` and ``'pathway.delay'`` are those of synapses.

    Raises
    ------
    ValueError
        If there is none, or it is not one real number for each element that can be set.
    """
    holders, name = _holders(group), _alias(name)
    why = _why_not(group, name, holders)
    if why is not None:
        allowed = sorted(n for n in holders if _why_not(group, n, holders) is None)
        raise ValueError(f"{group.name}.{name}: {why}; can be spread: {', '.join(allowed)}")
    variable = _variable(holders, name)
    holder, own = holders[name], name.rpartition(".")[2]
    where = f"{group.name}.{name}"
    if isinstance(group, Synapses):
        try:
            group.check_variable_write(variable)
        except TypeError as error:
            raise ValueError(f"{where}: {error}") from None
    if getattr(variable.device, "has_been_run", False):
        raise ValueError(
            f"{where}: its program has run already, so nothing can be set; start another with "
            "get_device().reinit() and get_device().activate()"
        )
    start = group.start if isinstance(group, Subgroup) else 0
    view = holder.state(own, use_units=False)
    lowest = 0.0 if isinstance(holder, SynapticPathway) else -np.inf
    return Parameter(group.name, name, variable, view, start, len(group), lowest)


def nominal_values(parameter: Parameter, stated: Mapping[str, Any]) -> Floats:
    """What the parameter is before its mismatch: as `stated`, or else what it holds.

    Raises
    ------
    ValueError
        If it holds a mismatch already, cannot be read, or is not finite; or `stated` does not fit.
    """
    where = parameter.where
    if parameter.name in stated:
        return _stated(where, stated[parameter.name], parameter.dim, parameter.size)
    written = _written.get(parameter.variable, np.empty(0))[parameter.part]
    try:
        now = np.array(parameter.variable.get_value()[parameter.part], float)
    except NotImplementedError:
        again = "has its mismatch already, or " if np.isfinite(written).any() else ""
        raise ValueError(f"{where}: {again}{UNREADABLE}") from None
    same = np.flatnonzero(written == now[: len(written)]) + parameter.start
    if same.size:
        raise ValueError(
            f"{where}: has its mismatch already, in {same.size} elements of "
            f"{_owner(parameter.variable)[0]} from {same[0]} to {same[-1]}; "
            "set its nominal values before it is spread again, or say them in nominal="
        )
    return checks.finite(where, now)


def base_values(group: Any, name: str | None, stated: Mapping[str, Any]) -> Quantity | None:
    """Values of the variable `name` of `group`, one an element; it may be shared or linked."""
    if name is None:
        return None
    where, variable = f"{group.name}.{name}", group.variables.get(name)
    if not isinstance(variable, ArrayVariable):
        what = "is unknown" if variable is None else "is no variable that is stored"
        raise ValueError(f"{where}: {what}")
    if name in stated:
        return Quantity(_stated(where, stated[name], variable.dim, len(group)), dim=variable.dim)
    try:
        now = checks.finite(where, group.state(name, use_units=False)[:])
    except NotImplementedError:
        raise ValueError(f"{where}: {UNREADABLE}") from None
    return Quantity(np.broadcast_to(now, (len(group),)), dim=variable.dim)


def stated_values(group: Any, nominal: Mapping[str, Any]) -> dict[str, Any]:
    """`nominal` by the names of parameters; ValueError where `group` does not have one."""
    holders = _holders(group)
    for name in nominal:
        if _alias(name) not in holders:
            raise ValueError(f"nominal={nominal!r}: {group.name} has no {name}")
    return {_alias(name): value for name, value in nominal.items()}


def held(parameter: Parameter, values: Floats) -> Floats:
    """`values` rounded to the precision in which the group holds them.

    Raises
    ------
    ValueError
        If that has no room for them, or a delay becomes negative.
    """
    dtype = np.dtype(parameter.variable.dtype)
    with np.errstate(over="ignore", under="ignore"):
        rounded: Floats = values.astype(dtype).astype(float)
    lost = ~np.isfinite(rounded) | ((rounded == 0) & (values != 0))
    if lost.any():
        raise ValueError(
            f"{parameter.where}: becomes {values[lost][0]:.3g}, which {dtype.name} cannot hold"
        )
    if (rounded < parameter.lowest).any():
        raise ValueError(
            f"{parameter.where}: becomes {rounded.min():.3g}: must be at least "
            f"{parameter.lowest:g}; give Spread(low=) to bound it"
        )
    return rounded


def write(changes: Sequence[Change]) -> None:
    """Set all parameters; where one cannot be set, those before it are as they were."""
    for i, change in enumerate(changes):
        if any(change.parameter.variable is other.parameter.variable for other in changes[:i]):
            raise ValueError(f"{change.parameter.where}: is given twice")
    done: list[Change] = []
    try:
        for change in changes:
            _set(change.parameter, change.after)
            done.append(change)
    except BaseException:
        for change in reversed(done):
            _set(change.parameter, change.before)
        raise
    for change in done:
        _remember(change)


#: What was written into which variable, nan elsewhere: to notice a second time, be it through a
#: part of the group. Values that are not those any more were set since, or restored.
_written: WeakKeyDictionary[ArrayVariable, Floats] = WeakKeyDictionary()


def _remember(change: Change) -> None:
    variable, part = change.parameter.variable, change.parameter.part
    before = _written.get(variable, np.empty(0))
    written = np.full(max(len(before), part.stop), np.nan)
    written[: len(before)] = before
    written[part] = np.where(change.after != change.before, change.after, np.nan)
    _written[variable] = written


def _set(parameter: Parameter, values: Floats) -> None:
    try:
        whole = parameter.variable.get_value().copy()
    except NotImplementedError:  # in standalone mode the rest may be unknown
        parameter.view[:] = values
    else:  # standalone devices know afterwards what was set as a whole only
        whole[parameter.part] = values
        parameter.variable.set_value(whole)


def _stated(where: str, value: Any, dim: Dimension, size: int) -> Floats:
    """Values of `size` elements that the user says."""
    try:
        same_unit = have_same_dimensions(value, dim)
        values = np.broadcast_to(np.asarray(value, float), (size,))
    except (TypeError, ValueError):
        raise ValueError(
            f"{where}: nominal={value!r}: must be one number, or {size} of them"
        ) from None
    if not same_unit:
        raise ValueError(f"{where}: nominal={value} has another unit")
    return checks.finite(where, values)


def _holders(group: Any) -> dict[str, Any]:
    """What holds each variable: `group`, or for delays a pathway."""
    holders = {name: group for name in group.variables if not name.startswith("_")}
    if isinstance(group, Synapses):
        for pathway in group.contained_objects:
            if isinstance(pathway, SynapticPathway):
                holders[f"{pathway.objname}.delay"] = pathway
    if "pre.delay" in holders:
        holders["delay"] = holders.pop("pre.delay")
    return holders


def _alias(name: str) -> str:
    """The one name of a parameter that Brian2 gives two."""
    return "delay" if name == "pre.delay" else name


def _variable(holders: Mapping[str, Any], name: str) -> Any:
    return holders[name].variables[name.rpartition(".")[2]] if name in holders else None


def _computed(group: Any) -> list[str]:
    """Subexpressions that are held for a time step, ``(constant over dt)``."""
    updater = getattr(group, "subexpression_updater", None)
    return re.findall(r"^(\w+) =", getattr(updater, "abstract_code", ""), re.MULTILINE)


def _owner(variable: Any) -> tuple[str, Any]:
    """Name and id of the group that holds a variable."""
    try:
        return variable.owner.name, variable.owner.id
    except (AttributeError, ReferenceError):  # it holds none, or is gone
        return "another group", None


def _why_not(group: Any, name: str, holders: Mapping[str, Any]) -> str | None:
    """Why a parameter cannot be spread, and what to do instead; None if it can."""
    variable = _variable(holders, name)
    if variable is None:
        if name in getattr(getattr(group, "equations", None), "identifiers", ()):
            return f"is a constant of the equations; declare it there, '{name} : unit', to set it"
        return "is unknown"
    base = group.source if isinstance(group, Subgroup) else group
    owner, owner_id = _owner(variable)
    if isinstance(variable, Subexpression) or name in _computed(base):
        why = "it is computed from others, so spread those"
    elif not isinstance(variable, ArrayVariable) or not np.issubdtype(variable.dtype, np.floating):
        why = "it counts or decides"
    elif owner_id != base.id:
        why = f"it belongs to {owner}, so spread it there"
    elif variable.scalar and isinstance(holders[name], SynapticPathway):
        why = f"leave delay= out of Synapses and set {name} after connect(), one a synapse"
    elif variable.scalar:
        why = "it is shared by all; declare it without (shared)"
    elif variable.read_only:
        why = "it is read-only"
    else:
        return None
    return f"is not a real number for each element that can be set: {why}"
