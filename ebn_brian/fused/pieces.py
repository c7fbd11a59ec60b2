"""What the template fused.cpp needs of a section of the schedule, code object by code object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, prefs
from brian2.codegen.codeobject import constant_or_scalar
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.synapses.synapses import SynapticPathway

from .plan import base, implied_event, is_parallel, kind
from .translation import FusedCodeObject, constants, is_random, is_total


@dataclass(frozen=True)
class EventSpace:
    """The list of neurons with an event in this time step."""

    array: str
    owner: str
    size: int


@dataclass(frozen=True)
class Rows:
    """The synapses of a pathway, by source; pathways of one `Synapses` share them."""

    name: str
    sources: str
    """Array of the neurons whose events arrive."""
    pre: str
    post: str
    pre_array: str
    """Pointer to the data of `pre`, as generated code names it."""
    post_array: str
    source: str
    """Group of the neurons in `pre`."""
    target: str


@dataclass(frozen=True)
class Pathway:
    """Events that act on synapses, perhaps after a delay."""

    name: str
    delay: str
    push: str
    """Code object that puts the events into Brian2's own queue."""
    source_events: str
    rows: Rows


@dataclass(frozen=True)
class Piece:
    """What the template needs of one code object."""

    name: str
    kind: str
    """The macro of pieces.cpp with its loop."""
    support: int
    """Number of the support code that it calls."""
    constants: list[str]
    pointers: list[str]
    scalar_code: list[str]
    vector_code: list[str]
    parallel: bool
    padded: bool
    """Whether its loop may go on to the end of a whole vector."""
    keywords: dict[str, Any]
    """C++ expressions by the name of the variable, and the arguments of Brian2's own template."""
    first: str
    """Of a loop over neurons, the first one and that after the last."""
    last: str
    events: str
    """Events that it goes through, or raises."""
    among: str
    """Events of which a threshold implies one."""
    pathway: Pathway | None
    recorded: dict[str, str]
    """Arrays that a monitor appends to, by variable."""
    number: str
    """Array with the number of events that it has seen."""


@dataclass(frozen=True)
class StateArray:
    """An array of a group that is cut into blocks."""

    name: str
    dtype: str
    owner: str


def template_arguments(
    codeobjs: Sequence[FusedCodeObject], clock: Clock, blocks: bool, device: CPPStandaloneDevice
) -> dict[str, Any]:
    """Arguments of the template fused.cpp for these code objects, in their order."""
    spaces = {
        space: EventSpace(device.get_array_name(space), space.owner.name, space.size - 1)
        for codeobj in codeobjs
        if (space := codeobj.template_kwds.get("eventspace_variable"))
    }
    pushes = {c.owner.name: c for c in codeobjs if kind(c) == "push"}
    acting = {c.name: c.template_kwds["pathway"] for c in codeobjs if kind(c) == "synapses"}
    pathways = {name: _pathway(p, pushes[p.name], device) for name, p in acting.items()}
    implied = {c.name: implied_event(codeobjs, c) for c in codeobjs if kind(c) == "threshold"}
    support, number = _support(codeobjs)
    hashdefines = [c.translation.keywords["hashdefine_lines"] for c in codeobjs]
    arguments = {
        "pieces": [
            _piece(c, number[c.name], implied.get(c.name), pathways.get(c.name), blocks, device)
            for c in codeobjs
        ],
        "support": support,
        "hashdefines": [h for k, h in enumerate(hashdefines) if h and h not in hashdefines[:k]],
        "all_events": list(spaces.values()),
        "pathways": list(pathways.values()),
        "all_rows": list({p.rows.name: p.rows for p in pathways.values()}.values()),
        # where delays may differ between synapses, Brian2's own code stays at hand
        "may_refuse": any(not p.variables["delay"].scalar for p in acting.values()),
        "blocks": blocks,
        "clock": clock.name,
        "clock_t": device.get_array_name(clock.variables["t"]),
        "clock_timestep": device.get_array_name(clock.variables["timestep"]),
        "single": c_data_type(prefs.core.default_float_dtype) == "float",
    }
    return arguments | (_block_arguments(codeobjs, spaces, device) if blocks else {})


def _support(codeobjs: Sequence[FusedCodeObject]) -> tuple[list[Any], dict[str, int]]:
    """Support code, each text once, and the number of its text by code object.

    What draws random numbers has a text of its own: its static variables hold a state.
    """
    texts: list[Any] = []
    number = {}
    for codeobj in codeobjs:
        lines = codeobj.translation.keywords["support_code_lines"]
        if lines not in texts or is_random(codeobj):
            texts.append(lines)
        number[codeobj.name] = len(texts) - 1 - texts[::-1].index(lines)
    return texts, number


