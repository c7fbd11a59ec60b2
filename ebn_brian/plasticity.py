"""Learning rules as text for Brian2 `Synapses`: what a synapse compares, how its weight changes.

Each is a frozen dataclass of a few lines. `Rule`, from `ebn_brian.rule`, says what chips ask of
one, and how to write another.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import Quantity, get_dimensions
from numpy.typing import ArrayLike

from . import checks
from .backpropagation import RandomBackpropagation
from .checks import Floats
from .rule import UNBOUNDED, Rule

__all__ = [
    "ContinuousRule",
    "DiscreteRule",
    "FeedforwardRule",
    "Fixed",
    "RandomBackpropagation",
    "Rule",
]


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
            if (value := getattr(self, name)) is not None:
                _plain(f"DiscreteRule.{name}", value)
        checks.positive("DiscreteRule.step", self.step)
        checks.count("DiscreteRule.stride", self.stride)
        checks.positive("DiscreteRule.kappa", self.kappa, zero=True)
        smallest = self.kappa * self.stride * self.step / 2
        zone = smallest if self.dead_zone is None else self.dead_zone
        checks.positive("DiscreteRule.dead_zone", zone, zero=True)
        object.__setattr__(self, "dead_zone", zone)
        checks.bits("DiscreteRule.n_bits", self.n_bits)

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


@dataclass(frozen=True)
class ContinuousRule(Rule):
    """Real weights that go a part `eps` of the way to their goal at each presynaptic spike.

    At a spike of neuron k, for every neuron n that it reaches, with ``Omega = w*step`` ::

        d = -eps*(beta*(V_n + mu*r_n) + Omega_nk + mu*(n == k))

    This is the voltage rule of Brendel, Bourdoukan, Vertechi, Machens and Denève 2020 (PLoS Comput.
    Biol. 16(3)), as the authors' own code has it (github.com/machenslab/spikes, Learning.m). With
    ``beta = 2/kappa`` and ``mu = 0`` it is ``-eps/kappa*(2*V + kappa*Omega)``: what `DiscreteRule`
    steps down in whole steps, so both have the same fixed point.

    Parameters
    ----------
    eps
        Share of the way; one that falls while it learns ends closer (see
        `training.LARGE_TO_SMALL`).
    kappa
        Sets the threshold, ``kappa/2*|D_n|**2``, and by default `beta`.
    mu
        Quadratic cost of spikes. Neurons then carry ``r``, their spikes filtered.
    beta
        Gain of the voltage; by default ``2/kappa``, for weights that end at ``-D^T D``.
    learn_reset
        Whether the autapse is learned too and takes the place of the neuron's reset.

    Raises
    ------
    ValueError
        If a parameter is not finite, not positive (`mu` may be 0), or `eps` is above 1.
    TypeError
        If a parameter has a unit.
    """

    eps: float
    kappa: float = 2.5
    mu: float = 0.0
    beta: float | None = None
    learn_reset: bool = False

    def __post_init__(self) -> None:
        for name in ("eps", "kappa", "mu", "beta"):
            value = getattr(self, name)
            if value is not None:
                _plain(f"ContinuousRule.{name}", value)
                checks.positive(f"ContinuousRule.{name}", value, zero=name == "mu")
        if self.eps > 1:
            raise ValueError(f"ContinuousRule.eps={self.eps}: must be at most 1")
        if self.beta is None:
            object.__setattr__(self, "beta", 2 / self.kappa)

    @classmethod
    def brendel2020(cls, eps: float = 1e-3, **more: Any) -> "ContinuousRule":
        """The authors' two-dimensional example: beta 1/.9, mu .02/.9, threshold 1/2."""
        own = {"kappa": 1.0, "mu": 0.02 / 0.9, "beta": 1 / 0.9, "learn_reset": True}
        return cls(eps, **{**own, **more})

    @classmethod
    def gradient2012(cls, eps: float = 0.03, **more: Any) -> "ContinuousRule":
        """``2 V + Omega`` with threshold 1/2 (kappa 1), named after Bourdoukan et al. 2012.

        Weights go where they should, and the network storms, for want of a margin: 34 Hz a neuron
        where optimal weights with the same threshold take 13, single chips 71 (`studies.rules`).
        The text of that paper (NIPS 25) was not at hand; the form is that of Büchel et al. 2020.
        """
        return cls(eps, **{"kappa": 1.0, **more})

    @property
    def filtered(self) -> bool:  # type: ignore[override]
        """With a cost."""
        return self.mu > 0

    def parameters(self, unit: Quantity) -> dict[str, Any]:
        """Those of the text."""
        own = {"eps": self.eps, "beta": self.beta}
        return {**own, "mu": self.mu} if self.filtered else own

    def decide(self, state: str) -> str:
        """``d`` is a part of the way."""
        if self.filtered:
            cost = " + mu*int(i_pre == i_post)" * self.learn_reset
            return f"d = -eps*(beta*(({state})/step + mu*r_post) + gain*w{cost})\n"
        return f"d = -eps*(beta*({state})/step + gain*w)\n"


@dataclass(frozen=True)
class FeedforwardRule:
    """Feed-forward weights that follow the filtered signal, each at its neuron's own spikes.

    ``F_j += eps*(alpha*x_j - F_j)``, in units of ``|D|``: see `equations.traces`. Learned together
    with `ContinuousRule`, decoders spread until each neuron has its share of the signals.

    Parameters
    ----------
    eps
        Share of the way: a tenth of the rule's of the recurrent weights or less, which must keep
        up.
    alpha
        Sets the length at which weights settle, together with the signal's size.

    Raises
    ------
    ValueError
        If a parameter is not finite and positive, or `eps` is above 1.
    TypeError
        If a parameter has a unit.
    """

    eps: float = 1e-4
    alpha: float = 0.18

    def __post_init__(self) -> None:
        for name in ("eps", "alpha"):
            _plain(f"FeedforwardRule.{name}", getattr(self, name))
            checks.positive(f"FeedforwardRule.{name}", getattr(self, name))
        if self.eps > 1:
            raise ValueError(f"FeedforwardRule.eps={self.eps}: must be at most 1")


def _plain(name: str, value: Any) -> None:
    """TypeError if `value` has a unit."""
    if not get_dimensions(value).is_dimensionless:
        raise TypeError(f"{name}={value}: must be a plain number, in units of |D|^2")
