"""Networks that are built for every target, and what of them is compared."""

import numpy as np
from brian2 import Network, NeuronGroup, SpikeMonitor, TimedArray, ms, mV

import ebn_brian as ebn
from ebn_brian import devices, signals
from ebn_brian.equations import lif

N_STEPS, N_NOISY = 3000, 200
DURATION = N_STEPS * 0.1 * ms
RULE = ebn.DiscreteRule(0.04, kappa=2.5, dead_zone=0.25)
ENOUGH = ["spikes.i", "spikes.t", "recurrent.w", "neurons.v"]


def chips_network(n_chips: int = 20, extra: bool = False, **options):
    """What makes the first `n_chips` of a batch of learning chips with noise for input."""

    def make_network() -> Network:
        c = signals.smoothed_noise(DURATION, 2, seed=3)
        drive = TimedArray(c, 0.1 * ms, name="drive")
        D = ebn.random_decoder(2, 20, 1, n_chips=n_chips)
        Omega = ebn.random_weights(n_chips, 20, 1)
        chips = ebn.lif_chips(D, Omega, drive, rule=RULE, dt=0.1 * ms, **options)
        more = [noisy_neurons(drive)] if extra else []
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"), more)

    return make_network


def noisy_neurons(drive: TimedArray) -> NeuronGroup:
    """LIF neurons with noise of their own, and variables of every type."""
    neurons = NeuronGroup(
        N_NOISY,
        lif.model(1, greedy=False, noise=True) + "whole : integer\nflag : boolean\n",
        threshold=lif.CANDIDATE,
        reset=lif.RESETS["absolute"][0],
        method="euler",
        namespace={"drive": drive},
        name="noisy",
    )
    neurons.tau_m, neurons.sigma, neurons.v_th = 50 * ms, 1 * mV, 1000 * mV
    return neurons


def assert_same(one: devices.Run, other: devices.Run, names=ENOUGH) -> None:
    for name in names:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
