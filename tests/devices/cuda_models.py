"""Every kind of network there is, for CUDA, and the programs written for it."""

import re

import numpy as np
from brian2 import Network, SpikeMonitor, TimedArray, ms, mV
from device_helpers import DURATION, RULE
from helpers import TOOLKIT

import ebn_brian as ebn
from ebn_brian import signals
from ebn_brian.devices.cuda import CudaProgram, generate
from ebn_brian.dpi_model import experiment_1


def chips(kind=ebn.lif_chips, rule=RULE, readout=False, **options):
    """What makes four chips, of any kind, and perhaps their readout."""

    def make_network() -> Network:
        drive = TimedArray(signals.smoothed_noise(DURATION, 2, seed=3), 0.1 * ms, name="drive")
        D = ebn.random_decoder(2, 20, 1, n_chips=4)
        Omega = ebn.random_weights(4, 20, 1)
        four = kind(D, Omega, drive, rule=rule, **options)
        more = [SpikeMonitor(four.neurons, name="spikes")]
        if readout:
            measured = ebn.online_readout(four.neurons, D, drive, tau_m=50 * ms, every=100 * ms)
            more += measured.objects
        return Network(four.objects, more)

    return make_network


def circuit() -> Network:
    return ebn.learning_circuit(experiment_1(), 5e-3 * np.arange(1, 20), 3, fixed=True)


MODELS = {
    "delta": chips(),
    "exponential, readout": chips(synapse="exponential", readout=True),
    "subtractive": chips(reset="subtractive"),
    "subtractive, exponential": chips(synapse="exponential", reset="subtractive"),
    "not greedy": chips(greedy=False),
    "not greedy, exponential": chips(synapse="exponential", greedy=False),
    "fixed weights": chips(rule=None),
    "fixed weights, not greedy": chips(rule=None, greedy=False, synapse="exponential"),
    "noise": chips(sigma=1 * mV),
    "continuous, F learned": chips(
        rule=ebn.ContinuousRule.brendel2020(), feedforward=ebn.FeedforwardRule()
    ),
    "DPI chips": chips(ebn.dpi_chips),
    "circuit": circuit,
}


def write(make_network, folder, dtype=np.float64, **options) -> CudaProgram:
    """The program in `folder`, not compiled."""
    return generate(make_network, folder, dtype, TOOLKIT, **options)


def kernels(program: CudaProgram) -> dict[str, str]:
    """Text of the kernels that let events act on synapses, by pathway."""
    text = (program.directory / "one.cu").read_text()
    matches = re.findall(
        r"^_run_kernel_(\w+_codeobject\w*)\((.*?)^void _run_\1\(\)", text, re.M | re.S
    )
    return {
        name.partition("_codeobject")[0]: kernel
        for name, kernel in matches
        if "spiking_neuron_idx" in kernel
    }
