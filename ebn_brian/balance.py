"""The theory of efficient balanced networks in numpy; weights and voltages in units of |D|^2.

A population with decoder ``D`` (unit columns) represents a signal ``x`` as ``x_hat = D r``. If each
neuron's voltage is its share of the error, ``V = D^T (x - x_hat)``, then the recurrent weights are
``Omega = -D^T D``, row = target n, column = source k, and the diagonal is the reset.

Source: Büchel, Kakon, Perez and Indiveri 2020, arXiv:2010.14353, section II; after Boerlin,
Machens and Denève 2013 and Brendel et al. 2020.
"""

from operator import index

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .seeds import generator

Floats = NDArray[np.float64]


def check_decoder(D: ArrayLike, zero: bool = False) -> Floats:
    """`D` as a float array, (n_signals, n_neurons) or (n_chips, n_signals, n_neurons).

    With `zero` a neuron may have a column of zeros: it is not read out.

    Raises
    ------
    ValueError
        If `D` has another number of dimensions, is empty, not finite, or has a column of zeros.
    """
    D = np.asarray(D, dtype=float)
    if D.ndim not in (2, 3) or D.size == 0:
        raise ValueError(
            f"D has shape {D.shape}: must be (n_signals, n_neurons) or "
            "(n_chips, n_signals, n_neurons), none of them 0"
        )
    if not np.isfinite(D).all():
        raise ValueError("D contains nan or inf: every entry must be finite")
    silent = np.argwhere(~D.any(axis=-2))
    if len(silent) and not zero:
        raise ValueError(f"D has a column of zeros (at {silent[0].tolist()}): none may be zero")
    return D


def check_positive(name: str, value: ArrayLike, zero: bool = False) -> Floats:
    """`value` as a float array, all entries finite and positive (or, with `zero`, at least 0)."""
    array = np.asarray(value, dtype=float)
    if not (np.isfinite(array) & ((array > 0) | (zero & (array == 0)))).all():
        allowed = "at least 0" if zero else "positive"
        raise ValueError(f"{name}={value!r}: must be finite and {allowed}")
    return array


def check_count(name: str, value: int) -> int:
    """`value` as a plain int of at least 1."""
    try:
        count = index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise ValueError(f"{name}={value!r}: must be a whole number of at least 1")
    return count


def random_decoder(n_signals: int, n_neurons: int, seed: int, n_chips: int | None = None) -> Floats:
    """The paper's decoder: normal entries, columns scaled to length 1.

    Returns
    -------
    array
        (n_signals, n_neurons); with `n_chips` (n_chips, n_signals, n_neurons), whose first entry
        is the same as without.
    """
    shape = (check_count("n_signals", n_signals), check_count("n_neurons", n_neurons))
    chips = range(1 if n_chips is None else check_count("n_chips", n_chips))
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
    n_neurons = check_count("n_neurons", n_neurons)
    chips = 1 if n_chips is None else check_count("n_chips", n_chips)
    if check_count("n_signals", n_signals) > 2:
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


def optimal_weights(D: ArrayLike) -> Floats:
    """``-D^T D``, (..., n_neurons, n_neurons); its diagonal is the reset."""
    D = check_decoder(D)
    return -np.swapaxes(D, -1, -2) @ D


def threshold(D: ArrayLike, kappa: float = 1.0) -> Floats:
    """``V_th - V_rest = kappa |D_n|^2/2`` of each neuron, (..., n_neurons).

    ``kappa`` is the gain of the comparator's copy of the weight (see `condition_up`). With 1 a
    spike comes exactly when it lowers the coding error; more is calmer and coarser.
    """
    return check_positive("kappa", kappa) * (check_decoder(D) ** 2).sum(axis=-2) / 2


def reset(D: ArrayLike, kappa: float = 1.0) -> Floats:
    """Absolute reset ``V_reset - V_rest = (1 - 2/kappa) threshold``, that is ``threshold - |D|^2``,
    (..., n_neurons)."""
    return (1 - 2 / check_positive("kappa", kappa)) * threshold(D, kappa)


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
    shape = (check_count("n_neurons", n_neurons),) * 2
    check_positive("std", std, zero=True)
    check_positive("step", step)
    streams = [
        generator(seed, "initial weights", c) for c in range(check_count("n_chips", n_chips))
    ]
    counts = np.rint(np.stack([rng.normal(size=shape) for rng in streams]) * (std / step))
    if max_weight is not None:
        # The margin keeps a bound of 3 steps at 3 where 0.3/0.1 falls just short of it.
        last = np.floor(check_positive("max_weight", max_weight, zero=True) / step * (1 + 1e-9))
        counts = np.clip(counts, -last, last)
    counts[:, range(n_neurons), range(n_neurons)] = 0
    return (counts + 0.0) * step  # + 0.0 turns -0.0 into 0.0


def imbalance(v: ArrayLike, omega_nk: ArrayLike, kappa: ArrayLike = 1.0) -> Floats:
    """``2 v + kappa Omega_nk``: what the rule brings to zero, on average, at the spikes of k.

    `v` is the voltage of neuron n just before the spike, relative to rest. For kappa = 1 this is
    the sum of the voltages before and after the spike, zero where the spike carries the neuron
    from one side of rest to the mirror point on the other.
    """
    weight = check_positive("kappa", kappa) * np.asarray(omega_nk, dtype=float)
    return np.asarray(2 * np.asarray(v, dtype=float) + weight)


