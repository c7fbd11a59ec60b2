"""Build a network once, run it many times: with other weights, inputs, durations and seeds.

::

    program = devices.build(make_network)  # a function that returns a Network
    run = program.run({"recurrent.w": w, "drive.values": c}, duration=10*second, read=["spikes.t"])

Names are those of Brian2's own command line: ``group.variable``, and ``name.values`` for a
`TimedArray`. Every run starts at t = 0 from the state that the network was built with, but for the
values that are given: arrays, or a number for all elements, in base units or as a `Quantity`.
Values are read back from the running program and compared, results are checked for size, and runs
never share a folder, so nothing is lost in silence.

``ebn machine`` tells what this machine can do.
"""

import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from brian2 import Network, prefs

from .. import checks
from . import toolkit
from .cuda import build_cuda
from .flags import FAST, FAST_FLAGS, PRECISIONS, STRICT, STRICT_FLAGS
from .program import Program, StandaloneProgram
from .runtime import RUNTIME, RuntimeProgram
from .standalone import CPP, Directory, build_cpp
from .values import Array, CompiledOnly, Run, compile_only

__all__ = [
    "CUDA",
    "FAST",
    "PRECISIONS",
    "RUNTIME",
    "STANDALONE",
    "STRICT",
    "STRICT_FLAGS",
    "Array",
    "CompiledOnly",
    "Program",
    "Run",
    "RuntimeProgram",
    "StandaloneProgram",
    "build",
    "check_device",
    "check_gpu",
    "check_threads",
    "compile_only",
]

CUDA = "cuda_standalone"
#: Targets that make a program of their own, to be run many times, also at once.
STANDALONE = (*CPP, CUDA)


def build(
    make_network: Callable[[], Network],
    device: str = "cpp_fused",
    directory: Directory = None,
    *,
    precision: str | None = None,
    flags: tuple[str, ...] | None = None,
    profile: bool = False,
    threads: int = 1,
    namespace: Mapping[str, Any] | None = None,
) -> Program:
    """Build what `make_network` returns for a target.

    The default clock's time step is the user's, whose own device and objects stay as they are. A
    ``seed()`` outside `make_network` does not reach programs: say ``run(seed=)``.

    Parameters
    ----------
    make_network
        Makes all Brian2 objects and returns their `Network`; called with the target active, once,
        or twice for CUDA where the first of two ways is not open.
    device
        ``'cpp_fused'``, ``'cpp_standalone'``, ``'cuda_standalone'``, ``'runtime'``, ``'numpy'`` or
        ``'cython'``. A program for CUDA is built without a GPU as well, and run with one.
    directory
        Folder for the generated program; by default a temporary one that goes with the program.
        If it holds a program already, the new one comes into a sub-folder.
    precision
        One of `PRECISIONS`; by default that of Brian2's ``core.default_float_dtype``, which is
        double unless changed. Strict equality between targets is that of ``'double'``.
    flags
        Of the C++ compiler, for the targets in C++; by default `STRICT_FLAGS`, for
        ``single_arithmetic`` and ``double_fast`` with what makes them fast, and not those of
        Brian2's preferences. C++17 is needed.
    threads
        Among how many threads ``'cpp_fused'`` shares independent blocks of neurons; results are
        those of one, to the last bit. Best one where several programs run at once.
    profile
        Measure the time of each code object (`Run.profile`), on ``'cuda_standalone'``.
    namespace
        What names in equations stand for. By default the variables of `make_network`, of its
        module and of the functions that call this one.

    Raises
    ------
    ValueError
        If the device or the precision is unknown, the device does not know an option, or the
        network holds what the target would leave out.
    RuntimeError
        If a compiler is missing, or the program does not compile.
    """
    check_device(device)
    if precision is None:
        precision = "single" if prefs.core.default_float_dtype == np.float32 else "double"
    _check_options(device, precision, flags, profile, threads)
    dtype = np.float64 if precision in ("double", "double_fast") else np.float32
    if device in RUNTIME:
        return RuntimeProgram(make_network, RUNTIME[device], dtype, namespace)
    if device == CUDA:
        return build_cuda(make_network, directory, dtype, profile, namespace)
    if flags is None:
        flags = FAST_FLAGS if precision in FAST else STRICT_FLAGS
    return build_cpp(make_network, device, directory, dtype, precision, flags, namespace, threads)


def _check_options(
    device: str, precision: str, flags: tuple[str, ...] | None, profile: bool, threads: int
) -> None:
    """Refuse what the device does not know."""
    checks.choice("precision", precision, PRECISIONS)
    if precision in FAST and device != "cpp_fused":
        raise ValueError(f"precision={precision!r}: needs device='cpp_fused', not {device!r}")
    if flags is not None and device not in CPP:
        raise ValueError(f"flags={flags!r}: only {' and '.join(CPP)} take any, not {device!r}")
    check_threads(threads, device)
    if isinstance(flags, str):
        raise TypeError(f"flags={flags!r}: must be a tuple of flags")
    if profile and device != CUDA:
        raise ValueError(f"profile={profile}: needs device={CUDA!r}, not {device!r}")


def check_threads(threads: int, device: str) -> None:
    """ValueError or TypeError if programs for `device` cannot have so many threads."""
    if checks.count("threads", threads) > 1 and device != "cpp_fused":
        raise ValueError(f"threads={threads}: needs device='cpp_fused', not {device!r}")


def check_device(device: str) -> str:
    """Return `device` if this machine can build for it; ValueError or RuntimeError if not."""
    checks.choice("device", device, (*RUNTIME, *STANDALONE))
    missing = [tool for tool in ("g++", "make") if shutil.which(tool) is None]
    if device in CPP and missing:
        raise RuntimeError(
            f"device={device!r} needs {' and '.join(missing)}, not found on PATH "
            "(device='numpy' needs no compiler)"
        )
    if device == CUDA:
        toolkit.find_toolkit()
    return device


def check_gpu(device: str) -> None:
    """RuntimeError if `device` needs a GPU to run on and this machine has none."""
    if device == CUDA and toolkit.find_gpu() is None:
        raise RuntimeError(
            f"device={device!r}: this machine has no NVIDIA GPU that nvidia-smi knows. "
            "Programs can be built without one (--compile-only), not run"
        )
