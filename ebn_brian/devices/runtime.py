"""Programs that run in this process: numpy and cython."""

import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import brian2
import numpy as np
from brian2 import Network, Quantity, TimedArray
from brian2.codegen.runtime.cython_rt.extension_manager import get_cython_cache_dir
from brian2.devices.device import reset_device

from ..seeds import check_seed
from .values import Run, check_duration, checked, dimensions, preferences, stop_if_compile_only

#: Targets by name. ``runtime`` lets Brian2 choose between cython and numpy.
RUNTIME = {"runtime": "auto", "numpy": "numpy", "cython": "cython"}

#: No fast-math, no fused multiply-add: the same bits as numpy, whatever the size of the batch.
STRICT_FLAGS: tuple[str, ...] = (
    *("-w", "-O3", "-march=native", "-ffp-contract=off", "-std=c++17"),
    # without it GCC uses half the width of AVX-512; other processors do not know the flag
    *(("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()),
)
STRICT = {
    "codegen.cpp.extra_compile_args_gcc": list(STRICT_FLAGS),
    # modules are cached by their code alone: keep apart those compiled with other flags
    "codegen.runtime.cython.cache_dir": str(
        Path(get_cython_cache_dir() or tempfile.gettempdir(), "ebn_brian_strict")
    ),
    "devices.cpp_standalone.openmp_threads": 0,
    "core.stop_on_keyboard_interrupt": False,  # Brian2 would return a shortened run as a whole one
}


class RuntimeProgram:
    """A network that runs in this process (numpy or cython)."""

    def __init__(self, make_network, target: str, float_dtype: type):
        reset_device("runtime")
        self.preferences = {
            "codegen.target": target,
            "core.default_float_dtype": float_dtype,
            **STRICT,
        }
        with preferences(self.preferences):
            self.network = make_network()
            self.network.store("built")
        self.timed_arrays = _timed_arrays(self.network)
        self.built = {name: timed.values.copy() for name, timed in self.timed_arrays.items()}

    def run(
        self,
        values: Mapping[str, np.ndarray] = {},
        *,
        duration: Quantity,
        seed: int | None = None,
        read: Sequence[str] = (),
        timeout: None = None,
    ) -> Run:
        """Run for `duration` from the built state with `values`; return the arrays to `read`.

        Raises
        ------
        ValueError
            As a `StandaloneProgram`, and if there is a `timeout`: nothing could stop this process.
        """
        if timeout is not None:
            raise ValueError(f"timeout={timeout}: a run in this process has none, it must be None")
        check_duration(duration)
        inputs = {name: self._checked(name, value) for name, value in values.items()}
        for name in read:
            self._variable(name)
        stop_if_compile_only(f"{len(self.network.objects)} objects")
        start = time.process_time()
        with preferences(self.preferences):
            self.network.restore("built")
            for name, timed in self.timed_arrays.items():
                timed.values[...] = self.built[name]
            for name, value in inputs.items():
                variable = self._variable(name)
                if isinstance(variable, TimedArray):
                    variable.values[...] = value.reshape(variable.values.shape)
                else:
                    variable.set_value(value)
            if seed is not None:
                brian2.seed(check_seed(seed))
            before = time.process_time()
            self.network.run(duration, namespace={})
            stepping = time.process_time() - before
        result = {name: np.array(self._variable(name).get_value()) for name in read}
        return Run(result, time.process_time() - start, stepping)

    def _checked(self, name: str, value) -> np.ndarray:
        variable = self._variable(name)
        if isinstance(variable, TimedArray):
            array = variable.values
            return checked(name, value, array.dtype, array.size, variable.dim)
        if variable.read_only:
            raise ValueError(f"{name!r}: cannot be set")
        size = np.size(variable.get_value())  # synapses come after their variables
        return checked(name, value, variable.dtype, size, dimensions(variable))

    def _variable(self, name: str):
        owner, _, variable = name.partition(".")
        if variable == "values" and owner in self.timed_arrays:
            return self.timed_arrays[owner]
        try:
            return self.network[owner].variables[variable]
        except KeyError:
            raise ValueError(f"{name!r}: the network has no such variable") from None


def _timed_arrays(network: Network) -> dict[str, TimedArray]:
    namespaces = [getattr(o, "namespace", None) or {} for o in network.objects]
    return {v.name: v for n in namespaces for v in n.values() if isinstance(v, TimedArray)}
