"""The groups that `studies.characterise` simulates, all in one network."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from brian2 import (
    BrianObject,
    Network,
    NeuronGroup,
    Quantity,
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
from ebn_brian.chips.dpi import neuron_values
from ebn_brian.dpi_model import IDEAL, Circuit, moderate, weak
from ebn_brian.dpi_theory import resting_current
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


#: A neuron without synapses, beside `dpi.neuron` and `dpi.pair`.
ALONE = dpi.external() + "I_syn : amp\n"
#: Neurons and synapses that are linear throughout.
LINEAR = dpi.LINEAR + dpi.pair(rectified=False) + dpi.external() + dpi.synapses() + dpi.COMPARATORS


def ideal(circuit: Circuit) -> Circuit:
    """`circuit` without its terms."""
    return replace(circuit, **IDEAL)


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
        times = np.append(np.geomspace(tau / 200, 6 * tau, 2 * n), [12 * tau, 15 * tau])
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
            float(np.ceil(max(0.5, 16 * tau) / dt) * dt),
        )


def neurons(circuit: Circuit, n: int, text: str, name: str, **options: Any) -> NeuronGroup:
    """`n` neurons of equations `text` with the parameters of `circuit`; `options` are Brian2's."""
    group = NeuronGroup(n, text, method="rk2", dt=DT, name=name, **options)
    for parameter, value in neuron_values(circuit, text).items():
        setattr(group, parameter, value)
    return group


def spiking(circuit: Circuit, grid: Grid) -> NeuronGroup:
    """Neurons at constant inputs, for the f-I curve."""
    terms = circuit.terms - {"t_start"}
    text = dpi.neuron(terms, spikes="reset") + dpi.pair(terms) + ALONE
    options = {"threshold": dpi.THRESHOLD, "reset": dpi.reset(terms), "refractory": "t_ref"}
    group = neurons(circuit, len(grid.inputs), text, "spiking", **options)
    for name, value in SPIKING.items():
        setattr(group, name, value)
    group.I_dc = grid.inputs * amp
    setattr(group, *state(circuit, SPIKING["I_reset"]))
    return group


def state(circuit: Circuit, I_mem: Quantity) -> tuple[str, Quantity]:
    """Name and value of the membrane's state at `I_mem`."""
    read_out = "I_s_mem" in circuit.terms
    return ("J_mem", weak(I_mem, circuit.I_s_mem)) if read_out else ("I_mem", I_mem)


def neuron_of(circuit: Circuit) -> dict[str, Any]:
    """The parameters of `circuit` that functions of `dpi_theory` take."""
    names = ("tau", "I_th", "gain_n", "I_0", "slope", "leak", "I_leak", "I_s_in", "I_s_mem")
    return {name: getattr(circuit, name) for name in names}


def dark(circuit: Circuit) -> Quantity:
    """``I_mem`` at rest without any input."""
    return resting_current(0 * amp, **without(neuron_of(circuit), "tau"))


def without(values: dict[str, Any], name: str) -> dict[str, Any]:
    """`values`, but for one."""
    return {key: value for key, value in values.items() if key != name}


def stepped(circuit: Circuit, grid: Grid, name: str) -> NeuronGroup:
    """Neurons whose inputs are switched on at such times that they end at ``grid.times``."""
    inputs, times = np.meshgrid(STEPS, grid.times, indexing="ij")
    terms = {*circuit.terms, "t_start"}
    group = neurons(circuit, inputs.size, dpi.neuron(terms) + dpi.pair(terms) + ALONE, name)
    setattr(group, *state(circuit, dark(circuit)))
    group.I_dc = inputs.ravel() * nA
    group.t_start = (grid.end - times.ravel()) * second
    return group


def pulsed(circuit: Circuit, grid: Grid, ideal: bool, name: str) -> list[BrianObject]:
    """Neurons at rest that get one pulse of each width and code, and what drives them.

    If `ideal`, all is linear, and the input does not end at zero.
    """
    text = LINEAR if ideal else dpi.model(circuit.terms - {"t_start"})
    codes, widths = np.meshgrid(CODES, grid.widths, indexing="ij")
    group = neurons(circuit, codes.size, text, name)
    if ideal:
        group.I_mem = group.I_dc = 9 * nA
    else:
        setattr(group, *state(circuit, circuit.I_rest))
    onset = round((grid.end - float(READ_AFTER)) / float(DT)) - 1
    source = SpikeGeneratorGroup(1, [0], [onset] * DT, dt=DT, name=f"{name}_source")
    own = replace(circuit, eps=0.0) if ideal else circuit
    synapses = plastic(own, source, group, codes.ravel(), f"{name}_synapses")
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
    rule, terms = circuit.rule(), circuit.terms
    text, on_pre = dpi.plastic(rule, circuit.I_unit, terms), dpi.on_pre(rule, terms)
    synapses = Synapses(source, group, text, on_pre=on_pre, dt=DT, name=name)
    synapses.connect(j="i") if one_to_one else synapses.connect()
    values = {**rule.values(circuit.I_unit), "gain": 1, "w": w}
    values |= {"eps": circuit.eps} if "eps" in terms else {}
    for parameter, value in values.items():
        setattr(synapses, parameter, value)
    synapses.onset.delay, synapses.offset.delay = 0 * ms, 1 * ms
    return synapses


def held(circuit: Circuit, current: Floats, name: str) -> NeuronGroup:
    """Neurons whose `current` (A) stays, for comparators and counters."""
    group = NeuronGroup(len(current), LINEAR, method="rk2", dt=DT, name=name)
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
        net.add(stepped(ideal(circuit), grid, "ideal_response"))
        net.add(stepped(circuit, grid, "response"))
        net.add(pulsed(circuit, grid, True, "ideal_pulse"), pulsed(circuit, grid, False, "pulse"))
        net.add(rails(circuit, grid), comparators(circuit, grid, 0, "blind"))
        net.add(comparators(circuit, grid, COPY, "seeing"))
        return net

    own = state(circuit, circuit.I_0)[0]
    states = {"ideal_response": "I_mem", "response": own, "ideal_pulse": "I_mem", "pulse": own}
    read = [f"{name}.{variable}" for name, variable in states.items()]
    read += ["spikes.i", "spikes.t", "counters.w", "blind_synapses.d", "seeing_synapses.d"]
    values = devices.build(make, device).run(duration=grid.end * second, read=read).values
    if own == "J_mem":  # compiled programs hold the state alone
        for name in ("response", "pulse"):
            J_mem = values.pop(f"{name}.J_mem") * amp
            values[f"{name}.I_mem"] = np.asarray(moderate(J_mem, circuit.I_s_mem))
    return values
