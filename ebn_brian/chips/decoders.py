"""Decoders and first weights of chips, drawn from named streams: the same in any batch."""

import numpy as np

from .. import checks
from ..checks import Floats
from ..seeds import generator


def random_decoder(n_signals: int, n_neurons: int, seed: int, n_chips: int | None = None) -> Floats:
    """The paper's decoder: normal entries, columns scaled to length 1.

    Returns
    -------
    array
        (n_signals, n_neurons); with `n_chips` (n_chips, n_signals, n_neurons), whose first entry
        is the same as without.
    """
    shape = (checks.count("n_signals", n_signals), checks.count("n_neurons", n_neurons))
    chips = range(1 if n_chips is None else checks.count("n_chips", n_chips))
    D = np.stack([generator(seed, "decoder", c).normal(size=shape) for c in chips])
    D /= np.linalg.norm(D, axis=-2, keepdims=True)
    return D[0] if n_chips is None else D


def even_decoder(
    n_signals: int, n_neurons: int, seed: int = 0, n_chips: int | None = None
) -> Floats:
    """Evenly spaced directions, so that every neuron has neighbours on both sides.

    One signal: +1, -1, +1, ... Two: equal angles all round, turned by a random angle and dealt to
    the neurons in random order, so that weights show no pattern of the numbering.

    Returns
    -------
    array
        (n_signals, n_neurons) or (n_chips, n_signals, n_neurons), as `random_decoder`.

    Raises
    ------
    ValueError
        If there are more than two signals: directions cannot be spaced evenly then.
    """
    n_neurons = checks.count("n_neurons", n_neurons)
    chips = 1 if n_chips is None else checks.count("n_chips", n_chips)
    if checks.count("n_signals", n_signals) > 2:
        raise ValueError(
            f"n_signals={n_signals!r}: must be 1 or 2, as directions can be evenly spaced only on "
            "a line or a circle; use random_decoder for more"
        )
    if n_signals == 1:
        D = np.tile(1.0 - 2.0 * (np.arange(n_neurons) % 2), (chips, 1, 1))
    else:
        D = np.stack([_ring(n_neurons, generator(seed, "decoder", c)) for c in range(chips)])
    return D[0] if n_chips is None else D


def _ring(n_neurons: int, rng: np.random.Generator) -> Floats:
    place = rng.permutation(n_neurons) + rng.uniform()
    angle = 2 * np.pi * place / n_neurons
    return np.stack([np.cos(angle), np.sin(angle)])


def random_weights(
    n_chips: int,
    n_neurons: int,
    seed: int,
    std: float = 0.6,
    step: float = 0.04,
    max_weight: float | None = None,
) -> Floats:
    """The paper's initial weights: normal, rounded to whole steps, without self-connections.

    Parameters
    ----------
    std, step
        Standard deviation before rounding, and the grid, in units of |D|^2.
    max_weight
        Weights beyond it are set to the last whole step inside it; None: no bound.

    Returns
    -------
    array
        (n_chips, n_neurons, n_neurons); ``np.rint(weights/step)`` are the counters.
    """
    shape = (checks.count("n_neurons", n_neurons),) * 2
    checks.positive("std", std, zero=True)
    checks.positive("step", step)
    streams = [
        generator(seed, "initial weights", c) for c in range(checks.count("n_chips", n_chips))
    ]
    counts = np.rint(np.stack([rng.normal(size=shape) for rng in streams]) * (std / step))
    if max_weight is not None:
        # The margin keeps a bound of 3 steps at 3 where 0.3/0.1 falls just short of it.
        last = np.floor(checks.positive("max_weight", max_weight, zero=True) / step * (1 + 1e-9))
        counts = np.clip(counts, -last, last)
    counts[:, range(n_neurons), range(n_neurons)] = 0
    return (counts + 0.0) * step  # + 0.0 turns -0.0 into 0.0
