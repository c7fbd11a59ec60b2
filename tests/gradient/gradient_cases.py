"""Neurons, random networks and trials for tests of gradients."""

import numpy as np
import pytest
from brian2 import Gohm, ms, mV

from ebn_brian.gradient import Batch, Network, Neuron, Weights, nif, qif

LIF = Neuron(
    "dv/dt = (R*I - v)/tau_m : volt\nI : amp",
    v_th=10 * mV,
    v_jump=10 * mV,
    Delta=3 * mV,
    parameters={"R": 1 * Gohm, "tau_m": 20 * ms},
)
TYPED = Neuron(
    "dv/dt = (R*I - v**3 + tanh(v)*drop)/tau_m : 1\ndrop = exp(-v**2/4) : 1\nI : amp",
    v_th=1,
    Delta=0.3,
    parameters={"R": 1 * Gohm / mV, "tau_m": 20 * ms},
)
#: Neuron and the size of its input, in base units.
NEURONS = {
    "nif": (nif(Delta=0.2), 25.0),
    "qif": (qif(), 40.0),
    "lif": (LIF, 30e-12),
    "typed": (TYPED, 3e-12),
}

#: The neurons for a test; a kernel takes seconds to compile, so most are slow.
EACH = [pytest.param(name, marks=[pytest.mark.slow] * (name != "nif")) for name in NEURONS]


def case(name, n_steps=300, n_trials=3, N=8, dt=0.5 * ms, seed=1):
    """A network of random weights that spikes, and trials with noise."""
    neuron, size = NEURONS[name]
    r = np.random.default_rng(seed)
    weights = Weights(
        U=size * r.normal(size=(N, 2)),
        O=0.01 * r.normal(size=(2, N)),
        W=1e-3 * size * r.normal(size=(N, N)),
        W_f=1e-3 * size * r.normal(size=(N, N)),
        I_o=size * abs(r.normal(size=N)),
    )
    v = float(neuron.v_jump)
    t = np.arange(n_steps)[:, None] * float(dt) / 15e-3
    batch = Batch(
        x=np.sin(t + r.uniform(0, 6, (n_trials, 1, 2))),
        target=r.normal(size=(n_trials, n_steps, 2)),
        v_0=v * r.uniform(0, 0.7, (n_trials, N)),
        weight=r.uniform(size=(n_trials, n_steps)),
        noise=1e-3 * v * r.normal(size=(n_trials, n_steps, N)),
    )
    return Network(neuron, 10 * ms, 2 * ms, dt, cost_s=1e-5), weights, batch
