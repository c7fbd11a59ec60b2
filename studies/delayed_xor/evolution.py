"""Evolution strategy with covariance matrix adaptation that can be resumed (the package cmaes).

Source: N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772. What is kept are the
candidates and their costs; a strategy is made anew from them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ebn_brian.checks import Floats

Memory = Mapping[str, Floats]


def start(n: int, n_candidates: int) -> dict[str, Floats]:
    """No generation yet, of `n` numbers from a distribution of mean 0 and covariance 1."""
    return {
        "evolution.draws": np.zeros((0, n_candidates, n)),
        "evolution.costs": np.zeros((0, n_candidates)),
    }


def strategy(memory: Memory, seed: int = 0) -> Any:
    """A `cmaes.CMA` after the generations in `memory`; its ``mean`` is the best guess."""
    try:
        from cmaes import CMA
    except ImportError as error:
        raise ImportError("evolution needs cmaes: pip install 'ebn_brian[gradient]'") from error
    draws, costs = memory["evolution.draws"], memory["evolution.costs"]
    own = CMA(np.zeros(draws.shape[2]), 1.0, population_size=draws.shape[1])
    for candidates, cost in zip(draws, costs, strict=True):
        own.tell(list(zip(candidates, cost, strict=True)))
    own.reseed_rng(seed)
    return own


def candidates(memory: Memory, seed: int) -> Floats:
    """Draws of the next generation, (n_candidates, n), from a seed of their own."""
    own = strategy(memory, seed)
    return np.array([own.ask() for _ in range(own.population_size)])


def selected(memory: Memory, draws: Floats, costs: Floats) -> dict[str, Floats]:
    """`memory` with one generation more."""
    return {
        "evolution.draws": np.append(memory["evolution.draws"], draws[None], axis=0),
        "evolution.costs": np.append(memory["evolution.costs"], costs[None], axis=0),
    }
