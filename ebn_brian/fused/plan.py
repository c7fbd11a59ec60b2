"""Which code objects of a run go into one fused step, and whether it can work block by block."""

import ast
from dataclasses import dataclass

import numpy as np
from brian2 import Clock, Subgroup, Synapses, prefs
from brian2.codegen.codeobject import constant_or_scalar
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable, DynamicArrayVariable

from .translation import constants, is_random, is_total

#: Templates of Brian2 that the fused step knows, and the loop (in pieces.cpp) that stands for them.
KINDS = {
    "stateupdate": "stateupdate",
    "threshold": "threshold",
    "reset": "reset",
    "synapses_push_spikes": "push",
    "synapses": "synapses",
    "spikemonitor": "spikemonitor",
}
NEURONS, SYNAPSES = {"_idx", "0"}, {"_idx", "_presynaptic_idx", "_postsynaptic_idx", "0"}


@dataclass(frozen=True)
class Stretch:
    """Code objects that follow each other in the schedule, on one clock."""

    clock: Clock
    codeobjs: list
    known: bool


def stretches(schedule) -> list[Stretch]:
    """Divide the schedule, pairs (clock, code object), into what is known and what is not."""
    result: list[Stretch] = []
    for clock, codeobj in schedule:
        known = (
            codeobj.template_name in KINDS
            and getattr(codeobj, "translation", None) is not None
            and type(clock).__name__ == "Clock"
        )
        if result and (result[-1].clock, result[-1].known) == (clock, known):
            result[-1].codeobjs.append(codeobj)
        else:
            result.append(Stretch(clock, [codeobj], known))
    return result


def base(group):
    """The group whose arrays a (sub)group uses."""
    return group.source if isinstance(group, Subgroup) else group


def why_not_blocks(codeobjs) -> str | None:
    """Why one block of neurons cannot be simulated ahead of the next, or None if it can."""
    monitors = [c for c in codeobjs if KINDS[c.template_name] == "spikemonitor"]
    counts = {v for monitor in monitors for v, _ in monitor.translation.written if v.scalar}
    for codeobj in codeobjs:
        uses = codeobj.translation.read | codeobj.translation.written
        kind = KINDS[codeobj.template_name]
        if is_random(codeobj):
            return f"'{codeobj.name}' draws random numbers, whose order counts"
        if kind != "spikemonitor" and any(v.scalar for v, _ in codeobj.translation.written):
            return f"'{codeobj.name}' writes a shared variable"
        if codeobj not in monitors and counts & {v for v, _ in codeobj.translation.read}:
            return f"'{codeobj.name}' reads what a monitor has counted"
        if unknown := {index for _, index in uses} - (SYNAPSES if kind == "synapses" else NEURONS):
            return f"'{codeobj.name}' uses the index {', '.join(sorted(unknown))}"
        if kind == "synapses":
            synapses = codeobj.template_kwds["pathway"].synapses
            own = {synapses.name, base(synapses.source).name, base(synapses.target).name}
            if isinstance(synapses.target, Synapses) or isinstance(synapses.source, Synapses):
                return f"'{codeobj.name}' connects to synapses"
        else:
            own = {base(codeobj.owner).name}
            if isinstance(codeobj.owner, Synapses | Subgroup):
                return f"'{codeobj.name}' belongs to {type(codeobj.owner).__name__}"
            if kind == "spikemonitor":
                own |= {base(codeobj.owner.source).name}
        if foreign := {v.owner.name for v, _ in uses if not v.scalar} - own:
            return f"'{codeobj.name}' uses variables of {', '.join(sorted(foreign))}"
    return None


def is_parallel(codeobj) -> bool:
    """Whether no iteration of its loop can touch what another one writes."""
    read, written = codeobj.translation.read, codeobj.translation.written
    allowed = {"_idx"}
    if KINDS[codeobj.template_name] == "synapses":
        allowed |= {"_postsynaptic_idx"}
    if any(v.scalar or index not in allowed for v, index in written):
        return False
    indices: dict = {}
    for var, index in read | written:
        indices.setdefault(var, set()).add(index)
    return all(len(indices[var]) == 1 for var, _ in written) and not is_random(codeobj)


def conjuncts(condition: str) -> set[str]:
    """The conditions that all hold where `condition` holds."""
    tree = ast.parse(condition.strip(), mode="eval").body
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return {ast.unparse(part) for part in tree.values}
    return {ast.unparse(tree)}


def implied_event(codeobjs, later):
    """The earlier threshold that held wherever that of `later` holds, or None."""
    written: set = set()
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


def event_name(codeobj) -> str:
    """The event that a threshold raises: 'spike' for the variable '_spikespace'."""
    return codeobj.template_kwds["eventspace_variable"].name[1 : -len("space")]


