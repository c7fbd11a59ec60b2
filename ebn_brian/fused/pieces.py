"""What the template fused.cpp needs of a section of the schedule, code object by code object."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from brian2 import Clock, prefs
from brian2.codegen.codeobject import constant_or_scalar
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.synapses.synapses import SynapticPathway

from .parts import EventSpace, Pathway, Rows, StateArray
from .parts import Piece as Piece
from .plan import MONITORS, base, event_space, implied_event, is_parallel, kind
from .quiet import quiet
from .reciprocals import reciprocals
from .rewriting import LONG, drawn, exact, refractory, signs_outside
from .translation import FusedCodeObject, constants, is_random, is_total


def template_arguments(
    codeobjs: Sequence[FusedCodeObject], clock: Clock, blocks: bool, device: CPPStandaloneDevice
) -> dict[str, Any]:
    """Arguments of the template fused.cpp for these code objects, in their order."""
    spaces = {
        space: EventSpace(device.get_array_name(space), space.owner.name, space.size - 1)
        for codeobj in codeobjs
        if (space := event_space(codeobj)) is not None
    }
    pushes = {c.owner.name: c for c in codeobjs if kind(c) == "push"}
    acting = {c.name: c.template_kwds["pathway"] for c in codeobjs if kind(c) == "synapses"}
    pathways = {n: _pathway(p, n, pushes[p.name], device) for n, p in acting.items()}
    implied = {c.name: implied_event(codeobjs, c) for c in codeobjs if kind(c) == "threshold"}
    support, number = _support(codeobjs)
    changing = {
        device.get_array_name(v)
        for c in codeobjs
        for v, _ in c.translation.written
        if isinstance(v, ArrayVariable)
    }
    hashdefines = [c.translation.keywords["hashdefine_lines"] for c in codeobjs]
    arguments = {
        "pieces": [
            _piece(
                c,
                support=number[c.name],
                implied=implied.get(c.name),
                pathway=pathways.get(c.name),
                blocks=blocks,
                changing=changing,
                device=device,
            )
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
        "quiet": None,
        "clock": clock.name,
        "clock_t": device.get_array_name(clock.variables["t"]),
        "clock_timestep": device.get_array_name(clock.variables["timestep"]),
        "single": c_data_type(prefs.core.default_float_dtype) == "float",
    }
    if not blocks:
        return arguments
    times = arguments["clock_t"], arguments["clock_timestep"]
    return arguments | _block_arguments(codeobjs, arguments["pieces"], times, spaces, device)


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
    pathway: SynapticPathway, acts: str, push: FusedCodeObject, device: CPPStandaloneDevice
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
    return Pathway(pathway.name, delay, acts, push.name, _events(push, device), rows)


def _events(codeobj: FusedCodeObject, device: CPPStandaloneDevice) -> str:
    """The events of a code object in the fused code."""
    return f"_events{device.get_array_name(event_space(codeobj))}"


def _piece(
    codeobj: FusedCodeObject,
    *,
    support: int,
    implied: FusedCodeObject | None,
    pathway: Pathway | None,
    blocks: bool,
    changing: Collection[str],
    device: CPPStandaloneDevice,
) -> Piece:
    translation = codeobj.translation
    scalar, vector = translation.scalar_code[None], translation.vector_code[None]
    draws, fast, steps, inverses = None, vector, "", list[StateArray]()
    if kind(codeobj) in ("stateupdate", "threshold") and not implied:
        draws, fast = drawn(codeobj, vector)
    if kind(codeobj) == "stateupdate":
        numbers = [*constants(codeobj, device), *"\n".join(scalar).split("\n")]
        steps, fast = refractory(signs_outside(fast, numbers))
        if blocks and device.reciprocals:
            fast, added, inverses = reciprocals(fast, numbers, codeobj.owner.name, changing)
            scalar = [*scalar, *added]
    parallel = is_parallel(codeobj) and (draws is not None or not is_random(codeobj))
    vectors = exact(fast) if parallel and _in_double(codeobj) else []
    short = parallel and not LONG.search("".join(vector))
    expressions = {}
    for name, var in codeobj.variables.items():
        if isinstance(var, ArrayVariable):
            pointer = f"_ptr{device.get_array_name(var)}"
            expressions[name] = f"{pointer}[0]" if var.scalar else pointer
    events = ""
    if pathway:
        events = "_arriving"
    elif event_space(codeobj) is not None:
        events = _events(codeobj, device)
    uses = translation.read | translation.written
    of_synapses = {v for v, index in uses if index == "_idx" and not v.scalar} if pathway else set()
    return Piece(
        name=codeobj.name,
        kind="threshold_among" if implied else kind(codeobj),
        support=support,
        constants=constants(codeobj, device),
        pointers=translation.keywords["pointers_lines"],
        scalar_code=scalar,
        vector_code=vector,
        parallel=parallel,
        padded=blocks and (short or bool(vectors)) and is_total(codeobj, f"{scalar}{vector}"),
        keywords={"_uses_refractory": False} | codeobj.template_kwds | expressions,
        **_span(codeobj, blocks),
        **_recording(codeobj, device),
        events=events,
        among=_events(implied, device) if implied else "",
        pathway=pathway,
        fast_code=fast,
        exact_code=vectors,
        unrolled=short,
        distinct=parallel and {index for _, index in translation.written} == {"_idx"},
        draws=draws,
        refractory=steps,
        scattered=sorted(f"_ptr{device.get_array_name(v)}" for v in of_synapses),
        inverses=inverses,
    )


def _span(codeobj: FusedCodeObject, blocks: bool) -> dict[str, Any]:
    """First and last of the neurons that a loop goes over."""
    if kind(codeobj) not in ("stateupdate", "threshold"):
        return {"first": "", "last": ""}
    name = codeobj.owner.name
    if blocks:
        return {"first": f"_first_{name}", "last": f"_last_{name}"}
    return {"first": "0", "last": f"(int){constant_or_scalar('N', codeobj.variables['N'])}"}


#: Monitors that record in every step.
TRACES = ("statemonitor", "ratemonitor")


def _recording(codeobj: FusedCodeObject, device: CPPStandaloneDevice) -> dict[str, Any]:
    """What a monitor records of which group, and the arrays that it goes to."""

    def vector(var: ArrayVariable) -> str:
        name: str = device.get_array_name(var, access_data=False)
        return name

    traces = dict(codeobj.template_kwds.get("_recorded_variables", {}))
    if kind(codeobj) == "ratemonitor":
        traces = {"rate": codeobj.variables["rate"]}
    number = indices = source = ""
    if kind(codeobj) in MONITORS:
        number = device.get_array_name(codeobj.variables["N"])
        source = base(codeobj.owner.source).name
    if kind(codeobj) == "statemonitor":
        indices = device.get_array_name(codeobj.variables["_indices"])
    recorded = codeobj.template_kwds.get("record_variables", {})
    return {
        "recorded": {name: vector(var) for name, var in sorted(recorded.items())},
        "traces": {name: vector(var) for name, var in sorted(traces.items())},
        "times": vector(codeobj.variables["t"]) if kind(codeobj) in TRACES else "",
        "indices": indices,
        "source": source,
        "number": number,
    }


def _in_double(codeobj: FusedCodeObject) -> bool:
    """Whether its numbers are of double precision."""
    return not any(getattr(v, "dtype", None) == np.float32 for v in codeobj.variables.values())


def _block_arguments(
    codeobjs: Sequence[FusedCodeObject],
    pieces: Sequence[Piece],
    times: Sequence[str],
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
        "inverses": list(dict.fromkeys(array for piece in pieces for array in piece.inverses)),
        "quiet": quiet(codeobjs, pieces, arrays, groups, times),
    }


def _owners(codeobj: FusedCodeObject) -> list[Any]:
    """The groups of neurons that a code object works on."""
    if kind(codeobj) == "synapses":
        synapses = codeobj.template_kwds["pathway"].synapses
        return [base(synapses.source), base(synapses.target)]
    if kind(codeobj) in MONITORS:
        return [base(codeobj.owner.source)]
    return [codeobj.owner]
