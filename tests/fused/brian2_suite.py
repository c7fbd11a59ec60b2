"""Brian2's own standalone tests on `cpp_fused`: a command, and the plugin of pytest that it loads.

::

    python tests/fused/brian2_suite.py FOLDER        # a part, in under 10 minutes on two cores
    python tests/fused/brian2_suite.py FOLDER all

They ship with Brian2, and run here as in ``brian2.test(test_standalone="cpp_standalone")``; those
that name that device get `cpp_fused` instead. Reports in JUnit's format go into FOLDER.
"""

import os
import subprocess
import sys
from pathlib import Path

import brian2
import pytest
from brian2 import prefs
from brian2.devices.device import all_devices, reset_device
from brian2.tests import PreferencePlugin, clear_caches, make_argv

import ebn_brian.fused

#: Of the tests with one run, every how many are in the part; those with several runs, or made for
#: standalone devices, all are.
EVERY = 2
#: Marks of the tests by the name of their report, and options of `set_device`, as Brian2 has them.
PHASES = {
    "one_run": ("standalone_compatible and not multiple_runs and not long", {}),
    "several_runs": (
        "standalone_compatible and multiple_runs and not long",
        {"build_on_run": False},
    ),
    "standalone": ("cpp_standalone and not openmp", {"build_on_run": False}),
}
#: What every file of a program includes, compiled once: a third of the time of each.
HEADERS = ["algorithm", "chrono", "climits", "cmath", "ctime", "fstream", "iostream", "map"]
HEADERS += ["random", "set", "string", "utility", "vector", "assert.h", "math.h", "stdlib.h"]
PART = "EBN_BRIAN_PART_OF_BRIAN2_TESTS"


def pytest_configure() -> None:
    all_devices["cpp_standalone"] = ebn_brian.fused.cpp_fused_device


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is not in the part; each process of xdist comes to the same."""
    if PART in os.environ:
        single = [item for item in items if not item.get_closest_marker("standalone_only")]
        single = [item for item in single if not item.get_closest_marker("multiple_runs")]
        out = set(single) - set(single[::EVERY])
        items[:] = [item for item in items if item not in out]


def precompile(folder: Path) -> list[str]:
    """The flags that make the compiler begin with the precompiled `HEADERS`."""
    header = folder / "headers.h"
    header.write_text("".join(f"#include <{name}>\n" for name in HEADERS))
    flags = prefs["codegen.cpp.extra_compile_args_gcc"]
    subprocess.run(["g++", *flags, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
    return [f"-include{header}"]  # in one: Brian2 tries each by itself


def main(folder: Path, everything: bool) -> None:
    if not everything:
        os.environ[PART] = "1"
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    prefs.reset_to_defaults()
    flags = prefs["codegen.cpp.extra_compile_args_gcc"]
    flags += ["-w", "-O0"]  # as Brian2 does
    flags += precompile(folder)
    prefs["logging.warn_for_unused_objects"] = False
    prefs["devices.cpp_standalone.extra_make_args_unix"] = ["-j1"]
    plugin = PreferencePlugin(prefs)
    plugin.device = "cpp_fused"
    for name, (marks, options) in PHASES.items():
        plugin.device_options = {"directory": None, "with_output": False} | options
        arguments = make_argv([str(Path(brian2.__file__).parent)], marks)
        arguments += ["-p", Path(__file__).stem, "-p", "no:cacheprovider", "-p", "no:logging"]
        arguments += ["-n", "2"]
        arguments += [f"--junitxml={folder / name}.xml", f"--rootdir={folder}"]
        pytest.main(arguments, plugins=[plugin])
        clear_caches()
        reset_device("runtime")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:] == ["all"])
