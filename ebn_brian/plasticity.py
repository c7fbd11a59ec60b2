"""The learning rule that needs two comparisons and a counter, as text for Brian2 `Synapses`.

A weight is a counter ``w`` (a whole number) times ``step``. On each spike of neuron k, the synapse
onto neuron n compares, with ``state = V_before - V_rest`` of neuron n::

    err = 2*state + kappa*gain*w*step
    err < -dead_zone: w += 1        err > dead_zone: w -= 1        else keep

Equation (3) of Büchel et al. 2020 (arXiv:2010.14353) is ``kappa = 1, dead_zone = step/2``;
equation (4), in current mode, is the same with ``state = I_before - I_rest`` and
``dead_zone = 2*I_SL``. `kappa` is the gain of the copy of the weight that the comparators see.
"""

from dataclasses import dataclass

from brian2 import Quantity, get_dimensions, have_same_dimensions
from brian2.units.fundamentalunits import get_unit

#: Rail of a counter that is to run freely: far beyond reach, and exact in single precision.
UNBOUNDED = 1e6


@dataclass(frozen=True)
class DiscreteRule:
    """One weight step up, down, or none, at each presynaptic spike.

    Parameters
    ----------
    step
        Weight step omega (volt for LIF neurons, ampere for current-mode circuits).
    kappa
        Gain of the comparators' copy of the weight. 1 is the paper's equation; 2.5 is calm; 0 is
        for comparators that see the neuron alone, as those of a circuit without that copy.
    dead_zone
        Half-width h of the zone in which the weight is kept, in the unit of `step`. By default
        ``kappa*step/2``: the smallest for which one step is never undone by the next.
    n_bits
        Bits of the sign-and-magnitude counter: its rails are ``+-(2**(n_bits - 1) - 1)``.
        By default it runs freely.
    learn_reset
        Whether the autapse is learned too and takes the place of the neuron's reset.

    Raises
    ------
    ValueError
        If a parameter is not finite, not positive (`kappa` and `dead_zone` may be 0) or not a size
        it can have, or the units of `step` and `dead_zone` differ.
    """

    step: Quantity
    kappa: float = 2.5
    dead_zone: Quantity | None = None
    n_bits: int | None = None
    learn_reset: bool = False

    def __post_init__(self):
        if self.dead_zone is None:
            object.__setattr__(self, "dead_zone", self.kappa * self.step / 2)
        for name, zero in (("step", False), ("kappa", True), ("dead_zone", True)):
            value = float(getattr(self, name))
            if not (0 < value < float("inf") or (zero and value == 0)):
                allowed = "zero or positive" if zero else "positive"
                raise ValueError(
                    f"DiscreteRule.{name}={getattr(self, name)}: must be finite and {allowed}"
                )
        if not have_same_dimensions(self.step, self.dead_zone):
            raise ValueError(
                f"DiscreteRule.dead_zone={self.dead_zone}: must have the unit of step={self.step}"
            )
        if self.n_bits is not None and self.n_bits not in range(2, 25):
            raise ValueError(
                f"DiscreteRule.n_bits={self.n_bits}: must be from 2 to 24, a whole number, or None"
            )

    @classmethod
    def literal(cls, step: Quantity, **kwargs) -> "DiscreteRule":
        """Equation (3) of the paper to the letter: ``kappa = 1, dead_zone = step/2``."""
        return cls(step, kappa=1.0, dead_zone=step / 2, **kwargs)

    @property
    def w_max(self) -> float:
        """Rail of the counter."""
        return UNBOUNDED if self.n_bits is None else float(2 ** (self.n_bits - 1) - 1)

    @property
    def model(self) -> str:
        """Equations of the synapse. All parameters can be changed after the build."""
        unit = repr(get_unit(get_dimensions(self.step)))
        return (
            "w : 1\n"
            "gain : 1\n"
            f"step : {unit} (shared)\n"
            f"dead_zone : {unit} (shared)\n"
            "kappa : 1 (shared)\n"
            "w_max : 1 (shared)\n"
            "plastic : 1 (shared)\n"
        )

    @property
    def parameters(self) -> dict:
        """Values of the shared parameters of `model`, with learning switched on."""
        return {
            "step": self.step,
            "dead_zone": self.dead_zone,
            "kappa": self.kappa,
            "w_max": self.w_max,
            "plastic": 1,
        }

    @staticmethod
    def decision(state: str = "v_post - v_rest_post") -> str:
        """Statements that set ``d`` to +1, -1 or 0 from the postsynaptic `state`."""
        return (
            f"err = 2*({state}) + kappa*gain*w*step\n"
            "d = plastic*(int(err < -dead_zone) - int(err > dead_zone))\n"
        )

    #: Statement that moves the counter by ``d``, up to its rails.
    COUNT = "w = clip(w + d, -w_max, w_max)\n"

    def on_pre(self, state: str = "v_post - v_rest_post") -> str:
        """Decision and count at once, for a synapse without pulses."""
        return self.decision(state) + self.COUNT
