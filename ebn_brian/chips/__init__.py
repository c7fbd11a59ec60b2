"""Chips: many networks in one group, with the rule that they learn by.

`lif_chips` and `dpi_chips` take the same arguments and return the same `Chips`, ordinary Brian2
objects; `lif_blueprint` and `dpi_blueprint` give their nominal values without any. `circuit` has
the paper's learning circuit alone, outside a network. `layered_chips` are layers that learn to
classify, with random feedback (`layers`). `dynamics_chips` have slow synapses too (`dynamics`).
"""

from .chips import Blueprint, Chips
from .circuit import learning_circuit
from .decoders import even_decoder, random_decoder, random_weights
from .dpi import dpi_blueprint, dpi_chips
from .dynamics import dynamics_blueprint, dynamics_chips, slow_weights
from .features import Features
from .layered import LayeredChips, layered_chips
from .layers import LayeredBlueprint, layered_blueprint
from .layout import Layout
from .lif import V_UNIT, lif_blueprint, lif_chips

__all__ = [
    "V_UNIT",
    "Blueprint",
    "Chips",
    "Features",
    "LayeredBlueprint",
    "LayeredChips",
    "Layout",
    "dpi_blueprint",
    "dpi_chips",
    "dynamics_blueprint",
    "dynamics_chips",
    "even_decoder",
    "layered_blueprint",
    "layered_chips",
    "learning_circuit",
    "lif_blueprint",
    "lif_chips",
    "random_decoder",
    "random_weights",
    "slow_weights",
]
