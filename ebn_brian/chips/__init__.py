"""Chips: many networks in one group, with the rule that they learn by.

`lif_chips` and `dpi_chips` take the same arguments and return the same `Chips`, ordinary Brian2
objects; `lif_blueprint` and `dpi_blueprint` give their nominal values without any. `circuit` has
the paper's learning circuit alone, outside a network.
"""

from .chips import Blueprint, Chips
from .circuit import learning_circuit
from .decoders import even_decoder, random_decoder, random_weights
from .dpi import dpi_blueprint, dpi_chips
from .layout import Layout
from .lif import V_UNIT, lif_blueprint, lif_chips

__all__ = [
    "V_UNIT",
    "Blueprint",
    "Chips",
    "Layout",
    "dpi_blueprint",
    "dpi_chips",
    "even_decoder",
    "learning_circuit",
    "lif_blueprint",
    "lif_chips",
    "random_decoder",
    "random_weights",
]
