"""Programs whose steps are one kernel: written as C++, compiled as two units, C++ and CUDA."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, get_device, second

from ...compiling import compile_by, units
from ..active import in_force, network_and_names, resolving
from ..flags import HOST_FLAGS, STRICT, preferences
from ..program import StandaloneProgram
from ..standalone import CHECK, SEED_CPP, Arrays, program_arrays, refuse, sizes_code
from ..toolkit import Toolkit
from .device import NotResident, ResidentDevice

__all__ = ["NotResident", "compile_resident", "write_resident"]

RUN = """
_prepare_resident_{network}();
const auto ebn_begin = std::chrono::steady_clock::now();
{network}.run(std::atof(std::getenv("EBN_DURATION")), NULL, 10.0);
const double ebn_stepping =
    std::chrono::duration<double>(std::chrono::steady_clock::now() - ebn_begin).count();
_finish_resident_{network}();
"""


def write_resident(
    make_network: Callable[[], Network],
    folder: Path,
    float_dtype: type[np.floating[Any]],
    namespace: Mapping[str, Any] | None = None,
) -> StandaloneProgram:
    """Write the program to `folder`, as ``frame.cpp`` and ``code.cu``, without compiling it.

    Raises
    ------
    NotResident
        If its steps cannot be one kernel; the folder is then as it was.
    """
    with _active(float_dtype) as active:
        network, names = network_and_names(make_network, namespace)
        refuse(network, "cuda_standalone")
        active.insert_code("after_start", SEED_CPP)
        with resolving(namespace):
            network.run(0 * second, namespace=names)  # applies the values; the real run is below
        arrays = program_arrays(active)
        active.insert_code("main", _main_code(arrays, network.name))
        active.build(directory=str(folder), compile=False, run=False, with_output=False)
    units.write(folder)
    (folder / "code.cpp").rename(folder / "code.cu")
    held = {name: array for name, (array, _, _) in arrays.items()}
    return StandaloneProgram(folder, held)


@contextmanager
def _active(float_dtype: type[np.floating[Any]]) -> Iterator[ResidentDevice]:
    """A fresh device, active for a while."""
    preferred = {"core.default_float_dtype": float_dtype}
    dt = get_device().defaultclock.dt
    with preferences({**STRICT, **preferred}):
        active = ResidentDevice()
        with in_force(active):
            single = float_dtype == np.float32
            active.activate(build_on_run=False, single_arithmetic=single)
            active.defaultclock.dt = dt
            yield active


def _main_code(arrays: Arrays, network: str) -> str:
    applied = [
        f'ebn_applied("{name}", {address}, {size});'
        for name, (array, address, size) in arrays.items()
        if array.settable
    ]
    sizes = {name: size for name, (array, _, size) in arrays.items() if array.size is None}
    run = RUN.format(network=network)
    return "\n".join([CHECK, *applied, SEED_CPP, run, sizes_code(sizes)])


def compile_resident(folder: Path, toolkit: Toolkit, flags: tuple[str, ...]) -> None:
    """Compile what `write_resident` has left in `folder`.

    Raises
    ------
    RuntimeError
        If it does not compile.
    """
    compiler = os.environ.get("CXX", "g++")
    host = ("-ccbin", compiler, "-Xcompiler", ",".join(HOST_FLAGS))
    files = ("-I.", "--threads=2", "frame.cpp", "code.cu", "-o", "main")
    command = [str(toolkit.nvcc), *flags, *host, *files]
    compile_by(folder, command, [str(toolkit.nvcc), compiler])
