"""Compiler flags and preferences of Brian2 that give the same bits on every target."""

import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import brian2
from brian2.codegen.runtime.cython_rt.extension_manager import get_cython_cache_dir

#: No fast-math, no fused multiply-add: the same bits as numpy, whatever the size of the batch.
STRICT_FLAGS: tuple[str, ...] = (
    *("-w", "-O3", "-march=native", "-ffp-contract=off", "-std=c++17"),
    # without it GCC uses half the width of AVX-512; other processors do not know the flag
    *(("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()),
)
#: ``single`` keeps states in float32 and computes as Brian2 does, partly in double;
#: ``single_arithmetic`` computes in float32 throughout. That and ``double_fast``, both of
#: ``cpp_fused`` only (see `fused`), have last bits of their own.
PRECISIONS = ("double", "single", "single_arithmetic", "double_fast")
#: The precisions that give up last bits for speed. They round a product and its sum once, multiply
#: by reciprocals of what is constant (in networks that run in blocks, and not where a whole number
#: or a comparison comes of it), and take subnormal numbers for zero.
FAST = ("single_arithmetic", "double_fast")
#: Their flags. Exponentials, logarithms and powers of whole vectors at once come from the vector
#: math library, libmvec, whose declarations glibc shows under that name alone. They are good to 4
#: units in the last place; sums keep their order, and NaN stays NaN. That nothing traps lets
#: conditions be worked on in whole vectors, and changes casts to whole numbers beyond their range.
FAST_FLAGS = (
    *(*STRICT_FLAGS, "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
    "-D__FAST_MATH__",
)
#: The same arithmetic with nvcc, and with the compiler that it calls for the host.
NVCC_FLAGS = ("-std=c++17", "-w", "--fmad=false")
HOST_FLAGS = ("-w", "-O3", "-ffp-contract=off")

STRICT: dict[str, object] = {
    "codegen.cpp.extra_compile_args_gcc": list(STRICT_FLAGS),
    # modules are cached by their code alone: keep apart those compiled with other flags
    "codegen.runtime.cython.cache_dir": str(
        Path(get_cython_cache_dir() or tempfile.gettempdir(), "ebn_brian_strict")
    ),
    "devices.cpp_standalone.openmp_threads": 0,
    "core.stop_on_keyboard_interrupt": False,  # Brian2 would return a shortened run as a whole one
}


@contextmanager
def preferences(values: Mapping[str, object]) -> Iterator[None]:
    """Set preferences of Brian2 for a while."""
    before = {name: brian2.prefs[name] for name in values}
    for name, value in values.items():
        brian2.prefs[name] = value
    try:
        yield
    finally:
        for name, value in before.items():
            brian2.prefs[name] = value
