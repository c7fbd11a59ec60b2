"""The groups that `studies.characterise` simulates, all in one network."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from brian2 import (
    BrianObject,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    amp,
    ms,
    nA,
    second,
    us,
)
from numpy.typing import NDArray

from ebn_brian import devices
from ebn_brian.checks import Floats, Integers
from ebn_brian.chips.dpi import neuron_values, terms
from ebn_brian.dpi_model import Circuit
from ebn_brian.equations import dpi

DT = 20 * us
#: Spiking neuron: threshold and reset (nA), refractory time.
SPIKING = {"I_spk": 3 * nA, "I_reset": 0.05 * nA, "t_ref": 2 * ms}
#: Inputs (nA) of the step responses.
STEPS = (1.0, 4.0, 12.0)
CODES = (-15, -5, 5, 15)
#: The postsynaptic step is read so long after the onset of its pulse.
READ_AFTER = 20 * ms
#: Gain of the comparators' copy of the weight in the second map.
COPY = 0.02
#: Nothing moves a membrane with this time constant: currents of the comparators' maps.
HELD = 1e9 * second


@dataclass(frozen=True)
class Grid:
    """Where the points lie."""

    inputs: Floats  # A, f-I curve
    times: Floats  # s after the step
    widths: Floats  # s
    pulses: int  # counters at their rails
    currents: Floats  # A, comparators
    counters: Integers  # LSB, comparators
    end: float  # s

    @classmethod
    def of(cls, circuit: Circuit, quick: bool) -> "Grid":
        """The points for `circuit`, fewer if `quick`."""
        n, tau, dt = (10 if quick else 30), float(circuit.tau), float(DT)
        times = np.append(np.geomspace(tau / 200, 6 * tau, 2 * n), [8 * tau, 10 * tau])
        times = np.unique(np.round(times / dt)) * dt
        widths = np.unique(np.round(np.geomspace(0.1e-3, 8e-3, n // 2) / dt)) * dt
        span = 2.5 * float(circuit.I_SL)
        return cls(
            np.geomspace(2e-9, 200e-9, n),
            times,
            widths,
            8,
            float(circuit.I_ref) + span * np.linspace(-1, 1, 2 * n + 1),
            np.arange(-31, 32, 6 if quick else 2),
            float(max(0.5, 12 * tau)),
        )


def neurons(circuit: Circuit, n: int, text: str, name: str, **options: Any) -> NeuronGroup:
    """`n` neurons of equations `text` with the parameters of `circuit`; `options` are Brian2's."""
    group = NeuronGroup(n, text, method="rk2", dt=DT, name=name, **options)
    for parameter, value in neuron_values(circuit, text).items():
        setattr(group, parameter, value)
    return group


def spiking(circuit: Circuit, grid: Grid) -> NeuronGroup:
    """Neurons at constant inputs, for the f-I curve."""
    text = dpi.neuron(slopes=True, spiking=True) + "I_in : amp\n"
    options = {"threshold": dpi.THRESHOLD, "reset": dpi.RESET, "refractory": "t_ref"}
    group = neurons(circuit, len(grid.inputs), text, "spiking", **options)
    for name, value in SPIKING.items():
        setattr(group, name, value)
    group.I_in, group.I_mem = grid.inputs * amp, SPIKING["I_reset"]
    return group


def stepped(circuit: Circuit, grid: Grid, slope: float, name: str) -> NeuronGroup:
    """Neurons whose inputs are switched on at such times that they end at ``grid.times``."""
    inputs, times = np.meshgrid(STEPS, grid.times, indexing="ij")
    text = dpi.neuron(slopes=True) + dpi.SWITCH + "I_dc : amp\nI_in = I_dc*bias_on : amp\n"
    group = neurons(replace(circuit, slope=slope), inputs.size, text, name)
    group.I_mem, group.I_dc = circuit.I_0, inputs.ravel() * nA
    group.t_start = (grid.end - times.ravel()) * second
    return group