def loss(v: ArrayLike, omega_nk: ArrayLike, kappa: ArrayLike = 1.0) -> Floats:
    """The loss behind conditions I and II, ``L(Omega_nk) = (2 v + kappa Omega_nk)^2/2``.

    Moving the weight by one step w changes it by

        L(Omega + w) - L(Omega) = kappa w [ (2 v + kappa Omega) + kappa w/2 ],
        L(Omega - w) - L(Omega) = kappa w [-(2 v + kappa Omega) + kappa w/2 ].

    So a step up lowers the loss exactly if ``2 v + kappa Omega < -kappa w/2``, a step down exactly
    if ``2 v + kappa Omega > kappa w/2``: for kappa = 1, equation (3) of the paper. Never both,
    and a tie lowers nothing. A dead zone h beyond ``kappa w/2`` asks more of a move: that it
    lowers the loss by more than ``kappa w (h - kappa w/2)``.
    """
    return imbalance(v, omega_nk, kappa) ** 2 / 2


def condition_up(
    v: ArrayLike,
    omega_nk: ArrayLike,
    step: ArrayLike,
    kappa: ArrayLike = 1.0,
    dead_zone: ArrayLike | None = None,
) -> NDArray[np.bool_]:
    """Condition I: on a spike of k, one step up lowers the loss of weight Omega_nk (see `loss`).

    Parameters
    ----------
    v
        Voltage of neuron n just before the spike, relative to rest, in units of |D|^2.
    omega_nk, step
        The weight and its step, in units of |D|^2.
    kappa
        Gain of the comparator's copy of the weight.
    dead_zone
        How far ``2 v + kappa Omega_nk`` must be below zero; None: ``kappa*step/2``, the paper's.

    Returns
    -------
    array of bool
        Strict: in a tie the weight stays.
    """
    return imbalance(v, omega_nk, kappa) < -_dead_zone(step, kappa, dead_zone)


def condition_down(
    v: ArrayLike,
    omega_nk: ArrayLike,
    step: ArrayLike,
    kappa: ArrayLike = 1.0,
    dead_zone: ArrayLike | None = None,
) -> NDArray[np.bool_]:
    """Condition II: one step down lowers the loss; parameters as in `condition_up`."""
    return imbalance(v, omega_nk, kappa) > _dead_zone(step, kappa, dead_zone)


def _dead_zone(step: ArrayLike, kappa: ArrayLike, dead_zone: ArrayLike | None) -> Floats:
    half_step = check_positive("step", step) / 2
    if dead_zone is None:
        return np.asarray(check_positive("kappa", kappa) * half_step)
    return check_positive("dead_zone", dead_zone, zero=True)


def distance(C: ArrayLike, C_opt: ArrayLike, diagonal: bool = False) -> Floats:
    """Share of the weights `C` that is not the optimum up to scale, from 0 to 1, per chip.

    ``sum (C - s C_opt)^2 / sum C^2`` with the best scale ``s = tr(C^T C_opt) / sum C_opt^2``.

    Parameters
    ----------
    C, C_opt
        Weights, (..., n_neurons, n_neurons); leading dimensions broadcast.
    diagonal
        Whether self-connections (the reset) count.

    Returns
    -------
    array
        One number a chip; 1 if either of the two is zero throughout.
    """
    C, C_opt = _entries(C, C_opt, diagonal)
    norm, norm_opt = (C**2).sum(axis=-1), (C_opt**2).sum(axis=-1)
    scale = (C * C_opt).sum(axis=-1) / np.where(norm_opt > 0, norm_opt, 1)
    rest = ((C - scale[..., None] * C_opt) ** 2).sum(axis=-1)
    return np.where(norm > 0, rest / np.where(norm > 0, norm, 1), 1.0)


def correlation(C: ArrayLike, C_opt: ArrayLike, diagonal: bool = False) -> Floats:
    """Pearson correlation of the entries of `C` and `C_opt`, per chip; 0 if either is constant.

    Parameters as in `distance`.
    """
    C, C_opt = _entries(C, C_opt, diagonal)
    varies = (np.ptp(C, axis=-1) > 0) & (np.ptp(C_opt, axis=-1) > 0)
    C = C - C.mean(axis=-1, keepdims=True)
    C_opt = C_opt - C_opt.mean(axis=-1, keepdims=True)
    norm = np.sqrt((C**2).sum(axis=-1) * (C_opt**2).sum(axis=-1))
    return np.where(varies, (C * C_opt).sum(axis=-1) / np.where(varies, norm, 1), 0.0)


def _entries(C: ArrayLike, C_opt: ArrayLike, diagonal: bool) -> tuple[Floats, Floats]:
    """The entries to compare, as the last axis of both."""
    C, C_opt = np.asarray(C, dtype=float), np.asarray(C_opt, dtype=float)
    n = C.shape[-1] if C.ndim else 0
    for name, value in (("C", C), ("C_opt", C_opt)):
        if value.ndim < 2 or value.shape[-2:] != (n, n):
            raise ValueError(f"{name} has shape {value.shape}: must end in (n_neurons, n_neurons)")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} contains nan or inf: every entry must be finite")
    if n < 2 and not diagonal:
        raise ValueError("C has one neuron: there is nothing off the diagonal to compare")
    wanted = np.ones((n, n), dtype=bool) if diagonal else ~np.eye(n, dtype=bool)
    return C[..., wanted], C_opt[..., wanted]
