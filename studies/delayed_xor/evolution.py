"""Evolution strategy with covariance matrix adaptation, one generation at a time.

Source: N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772, with its constants.
"""

from collections.abc import Mapping

import numpy as np

from ebn_brian.checks import Floats

Memory = Mapping[str, Floats]


def start(n: int) -> dict[str, Floats]:
    """A distribution of mean 0 and covariance 1, of `n` numbers."""
    zero = np.zeros(n)
    names = {"mean": zero, "path": zero, "path_C": zero, "C": np.eye(n), "sigma": np.array(1.0)}
    return {f"evolution.{name}": value for name, value in names.items()}


def candidates(memory: Memory, n: int, r: np.random.Generator) -> Floats:
    """`n` draws, (n, numbers)."""
    values, vectors = _axes(memory)
    z = r.normal(size=(n, len(values)))
    mean, sigma = memory["evolution.mean"], memory["evolution.sigma"]
    return np.asarray(mean + sigma * z * values @ vectors.T)


def _axes(memory: Memory) -> tuple[Floats, Floats]:
    squares, vectors = np.linalg.eigh(memory["evolution.C"])
    return np.sqrt(np.maximum(squares, 1e-12)), vectors


def selected(memory: Memory, draws: Floats, costs: Floats, generation: int) -> dict[str, Floats]:
    """The distribution of the next generation: of the better half, the more the better."""
    mean, path, path_C, C, sigma = (
        memory[f"evolution.{name}"] for name in ("mean", "path", "path_C", "C", "sigma")
    )
    n, mu = draws.shape[1], len(draws) // 2
    share = np.log(mu + 0.5) - np.log(np.arange(1, mu + 1))
    share /= share.sum()
    many = 1 / (share**2).sum()
    y = (draws[np.argsort(costs, kind="stable")[:mu]] - mean) / sigma
    step = share @ y
    values, vectors = _axes(memory)
    c = (many + 2) / (n + many + 5)
    damping = 1 + 2 * max(0.0, np.sqrt((many - 1) / (n + 1)) - 1) + c
    c_C = (4 + many / n) / (n + 4 + 2 * many / n)
    c_1 = 2 / ((n + 1.3) ** 2 + many)
    c_mu = min(1 - c_1, 2 * (many - 2 + 1 / many) / ((n + 2) ** 2 + many))
    white = vectors @ ((vectors.T @ step) / values)
    path = (1 - c) * path + np.sqrt(c * (2 - c) * many) * white
    expected = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    length = np.linalg.norm(path)
    short = length / np.sqrt(1 - (1 - c) ** (2 * (generation + 1))) < (1.4 + 2 / (n + 1)) * expected
    path_C = (1 - c_C) * path_C + short * np.sqrt(c_C * (2 - c_C) * many) * step
    C = (1 - c_1 - c_mu) * C + c_1 * np.outer(path_C, path_C) + c_mu * (y.T * share) @ y
    new = {
        "mean": mean + sigma * step,
        "path": path,
        "path_C": path_C,
        "C": (C + C.T) / 2,
        "sigma": sigma * np.exp(c / damping * (length / expected - 1)),
    }
    return {f"evolution.{name}": np.asarray(value) for name, value in new.items()}
