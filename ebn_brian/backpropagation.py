"""The rule of layers that learn to classify: errors come back through random synapses.

It is one of `plasticity`, where users find it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import Quantity
from numpy.typing import ArrayLike

from . import checks
from .checks import Floats
from .rule import Rule


@dataclass(frozen=True)
class RandomBackpropagation(Rule):
    """Event-driven random backpropagation: two comparisons and one addition at a spike.

    For feed-forward synapses onto neurons with an error compartment ``u`` (`equations.erbp`)::

        low < state < high: w -= eta*u_post    else keep

    Source: Neftci et al. 2017 (arXiv:1612.05596) and their simulator, NSAT, with a boxcar for the
    derivative. A rule of `chips.layered_chips`, with working points for `hidden` layers and the
    `output`. ``d`` is a change of any size, and ``kappa`` sets no threshold there.

    Parameters
    ----------
    eta
        Learning rate: the change of ``w`` for one unit of ``u``.
    low, high
        Window of the membrane, in units of the threshold.
    w_max
        Rail of the weights, in units of the threshold.
    n_bits
        Bits of the weight that acts, sign included: a DAC of ``2**n_bits - 1`` levels from -w_max
        to w_max. By default it acts as it is.
    stored
        Where there are `n_bits`: ``'fine'`` keeps a finer weight beside the DAC and learns that,
        ``'coarse'`` has the levels alone, and moves by one with probability ``|change|/level``.

    Raises
    ------
    ValueError
        If a parameter is not finite, or not one it can be; or levels are `stored` without `n_bits`.
    """

    modifies: ClassVar[str] = "feedforward"
    eta: float = 2e-4
    low: float = -1.0
    high: float = 1.2
    w_max: float = 1.0
    n_bits: int | None = None
    stored: str = "fine"

    def __post_init__(self) -> None:
        checks.positive("RandomBackpropagation.eta", self.eta, zero=True)
        checks.positive("RandomBackpropagation.w_max", self.w_max)
        checks.finite("RandomBackpropagation.low", self.low)
        checks.positive("RandomBackpropagation.high - low", self.high - self.low)
        checks.choice("RandomBackpropagation.stored", self.stored, ("fine", "coarse"))
        checks.bits("RandomBackpropagation.n_bits", self.n_bits)
        if self.stored == "coarse" and self.n_bits is None:
            raise ValueError("RandomBackpropagation.stored='coarse': needs n_bits")

    @classmethod
    def hidden(cls, **more: Any) -> "RandomBackpropagation":
        """Of a hidden layer: the window is that of a neuron that is about to spike."""
        return cls(**{"low": -1.0, "high": 1.2, "w_max": 1.0, **more})

    @classmethod
    def output(cls, **more: Any) -> "RandomBackpropagation":
        """Of the output: a wide window, from which no class can fall."""
        return cls(**{"low": -5.0, "high": 5.0, "w_max": 0.35, **more})

    @property
    def level(self) -> float:
        """Step of the DAC, in units of the threshold; 0 where there is none."""
        return 0.0 if self.n_bits is None else self.w_max / (2 ** (self.n_bits - 1) - 1)

    def parameters(self, unit: Quantity) -> dict[str, Any]:
        """Rate, window and level."""
        window = {"low": self.low * unit, "high": self.high * unit}
        return {"eta": self.eta, **window} | ({"level": self.level} if self.n_bits else {})

    def decide(self, state: str) -> str:
        """``d`` is ``-eta*u`` within the window; of coarse weights, a level or none at random."""
        d = f"d = -eta*u_post*int(({state}) > low)*int(({state}) < high)\n"
        coarse = self.n_bits is not None and self.stored == "coarse"
        return d + "d = level*sign(d)*int(rand() < abs(d)/level)\n" * coarse

    def values(self, unit: Quantity) -> dict[str, Any]:
        """All shared parameters but ``kappa``, which sets thresholds of balanced networks."""
        values = super().values(unit)
        del values["kappa"]
        return values

    @property
    def acting(self) -> str:
        """What the weight is read as: through the DAC, or as it is."""
        return "w" if self.n_bits is None else "level*floor(w/level + 0.5)"

    def rounded(self, Omega: ArrayLike) -> Floats:
        """`Omega` on the levels of the DAC."""
        Omega = np.asarray(Omega, float)
        return Omega if self.n_bits is None else self.level * np.floor(Omega / self.level + 0.5)
