"""Spiking networks with device mismatch that learn a balanced code on chip, in Brian2."""

from . import balance, decoding, devices, equations, mismatch, signals
from .balance import even_decoder, optimal_weights, random_decoder, random_weights
from .mismatch import Spread, apply_mismatch
from .network import V_UNIT, Chips, lif_chips
from .plasticity import DiscreteRule
from .signals import smoothed_noise

__all__ = [
    "V_UNIT",
    "Chips",
    "DiscreteRule",
    "Spread",
    "apply_mismatch",
    "balance",
    "decoding",
    "devices",
    "equations",
    "even_decoder",
    "lif_chips",
    "mismatch",
    "optimal_weights",
    "random_decoder",
    "random_weights",
    "signals",
    "smoothed_noise",
]
