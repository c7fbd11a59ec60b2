"""Readout of spikes and what it is worth: reconstructions, errors, rates.

Time grid of every array: entry k is the value after step k (Brian2's step at ``t = k*dt``),
forward Euler. Filters are causal. Spikes of many chips are ``i, t`` as a `SpikeMonitor` gives
them, with neuron ``chip*n_neurons + neuron`` and `t` counted from the first step of the arrays.

All errors are variance ratios, ``sum_j var(x_j - y_j) / sum_j var(x_j)`` over signals j, with
variances over time: a constant offset never counts. So where a readout y = S x_hat is fitted on
the evaluated data it is fitted to centred data, which makes it the best S for the ratio itself
and bounds the ratio by 1. A silent chip has error 1.
"""

from .activity import rate_hz, spikes_per_step_max
from .counters import learn_decoder
from .effective import effective_decoder
from .errors import error, error_nominal, error_refit, paper_error, variance_ratio
from .filters import decode, filtered_spikes, leaky_integral
from .online import Moments, OnlineReadout, online_readout
from .readout import fit_decoder, fit_readout

__all__ = [
    "Moments",
    "OnlineReadout",
    "decode",
    "effective_decoder",
    "error",
    "error_nominal",
    "error_refit",
    "filtered_spikes",
    "fit_decoder",
    "fit_readout",
    "leaky_integral",
    "learn_decoder",
    "online_readout",
    "paper_error",
    "rate_hz",
    "spikes_per_step_max",
    "variance_ratio",
]
