"""How much chips spike, and whose spike each is."""

import numpy as np
from brian2 import Quantity, get_dimensions, second
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats, Integers


def rate_hz(i: ArrayLike, n_neurons: int, duration: Quantity, n_chips: int = 1) -> Floats:
    """Mean firing rate of a neuron of each chip, (n_chips,), Hz."""
    chip, _ = _neurons(i, n_chips, n_neurons)
    rate: Floats = np.bincount(chip, minlength=n_chips) / (
        n_neurons * checks.seconds("duration", duration)
    )
    return rate


def spikes_per_step_max(i: ArrayLike, t: Quantity, n_neurons: int, dt: Quantity) -> int:
    """The most spikes that one chip had in one time step, over all chips and steps."""
    chip = np.asarray(i, dtype=np.int64) // checks.count("n_neurons", n_neurons)
    event = _steps(t, dt) * (chip.max(initial=0) + 1) + chip
    return int(np.unique(event, return_counts=True)[1].max(initial=0))


def locate_spikes(
    i: ArrayLike, t: Quantity, n_chips: int, n_neurons: int, n_steps: int, dt: Quantity
) -> tuple[Integers, Integers, Integers]:
    """Chip, neuron and time step of each spike.

    Raises
    ------
    ValueError
        If a spike lies outside these chips or steps.
    """
    checks.count("n_steps", n_steps)
    chip, neuron = _neurons(i, n_chips, n_neurons)
    step = _steps(t, dt)
    if step.shape != chip.shape:
        raise ValueError(f"t has shape {step.shape}: must be that of i, {chip.shape}")
    if step.size and not 0 <= step.min() <= step.max() < n_steps:
        raise ValueError(
            f"t has steps {step.min()} to {step.max()} of {dt!r}: must be from 0 to {n_steps - 1}"
        )
    return chip, neuron, step


def _neurons(i: ArrayLike, n_chips: int, n_neurons: int) -> tuple[Integers, Integers]:
    """Chip and neuron of each spike."""
    total = checks.count("n_chips", n_chips) * checks.count("n_neurons", n_neurons)
    i = np.asarray(i)
    if i.ndim != 1 or (i.size and not np.issubdtype(i.dtype, np.integer)):
        raise ValueError(f"i (shape {i.shape}, {i.dtype}): must be a list of whole numbers")
    if i.size and not 0 <= i.min() <= i.max() < total:
        raise ValueError(f"i has {i.min()} to {i.max()}: must be from 0 to {total - 1}")
    chip, neuron = np.divmod(i.astype(np.int64), n_neurons)
    return chip, neuron


def _steps(t: Quantity, dt: Quantity) -> Integers:
    """Time step of each spike."""
    t_s = np.asarray(t, dtype=float)
    if t_s.size and get_dimensions(t) != second.dim:
        raise TypeError(f"t has unit {get_dimensions(t)}: must be times, such as monitor.t")
    return np.rint(checks.finite("t", t_s) / checks.seconds("dt", dt)).astype(np.int64)
