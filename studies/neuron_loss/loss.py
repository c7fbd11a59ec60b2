"""Neurons that die: their thresholds are set to what no membrane reaches, as a run-time value."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ebn_brian import seeds
from ebn_brian.training import Training

#: Threshold of a dead neuron, in volt.
OUT_OF_REACH = 1e3


def lost_neurons(numbers: Sequence[int], n_neurons: int, share: float, seed: int) -> np.ndarray:
    """Which neurons die, (n_chips, n_neurons); who dies of a larger share dies later, not another.

    Raises
    ------
    ValueError
        If `share` is not from 0 to below 1, leaves no neuron, or is too small for one to die.
    """
    n_lost = round(share * n_neurons) if 0 <= share < 1 else n_neurons
    if share > 0 and not n_lost:
        raise ValueError(
            f"share={share}: must be 0 or above {0.5 / n_neurons:g} for one of {n_neurons} "
            "neurons to die"
        )
    if n_lost >= n_neurons:
        raise ValueError(f"share={share}: must be at least 0 and leave one of {n_neurons} neurons")
    order = [seeds.generator(seed, "loss", number).permutation(n_neurons) for number in numbers]
    return np.stack([np.isin(np.arange(n_neurons), own[:n_lost]) for own in order])


def silenced(training: Training, lost: np.ndarray) -> dict[str, Any]:
    """Run-time values of the same chips without the `lost` neurons."""
    name = training.chips.called("neurons.v_th")
    v_th = np.asarray({**training.chips.values(), **training.given}[name], float)
    return {**training.given, name: np.where(np.ravel(lost), OUT_OF_REACH, v_th)}
