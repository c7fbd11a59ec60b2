"""Trained networks as spiking chips in Brian2: with and without mismatch, and with the rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2 import Quantity, SpikeMonitor, TimedArray
from scipy.signal import lfilter

from ebn_brian import devices
from ebn_brian.checks import Floats
from ebn_brian.chips.layout import Layout
from ebn_brian.gradient import Batch, Weights, trained_chips
from ebn_brian.mismatch import spread
from ebn_brian.plasticity import DiscreteRule

from .task import DT, N_NEURONS, N_SIGNALS, PERIOD, TAU, Task, steps

#: Periods of the input that chips learn from.
LEARNING = 20
#: Parameters that mismatch spreads, where they are.
SPREAD = ("neurons.U_0", "neurons.U_1", "neurons.v_spike", "fast.gain", "slow.gain")
#: Step of the fast weights in units of the threshold, and half-width of the zone without a step.
STEP, DEAD_ZONE = 0.01, 0.1


@dataclass(frozen=True)
class Response:
    """What chips do on one trial each."""

    s: Floats
    """Signed spikes filtered with ``tau``, (n_chips, n_steps, N), after each step."""
    spikes: Floats
    """Spikes of each neuron, (n_chips, N)."""
    steps: Floats
    """Step of each spike of the first chip, and its neuron, (n, 2)."""
    w: Floats
    """Fast weights at the end, (n_chips, N, N)."""


class Chips:
    """A program for so many chips, which runs any weights of the task; `kappa` is the rule's."""

    def __init__(self, task: Task, n_chips: int, device: str, directory: Path, kappa: float):
        self.task, self.n_chips = task, n_chips
        self.rule = DiscreteRule(STEP, kappa=kappa, dead_zone=DEAD_ZONE)
        weights = task.start(seed=0)
        n_steps = LEARNING * steps(PERIOD)

        def make() -> brian2.Network:
            empty = np.zeros((n_steps, n_chips * N_SIGNALS))
            signal = TimedArray(empty, dt=DT, name="signal")
            chips = trained_chips(task.network, weights, signal, n_chips=n_chips, rule=self.rule)
            spikes = SpikeMonitor(chips.neurons, variables="v", name="spikes")
            return brian2.Network(*(chips.objects), spikes)

        self.layout = Layout(n_chips, N_NEURONS, autapses=False)
        self.program = devices.build(make, device, directory)

    @property
    def learning(self) -> Quantity:
        """Length of the longest trial, from which chips learn."""
        return LEARNING * PERIOD

    def values(self, weights: Weights) -> dict[str, Any]:
        """Nominal values of all chips, by name; weights are held."""
        neuron, n = self.task.network.neuron, self.n_chips
        named = {"v_spike": neuron.v_spike, "v_jump": neuron.v_jump}
        named |= {f"U_{j}": column for j, column in enumerate(weights.U.T)}
        values: dict[str, Any] = {
            f"trained_neurons.{name}": np.tile(np.broadcast_to(value, N_NEURONS), n)
            for name, value in named.items()
        }
        fast = np.zeros((N_NEURONS, N_NEURONS)) if weights.W_f is None else weights.W_f
        if weights.W is not None:
            all_pairs = replace(self.layout, autapses=True)
            values["trained_slow.gain"] = np.ones(all_pairs.n_synapses)
            values["trained_slow.w"] = all_pairs.to_synapses(weights.W)
        return values | {
            "trained_fast.gain": np.ones(self.layout.n_synapses),
            "trained_fast.w": self.rule.encode(self.layout.to_synapses(fast)),
            "trained_fast.plastic": 0.0,
        }

    def with_mismatch(self, values: Mapping[str, Any], cv: float, seed: int) -> dict[str, Any]:
        """The same chips as they are made."""
        names = [f"trained_{name}" for name in SPREAD if f"trained_{name}" in values]
        return spread(values, dict.fromkeys(names, cv), seed=seed, chips=self.n_chips)

    def run(self, values: Mapping[str, Any], batch: Batch) -> Response:
        """Run a trial on each chip."""
        n, n_steps, _ = batch.x.shape
        signal = np.zeros((LEARNING * steps(PERIOD), n * N_SIGNALS))
        signal[:n_steps] = batch.x.transpose(1, 0, 2).reshape(n_steps, -1)
        given = {**values, "signal.values": signal, "trained_neurons.v": batch.v_0.ravel()}
        read = ["spikes.i", "spikes.t", "spikes.v", "trained_fast.w"]
        run = self.program.run(given, duration=n_steps * DT, read=read)
        i, step = run["spikes.i"], np.rint(run["spikes.t"] / float(DT)).astype(int)
        charge = np.zeros((n_steps, n * N_NEURONS))
        charge[step, i] = np.sign(run["spikes.v"])
        share = float(DT / TAU)
        s = lfilter([1 / float(TAU)], [1, share - 1], charge, axis=0)
        counts = np.bincount(i, minlength=n * N_NEURONS).reshape(n, N_NEURONS)
        first = i < N_NEURONS
        return Response(
            s.reshape(n_steps, n, N_NEURONS).transpose(1, 0, 2),
            counts.astype(float),
            np.column_stack([step[first], i[first]]).astype(float),
            self.layout.to_matrices(self.rule.decode(run["trained_fast.w"])),
        )

    def learned(self, values: Mapping[str, Any], batch: Batch) -> dict[str, Any]:
        """Values after the fast synapses have learned on a trial each."""
        w = self.run({**values, "trained_fast.plastic": 1.0}, batch).w
        return {**values, "trained_fast.w": self.rule.encode(self.layout.to_synapses(w))}


def rms_error(s: Floats, O: Floats, target: Floats) -> Floats:  # noqa: E741
    """Of the readout over that of the signals, by chip, (n_chips,)."""
    error = s @ np.swapaxes(O, -1, -2) - target
    return np.sqrt((error**2).mean(axis=(1, 2)) / (target**2).mean(axis=(1, 2)))


def without_recurrence(weights: Weights) -> Weights:
    """The same neurons, on their own."""
    none = np.zeros_like(weights.U @ weights.O)
    return replace(weights, W=None if weights.W is None else none, W_f=none)
