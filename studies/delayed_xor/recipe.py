"""How networks are trained: by evolution of a few numbers, from random weights, to be resumed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from brian2 import Quantity, ms

from ebn_brian.checks import Floats
from ebn_brian.gradient import Slopes, State, Weights, load, save
from ebn_brian.seeds import generator

from . import evolution
from .prior import Mode, moved, weights
from .task import LONGEST, SHORTEST, Group, network, trials

#: Trials of a generation, the same for all its candidates; candidates.
TRIALS, CANDIDATES = 96, 10
#: Cross-validation of the readout; its ridge, in parts of the mean diagonal of the moments.
FOLDS, RIDGE = 4, 1e-4
#: Trials that the readout is fitted on in the end, of the control as well.
FITTED = 960


@dataclass(frozen=True)
class Phase:
    """So many generations with delays up to `longest`."""

    n_updates: int
    longest: Quantity


PHASES = (Phase(12, 200 * ms), Phase(80, 500 * ms))


@dataclass(frozen=True)
class Moments:
    """What a readout of the given trials costs: quadratic in it."""

    ss: Floats
    ys: Floats
    yy: float

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.ss + other.ss, self.ys + other.ys, self.yy + other.yy)

    def readout(self) -> Floats:
        """The best one, by ridge regression, (1, N)."""
        ridge = RIDGE * np.trace(self.ss) / len(self.ss) * np.eye(len(self.ss))
        return np.linalg.solve(self.ss + ridge, self.ys.T).T

    def error(self, O: Floats) -> float:  # noqa: E741
        """Mean square error of a readout."""
        return float((O @ self.ss @ O.T - 2 * O @ self.ys.T).sum() + self.yy)


def moments(own: Weights, groups: Sequence[Group]) -> list[Moments]:
    """Of each group."""
    return [_moments(network().moments(own, group.batch), group) for group in groups]


def _moments(slopes: Slopes, group: Group) -> Moments:
    batch = group.batch
    assert batch.weight is not None
    yy = float((batch.target[..., 0] ** 2 * batch.weight).mean(axis=1).sum())
    return Moments(slopes.ss, slopes.ys, yy)


def together(parts: Sequence[Moments]) -> Moments:
    """Of all groups."""
    return sum(parts[1:], parts[0])


def cost(own: Weights, groups: Sequence[Group]) -> float:
    """Error of readouts on trials that they were not fitted on, over that of no readout."""
    parts = moments(own, groups)
    error = 0.0
    for fold in range(FOLDS):
        test, fit = parts[fold::FOLDS], [p for k, p in enumerate(parts) if k % FOLDS != fold]
        error += together(test).error(together(fit).readout())
    return error / together(parts).yy


def with_readout(
    own: Weights,
    seed: int,
    n: int = FITTED,
    shortest: Quantity = SHORTEST,
    longest: Quantity = LONGEST,
) -> Weights:
    """The same weights with a readout fitted on so many trials of their own."""
    groups = trials(generator(seed, "readout trials"), n, shortest, longest)
    return replace(own, O=together(moments(own, groups)).readout())


def evolved(seed: int, state: State, longest: Quantity, n: int) -> State:
    """The state after one generation."""
    r = generator(seed, "generations", state.n_updates)
    groups = trials(r, n, SHORTEST, longest)
    draws = evolution.candidates(state.memory, int(r.integers(2**32)))
    costs = np.array([cost(weights(seed, moved(Mode(), by)), groups) for by in draws])
    if not np.isfinite(costs).all():
        raise FloatingPointError(f"generation {state.n_updates}: cost is not finite ({costs})")
    memory = evolution.selected(state.memory, draws, costs)
    all_costs = np.append(state.memory["costs"], np.median(costs))
    own = weights(seed, moved(Mode(), evolution.strategy(memory).mean))
    return State(state.n_updates + 1, own, {**memory, "costs": all_costs})


def trained(
    seed: int,
    path: Path,
    progress: Callable[[State], None],
    phases: Sequence[Phase] = PHASES,
    n: int = TRIALS,
    n_candidates: int = CANDIDATES,
) -> State:
    """The state after all phases, without a readout; ``costs`` in its memory is by generation.

    The state is saved in `path`, and training goes on from there.
    """
    n_numbers = len(fields(Mode))
    memory = {**evolution.start(n_numbers, n_candidates), "costs": np.zeros(0)}
    state = load(path) if path.exists() else State(0, weights(seed, Mode()), memory)
    ends = np.cumsum([phase.n_updates for phase in phases])
    while state.n_updates < ends[-1]:
        phase = phases[int(np.searchsorted(ends, state.n_updates, side="right"))]
        state = evolved(seed, state, phase.longest, n)
        save(path, state)
        progress(state)
    return state
