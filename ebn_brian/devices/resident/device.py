"""The device: C++ standalone whose fused step is a CUDA kernel."""

import re
import shutil
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, prefs
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.devices.cpp_standalone.device import CPPWriter

from ...fused.device import FusedDevice
from ...fused.pieces import Piece, template_arguments
from ...fused.plan import Section, base, kind, sections, why_unknown
from ...fused.translation import FusedCodeObject, own_functions
from ..cuda_refusals import may_be_late

#: Loops of the template phases.cpp.
KINDS = ("stateupdate", "threshold", "reset", "push", "synapses", "spikemonitor")


class NotResident(Exception):
    """Why a network is left to Brian2CUDA."""


@dataclass(frozen=True)
class DeviceArray:
    """An array that is copied to the GPU, and back if it is written."""

    name: str
    dtype: str
    host: str
    """C++ expression for its address on the host."""
    size: str
    written: bool


@dataclass(frozen=True)
class Text:
    """What of a code object's text is another one on the GPU."""

    constants: list[str]
    pointers: list[str]


@dataclass(frozen=True)
class Symbol:
    """A pointer that functions of the GPU know, to the values of a `TimedArray`."""

    support: int
    name: str
    values: str


class ResidentDevice(FusedDevice):
    """`FusedDevice` that steps on the GPU, or raises `NotResident`."""

    def compile_source(self, directory: str, compiler: str, debug: bool, clean: bool) -> None:
        raise NotImplementedError("devices.build compiles for the GPU")

    def copy_source_files(self, writer: CPPWriter, directory: str) -> None:
        super().copy_source_files(writer, directory)
        here = Path(__file__).with_name("resident.h")
        shutil.copy2(here, Path(directory) / "brianlib" / here.name)

    def _fuse(
        self, net: Network, lines: list[str], run: int, start: int, several_runs: bool
    ) -> list[str]:
        """Put the one kernel in the place of all that ``net.run`` is to call."""
        add = re.compile(rf"{net.name}\.add\(&(\w+), _run_(\w+)\);")
        clocks = {clock.name: clock for clock in self.clocks}
        matches = [add.fullmatch(line) for line in lines]
        schedule = [(clocks[m.group(1)], self.code_objects[m.group(2)]) for m in matches if m]
        parts = sections(schedule)
        if reason := self._why_not_resident(parts, lines, several_runs):
            raise NotResident(reason)
        (part,) = parts
        name = f"resident_{net.name}"
        self._resident_code_object(name, part)
        self._leave_queues(part, start)
        rest = [line for line, m in zip(lines, matches, strict=True) if not m]
        # the first line clears the network
        return [rest[0], f"{net.name}.add(&{part.clock.name}, _run_{name});", *rest[1:]]

    def _why_not_resident(
        self, parts: Sequence[Section], lines: Sequence[str], several_runs: bool
    ) -> str | None:
        if several_runs:
            return "it runs more than once"
        if reason := self._why_not_blocks(parts, lines):
            return reason
        for codeobj in parts[0].codeobjs:
            if kind(codeobj) not in KINDS or why_unknown(parts[0].clock, codeobj):
                return f"'{codeobj.name}' ({codeobj.template_name}) is not known on the GPU"
            if own_functions(codeobj):
                return f"'{codeobj.name}' calls functions of one's own"
            pathway = codeobj.template_kwds.get("pathway")
            if pathway is not None and not pathway.variables["delay"].scalar:
                return f"delays in '{pathway.name}' may differ (if not: Synapses(delay=0*ms))"
        return None

    def _resident_code_object(self, name: str, part: Section) -> None:
        """The code object that does the work of those of `part`, and replaces them."""
        arguments = template_arguments(part.codeobjs, part.clock, True, self)
        pieces: list[Piece] = arguments["pieces"]
        headers = [h for c in part.codeobjs for h in c.compiler_kwds.get("headers", ())]
        arguments["support"] = [on_device(lines) for lines in arguments["support"]]
        arrays = self._device_arrays(part)
        known = {arguments["clock_t"], arguments["clock_timestep"], *(a.name for a in arrays)}
        acting = [c.template_kwds["pathway"] for c in part.codeobjs if kind(c) == "synapses"]
        monitors = [c for c in part.codeobjs if kind(c) == "spikemonitor"]
        code = FusedCodeObject.templater.derive(__package__).resident(
            None,
            None,
            codeobj_name=name,
            user_headers=dict.fromkeys([*self.headers, *prefs["codegen.cpp.headers"], *headers]),
            device_arrays=arrays,
            texts={piece.name: kernel_text(piece, known) for piece in pieces},
            symbols=symbols(pieces),
            late={pathway.name for pathway in acting if may_be_late(pathway, self)},
            source={c.name: base(c.owner.source).name for c in monitors},
            recording=any(piece.recorded for piece in pieces),
            **arguments,
        )
        self.absorbed |= {codeobj.name: codeobj for codeobj in part.codeobjs}
        self.code_objects[name] = FusedCodeObject(
            self, code, {}, {}, template_name="resident", template_source="", name=name,
            compiler_kwds={},
        )  # fmt: skip

    def _device_arrays(self, part: Section) -> list[DeviceArray]:
        """Arrays that the kernel uses, but for events, what is recorded and the running time."""
        codeobjs = [c for c in part.codeobjs if kind(c) != "push"]
        left_out = {part.clock.variables["t"], part.clock.variables["timestep"]}
        for c in codeobjs:
            left_out |= {*c.template_kwds.get("record_variables", {}).values()}
            left_out |= {c.template_kwds.get("eventspace_variable")}
        written = {v for c in codeobjs for v, _ in c.translation.written}
        written |= {c.variables["count"] for c in codeobjs if kind(c) == "spikemonitor"}
        used = {
            var
            for c in codeobjs
            for var in c.variables.values()
            if isinstance(var, ArrayVariable) and np.ndim(var.size) == 0
        }
        return sorted(
            (self._device_array(var, var in written) for var in used - left_out),
            key=lambda array: array.name,
        )

    def _device_array(self, var: ArrayVariable, written: bool) -> DeviceArray:
        name = self.get_array_name(var)
        host, size = f"brian::{name}", str(var.size)
        if isinstance(var, DynamicArrayVariable):
            vector = f"brian::{self.get_array_name(var, access_data=False)}"
            host, size = f"{vector}.data()", f"{vector}.size()"
        return DeviceArray(name, c_data_type(var.dtype), host, size, written)


def on_device(lines: Any) -> str:
    """Functions of the host, all of which are inline, for the GPU."""
    text = lines if isinstance(lines, str) else "\n".join(lines)
    text = re.sub(r"\binline\b", "__device__ inline", text)
    return re.sub(r"^(\s*)static (\w+\* _namespace)", r"\1static __constant__ \2", text, flags=re.M)


def kernel_text(piece: Piece, known: Set[str]) -> Text:
    """Constants, and pointers to `known` arrays, which other threads may write through."""
    constants = [c for c in piece.constants if not re.search(r"\.(data|size)\(\)", c)]
    pointers = [p for p in piece.pointers if p.rpartition(" = ")[2].rstrip(" ;") in known]
    return Text(constants, [p.replace("__restrict", "") for p in pointers])


#: How Brian2 lets a function know the values of a `TimedArray`.
VALUES = re.compile(r"\s*(_namespace\w+) = (\w+);\s*")


def symbols(pieces: Sequence[Piece]) -> list[Symbol]:
    """Pointers to values, once for each support code."""
    matches = [(p.support, VALUES.fullmatch(line)) for p in pieces for line in p.pointers]
    found = [Symbol(support, m.group(1), m.group(2)) for support, m in matches if m]
    return list(dict.fromkeys(found))
