"""What chips ask of a learning rule, and how one writes a rule of one's own.

A synapse stores ``w``, a plain number, which acts as ``w*step``: ``step`` is a voltage on LIF
neurons and a current in DPI circuits. A rule never knows which. On a spike of neuron k the synapse
onto neuron n sees the ``state`` of neuron n just before the spike (``V - V_rest``, or
``I_mem - I_ref``), sets ``d``, and changes ``w`` by it. The rules there are: `plasticity`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from brian2 import Quantity, get_dimensions
from brian2.core.namespace import DEFAULT_UNITS
from brian2.units.fundamentalunits import Dimension, get_unit
from numpy.typing import ArrayLike

from .checks import Floats
from .equations.homeostasis import LEARN_IF_COUPLED

#: Rail of a weight that is to run freely: far beyond reach, and exact in single precision.
UNBOUNDED = 1e6


class Rule:
    """What chips ask of a rule. All weights are in units of ``|D|**2``, as fields of a rule are.

    A rule of one's own is a frozen dataclass derived from this class, with two methods::

        @dataclass(frozen=True)
        class Continuous(Rule):
            eps: float = 0.01

            def parameters(self, unit):
                return {"eps": self.eps}

            def decide(self, state):
                return f"d = -eps*(2*({state})/step + kappa*w)\\n"

    ``kappa``, ``lsb``, ``w_max`` (in ``lsb``) and ``learn_reset`` may be fields too. The text may
    use ``w``, ``gain`` (the synapse's own), ``step``, ``w_max``, `parameters`, and variables of the
    target neuron (``..._post``). It must not change the neuron: what a spike does there is the
    chips' affair.
    """

    #: Which weights it learns: ``'fast'``, ``'slow'``, ``'feedforward'``; ``'none'`` holds them.
    modifies: ClassVar[str] = "fast"
    #: Sets the threshold, ``kappa/2*|D_n|**2``: the gain of the weight's copy at the comparators.
    kappa: float = 2.5
    #: The weight that one unit of ``w`` stands for.
    lsb: float = 1.0
    #: Rail of ``w``.
    w_max: float = UNBOUNDED
    #: Whether the autapse is learned too and takes the place of the neuron's reset.
    learn_reset: bool = False
    #: Whether its text reads ``r_post``, the spikes of the target neuron filtered with ``tau_m``.
    filtered: bool = False

    #: Statement that changes the weight by ``d``, up to its rails; ``plastic = 0`` holds it.
    change: ClassVar[str] = "w = clip(w + plastic*d, -w_max, w_max)\n"

    def parameters(self, unit: Quantity) -> Mapping[str, Any]:
        """Shared parameters of its own by name, numbers or multiples of `unit`.

        `unit` is the voltage or current that ``|D|**2 = 1`` stands for.
        """
        return {"kappa": self.kappa}

    def decide(self, state: str) -> str:
        """Statements that set ``d``, the change of ``w``, from the `state` of the target neuron."""
        raise NotImplementedError(f"{type(self).__name__}.decide")

    def values(self, unit: Quantity) -> dict[str, Any]:
        """All shared parameters of the synapse by name, with learning switched on."""
        common = {"step": self.lsb * unit, "w_max": self.w_max, "plastic": 1}
        return {**common, "kappa": self.kappa, **self.parameters(unit)}

    def model(self, unit: Quantity) -> str:
        """Equations of the synapse. All parameters can be changed after the build."""
        lines = (
            f"{name} : {unit_name(get_dimensions(value))} (shared)\n"
            for name, value in self.values(unit).items()
        )
        return "w : 1\ngain : 1\n" + "".join(lines)

    def on_pre(self, state: str, homeostatic: bool = False) -> str:
        """Decision and change at once, for a synapse without pulses.

        A `homeostatic` one can be switched off (see `equations.homeostasis`).
        """
        return self.decide(state) + LEARN_IF_COUPLED * homeostatic + self.change

    def encode(self, Omega: ArrayLike) -> Floats:
        """``w`` for weights `Omega`; what is whole but for rounding is whole."""
        w = np.asarray(Omega, float) * (1 / self.lsb)
        whole = np.rint(w)
        return np.where(np.abs(w - whole) < 1e-9, whole, w)

    def decode(self, w: ArrayLike) -> Floats:
        """Weights that `w` stand for."""
        return np.asarray(w, float) * self.lsb

    def rounded(self, Omega: ArrayLike) -> Floats:
        """`Omega` on the grid of the weights, rails or not."""
        return np.asarray(Omega, float)

    def nearest(self, Omega: ArrayLike) -> Floats:
        """The weights next to `Omega` that a synapse can hold."""
        w = self.encode(self.rounded(Omega))
        return self.decode(np.clip(w, -self.w_max, self.w_max))

    def checked(self, Omega: Floats) -> Floats:
        """`Omega`, if a synapse can hold it; ValueError if it is beyond the rails."""
        if np.abs(self.encode(Omega)).max(initial=0) > self.w_max:
            raise ValueError(
                f"Omega reaches {np.abs(Omega).max():.6g}: the rails of the rule are at "
                f"+-{self.w_max * self.lsb:.6g}"
            )
        return Omega


def unit_name(dim: Dimension) -> str:
    """The unit of these dimensions, as equations write it."""
    if dim.is_dimensionless:
        return "1"
    name = repr(get_unit(dim))
    if name in DEFAULT_UNITS and name.isalpha():  # not 'volt2'
        return name
    base = ("metre", "kilogram", "second", "amp", "kelvin", "mol", "candle")
    return "*".join(f"{b}**{power:g}" for b, power in zip(base, dim._dims, strict=True) if power)
