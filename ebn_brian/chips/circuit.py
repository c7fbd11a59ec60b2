"""The learning circuit of the paper's section IV as Brian2 objects: one, or many in one group.

A silent DPI neuron with a plastic synapse, and beside it if wanted a fixed exciting one, all driven
by the same pulses. Circuit k of a batch has index k in ``neurons``, ``plastic`` and ``fixed``; all
parameters can be set per circuit when the network is run (``{"neurons.tau": [...]}``).
"""

from typing import Any

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    Quantity,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    TimedArray,
    linked_var,
    second,
    us,
)
from numpy.typing import ArrayLike

from ..checks import Floats, Integers
from ..dpi_model import Circuit
from ..equations import dpi
from .dpi import neuron_values

DT = 25 * us
SAMPLE = 50 * us

#: Copies of the counter and of the latched decision at the neuron, for the sampler.
COPIES = "code : 1\ndecision : 1\n"


def model(circuit: Circuit, fixed: bool = False) -> str:
    """Equations of the neuron for `circuit`; `fixed` as in `learning_circuit`."""
    terms = {*circuit.terms, "t_start"}
    if fixed:
        terms |= {f"{name[:-1]}f" for name in terms if name.endswith("_e")}
    return (
        dpi.neuron(terms)
        + dpi.pair(terms)
        + dpi.external()
        + dpi.synapses(terms, "ef" if fixed else "e", pulse="pulse(t)")
        + dpi.COMPARATORS
        + COPIES
    )


def circuit_values(circuit: Circuit, fixed: bool = False) -> dict[str, Any]:
    """Values of the neurons' parameters and their state before the first pulse."""
    state = "J_mem" if "I_s_mem" in circuit.terms else "I_mem"
    values = neuron_values(circuit, model(circuit, fixed))
    return values | {state: circuit.I_0, "code": circuit.w_initial}


def pulse_steps(onsets: ArrayLike, circuit: Circuit, dt: Quantity) -> tuple[Integers, int]:
    """Steps in which pulses begin, and the number of steps that any of them touches.

    Raises
    ------
    ValueError
        If pulses overlap, or begin before the second time step.
    """
    edges = np.asarray(onsets, float), np.asarray(onsets, float) + float(circuit.width)
    steps = np.floor(edges[0] / float(dt) + 1e-6).astype(int)
    ends = np.ceil(edges[1] / float(dt) - 1e-6).astype(int)
    width = int(np.max(ends - steps, initial=0))
    if len(steps) == 0 or steps.min() < 1 or (np.diff(steps) <= width).any():
        raise ValueError(f"onsets: pulses of {circuit.width} must begin after t=0 and not overlap")
    return steps, width


