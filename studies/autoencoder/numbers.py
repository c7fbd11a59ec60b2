"""What a trained auto-encoder is, beside the analytic family."""

from dataclasses import replace
from typing import Any

import numpy as np

from ebn_brian.gradient import Batch, Weights

from ..lab.tracking import numbers
from ..lab.tracking.chips import Chips
from ..lab.tracking.task import TAU, Task

#: Sizes of the analytic family that are tried: of U, ``tau`` times, and of W_f.
FAMILY = (np.array([0.4, 0.6, 0.8, 1.0]), np.array([0.4, 0.6, 0.8, 1.0]))


def describe(task: Task, weights: Weights, batch: Batch, chips: Chips) -> dict[str, Any]:
    """Numbers of a network on fresh trials."""
    common = numbers.describe(task, weights, batch, chips)
    return {**common, "cost_analytic": analytic_cost(task, weights, batch)}


def analytic_cost(task: Task, weights: Weights, batch: Batch) -> float:
    """Least cost of ``U = a e, W_f = -m e e^T, O = b e^T`` on these trials.

    `e` are the directions of the trained U, `b` the best for the trials, `a` and `m` of `FAMILY`.
    """
    e = weights.U / np.linalg.norm(weights.U, axis=1, keepdims=True)
    costs = []
    for a in FAMILY[0]:
        for m in FAMILY[1]:
            W_f = -m * e @ e.T
            np.fill_diagonal(W_f, 0)
            O = float(TAU) * e.T  # noqa: E741
            family = Weights(U=a / float(TAU) * e, O=O, W_f=W_f)
            moments = task.network.moments(family, batch)
            b = (moments.ys * O).sum() / np.trace(O @ moments.ss @ O.T)
            costs.append(task.network.cost(replace(family, O=b * O), batch))
    return min(costs)
