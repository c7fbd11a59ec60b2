"""The device: C++ standalone with the time step fused into one function."""

import re
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Function, Network, Subgroup, get_logger, prefs
from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice, CPPWriter
from brian2.devices.device import all_devices

from .. import checks
from ..compiling import compile_cpp
from ..compiling.units import stand_in
from .arithmetic import FLUSH_TO_ZERO
from .pieces import template_arguments
from .plan import MONITORS, Section, beside, kind, sections, why_not_blocks, why_unknown
from .rewriting import of_source
from .translation import FusedCodeObject, Generator

logger = get_logger(__name__)


class FusedDevice(CPPStandaloneDevice):  # type: ignore[misc]
    """`CPPStandaloneDevice` that fuses the time step wherever that gives the same results."""

    single_arithmetic = False
    #: Whether products with reciprocals stand for divisions by constants.
    reciprocals = False
    #: How many threads share the blocks of a network.
    threads = 1
    #: Whether the next object begins a new program: after ``set_device`` on a device that has run.
    begins_anew = False
    defaultclock: Any
    main_queue: list[tuple[str, Any]]
    code_objects: dict[str, CPPStandaloneCodeObject]
    profiled_codeobjects: list[str]
    #: Code objects whose work fused ones do, and those that they may have to call, by name.
    absorbed: dict[str, FusedCodeObject]
    called: set[str]

    def activate(
        self,
        *args: Any,
        single_arithmetic: bool = False,
        reciprocals: bool = False,
        threads: int = 1,
        **kwds: Any,
    ) -> None:
        self.threads = checks.count("threads", threads)
        super().activate(*args, **kwds)
        if single_arithmetic and prefs.core.default_float_dtype != np.float32:
            raise ValueError(
                "single_arithmetic=True: needs prefs.core.default_float_dtype = float32, "
                f"which is {prefs.core.default_float_dtype}"
            )
        # Brian2 takes the time step and constants in equations as doubles, at half the speed.
        self.single_arithmetic, self.reciprocals = single_arithmetic, reciprocals
        self.begins_anew = self.has_been_run

    def reinit(self) -> None:
        self.begins_anew = False
        self.absorbed, self.called = {}, set()  # else their names are taken for the next program
        super().reinit()

    def _begin(self) -> None:
        """Forget a program that has run, once there is a new object for another.

        Brian2 asks for ``device.reinit(); device.activate()``, which a notebook cell that is
        executed again does not say. Until then the results of the last run can be read.
        """
        if self.begins_anew:
            clock, dt = self.defaultclock, self.defaultclock.dt
            names = ("single_arithmetic", "reciprocals", "threads")
            own = {name: getattr(self, name) for name in names}
            self.reinit()
            options = {**self.build_options, **own}
            self.activate(self.build_on_run, **options)
            # the object that is being made holds the clock already
            vars(clock).update(vars(self.defaultclock))
            self.defaultclock = clock
            clock.dt = dt

    def add_array(self, var: ArrayVariable) -> None:
        if not isinstance(var.owner, Subgroup):  # a view of what there is
            self._begin()
        super().add_array(var)

    def variableview_get_subexpression_with_index_array(self, *args: Any, **kwds: Any) -> Any:
        """Read a result; to evaluate it, Brian2 leaves the device and comes back."""
        begins_anew = self.begins_anew
        result = super().variableview_get_subexpression_with_index_array(*args, **kwds)
        self.begins_anew = begins_anew
        return result

    def seed(self, seed: int | None = None) -> None:
        self._begin()
        super().seed(seed)

    def insert_code(self, slot: str, code: str) -> None:
        self._begin()
        super().insert_code(slot, code)

    def code_object_class(
        self,
        codeobj_class: type[CPPStandaloneCodeObject] | None = None,
        fallback_pref: str | None = None,
    ) -> type[CPPStandaloneCodeObject]:
        return FusedCodeObject if codeobj_class is None else codeobj_class

    def code_object(
        self, *args: Any, template_kwds: dict[str, Any] | None = None, **kwds: Any
    ) -> CPPStandaloneCodeObject:
        codeobj = super().code_object(*args, template_kwds=template_kwds, **kwds)
        codeobj.template_kwds = template_kwds or {}
        translation = Generator.translations.pop(codeobj.name, None)
        if translation is None:
            return codeobj
        codeobj.translation = translation
        if codeobj.template_kwds.get("_uses_refractory"):  # the template writes
            for name in ("not_refractory", "lastspike"):
                translation.written.add((codeobj.variables[name], "_idx"))
        if codeobj.template_name in MONITORS:
            translation.written.add((codeobj.variables["N"], "0"))
        return codeobj

    def build(self, *args: Any, **kwds: Any) -> None:
        self.absorbed, self.called = {}, set()
        queue, self.main_queue = self.main_queue, []
        n_runs = sum(func == "run_network" for func, _ in queue)
        run = start = 0
        for func, arguments in queue:
            if func == "run_network":
                net, lines = arguments
                arguments = (net, self._fuse(net, lines, run, start, n_runs > 1))
                run, start = run + 1, len(self.main_queue)
            elif func == "after_run_code_object" and arguments[0].name in self.absorbed:
                space = arguments[0].template_kwds["eventspace_variable"]
                clear = f"brian::{self.get_array_name(space)}[{space.size - 1}] = 0;"
                func, arguments = "insert_code", clear
            elif func == "run_code_object":  # StateMonitor.record_single_timestep
                self.called.add(arguments[0].name)
            self.main_queue.append((func, arguments))
        for name in self.absorbed.keys() - self.called:
            del self.code_objects[name]
        for flags in (self.extra_compile_args, self.extra_link_args):
            flags += ["-pthread"] * (self.threads > 1)
        super().build(*args, **kwds)

    def write_static_arrays(self, directory: str) -> None:
        """Also those of the absorbed code objects, whose functions the fused ones call."""
        code_objects = self.code_objects
        self.code_objects = code_objects | self.absorbed
        super().write_static_arrays(directory)
        self.code_objects = code_objects

    def _insert_func_namespace(
        self, func: Function, code_object: FusedCodeObject, namespace: dict[str, Any]
    ) -> None:
        """Values of functions, by names that all of a program share.

        Raises
        ------
        ValueError
            If two functions bring different values of one name.
        """
        before = dict(namespace)
        super()._insert_func_namespace(func, code_object, namespace)
        for name, array in before.items():
            if namespace[name] is not array and not np.array_equal(namespace[name], array):
                raise ValueError(
                    f"two TimedArrays or functions bring values called {name!r}: in C++ one would "
                    "stand for both, so each must have a name of its own, TimedArray(..., name=)"
                )

    def compile_source(self, directory: str, compiler: str, debug: bool, clean: bool) -> None:
        if compiler == "msvc":
            super().compile_source(directory, compiler, debug, clean)
            return
        begin = time.time()
        preferred = prefs.devices.cpp_standalone
        make = [preferred.make_cmd_unix, *preferred.extra_make_args_unix]
        compile_cpp(Path(directory).resolve(), make, afresh=clean)
        self.timers["compile"]["make"] = time.time() - begin

    def delete(self, *args: Any, **kwds: Any) -> None:
        if self.project_dir is not None:
            stand_in(Path(self.project_dir))
        super().delete(*args, **kwds)

    def copy_source_files(self, writer: CPPWriter, directory: str) -> None:
        super().copy_source_files(writer, directory)
        for header in Path(__file__).parent.glob("*.h"):
            shutil.copy2(header, Path(directory) / "brianlib" / header.name)
            writer.header_files.add(f"brianlib/{header.name}")

    def _fuse(
        self, net: Network, lines: list[str], run: int, start: int, several_runs: bool
    ) -> list[str]:
        """Put fused code objects in the place of the known ones that ``net.run`` is to call.

        What the queue holds from `start` on belongs to this run.
        """
        if prefs.devices.cpp_standalone.openmp_threads:
            logger.info(f"{net.name}: Brian2's own code, since OpenMP is on", "unfused")
            return lines
        add = re.compile(rf"{net.name}\.add\(&(\w+), _run_(\w+)\);")
        clocks = {clock.name: clock for clock in self.clocks}
        matches = [add.fullmatch(line) for line in lines]
        parts = sections([(clocks[m[1]], self.code_objects[m[2]]) for m in matches if m])
        others = beside(parts)
        if reason := self._why_not_blocks([p for p in parts if p not in others], lines):
            alone = " and by one thread but for long state updates" * (self.threads > 1)
            logger.info(f"{net.name}: one step at a time{alone}, since {reason}", "fused_step")
        calls, ends = list[str](), list[str]()
        for k, part in enumerate(parts):
            codeobjs: list[CPPStandaloneCodeObject] = [*part.codeobjs]
            if part.known:
                name = f"fused_{run}_{len(calls)}_{net.name}"
                carries = several_runs and any(kind(c) == "push" for c in part.codeobjs)
                blocks = not reason and part not in others
                ticks = [(o.clock.name, parts.index(o) < k) for o in others]
                codeobjs = [self._fused_code_object(name, part, blocks, carries, ticks)]
                ends += [f"_end_{name}();"] * carries
                self._leave_queues(part, start)
            else:
                self.called |= {codeobj.name for codeobj in codeobjs}
            calls += [f"{net.name}.add(&{part.clock.name}, _run_{c.name});" for c in codeobjs]
        rest = [line for line, m in zip(lines, matches, strict=True) if not m]
        (at,) = [k for k, line in enumerate(rest) if line.startswith(f"{net.name}.run(")]
        # the first line clears the network
        return rest[:1] + calls + rest[1 : at + 1] + ends + rest[at + 1 :]

    def _leave_queues(self, part: Section, start: int) -> None:
        """Do not prepare Brian2's spike queues for a run: the fused code does where it must."""
        self.main_queue[start:] = [
            (func, args)
            for func, args in self.main_queue[start:]
            if func != "before_run_code_object" or args[0] not in part.codeobjs
        ]

    def _why_not_blocks(self, parts: Sequence[Section], lines: Sequence[str]) -> str | None:
        unknown: defaultdict[str, list[str]] = defaultdict(list)
        for part in parts:
            for codeobj in part.codeobjs:
                if reason := why_unknown(part.clock, codeobj):
                    unknown[reason].append(f"'{codeobj.name}'")
        if unknown:
            names = "; ".join(f"{', '.join(named)} ({why})" for why, named in unknown.items())
            return f"{names} is left to Brian2's own code"
        if self._maximum_run_time is not None:
            return "the time that it takes is looked at in every one"
        if len(parts) != 1 or any(".add(&" in line and "NULL" in line for line in lines):
            return "there are several clocks"
        return why_not_blocks(parts[0].codeobjs)

    def _fused_code_object(
        self,
        name: str,
        part: Section,
        blocks: bool,
        carries: bool,
        ticks: Sequence[tuple[str, bool]],
    ) -> FusedCodeObject:
        """The code object that does the work of those of `part`, and replaces them.

        With `carries`, it hands what is under way in delayed pathways from run to run. Blocks stop
        where other clocks tick (`ticks`: name, whether what is done then comes before).
        """
        arguments = template_arguments(part.codeobjs, part.clock, blocks, self)
        if carries or self.profiled_codeobjects:  # something is done in every step
            arguments["quiet"] = None
        compiler: defaultdict[str, list[Any]] = defaultdict(list)
        for codeobj in part.codeobjs:
            for key, values in codeobj.compiler_kwds.items():
                compiler[key] += [value for value in values if value not in compiler[key]]
        names = {codeobj.name for codeobj in part.codeobjs}
        profiled = names.intersection(self.profiled_codeobjects)
        code = FusedCodeObject.templater.fused(
            None,
            None,
            codeobj_name=name,
            carries=carries,
            ticks=ticks,
            profiled=profiled,
            threads=1 if profiled else self.threads,
            user_headers=self.headers + prefs["codegen.cpp.headers"] + compiler["headers"],
            flush_to_zero=FLUSH_TO_ZERO,
            of_source=of_source,
            **arguments,
        )
        if not arguments["may_refuse"]:
            self.absorbed |= {codeobj.name: codeobj for codeobj in part.codeobjs}
        else:
            self.called |= names
        codeobj = FusedCodeObject(
            self, code, {}, {}, template_name="fused", template_source="", name=name,
            compiler_kwds=dict(compiler),
        )  # fmt: skip
        self.code_objects[name] = codeobj
        return codeobj


#: ``set_device('cpp_fused')``
cpp_fused_device = FusedDevice()
all_devices["cpp_fused"] = cpp_fused_device
