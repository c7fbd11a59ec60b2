"""The device: C++ standalone with the time step fused into one function."""

import re
import shutil
from pathlib import Path

from brian2 import get_logger, prefs
from brian2.codegen.targets import codegen_targets
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices

from .plan import stretches, template_arguments, why_not_blocks
from .translation import Generator

logger = get_logger(__name__)


class FusedCodeObject(CPPStandaloneCodeObject):
    """C++ standalone code object that keeps what its text was made of."""

    templater = CPPStandaloneCodeObject.templater.derive(__package__)
    generator_class = Generator


codegen_targets.add(FusedCodeObject)


class FusedDevice(CPPStandaloneDevice):
    """`CPPStandaloneDevice` that fuses the time step wherever that gives the same results."""

    def code_object_class(self, codeobj_class=None, fallback_pref=None):
        return FusedCodeObject if codeobj_class is None else codeobj_class

    def code_object(self, *args, template_kwds=None, **kwds):
        codeobj = super().code_object(*args, template_kwds=template_kwds, **kwds)
        codeobj.template_kwds = template_kwds or {}
        codeobj.translation = Generator.translations.pop(codeobj.name, None)
        return codeobj

    def build(self, *args, **kwds):
        queue, self.main_queue = self.main_queue, []
        n_runs = 0
        for entry in queue:
            if entry[0] == "run_network":
                net, lines = entry[1]
                lines = self._fuse(net, lines, n_runs)
                entry = ("run_network", (net, lines))
                n_runs += 1
            self.main_queue.append(entry)
        super().build(*args, **kwds)

    def copy_source_files(self, writer, directory):
        super().copy_source_files(writer, directory)
        header = Path(__file__).with_name("fused.h")
        shutil.copy2(header, Path(directory) / "brianlib" / header.name)
        writer.header_files.add(f"brianlib/{header.name}")

    def _fuse(self, net, lines: list[str], n_runs: int) -> list[str]:
        """Put fused code objects in the place of the known ones that ``net.run`` is to call."""
        add = re.compile(rf"{net.name}\.add\(&(\w+), _run_(\w+)\);")
        clocks = {clock.name: clock for clock in self.clocks}
        matches = [add.fullmatch(line) for line in lines]
        schedule = [
            (clocks[m.group(1)], self.code_objects[m.group(2)]) for m in matches if m
        ]
        parts = stretches(schedule)
        reason = self._why_not_blocks(parts, lines)
        if reason:
            logger.info(f"{net.name}: one step at a time, since {reason}", "fused_step")
        calls = []
        for part in parts:
            codeobjs = part.codeobjs
            if part.known:
                name = f"fused_{n_runs}_{len(calls)}_{net.name}"
                codeobjs = [self._fused_code_object(name, part, not reason, n_runs > 0)]
            calls += [f"{net.name}.add(&{part.clock.name}, _run_{c.name});" for c in codeobjs]
        rest = [line for line, m in zip(lines, matches, strict=True) if not m]
        return rest[:1] + calls + rest[1:]  # the first line clears the network

    def _why_not_blocks(self, parts, lines) -> str | None:
        unknown = [c for part in parts if not part.known for c in part.codeobjs]
        if unknown:
            named = ", ".join(f"'{c.name}' ({c.template_name})" for c in unknown)
            return f"{named} is left to Brian2's own code"
        if len(parts) != 1 or any(".add(&" in line and "NULL" in line for line in lines):
            return "there are several clocks"
        return why_not_blocks(parts[0].codeobjs)

    def _fused_code_object(self, name, part, blocks, later_run):
        """Make the code object and take over the preparation of the spike queues."""
        arguments = template_arguments(part.codeobjs, part.clock, blocks, self)
        pushes = {id(c) for c in part.codeobjs if c.template_name == "synapses_push_spikes"}
        self.main_queue = [
            (what, args)
            for what, args in self.main_queue
            if not (what == "before_run_code_object" and id(args[0]) in pushes)
        ]
        profiled = any(c.name in self.profiled_codeobjects for c in part.codeobjs)
        if profiled:
            self.profiled_codeobjects.append(name)
        code = FusedCodeObject.templater.fused(
            None,
            None,
            codeobj_name=name,
            later_run=later_run,
            profiled=profiled,
            user_headers=self.headers + prefs["codegen.cpp.headers"],
            **arguments,
        )
        codeobj = FusedCodeObject(
            self, code, {}, {}, template_name="fused", template_source="", name=name,
            compiler_kwds={},
        )
        self.code_objects[name] = codeobj
        return codeobj


#: ``set_device('cpp_fused')``
cpp_fused_device = FusedDevice()
all_devices["cpp_fused"] = cpp_fused_device
