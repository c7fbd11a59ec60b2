"""The paper's own case: the networks, the input and the results behind its Figure 1.

The data (weights, signals and spikes as CSV) are read from a folder that the user names. The
decoder is made as in the paper: seed 42 of NumPy's legacy generator, second draw.
"""

from pathlib import Path

import numpy as np
from brian2 import second

from ebn_brian import balance, decoding
from ebn_brian.training import DT, Evaluation

STAGES = ("initial", "optimal", "learned")
#: A weight of 1 in the paper's code steps the potential by 0.02 ``|D|**2``.
WEIGHT_UNIT = 0.02
#: The target signals are the drive, divided by this.
AMPLITUDE = 5000


def load(folder: Path) -> dict:
    """Decoder, weights, drive and published numbers from `folder`.

    Raises
    ------
    ValueError
        If a file is missing, unreadable, or not of the paper's network.
    """
    weights = {s: _read(folder / f"weights_{s}.csv", (20, 20)) * WEIGHT_UNIT for s in STAGES}
    signals = _read(folder / "signals.csv", (None, 9), skip=1)
    spikes = {s: _read(folder / f"spikes_{s}.csv", (None, 2), skip=1) for s in STAGES}
    legacy = np.random.RandomState(42)  # the paper's generator
    legacy.randn(2, 20)
    D = legacy.randn(2, 20)
    D /= np.linalg.norm(D, axis=0)
    if balance.distance(weights["optimal"], balance.optimal_weights(D)) > 1e-6:
        raise ValueError(f"{folder / 'weights_optimal.csv'}: not the paper's optimal weights")
    target = signals[:, 1:3]
    numbers = {}
    for k, stage in enumerate(STAGES):
        decoded = signals[:, 3 + 2 * k : 5 + 2 * k]
        numbers[f"distance_{stage}"] = float(balance.distance(weights[stage], weights["optimal"]))
        numbers[f"error_{stage}"] = float((target - decoded).var(0).sum() / target.var(0).sum())
        time, neuron = spikes[stage].T
        numbers[f"error_refitted_{stage}"] = float(
            decoding.paper_error(neuron.astype(int), time * second, D, target, DT)[0]
        )
        numbers[f"spikes_{stage}"] = len(spikes[stage])
    return {"D": D, "initial": weights["initial"], "c": target * AMPLITUDE, "numbers": numbers}


def comparison(learned: Evaluation, published: dict) -> dict:
    """Our learned network on the published second of input beside the published numbers."""
    ours = {
        "distance_learned": float(learned.measures["distance"][0]),
        "error_learned": float(learned.paper_error[0]),
        "spikes_learned": len(learned.i),
    }
    return ours | {f"published_{name}": value for name, value in published["numbers"].items()}


def table(summary: dict) -> dict:
    """Rows for the terminal. ``error_refitted`` is our measure on the published spikes."""
    return {
        name: {
            "learned here": summary[f"{name.removesuffix('_refitted')}_learned"],
            **{f"published {stage}": summary[f"published_{name}_{stage}"] for stage in STAGES},
        }
        for name in ("distance", "error", "error_refitted", "spikes")
    }


def _read(path: Path, shape: tuple[int | None, int], skip: int = 0) -> np.ndarray:
    try:
        values = np.loadtxt(path, delimiter=",", skiprows=skip, ndmin=2)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as numbers ({error})") from error
    rows, columns = shape
    if (
        values.shape[1] != columns
        or values.shape[0] != (rows or values.shape[0])
        or len(values) < 1
    ):
        raise ValueError(f"{path} has shape {values.shape}: must be ({rows or 'any'}, {columns})")
    if not np.isfinite(values).all():
        raise ValueError(f"{path} contains nan or inf: every value must be finite")
    return values
