"""The learning circuit of the paper's section IV as Brian2 objects: one, or many in one group.

A silent DPI neuron with a plastic synapse, and beside it if wanted a fixed exciting one, all driven
by the same pulses. Circuit k of a batch has index k in ``neurons``, ``plastic`` and ``fixed``; all
parameters can be set per circuit when the network is run (``{"neurons.tau": [...]}``).
"""

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

from .dpi_model import Circuit
from .equations import dpi

DT = 10 * us
SAMPLE = 50 * us

#: Parameters of `Circuit` that neurons have under the same name.
NEURON = (
    *("tau", "I_th", "I_0", "slope", "gain_n", "I_dc", "t_start", "I_ref", "I_off"),
    *("I_lsb", "slope_syn", "early", "I_early", "tau_e", "gain_e"),
    *("tau_i", "gain_i", "I_th_i", "I_0_i"),
)

#: What drives a synapse in open loop: the recorded counter in place of its own decisions.
FOLLOW = {"onset": "w = recorded(t)\n" + dpi.FLOW, "offset": dpi.STOP}

#: Copies of the counter and of the latched decision at the neuron, for the sampler.
COPIES = "code : 1\ndecision : 1\n"


#: Through which DPI a fixed synapse may act: one of its own, or the plastic synapse's.
FIXED_DPIS = ("own", "shared")


def model(circuit: Circuit, fixed: str | None = None) -> str:
    """Equations of the neuron for `circuit`; `fixed` as in `learning_circuit`."""
    return (
        dpi.model(
            "full",
            slopes=True,
            conductance=True,
            inhibition="full" if float(circuit.I_th_i) else "linear",
            fixed=fixed == "own",
            switched=True,
        )
        + COPIES
    )


def neuron_values(circuit: Circuit, fixed: str | None = None) -> dict[str, Quantity | float]:
    """Values of the neurons' parameters and their state before the first pulse."""
    values = {name: getattr(circuit, name) for name in NEURON}
    if not float(circuit.I_th_i):
        del values["I_th_i"], values["I_0_i"]
    else:
        values["J_i"] = circuit.I_0_i
    if fixed == "own":
        values |= {"tau_f": circuit.tau_e, "gain_f": circuit.gain_e}
    return values | {"I_mem": circuit.I_0}


def learning_circuit(
    circuit: Circuit,
    onsets: np.ndarray,
    n_circuits: int = 1,
    *,
    fixed: str | None = None,
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
        Onsets of the pulses (s). They are moved to the grid of `dt`.
    fixed
        With ``'own'`` or ``'shared'`` there is a fixed exciting synapse of strength ``fixed.w``
        (LSB, 0 at first), through a DPI of its own or through that of the plastic synapse.
    recorded
        The counter to follow instead of the circuit's own decisions (open loop).
    n_sampled
        So many circuits, from the first, are sampled every 50 us; all by default. `SAMPLED` names
        what can be read then; `sampled` brings it into shape.

    Raises
    ------
    ValueError
        If pulses overlap, or begin before the second time step, or `fixed` is unknown.
    """
    if fixed not in (None, *FIXED_DPIS):
        raise ValueError(f"fixed={fixed!r}: must be None or one of {', '.join(FIXED_DPIS)}")
    # to the nearest step; a half goes down for all, whatever its last bit
    steps = np.floor(np.asarray(onsets, float) / float(dt) + 0.5 - 1e-6).astype(int)
    width = round(float(circuit.width / dt))
    if len(steps) == 0 or steps.min() < 1 or (np.diff(steps) <= width).any():
        raise ValueError(f"onsets: pulses of {circuit.width} must begin after t=0 and not overlap")
    neurons = NeuronGroup(n_circuits, model(circuit, fixed), method="rk2", dt=dt, name="neurons")
    for name, value in neuron_values(circuit, fixed).items():
        setattr(neurons, name, value)
    # a spike acts after the integration of its own step, so it comes one step before the onset
    times = (steps - 1) * float(dt) * second
    pulses = SpikeGeneratorGroup(1, np.zeros(len(steps), int), times, dt=dt, name="pulses")
    delay = {"onset": 0 * us, "offset": width * dt}

    def synapses(text: str, pathways: dict, name: str) -> Synapses:
        made = Synapses(pulses, neurons, text, on_pre=pathways, delay=delay, dt=dt, name=name)
        made.connect()
        return made

    rule = circuit.rule()
    if recorded is None:
        pathways, namespace = dpi.on_pre(rule), {}
        pathways = {
            "onset": pathways["onset"] + "decision_post += d\n",
            "offset": "decision_post -= d\ncode_post -= w\n"
            + pathways["offset"]
            + "code_post += w\n",
        }
    else:
        pathways, namespace = FOLLOW, {"recorded": recorded}
    plastic = synapses(rule.model + dpi.LATCH, pathways, "plastic")
    plastic.namespace.update(namespace)
    for name, value in {**rule.parameters, "gain": 1, "w": circuit.w_initial}.items():
        setattr(plastic, name, value)
    neurons.code = circuit.w_initial
    net = Network(neurons, pulses, plastic, *_sampler(neurons, n_sampled or n_circuits))
    if fixed:
        branch = {"own": "f", "shared": "e"}[fixed]
        net.add(synapses(dpi.FIXED, dpi.on_pre_fixed(branch), "fixed"))
    return net


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


def sampled(run, n: int = 1) -> dict[str, np.ndarray]:
    """Samples of a run that read `SAMPLED`: arrays (n_samples, n) by name, and the times ``t``."""
    arrays = {name: run[key].reshape(-1, n) for name, key in SAMPLED.items()}
    return arrays | {"t": np.arange(len(arrays["I_mem"])) * float(SAMPLE)}
