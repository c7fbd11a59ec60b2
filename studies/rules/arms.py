"""The rules that are compared, and the programs for them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from brian2 import Quantity, TimedArray

from ebn_brian.checks import Floats
from ebn_brian.chips import Blueprint, Chips, lif_chips
from ebn_brian.plasticity import ContinuousRule, DiscreteRule
from ebn_brian.rule import Rule
from ebn_brian.training import COARSE_TO_FINE, LARGE_TO_SMALL, Training

N_CHANGES = "recurrent.n_changes"
#: Phases of training: a rule, and its share of the time.
Phases = Sequence[tuple[Rule, float]]


class Counted:
    """Of a rule: each synapse counts how often its weight changed."""

    change: ClassVar[str] = Rule.change + "n_changes += plastic*int(d != 0)\n"

    def model(self, unit: Quantity) -> str:
        """That of the rule, and the count."""
        return super().model(unit) + "n_changes : 1\n"  # type: ignore[misc]


class Continuous(Counted, ContinuousRule):
    """The continuous rule."""


class Discrete(Counted, DiscreteRule):
    """The discrete rule."""


def _phases() -> dict[str, Phases]:
    eps = [rule.eps for rule, _ in LARGE_TO_SMALL]
    fine = [
        Discrete(rule.step, rule.kappa, rule.dead_zone, stride=rule.stride)
        for rule, _ in COARSE_TO_FINE
    ]
    return {
        "continuous": [(Continuous(e), 1 / len(eps)) for e in eps],
        "discrete": [(Discrete.calm(), 1.0)],
        "discrete_fine": [(rule, 1 / len(fine)) for rule in fine],
        "gradient2012": [(Continuous.gradient2012(e), 1 / len(eps)) for e in eps],
    }


#: How each rule learns.
LEARNING = _phases()
#: Optimal weights, with the thresholds of all rules but the last, and with those of the last.
OPTIMAL = {"optimal": Continuous(1.0), "optimal2012": Continuous.gradient2012(1.0)}
RULES = (*LEARNING, *OPTIMAL)


def rest_of(chips: Blueprint) -> dict[str, Any]:
    """The chips' states at rest; counts last from one run to the next as those do."""
    return {**chips.rest, N_CHANGES: np.zeros(chips.layout.n_synapses)}


def build(D: Floats, device: str, threads: int = 1) -> dict[type, Training]:
    """The programs, by class of rule."""

    def program(rule: Rule) -> Training:
        def make_chips(drive: TimedArray) -> Chips:
            chips = lif_chips(D, drive=drive, rule=rule)
            return replace(chips, rest=rest_of(chips))

        return Training(make_chips, D.shape[1], device=device, threads=threads)

    return {type(rule): program(rule) for rule in (Continuous(1.0), Discrete.calm())}
