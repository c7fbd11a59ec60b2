"""Which code objects of a run go into one fused step, and whether it can work block by block."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brian2 import Clock, Subgroup, Synapses
from brian2.core.variables import ArrayVariable
from brian2.groups.group import Group

from .translation import FusedCodeObject, is_random, why_not_anywhere

#: Templates of Brian2 that the fused step knows, and the loop (in pieces.cpp) that stands for them.
KINDS = {
    "stateupdate": "stateupdate",
    "threshold": "threshold",
    "reset": "reset",
    "synapses_push_spikes": "push",
    "synapses": "synapses",
    "spikemonitor": "spikemonitor",
    "statemonitor": "statemonitor",
    "ratemonitor": "ratemonitor",
    "spikegenerator": "spikegenerator",
}
#: Those that record, and so may look at a block of neurons by itself.
MONITORS = ("spikemonitor", "statemonitor", "ratemonitor")
#: How much rarer than steps something must happen for chunks of steps to pay.
SLOWER = 8
NEURONS, SYNAPSES = {"_idx", "0"}, {"_idx", "_presynaptic_idx", "_postsynaptic_idx", "0"}


@dataclass(frozen=True)
class Section:
    """Code objects that follow each other in the schedule, on one clock."""

    clock: Clock
    codeobjs: list[FusedCodeObject]
    known: bool


def sections(schedule: Sequence[tuple[Clock, FusedCodeObject]]) -> list[Section]:
    """Divide the schedule, pairs (clock, code object), into what is known and what is not."""
    left_out = {  # a pathway's events enter Brian2's queue where its own code takes them out
        c.template_kwds["pathway"].name
        for clock, c in schedule
        if c.template_name == "synapses" and why_unknown(clock, c)
    }
    result: list[Section] = []
    for clock, codeobj in schedule:
        known = why_unknown(clock, codeobj) is None and not (
            kind(codeobj) == "push" and codeobj.owner.name in left_out
        )
        if result and (result[-1].clock, result[-1].known) == (clock, known):
            result[-1].codeobjs.append(codeobj)
        else:
            result.append(Section(clock, [codeobj], known))
    return result


def beside(parts: Sequence[Section]) -> list[Section]:
    """Sections that look at variables, or set them, now and then, between the chunks of another.

    They are on clocks at least `SLOWER` times slower, and have nothing to do with events.
    """
    if not parts:
        return []
    main = max(parts, key=lambda part: len(part.codeobjs))
    return [
        part
        for part in parts
        if part.clock is not main.clock
        and {type(clock).__name__ for clock in (part.clock, main.clock)} == {"Clock"}
        and part.clock.dt_ >= SLOWER * main.clock.dt_
        and all(c.template_name in ("statemonitor", "stateupdate") for c in part.codeobjs)
    ]


def why_unknown(clock: Clock, codeobj: FusedCodeObject) -> str | None:
    """Why the fused step has no loop that does what this code object does, or None if it has."""
    if codeobj.template_name not in KINDS or not hasattr(codeobj, "translation"):
        return codeobj.template_name
    if type(clock).__name__ != "Clock":
        return f"on {type(clock).__name__} '{clock.name}'"
    if kind(codeobj) == "spikemonitor" and is_random(codeobj):
        return "records random numbers"  # Brian2's monitor draws none where nothing spikes
    return why_not_anywhere(codeobj)


def kind(codeobj: FusedCodeObject) -> str:
    """The loop that stands for a known code object."""
    return KINDS[codeobj.template_name]


def event_space(codeobj: FusedCodeObject) -> ArrayVariable | None:
    """The variable with the events that a code object raises or goes through."""
    if kind(codeobj) in ("ratemonitor", "spikegenerator"):
        return codeobj.variables["_spikespace"]
    return codeobj.template_kwds.get("eventspace_variable")


def base(group: Group) -> Group:
    """The group whose arrays a (sub)group uses."""
    return group.source if isinstance(group, Subgroup) else group


def why_not_blocks(codeobjs: Sequence[FusedCodeObject]) -> str | None:
    """Why one block of neurons cannot be simulated ahead of the next, or None if it can."""
    monitors = [c for c in codeobjs if kind(c) in MONITORS]
    counts = {v for monitor in monitors for v, _ in monitor.translation.written if v.scalar}
    for codeobj in codeobjs:
        uses = codeobj.translation.read | codeobj.translation.written
        if kind(codeobj) == "spikegenerator":
            return f"'{codeobj.name}' brings spikes from outside"
        if is_random(codeobj):
            return f"'{codeobj.name}' draws random numbers, whose order counts"
        if codeobj not in monitors and any(v.scalar for v, _ in codeobj.translation.written):
            return f"'{codeobj.name}' writes a shared variable"
        if codeobj not in monitors and counts & {v for v, _ in codeobj.translation.read}:
            return f"'{codeobj.name}' reads what a monitor has counted"
        known = SYNAPSES if kind(codeobj) == "synapses" else NEURONS
        if unknown := {index for _, index in uses} - known:
            return f"'{codeobj.name}' uses the index {', '.join(sorted(unknown))}"
        if kind(codeobj) == "synapses":
            synapses = codeobj.template_kwds["pathway"].synapses
            own = {synapses.name, base(synapses.source).name, base(synapses.target).name}
            if isinstance(synapses.target, Synapses) or isinstance(synapses.source, Synapses):
                return f"'{codeobj.name}' connects to synapses"
        else:
            own = {base(codeobj.owner).name}
            if isinstance(codeobj.owner, Synapses | Subgroup):
                return f"'{codeobj.name}' belongs to {type(codeobj.owner).__name__}"
            if codeobj in monitors:
                if isinstance(codeobj.owner.source, Synapses):
                    return f"'{codeobj.name}' records from synapses"
                own |= {base(codeobj.owner.source).name}
        if foreign := {v.owner.name for v, _ in uses if not v.scalar} - own:
            return f"'{codeobj.name}' uses variables of {', '.join(sorted(foreign))}"
    return None


def is_parallel(codeobj: FusedCodeObject) -> bool:
    """Whether no iteration of its loop can touch what another one writes, but random numbers."""
    read, written = codeobj.translation.read, codeobj.translation.written
    allowed = {"_idx"}
    if kind(codeobj) == "synapses":
        allowed |= {"_postsynaptic_idx"}
    if any(v.scalar or index not in allowed for v, index in written):
        return False
    indices: dict[ArrayVariable, set[str]] = {}
    for var, index in read | written:
        indices.setdefault(var, set()).add(index)
    return all(len(indices[var]) == 1 for var, _ in written)


def conjuncts(condition: str) -> set[str]:
    """The conditions that all hold where `condition` holds."""
    tree = ast.parse(condition.strip(), mode="eval").body
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return {ast.unparse(part) for part in tree.values}
    return {ast.unparse(tree)}


def implied_event(
    codeobjs: Sequence[FusedCodeObject], later: FusedCodeObject
) -> FusedCodeObject | None:
    """The earlier threshold that held wherever that of `later` holds, or None."""
    written: set[Any] = set()
    for earlier in reversed(codeobjs[: codeobjs.index(later)]):
        if earlier.template_name == "threshold" and earlier.owner.name == later.owner.name:
            conditions = [conjuncts(c.owner.events[event_name(c)]) for c in (earlier, later)]
            unchanged = not written & {var for var, _ in earlier.translation.read}
            plain = not (
                earlier.template_kwds["_uses_refractory"] or is_random(earlier) or is_random(later)
            )
            if plain and unchanged and conditions[0] <= conditions[1]:
                return earlier
        written |= {var for var, _ in earlier.translation.written}
    return None


def event_name(codeobj: FusedCodeObject) -> str:
    """The event that a threshold raises: 'spike' for the variable '_spikespace'."""
    name: str = codeobj.template_kwds["eventspace_variable"].name
    return name[1 : -len("space")]
