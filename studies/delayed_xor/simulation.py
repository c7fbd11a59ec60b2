"""Networks as spiking chips in Brian2, one trial on each chip."""

from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2 import SpikeMonitor, TimedArray

from ebn_brian import devices
from ebn_brian.checks import Floats
from ebn_brian.chips.layout import Layout
from ebn_brian.gradient import Weights, trained_chips

from .prior import Mode, weights
from .task import DT, GO, N_NEURONS, REACTION, TAU, Group, longest_trial, network


class Chips:
    """A program for so many chips, which runs any weights of the task."""

    def __init__(self, n_chips: int, device: str, directory: Path):
        self.n_chips = n_chips
        self.layout = Layout(n_chips, N_NEURONS, autapses=True)
        own = weights(0, Mode())
        empty = np.zeros((longest_trial(), n_chips * own.U.shape[1]))

        def make() -> brian2.Network:
            signal = TimedArray(empty, dt=DT, name="signal")
            chips = trained_chips(network(), own, signal, n_chips=n_chips)
            return brian2.Network(*chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

        self.program = devices.build(make, device, directory)
        self.empty = empty

    def run(self, own: Weights, group: Group) -> Floats:
        """Mean of the filtered spikes while the answer is asked, (n_trials, N)."""
        n_trials, n_steps, n_in = group.batch.x.shape
        n = self.n_chips
        if n_trials > n:
            raise ValueError(f"group has {n_trials} trials: must have at most {n}")
        signal = self.empty.copy()
        signal[:n_steps, : n_trials * n_in] = group.batch.x.transpose(1, 0, 2).reshape(n_steps, -1)
        v = np.zeros((n, N_NEURONS))
        v[:n_trials] = group.batch.v_0
        assert own.W is not None
        assert own.I_o is not None
        given: dict[str, Any] = {
            "signal.values": signal,
            "trained_neurons.v": v.ravel(),
            "trained_neurons.I_o": np.tile(own.I_o, n),
            "trained_slow.w": self.layout.to_synapses(own.W),
        }
        given |= {f"trained_neurons.U_{j}": np.tile(U, n) for j, U in enumerate(own.U.T)}
        run = self.program.run(given, duration=n_steps * DT, read=["spikes.i", "spikes.t"])
        i, step = run["spikes.i"], np.rint(run["spikes.t"] / float(DT)).astype(int)
        s = np.bincount(i, kernel_of_answer(n_steps)[step], n * N_NEURONS)
        return s.reshape(n, N_NEURONS)[:n_trials]


def kernel_of_answer(n_steps: int) -> Floats:
    """What a spike in each step adds to the mean of ``s`` over the steps of the answer."""
    decay = 1 - float(DT / TAU)
    start = n_steps - (GO - REACTION)
    step = np.arange(n_steps)
    before = np.maximum(start - step, 0)  # steps from the spike to the answer
    within = n_steps - np.maximum(start, step)
    total = decay**before * (1 - decay**within) / (1 - decay)
    return np.asarray(total / float(TAU) / (GO - REACTION))
