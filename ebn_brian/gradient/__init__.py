"""Gradient descent through spikes: from the equation that Brian2 simulates to exact gradients.

::

    text = "dv/dt = (I - v)/tau_m : 1\\nI : 1"
    neuron = gradient.Neuron(text, v_th=1, parameters={"tau_m": 20*ms})
    network = gradient.Network(neuron, tau=10*ms, tau_f=1*ms, dt=0.2*ms)
    descent = gradient.Descent(network, rates={"U": 0.01, "O": 1e-5})
    state, slopes = descent.update(gradient.State(0, weights), batch)

Source: Huh and Sejnowski 2018, "Gradient Descent for Spiking Neural Networks", NeurIPS 31 (arXiv:
1706.04698). Needs the extra ``gradient``.
"""

from .chips import TrainedChips, trained_chips
from .descent import Descent, State, load, save, train
from .network import Batch, Network, Slopes, Traces, Weights
from .neuron import Neuron, nif, qif

__all__ = [
    "Batch",
    "Descent",
    "Network",
    "Neuron",
    "Slopes",
    "State",
    "Traces",
    "TrainedChips",
    "Weights",
    "load",
    "nif",
    "qif",
    "save",
    "train",
    "trained_chips",
]
