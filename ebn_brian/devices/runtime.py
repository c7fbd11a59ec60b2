"""Programs that run in this process: numpy and cython."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import brian2
import numpy as np
from brian2 import Network, Quantity, TimedArray, second
from brian2.core.variables import ArrayVariable
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..seeds import check_seed
from . import exact
from .active import in_force, network_and_names, new_device, resolving
from .flags import STRICT, preferences
from .generators import GIVEN, divided, generators
from .values import Run, checked, dimensions, fixed, stop_if_compile_only, timed_arrays

#: Targets by name. ``runtime`` lets Brian2 choose between cython and numpy.
RUNTIME = {"runtime": "auto", "numpy": exact.NAME, "cython": "cython"}


class RuntimeProgram:
    """A network that runs in this process (numpy or cython)."""

    def __init__(
        self,
        make_network: Callable[[], Network],
        target: str,
        float_dtype: type[np.floating[Any]],
        namespace: Mapping[str, Any] | None = None,
    ):
        self.device = new_device("runtime")
        self.preferences = {
            "codegen.target": target,
            "core.default_float_dtype": float_dtype,
            **STRICT,
        }
        self.namespace = namespace
        with preferences(self.preferences), in_force(self.device):
            self.network, self.names = network_and_names(make_network, namespace)
            self.network.store("built")
        self.timed_arrays = timed_arrays(self.network)
        self.generators = generators(self.network)
        self.built_spikes = {
            name: {v: np.array(self._variable(f"{name}.{v}").get_value()) for v in GIVEN}
            for name in self.generators
        }
        self.built = {name: timed.values.copy() for name, timed in self.timed_arrays.items()}

    def run(
        self,
        values: Mapping[str, ArrayLike | Quantity] = {},
        *,
        duration: Quantity,
        seed: int | None = None,
        read: Sequence[str] = (),
        timeout: Quantity | None = None,
    ) -> Run:
        """See `Program.run`."""
        if timeout is not None:
            raise ValueError(f"timeout={timeout}: a run in this process has none, it must be None")
        checks.seconds("duration", duration)
        values, spikes = divided(values, self.generators)
        inputs = {name: self._checked(name, value) for name, value in values.items()}
        for name in read:
            self._variable(name)
        stop_if_compile_only(f"{len(self.network.objects)} objects")
        start = time.process_time()
        with preferences(self.preferences), in_force(self.device):
            self.network.restore("built")
            for name, timed in self.timed_arrays.items():
                timed.values[...] = self.built[name]
            for name, value in inputs.items():
                variable = self._variable(name)
                if isinstance(variable, TimedArray):
                    variable.values[...] = value.reshape(variable.values.shape)
                else:
                    variable.set_value(value)
            for name, held in {**self.built_spikes, **spikes}.items():
                group = self.network[name]
                i, t = (held[v] for v in GIVEN)
                group.set_spikes(i, t * second, group.period, sorted=True)
            if seed is not None:
                brian2.seed(check_seed(seed))
            before = time.process_time()
            with resolving(self.namespace):
                self.network.run(duration, namespace=self.names)
            stepping = time.process_time() - before
        result = {name: np.array(self._variable(name).get_value()) for name in read}
        return Run(result, time.process_time() - start, stepping)

    def _checked(self, name: str, value: ArrayLike | Quantity) -> NDArray[Any]:
        variable = self._variable(name)
        if isinstance(variable, TimedArray):
            array = variable.values
            return checked(name, value, array.dtype, array.size, variable.dim)
        if variable.read_only:
            raise fixed(name)
        size = np.size(variable.get_value())  # synapses come after their variables
        return checked(name, value, variable.dtype, size, dimensions(variable))

    def _variable(self, name: str) -> TimedArray | ArrayVariable:
        owner, _, variable = name.partition(".")
        if variable == "values" and owner in self.timed_arrays:
            return self.timed_arrays[owner]
        try:
            return self.network[owner].variables[variable]
        except KeyError:
            raise ValueError(f"{name!r}: the network has no such variable") from None
