"""What Brian2CUDA cannot do, and would pass over."""

import numpy as np
from brian2 import Clock, Network
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.synapses.synapses import SynapticPathway


def may_be_late(pathway: SynapticPathway, device: CPPStandaloneDevice) -> bool:
    """Whether a pathway of synapses has a delay, or may have one."""
    constants = {
        arguments[0]: arguments[2]
        for func, arguments in device.main_queue
        if func == "set_by_single_value"
    }
    delay = pathway.variables["delay"]
    name = device.get_array_name(delay, access_data=False)
    return not delay.scalar or float(constants.get(name, "nan")) != 0


def refuse_delays(network: Network, device: CPPStandaloneDevice) -> None:
    """ValueError where a delay would be counted in the ticks of other clocks."""
    clocks = {obj.clock for obj in network.sorted_objects}
    pathways = [obj for obj in network.sorted_objects if isinstance(obj, SynapticPathway)]
    for pathway in pathways:
        if not may_be_late(pathway, device):
            continue
        own = pathway.clock
        for clock in clocks:
            ratio = float(clock.dt / own.dt) if isinstance(clock, Clock) else np.nan
            if not (ratio >= 1 - 1e-9 and abs(ratio - round(ratio)) < 1e-9):
                raise ValueError(
                    f"{pathway.name!r} has a delay and the time step {own.dt}, {clock.name!r} has "
                    f"{getattr(clock, 'dt', 'none')}: on cuda_standalone all clocks must be whole "
                    "multiples of that of a pathway with a delay"
                )


def refuse_names(network: Network) -> None:
    """ValueError for names of variables that Brian2CUDA gives a meaning."""
    for obj in network.sorted_objects:
        for name in getattr(obj, "variables", {}):
            if name.endswith("space") and not name.startswith("_"):
                raise ValueError(
                    f"'{obj.name}.{name}': Brian2CUDA takes what ends in 'space' for a list of "
                    "events; the variable must have another name on cuda_standalone"
                )
