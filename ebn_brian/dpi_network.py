"""The learning circuit of the paper's section IV as Brian2 objects: one, or many in one group.

A silent DPI neuron with a plastic synapse, and beside it if wanted a fixed exciting one, all driven
by the same pulses. Circuit k of a batch has index k in ``neurons``, ``plastic`` and ``fixed``; all
parameters can be set per circuit when the network is run (``{"neurons.tau": [...]}``).
"""

from dataclasses import dataclass

import numpy as np
from brian2 import (
    BrianObject,
    Network,
    NeuronGroup,
    Quantity,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    TimedArray,
    get_dimensions,
    hertz,
    linked_var,
    ms,
    nA,
    second,
    us,
)

from .dpi_model import Circuit, whole_chip
from .equations import dpi
from .network import to_matrix, to_synapses

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
    clock = neurons.clock  # one for all: what has a clock of its own cannot be fused with the rest
    pulses = SpikeGeneratorGroup(1, np.zeros(len(steps), int), times, clock=clock, name="pulses")
    delay = {"onset": 0 * us, "offset": width * dt}

    def synapses(text: str, pathways: dict, name: str) -> Synapses:
        made = Synapses(pulses, neurons, text, on_pre=pathways, delay=delay, clock=clock, name=name)
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


@dataclass(frozen=True)
class DPIChips:
    """Ordinary Brian2 objects of many networks; ``Network(chips.objects)`` simulates them."""

    neurons: NeuronGroup
    recurrent: Synapses
    n_chips: int
    n_neurons: int
    full_weight: int

    @property
    def objects(self) -> list[BrianObject]:
        """All of them."""
        return [self.neurons, self.recurrent]

    @property
    def Omega(self) -> np.ndarray:
        """Weights (n_chips, target, source) as they are now, in units of ``|D|**2``."""
        return to_matrix(self.recurrent.w, self.n_neurons, autapses=True) / self.full_weight


def dpi_chips(
    D: np.ndarray,
    counters: np.ndarray,
    drive: TimedArray,
    *,
    circuit: Circuit | None = None,
    I_spk: Quantity = 2.8 * nA,
    t_ref: Quantity = 5 * ms,
    full_weight: int = 25,
    rectified: bool = False,
    dt: Quantity = 0.1 * ms,
) -> DPIChips:
    """Networks of spiking DPI neurons, all-to-all plastic, that code ``x`` as `lif_chips` do.

    A neuron has no reset of its own: its autapse, plastic like all synapses, takes that part while
    the neuron is refractory. All parameters can be spread by `mismatch.apply_mismatch`;
    ``recurrent.gain`` is that of a synapse's DAC and of its copy at the comparators.

    Parameters
    ----------
    D
        Decoders (n_chips, n_signals, n_neurons), one a chip.
    counters
        First values (n_chips, n_neurons, n_neurons) of the counters, whole LSB, row = target.
    drive
        The drive c, a `TimedArray` (n_steps, n_signals) in hertz, shared by all chips.
    circuit
        Parameters of neurons and synapses, `dpi_model.whole_chip` by default. Its conductance,
        slopes and full inhibiting branch are left out.
    I_spk, t_ref
        Threshold (ampere) and refractory time (second; longer than the pulse).
    full_weight
        LSB that stand for ``|D|**2``: one pulse of it moves ``I_mem`` by
        ``J = full_weight*I_lsb*gain_e*width/tau``, and ``F = J*tau*D``.
    rectified
        See `equations.dpi.model`. Signals have both signs, and chips learn better without.

    Raises
    ------
    ValueError
        If shapes do not agree, counters are not whole or beyond their rails, `drive` is no
        `TimedArray` in hertz with a column for each signal, or `t_ref` does not exceed the pulse.
    """
    circuit = whole_chip() if circuit is None else circuit
    rule = circuit.rule()
    D, counters = np.asarray(D, float), np.asarray(counters, float)
    _check_chips(D, counters, drive, rule.w_max)
    if not circuit.I_rest < I_spk:
        raise ValueError(f"I_spk={I_spk}: must be above the resting current, {circuit.I_rest}")
    if full_weight < 1:
        raise ValueError(f"full_weight={full_weight}: must be at least 1")
    if not circuit.width < t_ref:
        raise ValueError(f"t_ref={t_ref}: must exceed the pulse width, {circuit.width}")
    n_chips, n_signals, n_neurons = D.shape
    neurons = NeuronGroup(
        n_chips * n_neurons,
        dpi.model("full", spiking=True, held=False, n_signals=n_signals, rectified=rectified),
        method="rk2",
        threshold=dpi.THRESHOLD,
        refractory="t_ref",
        dt=dt,
        namespace={"drive": drive},
        name="neurons",
    )
    for name in ("tau", "gain_n", "I_th", "I_0", "I_dc", "I_ref", "I_off", "I_lsb"):
        setattr(neurons, name, getattr(circuit, name))
    for name in ("tau_e", "gain_e", "tau_i", "gain_i"):
        setattr(neurons, name, getattr(circuit, name))
    neurons.I_spk, neurons.t_ref, neurons.I_mem = I_spk, t_ref, circuit.I_rest
    charge = full_weight * circuit.I_lsb * circuit.gain_e * circuit.width
    for j in range(n_signals):
        setattr(neurons, f"F_{j}", D[:, j].ravel() * charge)
    recurrent = Synapses(
        neurons,
        model=rule.model + dpi.LATCH,
        on_pre=dpi.on_pre(rule),
        delay={"onset": 0 * us, "offset": circuit.width},
        clock=neurons.clock,
        name="recurrent",
    )
    source, target = np.divmod(np.arange(n_neurons**2), n_neurons)
    first = n_neurons * np.arange(n_chips)[:, None]
    recurrent.connect(i=np.ravel(first + source), j=np.ravel(first + target))
    for name, value in {**rule.parameters, "gain": 1}.items():
        setattr(recurrent, name, value)
    recurrent.w = to_synapses(counters, autapses=True)
    return DPIChips(neurons, recurrent, n_chips, n_neurons, full_weight)


def _check_chips(D, counters, drive, w_max) -> None:
    if D.ndim != 3 or 0 in D.shape or not np.isfinite(D).all():
        raise ValueError(
            f"D has shape {D.shape}: must be (n_chips, n_signals, n_neurons), of finite numbers"
        )
    n_chips, n_signals, n = D.shape
    if counters.shape != (n_chips, n, n):
        raise ValueError(f"counters have shape {counters.shape}: must be ({n_chips}, {n}, {n})")
    if not (np.abs(counters) <= w_max).all() or (counters % 1).any():
        raise ValueError(f"counters must be whole and from -{w_max:.0f} to {w_max:.0f}")
    values = getattr(drive, "values", np.empty((0, 0)))
    if values.ndim != 2 or values.shape[1] != n_signals or not np.isfinite(values).all():
        raise ValueError(
            f"drive has shape {values.shape}: must be a TimedArray (n_steps, {n_signals}) of "
            "finite numbers"
        )
    if get_dimensions(drive) != get_dimensions(hertz):
        raise ValueError("drive: must be in hertz")
