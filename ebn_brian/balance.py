"""The theory of efficient balanced networks in numpy; weights and voltages in units of |D|^2.

A population with decoder ``D`` (unit columns) represents a signal ``x`` as ``x_hat = D r``. If each
neuron's voltage is its share of the error, ``V = D^T (x - x_hat)``, then the recurrent weights are
``Omega = -D^T D``, row = target n, column = source k, and the diagonal is the reset.

Source: Büchel, Kakon, Perez and Indiveri 2020, arXiv:2010.14353, section II; after Boerlin,
Machens and Denève 2013 and Brendel et al. 2020.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import checks
from .checks import Floats


def optimal_weights(D: ArrayLike) -> Floats:
    """``-D^T D``, (..., n_neurons, n_neurons); its diagonal is the reset."""
    D = checks.decoder(D)
    return -np.swapaxes(D, -1, -2) @ D


def squared_lengths(D: ArrayLike) -> Floats:
    """``|D_n|^2`` of each column, (..., n_neurons); what is 1 but for rounding is 1."""
    lengths = (checks.decoder(D) ** 2).sum(axis=-2)
    return np.where(np.abs(lengths - 1) < 1e-12, 1.0, lengths)


def threshold(D: ArrayLike, kappa: float = 1.0) -> Floats:
    """``V_th - V_rest = kappa |D_n|^2/2`` of each neuron, (..., n_neurons).

    ``kappa`` is the gain of the comparator's copy of the weight (see `condition_up`). With 1 a
    spike comes exactly when it lowers the coding error; more is calmer and coarser.
    """
    return checks.positive("kappa", kappa) / 2 * squared_lengths(D)


def reset(D: ArrayLike, kappa: float = 1.0) -> Floats:
    """Absolute reset ``V_reset - V_rest = threshold - |D_n|^2``, (..., n_neurons)."""
    return threshold(D, kappa) - squared_lengths(D)


def uncoupled(D: ArrayLike) -> Floats:
    """The diagonal of the optimal weights alone: neurons that only reset themselves."""
    return -squared_lengths(D)[..., None] * np.eye(np.shape(D)[-1])


def imbalance(v: ArrayLike, omega_nk: ArrayLike, kappa: ArrayLike = 1.0) -> Floats:
    """``2 v + kappa Omega_nk``: what the rule brings to zero, on average, at the spikes of k.

    `v` is the voltage of neuron n just before the spike, relative to rest. For kappa = 1 this is
    the sum of the voltages before and after the spike, zero where the spike carries the neuron
    from one side of rest to the mirror point on the other.
    """
    weight = checks.positive("kappa", kappa) * np.asarray(omega_nk, dtype=float)
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
    half_step = checks.positive("step", step) / 2
    if dead_zone is None:
        return np.asarray(checks.positive("kappa", kappa) * half_step)
    return checks.positive("dead_zone", dead_zone, zero=True)


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
    norm = (C**2).sum(axis=-1)
    rest = ((C - _scale(C, C_opt)[..., None] * C_opt) ** 2).sum(axis=-1)
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


def slope(C: ArrayLike, C_opt: ArrayLike, diagonal: bool = False) -> Floats:
    """Best scale s of ``C ~ s C_opt``, per chip: 1 where weights have the size they should.

    Parameters as in `distance`; 0 if `C_opt` is zero throughout.
    """
    C, C_opt = _entries(C, C_opt, diagonal)
    return _scale(C, C_opt)


def _scale(C: Floats, C_opt: Floats) -> Floats:
    """Least squares along the last axis."""
    norm = (C_opt**2).sum(axis=-1)
    return np.asarray((C * C_opt).sum(axis=-1) / np.where(norm > 0, norm, 1))


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
