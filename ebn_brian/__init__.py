"""Spiking networks with device mismatch that learn a balanced code on chip, in Brian2.

::

    import ebn_brian as ebn

    D = ebn.random_decoder(n_signals=2, n_neurons=20, seed=1, n_chips=100)
    chips = ebn.lif_chips(D, rule=ebn.DiscreteRule.calm(), drive=drive)   # or ebn.dpi_chips
    ebn.apply_mismatch(chips.recurrent, {"gain": 0.2}, seed=7, chips=100)

Importing it makes ``set_device("cpp_fused")`` known to Brian2.
"""

from importlib.metadata import PackageNotFoundError, version

from . import (
    _command_line,  # noqa: F401 - first, it imports Brian2
    balance,
    checks,
    chips,
    decoding,
    devices,
    dpi_model,
    equations,
    gradient,
    homeostasis,
    mismatch,
    plasticity,
    rule,
    seeds,
    signals,
    training,
)
from .balance import optimal_weights
from .chips import (
    V_UNIT,
    Chips,
    dpi_blueprint,
    dpi_chips,
    dynamics_chips,
    even_decoder,
    layered_blueprint,
    layered_chips,
    learning_circuit,
    lif_blueprint,
    lif_chips,
    random_decoder,
    random_weights,
)
from .decoding import online_readout
from .dpi_model import Circuit
from .mismatch import Spread, apply_mismatch, spread
from .plasticity import ContinuousRule, DiscreteRule, FeedforwardRule, Fixed, RandomBackpropagation
from .rule import Rule
from .signals import smoothed_noise
from .training import Training

try:
    __version__ = version("ebn_brian")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "unknown"

__all__ = [
    "V_UNIT",
    "Chips",
    "Circuit",
    "ContinuousRule",
    "DiscreteRule",
    "FeedforwardRule",
    "Fixed",
    "RandomBackpropagation",
    "Rule",
    "Spread",
    "Training",
    "__version__",
    "apply_mismatch",
    "balance",
    "checks",
    "chips",
    "decoding",
    "devices",
    "dpi_blueprint",
    "dpi_chips",
    "dpi_model",
    "dynamics_chips",
    "equations",
    "even_decoder",
    "gradient",
    "homeostasis",
    "layered_blueprint",
    "layered_chips",
    "learning_circuit",
    "lif_blueprint",
    "lif_chips",
    "mismatch",
    "online_readout",
    "optimal_weights",
    "plasticity",
    "random_decoder",
    "random_weights",
    "rule",
    "seeds",
    "signals",
    "smoothed_noise",
    "spread",
    "training",
]
