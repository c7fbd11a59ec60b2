"""The trained network in Brian2: the gated form is what was trained, the spiking form its limit."""

from dataclasses import replace

import brian2
import numpy as np
import pytest
from brian2 import SpikeMonitor, StateMonitor, TimedArray, ms
from gradient_cases import EACH, case

from ebn_brian import devices
from ebn_brian.gradient import trained_chips
from ebn_brian.mismatch import apply_mismatch

DURATION = 600 * ms
DT = 0.5 * ms


def simulated(name, form, device="numpy", prepare=lambda chips: None):
    """Readout (n_steps, n_trials, 2), spike counts; each trial is a chip."""
    network, weights, batch = trials(name)
    n_trials = len(batch.x)

    def make():
        columns = batch.x.transpose(1, 0, 2).reshape(batch.x.shape[1], -1)
        signal = TimedArray(columns, dt=DT, name="signal")
        chips = trained_chips(network, weights, signal, form=form, n_chips=n_trials, v_0=batch.v_0)
        prepare(chips)
        readout = StateMonitor(
            chips.readout, "o", record=True, dt=DT, when="end", name="readout_trace"
        )
        return brian2.Network(chips.objects, readout, SpikeMonitor(chips.neurons, name="spikes"))

    program = devices.build(make, device)
    run = program.run(duration=DURATION, read=["readout_trace.o", "spikes.count"])
    o = run["readout_trace.o"]
    o = o if o.shape[0] == batch.x.shape[1] else o.T
    return o.reshape(len(o), n_trials, 2), run["spikes.count"].reshape(n_trials, -1)


def trials(name):
    network, weights, batch = case(name, n_steps=round(DURATION / DT))
    return network, weights, replace(batch, noise=None)


def trained(name, narrow=False):
    """The same from the trainer's forward pass, with a gate as narrow as a spike."""
    network, weights, batch = trials(name)
    if narrow:
        neuron = network.neuron
        neuron = replace(neuron, v_th=neuron.v_spike, Delta=1e-6 * neuron.Delta)
        network = replace(network, neuron=neuron)
    traces = network.simulate(weights, batch.x, batch.v_0)
    return np.einsum("kn,btn->tbk", weights.O, traces.s), traces.spikes


@pytest.mark.parametrize("name", EACH)
def test_gated_form_is_the_forward_pass(name):
    o, spikes = simulated(name, "gated")
    expected, counts = trained(name)
    assert counts.sum() > 50
    np.testing.assert_array_equal(spikes, counts)
    np.testing.assert_allclose(o, expected, atol=1e-9 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nif", "lif"])
def test_spiking_form_is_its_limit(name):
    """With the threshold at the gate's centre; negative spikes included."""
    o, spikes = simulated(name, "spiking")
    expected, counts = trained(name, narrow=True)
    np.testing.assert_array_equal(spikes, counts)
    np.testing.assert_allclose(o, expected, atol=1e-6 * np.abs(expected).max())
    assert (expected < 0).any()


def test_chips_with_mismatch_differ():
    def spread(chips):
        apply_mismatch(chips.neurons, {"U_0": 0.2, "v_spike": 0.1}, seed=1, chips=3)
        apply_mismatch(chips.synapses["fast"], {"gain": 0.2}, seed=1, chips=3)

    o, _ = simulated("nif", "spiking", prepare=spread)
    clean, _ = simulated("nif", "spiking")
    assert np.abs(o - clean).max() > 0.1 * clean.std()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "device"),
    [("spiking", "cpp_standalone"), ("spiking", "cpp_fused"), ("gated", "cpp_fused")],
)
def test_cpp_is_equal_to_the_runtime(form, device):
    runtime, compiled = simulated("nif", form), simulated("nif", form, device)
    np.testing.assert_array_equal(compiled[1], runtime[1])
    np.testing.assert_allclose(compiled[0], runtime[0], atol=1e-12)