def _pathway(
    pathway: SynapticPathway, push: FusedCodeObject, device: CPPStandaloneDevice
) -> Pathway:
    """A pathway of synapses, given the code object that puts its events into the queue."""
    synapses = pathway.synapses
    pre, post = synapses.variables["_synaptic_pre"], synapses.variables["_synaptic_post"]
    rows = Rows(
        name=f"rows_{synapses.name}_{pathway.prepost}",
        sources=device.get_array_name(pathway.synapse_sources, access_data=False),
        pre=device.get_array_name(pre, access_data=False),
        post=device.get_array_name(post, access_data=False),
        pre_array=device.get_array_name(pre),
        post_array=device.get_array_name(post),
        source=base(synapses.source).name,
        target=base(synapses.target).name,
    )
    delay = device.get_array_name(pathway.variables["delay"], access_data=False)
    return Pathway(pathway.name, delay, push.name, _events(push, device), rows)


def _events(codeobj: FusedCodeObject, device: CPPStandaloneDevice) -> str:
    """The events of a code object in the fused code."""
    return f"_events{device.get_array_name(codeobj.template_kwds['eventspace_variable'])}"


def _piece(
    codeobj: FusedCodeObject,
    support: int,
    implied: FusedCodeObject | None,
    pathway: Pathway | None,
    blocks: bool,
    device: CPPStandaloneDevice,
) -> Piece:
    translation = codeobj.translation
    scalar, vector = translation.scalar_code[None], translation.vector_code[None]
    parallel = is_parallel(codeobj)
    expressions = {}
    for name, var in codeobj.variables.items():
        if isinstance(var, ArrayVariable):
            pointer = f"_ptr{device.get_array_name(var)}"
            expressions[name] = f"{pointer}[0]" if var.scalar else pointer
    first = last = events = ""
    if kind(codeobj) in ("stateupdate", "threshold"):
        size = constant_or_scalar("N", codeobj.variables["N"])
        first = f"_first_{codeobj.owner.name}" if blocks else "0"
        last = f"_last_{codeobj.owner.name}" if blocks else f"(int){size}"
    if pathway:
        events = "_arriving"
    elif "eventspace_variable" in codeobj.template_kwds:
        events = _events(codeobj, device)
    recorded = sorted(codeobj.template_kwds.get("record_variables", {}).items())
    monitor = kind(codeobj) == "spikemonitor"
    number = device.get_array_name(codeobj.variables["N"]) if monitor else ""
    return Piece(
        name=codeobj.name,
        kind="threshold_among" if implied else kind(codeobj),
        support=support,
        constants=constants(codeobj, device),
        pointers=translation.keywords["pointers_lines"],
        scalar_code=scalar,
        vector_code=vector,
        parallel=parallel,
        padded=blocks and parallel and is_total(codeobj, f"{scalar}{vector}"),
        keywords={"_uses_refractory": False} | codeobj.template_kwds | expressions,
        first=first,
        last=last,
        events=events,
        among=_events(implied, device) if implied else "",
        pathway=pathway,
        recorded={n: device.get_array_name(var, access_data=False) for n, var in recorded},
        number=number,
    )


def _block_arguments(
    codeobjs: Sequence[FusedCodeObject],
    spaces: dict[ArrayVariable, EventSpace],
    device: CPPStandaloneDevice,
) -> dict[str, Any]:
    """The groups that are cut into blocks, and those of their arrays that the code uses."""
    groups = {space.owner: space.size for space in spaces.values()}
    arrays: dict[ArrayVariable, StateArray] = {}
    for codeobj in codeobjs:
        if kind(codeobj) == "push":
            continue
        groups |= {owner.name: len(owner) for owner in _owners(codeobj)}
        for var in codeobj.variables.values():
            if (
                isinstance(var, ArrayVariable)
                and not isinstance(var, DynamicArrayVariable)
                and not var.scalar
                and var not in spaces
                and var.owner.name in groups
            ):
                name = device.get_array_name(var)
                arrays[var] = StateArray(name, c_data_type(var.dtype), var.owner.name)
    used = sum(np.dtype(var.dtype).itemsize for var in arrays)
    return {
        "groups": groups,
        "group_number": {name: k for k, name in enumerate(groups)},
        "arrays": list(arrays.values()),
        "bytes_per_neuron": used or 1,
    }


def _owners(codeobj: FusedCodeObject) -> list[Any]:
    """The groups of neurons that a code object works on."""
    if kind(codeobj) == "synapses":
        synapses = codeobj.template_kwds["pathway"].synapses
        return [base(synapses.source), base(synapses.target)]
    if kind(codeobj) == "spikemonitor":
        return [base(codeobj.owner.source)]
    return [codeobj.owner]