def pulsed(circuit: Circuit, grid: Grid, ideal: bool, name: str) -> list[BrianObject]:
    """Neurons at rest that get one pulse of each width and code, and what drives them.

    If `ideal`, all is linear: no slopes, no conductance, no end of the input at zero.
    """
    text = dpi.model("linear", rectified=False) if ideal else dpi.model(**terms(circuit))
    codes, widths = np.meshgrid(CODES, grid.widths, indexing="ij")
    group = neurons(circuit, codes.size, text, name)
    group.I_mem, group.J_i = circuit.I_rest, circuit.I_0_i
    if ideal:
        group.I_mem = group.I_dc = 9 * nA
    onset = round((grid.end - float(READ_AFTER)) / float(DT)) - 1
    source = SpikeGeneratorGroup(1, [0], [onset] * DT, dt=DT, name=f"{name}_source")
    synapses = plastic(circuit, source, group, codes.ravel(), f"{name}_synapses")
    synapses.plastic = 0
    synapses.offset.delay = widths.ravel() * second
    return [group, source, synapses]


def plastic(
    circuit: Circuit,
    source: SpikeGeneratorGroup,
    group: NeuronGroup,
    w: Integers,
    name: str,
    one_to_one: bool = False,
) -> Synapses:
    """Plastic synapses with counters `w` from `source`, all to all or each to its own."""
    rule = circuit.rule()
    text = rule.model(circuit.I_unit) + dpi.LATCH
    synapses = Synapses(source, group, text, on_pre=dpi.on_pre(rule), dt=DT, name=name)
    synapses.connect(j="i") if one_to_one else synapses.connect()
    for parameter, value in {**rule.values(circuit.I_unit), "gain": 1, "w": w}.items():
        setattr(synapses, parameter, value)
    synapses.onset.delay, synapses.offset.delay = 0 * ms, 1 * ms
    return synapses


def held(circuit: Circuit, current: Floats, name: str) -> NeuronGroup:
    """Neurons whose `current` (A) stays, for comparators and counters."""
    group = NeuronGroup(len(current), dpi.model("linear"), method="rk2", dt=DT, name=name)
    group.tau, group.tau_e, group.tau_i = HELD, HELD, HELD
    group.I_mem, group.I_ref = current * amp, circuit.I_ref
    return group


def rails(circuit: Circuit, grid: Grid) -> list[BrianObject]:
    """Counter k near a rail gets k pulses from a source of its own: first half up, then down."""
    n = grid.pulses + 1
    far = 2 * float(circuit.I_SL) * np.repeat([-1, 1], n)
    group = held(circuit, float(circuit.I_ref) + far, "rails")
    pulses = [(k, p) for k in range(2 * n) for p in range(k % n)]
    times = np.array([5 + 10 * p for _, p in pulses]) * ms
    source = SpikeGeneratorGroup(2 * n, [k for k, _ in pulses], times, dt=DT, name="rails_source")
    w_max = circuit.rule().w_max
    first = np.repeat([w_max - n // 2, n // 2 - w_max], n)
    return [group, source, plastic(circuit, source, group, first, "counters", one_to_one=True)]


def comparators(circuit: Circuit, grid: Grid, copy_gain: float, name: str) -> list[BrianObject]:
    """One pulse for every current and counter: the latched decisions."""
    counters, currents = np.meshgrid(grid.counters, grid.currents, indexing="ij")
    group = held(circuit, currents.ravel(), name)
    source = SpikeGeneratorGroup(1, [0], [5 * ms], dt=DT, name=f"{name}_source")
    circuit = replace(circuit, copy_gain=copy_gain, n_bits=6)  # whose rails the grid reaches
    return [group, source, plastic(circuit, source, group, counters.ravel(), f"{name}_synapses")]


def simulate(circuit: Circuit, grid: Grid, device: str) -> dict[str, NDArray[Any]]:
    """Everything in one network; arrays by name."""

    def make() -> Network:
        fired = spiking(circuit, grid)
        net = Network(fired, SpikeMonitor(fired, name="spikes"))
        net.add(stepped(circuit, grid, 1.0, "ideal_response"))
        net.add(stepped(circuit, grid, circuit.slope, "response"))
        net.add(pulsed(circuit, grid, True, "ideal_pulse"), pulsed(circuit, grid, False, "pulse"))
        net.add(rails(circuit, grid), comparators(circuit, grid, 0, "blind"))
        net.add(comparators(circuit, grid, COPY, "seeing"))
        return net

    read = ["spikes.i", "spikes.t", "ideal_response.I_mem", "response.I_mem", "ideal_pulse.I_mem"]
    read += ["pulse.I_mem", "counters.w", "blind_synapses.d", "seeing_synapses.d"]
    return devices.build(make, device).run(duration=grid.end * second, read=read).values
