"""Training: Adam on clipped exact gradients, and what their slopes do not tell.

The exact gradient of the discrete cost need not be the slope of the expected cost: a spike more or
less is a jump, which no derivative sees. So the overall scales of some weights may be driven by
finite differences of the mean cost on the same trials and noise, in place of the radial part of
the gradient, and the readout may be fitted by ridge regression at each update.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..checks import Floats
from .network import NAMES, Batch, Network, Slopes, Weights

#: Relative step of the finite differences of scales.
DIFFERENCE = 0.05
#: Decay of Adam's means of the gradient and of its square.
BETA = 0.9, 0.999
#: Ridge: part of the mean diagonal of the moments.
RIDGE = 1e-4


@dataclass(frozen=True)
class State:
    """Where training stands: all that the next update depends on."""

    n_updates: int
    weights: Weights
    memory: Mapping[str, Floats] = field(default_factory=dict)
    """Means of gradients (``mean.U``) and squares (``square.U``), moments of ``s``."""


@dataclass(frozen=True)
class Descent:
    """One way to make an update.

    Parameters
    ----------
    network
        The network.
    rates
        Adam's step of each kind of weights, in their units; what is not named stays.
    clip
        Gradients of trials longer than so many medians are cut to that length.
    scales
        Multiplicative step, by name, of weights whose overall scale follows finite differences; 0
        holds the scale.
    ridge
        Share of the moments that an update keeps for the ridge regression of ``O``; None: ``O``
        has a gradient as the others, or stays.
    autapses
        Those of ``W`` and ``W_f`` whose diagonals change.

    Raises
    ------
    ValueError
        If a name is unknown, or a number out of range.
    """

    network: Network
    rates: Mapping[str, float]
    clip: float = 5.0
    scales: Mapping[str, float] = field(default_factory=dict)
    ridge: float | None = None
    autapses: Collection[str] = ("W", "W_f")

    def __post_init__(self) -> None:
        for name, value in {**self.rates, **self.scales}.items():
            checks.choice("Descent.rates", name, NAMES)
            checks.positive(f"Descent.rates of {name}", value, zero=True)
        for name in self.autapses:
            checks.choice("Descent.autapses", name, ("W", "W_f"))
        checks.positive("Descent.clip", self.clip)
        if self.ridge is not None and not 0 <= self.ridge < 1:
            raise ValueError(f"Descent.ridge={self.ridge}: must be at least 0 and below 1")

    def update(self, state: State, batch: Batch) -> tuple[State, Slopes]:
        """The state after one update, and cost and gradients before it.

        Raises
        ------
        FloatingPointError
            If training diverges: cost or gradients are not finite.
        """
        weights, memory = state.weights, dict(state.memory)
        slopes = self.network.slopes(weights, batch)
        gradients = clipped(slopes.gradients, self.rates, self.clip)
        finite = all(np.isfinite(gradient).all() for gradient in gradients.values())
        if not (finite and np.isfinite(slopes.cost)):
            raise FloatingPointError(
                f"training diverged at update {state.n_updates}: cost {slopes.cost:.3g}. The last "
                "state that was saved is sound; go on from it with smaller rates"
            )
        n = state.n_updates + 1
        new = dict(weights.arrays())
        for name, rate in self.rates.items():
            gradient = gradients[name]
            if name in ("W", "W_f") and name not in self.autapses:
                np.fill_diagonal(gradient, 0)
            if name in self.scales:
                gradient = tangential(gradient, new[name])
            new[name] = new[name] - rate * adam(memory, name, gradient, n)
        for name, rate in self.scales.items():
            new[name] = self._scaled(memory, name, new[name], weights, batch, rate)
        if self.ridge is not None:
            new["O"] = readout(memory, slopes, self.ridge)
        return State(n, Weights(**new), memory), slopes

    def _scaled(
        self,
        memory: dict[str, Floats],
        name: str,
        new: Floats,
        weights: Weights,
        batch: Batch,
        rate: float,
    ) -> Floats:
        """`new` with the scale of the old weights, or a step down the slope of the mean cost."""
        old: Floats = getattr(weights, name)
        norm = float(np.linalg.norm(old))
        if not norm:
            return new
        if not rate:
            return new * (norm / float(np.linalg.norm(new)))
        costs = [
            self.network.cost(replace(weights, **{name: old * factor}), batch)
            for factor in (1 + DIFFERENCE, 1 - DIFFERENCE)
        ]
        slope = np.array((costs[0] - costs[1]) / (2 * DIFFERENCE))
        updates = memory.setdefault(f"updates.{name}", np.array(0.0)) + 1
        memory[f"updates.{name}"] = updates
        return new * np.exp(-rate * adam(memory, f"scale of {name}", slope, int(updates)))


def clipped(
    gradients: Mapping[str, Floats], rates: Mapping[str, float], medians: float
) -> dict[str, Floats]:
    """Mean over trials of gradients, of which those longer than so many medians are cut.

    Lengths are measured in steps: each gradient times its rate.
    """
    squares = [
        (rate * gradients[name]).reshape(len(gradients[name]), -1) ** 2
        for name, rate in rates.items()
    ]
    lengths = np.sqrt(sum(square.sum(axis=1) for square in squares))
    limit = medians * np.median(lengths)
    factor = np.minimum(1, limit / np.maximum(lengths, 1e-300))
    return {name: np.tensordot(factor, gradients[name], axes=1) / len(factor) for name in rates}


def tangential(gradient: Floats, weights: Floats) -> Floats:
    """`gradient` without the part along `weights`, which would change their scale."""
    square = (weights * weights).sum()
    return gradient - weights * ((gradient * weights).sum() / square) if square else gradient


def adam(memory: dict[str, Floats], name: str, gradient: Floats, n: int) -> Floats:
    """Direction of Kingma and Ba's Adam (2015, arXiv:1412.6980), of about 1 in each entry."""
    b1, b2 = BETA
    mean = memory.get(f"mean.{name}", np.zeros_like(gradient))
    square = memory.get(f"square.{name}", np.zeros_like(gradient))
    memory[f"mean.{name}"] = mean = b1 * mean + (1 - b1) * gradient
    memory[f"square.{name}"] = square = b2 * square + (1 - b2) * gradient**2
    return mean / (1 - b1**n) / (np.sqrt(square / (1 - b2**n)) + 1e-30)


