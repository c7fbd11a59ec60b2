"""The paper's rule with all that differs from synapse to synapse in its comparators."""

from dataclasses import dataclass

import numpy as np
from brian2 import Quantity

from ebn_brian.plasticity import DiscreteRule
from ebn_brian.training import COARSE_TO_FINE

KAPPA = 2.5


@dataclass(frozen=True)
class ComparatorRule(DiscreteRule):
    """`DiscreteRule` whose copy of the weight and offset are each synapse's own.

    ::

        err = 2*(state + offset) + kappa*copy_gain*w*step

    ``copy_gain`` is ``gain`` where copy and synapse share their mirror. ``n_moves`` counts how
    often the counter moves.
    """

    def model(self, unit: Quantity) -> str:
        """Equations of the synapse, with its own parameters."""
        return super().model(unit) + "copy_gain : 1\noffset : volt\nn_moves : 1\n"

    def decide(self, state: str) -> str:
        """``d`` is a stride up, a stride down, or 0."""
        return (
            f"err = 2*({state} + offset) + kappa*copy_gain*w*step\n"
            "d = stride*(int(err < -dead_zone) - int(err > dead_zone))\n"
            "n_moves += int(clip(w + plastic*d, -w_max, w_max) != w)\n"
        )


def phases(
    procedure: str, bits: int, full_scale: float, learning: Quantity
) -> list[tuple[ComparatorRule, Quantity]]:
    """Rules of the phases of learning and their times, for counters of so many bits.

    The rails are at `full_scale`. A move is as near to that of the procedure as whole counts allow,
    and the dead zone that of such a move, no narrower than ``kappa*move/2``.
    """
    lsb = full_scale / (2 ** (bits - 1) - 1)
    fine = procedure == "homeostatic_fine"
    wanted = [rule for rule, _ in COARSE_TO_FINE] if fine else [DiscreteRule.calm()]
    moves, zones = zip(
        *((r.stride * r.step, float(r.dead_zone or 0)) for r in wanted[::-1]), strict=True
    )
    rules = []
    for move in moves[::-1]:
        stride = max(1, round(move / lsb))
        zone = float(np.interp(np.log(stride * lsb), np.log(moves), zones))
        zone = max(zone, KAPPA * stride * lsb / 2)
        rules.append(ComparatorRule(lsb, KAPPA, zone, bits, stride=stride))
    return [(rule, learning / len(rules)) for rule in rules]