def extended(onsets: ArrayLike, circuit: Circuit, dt: Quantity) -> TimedArray:
    """The spike extender's output: the part of each time step in which a pulse is on."""
    width = float(circuit.width)
    edges = np.add.outer(np.asarray(onsets, float), [0, width]).ravel()
    time_on = np.repeat(np.arange(len(edges) // 2 + 1), 2)[1:-1] * width
    grid = np.arange(int(edges[-1] / float(dt)) + 3) * float(dt)
    part = np.diff(np.interp(grid, edges, time_on)) / float(dt)
    return TimedArray(np.round(part, 9), dt=dt, name="pulse")


def learning_circuit(
    circuit: Circuit,
    onsets: ArrayLike,
    n_circuits: int = 1,
    *,
    fixed: bool = False,
    recorded: TimedArray | None = None,
    dt: Quantity = DT,
    n_sampled: int | None = None,
) -> Network:
    """Make the network.

    Parameters
    ----------
    circuit
        Parameters of all circuits.
    onsets
        Onsets of the pulses (s). A time step that a pulse covers in part has that part of it.
    fixed
        Whether there is a fixed exciting synapse, ``fixed.w``, of strength ``circuit.fixed_w``
        (LSB), through a DPI of its own.
    recorded
        The counter to follow instead of the circuit's own decisions (open loop).
    n_sampled
        So many circuits, from the first, are sampled every 50 us; all by default. `SAMPLED` names
        what can be read then; `sampled` brings it into shape.

    Raises
    ------
    ValueError
        If pulses overlap, or begin before the second time step.
    """
    steps, width = pulse_steps(onsets, circuit, dt)
    neurons = NeuronGroup(
        n_circuits,
        model(circuit, fixed),
        method="rk2",
        dt=dt,
        namespace={"pulse": extended(onsets, circuit, dt)},
        name="neurons",
    )
    for name, value in circuit_values(circuit, fixed).items():
        setattr(neurons, name, value)
    # a spike acts after the integration of its own step, so it comes one step before the onset
    times = (steps - 1) * float(dt) * second
    clock = neurons.clock  # one for all: what has a clock of its own cannot be fused with the rest
    pulses = SpikeGeneratorGroup(1, np.zeros(len(steps), int), times, clock=clock, name="pulses")
    delay = {"onset": 0 * us, "offset": width * dt}
    plastic = _plastic(circuit, recorded, pulses, neurons, delay)
    net = Network(neurons, pulses, plastic, *_sampler(neurons, n_sampled or n_circuits))
    if fixed:
        synapses = Synapses(
            pulses,
            neurons,
            dpi.FIXED,
            on_pre=dpi.on_pre_fixed("f"),
            delay=delay,
            clock=clock,
            name="fixed",
        )
        synapses.connect()
        synapses.w = circuit.fixed_w
        net.add(synapses)
    return net


def _plastic(
    circuit: Circuit,
    recorded: TimedArray | None,
    pulses: SpikeGeneratorGroup,
    neurons: NeuronGroup,
    delay: dict[str, Quantity],
) -> Synapses:
    """The plastic synapses: with decisions of their own, or following a `recorded` counter."""
    rule, terms = circuit.rule(), {*circuit.terms}
    flow, stop = dpi.dac(rule, terms)
    pathways, namespace = (
        {"onset": f"w = recorded(t)\n{flow}", "offset": stop},
        {"recorded": recorded},
    )
    if recorded is None:
        own = dpi.on_pre(rule, terms)
        pathways = {
            "onset": own["onset"] + "decision_post += d\n",
            "offset": "decision_post -= d\ncode_post -= w\n" + own["offset"] + "code_post += w\n",
        }
    plastic = Synapses(
        pulses,
        neurons,
        dpi.plastic(rule, circuit.I_unit, terms),
        on_pre=pathways,
        delay=delay,
        clock=neurons.clock,
        namespace=namespace,
        name="plastic",
    )
    plastic.connect()
    values = {**rule.values(circuit.I_unit), "gain": 1, "w": circuit.w_initial}
    values |= {"eps": circuit.eps} if "eps" in terms else {}
    for name, value in values.items():
        setattr(plastic, name, value)
    return plastic


#: What can be read of the samples.
SAMPLED = {name: f"sampled.{name}" for name in ("I_mem", "code", "decision")}


def _sampler(neurons: NeuronGroup, n: int) -> tuple[NeuronGroup, SpikeMonitor]:
    """A group that fires at every sample, so that the samples are one flat array on any device."""
    probe = NeuronGroup(
        n,
        "I_mem : amp (linked)\ncode : 1 (linked)\ndecision : 1 (linked)",
        threshold="True",
        reset="",
        dt=SAMPLE,
        name="probe",
    )
    for name in SAMPLED:
        setattr(probe, name, linked_var(neurons, name, index=np.arange(n)))
    monitor = SpikeMonitor(probe, variables=list(SAMPLED), name="sampled")
    probe.thresholder["spike"].when = monitor.when = "start"
    return probe, monitor


def sampled(run: Any, n: int = 1) -> dict[str, Floats]:
    """Samples of a run that read `SAMPLED`: arrays (n_samples, n) by name, and the times ``t``."""
    arrays = {name: run[key].reshape(-1, n) for name, key in SAMPLED.items()}
    return arrays | {"t": np.arange(len(arrays["I_mem"])) * float(SAMPLE)}