def readout(memory: dict[str, Floats], slopes: Slopes, keep: float) -> Floats:
    """Ridge regression of the target on ``s``, over this batch and, ever less, those before."""
    for name, now in (("ss", slopes.ss), ("ys", slopes.ys)):
        memory[name] = keep * memory.get(name, np.zeros_like(now)) + (1 - keep) * now
    ss = memory["ss"]
    ridge = RIDGE * np.trace(ss) / len(ss) * np.eye(len(ss))
    return np.linalg.solve(ss + ridge + 1e-300 * np.eye(len(ss)), memory["ys"].T).T


def train(
    state: State,
    until: int,
    update: Callable[[State], tuple[State, Slopes]],
    path: Path | None = None,
    every: int = 20,
) -> Iterator[tuple[State, Slopes]]:
    """Update until there are so many, and save the state at `path` now and then, and at the end.

    Yields the new state and what was measured before the update, to show progress.
    """
    while state.n_updates < until:
        state, slopes = update(state)
        if path is not None and (state.n_updates % every == 0 or state.n_updates == until):
            save(path, state)
        yield state, slopes


def save(path: Path, state: State) -> None:
    """Write a state, whole or not at all."""
    arrays: dict[str, Any] = {f"weights.{n}": w for n, w in state.weights.arrays().items()}
    arrays |= {"n_updates": state.n_updates, **state.memory}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.npz")
    try:
        np.savez(unfinished, **arrays)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: Path) -> State:
    """The state that was saved; training goes on from it to the last bit as it would have.

    Raises
    ------
    ValueError
        If the file holds no state.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        n_updates = int(arrays.pop("n_updates"))
    except (KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: holds no state of training ({error})") from error
    own = {k.removeprefix("weights."): v for k, v in arrays.items() if k.startswith("weights.")}
    memory = {k: v for k, v in arrays.items() if not k.startswith("weights.")}
    return State(n_updates, Weights(**own), memory)
