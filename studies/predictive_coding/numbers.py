"""What a trained network is, beside the one that theory gives for the system."""

import itertools
from typing import Any

import numpy as np

from ebn_brian.checks import Floats
from ebn_brian.gradient import Batch, Weights

from ..lab.tracking import numbers
from ..lab.tracking.chips import Chips
from ..lab.tracking.task import N_SIGNALS, TAU, Task, correlation, off_diagonal

#: Of the analytic network: lengths of the rows of U, ``tau`` times, and products with those of O.
FAMILY = (np.array([0.8, 1.0, 1.3, 1.6, 2.0, 2.5]), np.array([0.4, 0.6, 0.8, 1.0]))


def describe(task: Task, weights: Weights, batch: Batch, chips: Chips) -> dict[str, Any]:
    """Numbers of a network on fresh trials."""
    U, W, O = weights.U, weights.W, weights.O  # noqa: E741 - the paper's name
    assert W is not None
    assert task.A is not None
    UAO = U @ np.array(task.A) @ O
    M = matrix_between(weights)
    inhibition = float((np.diag(W) - np.diag(UAO)).mean())
    return {
        **numbers.describe(task, weights, batch, chips),
        **{f"corr_U_O_{j + 1}": correlation(U[:, j], O[j]) for j in range(N_SIGNALS)},
        "corr_W_UAO_offdiagonal": correlation(off_diagonal(W), off_diagonal(UAO)),
        "corr_W_UAO": correlation(W, UAO),
        "W_diagonal": float(np.diag(W).mean()),
        "UAO_diagonal": float(np.diag(UAO).mean()),
        **{f"M_{i + 1}{j + 1}": float(M[i, j]) for i, j in np.ndindex(M.shape)},
        "cost_analytic": analytic_cost(task, weights, batch),
        "cost_analytic_inhibited": analytic_cost(task, weights, batch, inhibition),
    }


def matrix_between(weights: Weights) -> Floats:
    """M of ``W = U M O``, by least squares over the entries off the diagonal, (2, 2)."""
    assert weights.W is not None
    products = [off_diagonal(np.outer(column, row)) for column in weights.U.T for row in weights.O]
    M = np.linalg.lstsq(np.column_stack(products), off_diagonal(weights.W), rcond=None)[0]
    return np.asarray(M.reshape(N_SIGNALS, N_SIGNALS))


def analytic_network(
    task: Task, directions: Floats, length: float, product: float, inhibition: float = 0.0
) -> Weights:
    """``U = length e / tau``, ``O = (product/length) tau e^T``, ``W_f = -U O``, ``W = U A O``.

    W with `inhibition`, which is negative, on its diagonal beside that.
    """
    U = length / float(TAU) * directions
    O = product / length * float(TAU) * directions.T  # noqa: E741
    W_f = -U @ O
    np.fill_diagonal(W_f, 0)
    W = U @ np.array(task.A) @ O + inhibition * np.eye(len(U))
    return Weights(U=U, O=O, W=W, W_f=W_f)


def analytic_cost(task: Task, weights: Weights, batch: Batch, inhibition: float = 0.0) -> float:
    """Least cost of `analytic_network` with the directions of the trained U on these trials."""
    e = weights.U / np.linalg.norm(weights.U, axis=1, keepdims=True)
    return min(
        task.network.cost(analytic_network(task, e, *sizes, inhibition), batch)
        for sizes in itertools.product(*FAMILY)
    )
