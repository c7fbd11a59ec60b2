"""Learning rules as text for Brian2 `Synapses`: what a synapse compares, how its weight changes.

A synapse stores ``w``, a plain number, which acts as ``w*step``: ``step`` is a voltage on LIF
neurons and a current in DPI circuits. A rule never knows which. On a spike of neuron k the synapse
onto neuron n sees the ``state`` of neuron n just before the spike (``V - V_rest``, or
``I_mem - I_ref``), sets ``d``, and changes ``w`` by it.

`Rule` is what all share, `DiscreteRule` that of the paper. To write one, see `Rule`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import Quantity, get_dimensions
from brian2.core.namespace import DEFAULT_UNITS
from brian2.units.fundamentalunits import Dimension, get_unit
from numpy.typing import ArrayLike

from . import checks
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
            f"{name} : {_unit(get_dimensions(value))} (shared)\n"
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


def _unit(dim: Dimension) -> str:
    """The unit of these dimensions, as equations write it."""
    if dim.is_dimensionless:
        return "1"
    name = repr(get_unit(dim))
    if name in DEFAULT_UNITS and name.isalpha():  # not 'volt2'
        return name
    base = ("metre", "kilogram", "second", "amp", "kelvin", "mol", "candle")
    return "*".join(f"{b}**{power:g}" for b, power in zip(base, dim._dims, strict=True) if power)


@dataclass(frozen=True)
class Fixed(Rule):
    """No learning: any real weights, which stay. `kappa` sets the threshold."""

    modifies: ClassVar[str] = "none"
    kappa: float = 2.5

    def decide(self, state: str) -> str:
        """Nothing."""
        return ""


@dataclass(frozen=True)
class DiscreteRule(Rule):
    """One weight step up, down, or none, at each presynaptic spike: two comparisons and a counter.

    With ``w`` a counter, a whole number, and ``Omega = w*step`` ::

        err = 2*state + kappa*gain*w*step
        err < -dead_zone: w += stride    err > dead_zone: w -= stride    else keep

    Equation (3) of Büchel et al. 2020 (arXiv:2010.14353) is ``kappa = 1, dead_zone = step/2``;
    equation (4), in current mode, is the same with ``state = I_before - I_rest`` and
    ``dead_zone = 2*I_SL``.

    Parameters
    ----------
    step
        Weight step omega, in units of ``|D|**2`` like `dead_zone`.
    kappa
        Gain of the comparators' copy of the weight. 1 is the paper's equation; 2.5 is calm; 0 is
        for comparators that see the neuron alone, as those of a circuit without that copy.
    dead_zone
        Half-width h of the zone in which the weight is kept. By default ``kappa*stride*step/2``:
        the smallest for which one move is never undone by the next.
    n_bits
        Bits of the sign-and-magnitude counter: its rails are ``+-(2**(n_bits - 1) - 1)``.
        By default it runs freely.
    learn_reset
        Whether the autapse is learned too and takes the place of the neuron's reset.
    stride
        Steps that a decision moves the counter by: learning that begins coarse and ends fine
        changes it and the dead zone while it runs (see `training.COARSE_TO_FINE`).

    Raises
    ------
    ValueError
        If a parameter is not finite, not positive (`kappa` and `dead_zone` may be 0) or not a size
        it can have.
    TypeError
        If `step` or `dead_zone` have a unit.
    """

    step: float
    kappa: float = 2.5
    dead_zone: float | None = None
    n_bits: int | None = None
    learn_reset: bool = False
    stride: int = 1

    def __post_init__(self) -> None:
        for name in ("step", "kappa", "dead_zone"):
            value = getattr(self, name)
            if value is not None and not get_dimensions(value).is_dimensionless:
                raise TypeError(
                    f"DiscreteRule.{name}={value}: must be a plain number, in units of |D|^2"
                )
        checks.positive("DiscreteRule.step", self.step)
        checks.count("DiscreteRule.stride", self.stride)
        checks.positive("DiscreteRule.kappa", self.kappa, zero=True)
        smallest = self.kappa * self.stride * self.step / 2
        zone = smallest if self.dead_zone is None else self.dead_zone
        checks.positive("DiscreteRule.dead_zone", zone, zero=True)
        object.__setattr__(self, "dead_zone", zone)
        if self.n_bits is not None and self.n_bits not in range(2, 25):
            raise ValueError(
                f"DiscreteRule.n_bits={self.n_bits}: must be from 2 to 24, a whole number, or None"
            )

    @classmethod
    def calm(cls, step: float = 0.04, **more: Any) -> "DiscreteRule":
        """The working point that learns without storms: kappa 2.5, dead zone 0.25."""
        return cls(step, **{"kappa": 2.5, "dead_zone": 0.25, **more})

    @classmethod
    def literal(cls, step: float = 0.04, **more: Any) -> "DiscreteRule":
        """Equation (3) of the paper to the letter: kappa 1, dead zone step/2. It storms."""
        return cls(step, **{"kappa": 1.0, "dead_zone": step / 2, **more})

    @property
    def lsb(self) -> float:  # type: ignore[override]
        """One count is one step."""
        return self.step

    @property
    def w_max(self) -> float:  # type: ignore[override]
        """Rail of the counter."""
        return UNBOUNDED if self.n_bits is None else float(2 ** (self.n_bits - 1) - 1)

    def parameters(self, unit: Quantity) -> dict[str, Any]:
        """Those of the comparators."""
        return {"kappa": self.kappa, "dead_zone": self.dead_zone * unit, "stride": self.stride}

    def decide(self, state: str) -> str:
        """``d`` is a stride up, a stride down, or 0."""
        return (
            f"err = 2*({state}) + kappa*gain*w*step\n"
            "d = stride*(int(err < -dead_zone) - int(err > dead_zone))\n"
        )

    def rounded(self, Omega: ArrayLike) -> Floats:
        """`Omega` in whole steps."""
        return self.decode(np.rint(self.encode(Omega)))

    def checked(self, Omega: Floats) -> Floats:
        """`Omega`, if it is whole steps within the rails; ValueError if not."""
        w = self.encode(Omega)
        off = np.abs(w - np.rint(w))
        if off.max(initial=0) > 1e-6:
            worst = np.unravel_index(off.argmax(), off.shape)
            raise ValueError(
                f"Omega[{', '.join(map(str, worst))}] is {w[worst]:.6g} steps: with this rule, "
                f"weights must be whole multiples of its step, {self.step:g}"
            )
        return super().checked(self.decode(np.rint(w)))
