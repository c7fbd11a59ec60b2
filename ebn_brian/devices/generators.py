"""Spikes of a `SpikeGeneratorGroup` as values of a run: any number of them, in any order.

A run takes ``group.neuron_index`` and ``group.spike_time`` together; what Brian2 derives from them,
the time steps, is computed here as it does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, SpikeGeneratorGroup, second
from numpy.typing import ArrayLike, NDArray

from .values import checked

#: Arrays of a group by the name of its variable.
Spikes = dict[str, NDArray[Any]]
#: Variables that a run is given, and those that the program reads.
GIVEN = ("neuron_index", "spike_time")
HELD = (*GIVEN, "spike_number", "_timebins")
#: What a file of the run's folder is called that holds a variable.
PREFIX = "spikes_"


@dataclass(frozen=True)
class Generator:
    """What a program remembers of a `SpikeGeneratorGroup`."""

    name: str
    n: int
    dt: float
    period: float
    """Seconds; 0 for none."""

    def spikes(self, neuron_index: ArrayLike, spike_time: ArrayLike) -> Spikes:
        """All that the group holds for spikes given in any order.

        Raises
        ------
        ValueError
            If there is no such neuron, a time is negative or not within the period, or a neuron
            spikes twice in a time step.
        """
        indices, moments = (f"{self.name}.{variable}" for variable in GIVEN)
        i = np.atleast_1d(checked(indices, neuron_index, np.dtype(np.int32), None))
        t = np.atleast_1d(checked(moments, spike_time, np.dtype(float), None, second.dim))
        if len(i) != len(t):
            raise ValueError(f"{indices!r} has {len(i)} values: {moments!r} has {len(t)}")
        if len(i) and not (i.min() >= 0 and i.max() < self.n):
            raise ValueError(
                f"{indices!r} has {i.min()} to {i.max()}: must be from 0 to {self.n - 1}"
            )
        order = np.lexsort((i, t))
        i, t = i[order], t[order]
        if len(t) and (t[0] < 0 or 0 < self.period <= t[-1] + 1e-3 * self.dt):
            within = f" and before the period, {self.period} s" if self.period else ""
            raise ValueError(f"{moments!r} has {t[0]} s to {t[-1]} s: must be from 0 s{within}")
        bins = np.asarray((t + 1e-3 * self.dt) / self.dt, dtype=np.int32)  # as Brian2 does
        pairs, times = np.unique(np.stack([i, bins]), axis=1, return_counts=True)
        if (times > 1).any():
            neuron, step = pairs[:, times.argmax()]
            raise ValueError(
                f"{moments!r}: neuron {neuron} spikes more than once in the time step "
                f"at {step * self.dt:.6g} s"
            )
        number = np.arange(len(i), dtype=np.int32)
        return dict(zip(HELD, (i, t, number, bins), strict=True))


def generators(network: Network) -> dict[str, Generator]:
    """The network's `SpikeGeneratorGroup`s by name."""
    return {
        obj.name: Generator(obj.name, len(obj), float(obj.clock.dt), float(obj.period_[:]))
        for obj in network.sorted_objects
        if isinstance(obj, SpikeGeneratorGroup)
    }


def divided(
    values: Mapping[str, Any], known: Mapping[str, Generator]
) -> tuple[dict[str, Any], dict[str, Spikes]]:
    """Values of a run, those of `known` groups apart, and their spikes by group.

    Raises
    ------
    ValueError
        If a group is given the one without the other, or as `Generator.spikes`.
    """
    rest, spikes = dict(values), dict[str, Spikes]()
    for name, generator in known.items():
        given = {v: rest.pop(f"{name}.{v}") for v in GIVEN if f"{name}.{v}" in rest}
        if not given:
            continue
        for variable in GIVEN:
            if variable not in given:
                raise ValueError(
                    f"'{name}.{variable}' is not given: {' and '.join(GIVEN)} go together"
                )
        spikes[name] = generator.spikes(**given)
    return rest, spikes


def leave(spikes: Mapping[str, Spikes], folder: Path) -> None:
    """Write the spikes to where the program of `CODE` reads them."""
    for group, variables in spikes.items():
        for variable, values in variables.items():
            values.tofile(folder / f"{PREFIX}{group}.{variable}")


#: Takes the spikes that a run was given into a group's arrays, if it was given any.
CODE = f"""
auto ebn_spikes = [&](const std::string name, auto& held) {{
    std::ifstream file(results_dir + "{PREFIX}" + name, std::ios::binary | std::ios::ate);
    if (!file) return;
    held.resize((size_t)file.tellg()/sizeof(held[0]));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(held.data()), held.size()*sizeof(held[0]));
}};
"""


def code(known: Mapping[str, Generator], addresses: Mapping[str, str], on_gpu: bool = False) -> str:
    """C++ for the program's main; `addresses` are the arrays by full name."""
    lines = [CODE] if known else []
    for group in known:
        for variable in HELD:
            name = f"{group}.{variable}"
            held = addresses[name].removesuffix(".data()")
            lines.append(f'ebn_spikes("{name}", {held});' + f" dev{held} = {held};" * on_gpu)
    return "\n".join(lines)