def template_arguments(codeobjs, clock, blocks: bool, device) -> dict:
    """Arguments of the template fused.cpp for these code objects, in their order."""
    pieces, support, hashdefines, events, pathways, rows = [], [], [], {}, [], {}
    may_refuse = False  # where delays may differ between synapses, Brian2's own code stays at hand
    for codeobj in codeobjs:
        piece = _piece(codeobj, blocks, device)
        keywords = codeobj.translation.keywords
        lines = keywords["support_code_lines"]
        if lines not in support or is_random(codeobj):  # a state of its own, in static variables
            support.append(lines)
        piece["support"] = len(support) - 1 - support[::-1].index(lines)
        if (lines := keywords["hashdefine_lines"]) and lines not in hashdefines:
            hashdefines.append(lines)
        if space := codeobj.template_kwds.get("eventspace_variable"):
            piece["events"] = f"_events{device.get_array_name(space)}"
            events[space] = {
                "array": device.get_array_name(space),
                "owner": space.owner.name,
                "size": space.size - 1,
            }
        if piece["kind"] == "threshold" and (earlier := implied_event(codeobjs, codeobj)):
            space = earlier.template_kwds["eventspace_variable"]
            piece |= {
                "kind": "threshold_among",
                "among": f"_events{device.get_array_name(space)}",
            }
        elif piece["kind"] == "push":
            source_events = piece["events"]
            push = piece["name"]
        elif piece["kind"] == "synapses":
            pathway = codeobj.template_kwds["pathway"]
            row = _rows(pathway, device)
            rows[row["name"]] = row
            piece |= {
                "events": "_arriving",
                "source_events": source_events,
                "pathway": pathway.name,
                "rows": f"_ebn_plan.{row['name']}",
                "pre": f"_ptr{row['pre_array']}",
                "post": f"_ptr{row['post_array']}",
            }
            delay = device.get_array_name(pathway.variables["delay"], access_data=False)
            pathways.append({"name": pathway.name, "delay": delay, "push": push})
            may_refuse |= not pathway.variables["delay"].scalar
        pieces.append(piece)

    arguments = {
        "pieces": pieces,
        "support": support,
        "hashdefines": hashdefines,
        "all_events": list(events.values()),
        "pathways": pathways,
        "all_rows": list(rows.values()),
        "may_refuse": may_refuse,
        "blocks": blocks,
        "clock": clock.name,
        "clock_t": device.get_array_name(clock.variables["t"]),
        "clock_timestep": device.get_array_name(clock.variables["timestep"]),
        "single": c_data_type(prefs.core.default_float_dtype) == "float",
    }
    return arguments | (_block_arguments(codeobjs, events, rows, device) if blocks else {})


def _piece(codeobj, blocks, device) -> dict:
    """What the template needs of one code object."""
    translation = codeobj.translation
    kind = KINDS[codeobj.template_name]
    piece = {
        "name": codeobj.name,
        "kind": kind,
        "constants": constants(codeobj, device),
        "pointers": translation.keywords["pointers_lines"],
        "scalar_code": translation.scalar_code[None],
        "vector_code": translation.vector_code[None],
        "parallel": is_parallel(codeobj),
        "keywords": {"_uses_refractory": False},
        "recorded": {},
    }
    text = "".join(map(str, [piece["scalar_code"], piece["vector_code"]]))
    piece["padded"] = blocks and piece["parallel"] and is_total(codeobj, text)
    piece["keywords"] |= codeobj.template_kwds
    for name, var in codeobj.variables.items():
        if isinstance(var, ArrayVariable):
            pointer = f"_ptr{device.get_array_name(var)}"
            piece["keywords"][name] = f"{pointer}[0]" if var.scalar else pointer
    if kind in ("stateupdate", "threshold"):
        size = constant_or_scalar("N", codeobj.variables["N"])
        piece["first"] = f"_first_{codeobj.owner.name}" if blocks else "0"
        piece["last"] = f"_last_{codeobj.owner.name}" if blocks else f"(int){size}"
    if kind == "spikemonitor":
        piece["recorded"] = {
            name: device.get_array_name(var, access_data=False)
            for name, var in sorted(codeobj.template_kwds["record_variables"].items())
        }
    return piece


def _rows(pathway, device) -> dict:
    """The synapses of a pathway, by source; pathways of one Synapses share them."""
    synapses = pathway.synapses
    pre, post = synapses.variables["_synaptic_pre"], synapses.variables["_synaptic_post"]
    return {
        "name": f"rows_{synapses.name}_{pathway.prepost}",
        "sources": device.get_array_name(pathway.synapse_sources, access_data=False),
        "pre": device.get_array_name(pre, access_data=False),
        "post": device.get_array_name(post, access_data=False),
        "pre_array": device.get_array_name(pre),
        "post_array": device.get_array_name(post),
        "source": base(synapses.source),
        "target": base(synapses.target),
    }


def _block_arguments(codeobjs, events, rows, device) -> dict:
    """The groups that are cut into blocks, and those of their arrays that the code uses."""
    groups, arrays = {}, {}
    for space in events:
        groups[space.owner.name] = space.size - 1
    for codeobj in codeobjs:
        if KINDS[codeobj.template_name] == "push":
            continue
        if "pathway" in codeobj.template_kwds:
            synapses = codeobj.template_kwds["pathway"].synapses
            owners = [base(synapses.source), base(synapses.target)]
        elif codeobj.template_name == "spikemonitor":
            owners = [base(codeobj.owner.source)]
        else:
            owners = [codeobj.owner]
        groups |= {owner.name: len(owner) for owner in owners}
        for var in codeobj.variables.values():
            if (
                isinstance(var, ArrayVariable)
                and not isinstance(var, DynamicArrayVariable)
                and not var.scalar
                and var not in events
                and var.owner.name in groups
            ):
                arrays[var] = {
                    "name": device.get_array_name(var),
                    "dtype": c_data_type(var.dtype),
                    "owner": var.owner.name,
                }
    names = list(groups)
    for array in arrays.values():
        array["group"] = names.index(array["owner"])
    for row in rows.values():
        row["source_group"] = names.index(row["source"].name)
        row["target_group"] = names.index(row["target"].name)
    used = sum(np.dtype(var.dtype).itemsize for var in arrays)
    return {"groups": groups, "arrays": list(arrays.values()), "bytes_per_neuron": used or 1}
