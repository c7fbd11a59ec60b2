"""Errors of reconstructions: variance ratios, one number a chip."""

from collections.abc import Iterator

import numpy as np
from brian2 import Hz, Quantity, ms, second
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats
from .filters import decode


def variance_ratio(x: ArrayLike, y: ArrayLike) -> float:
    """Variance of what `y` leaves of a signal over that of the signal, each summed over signals.

    Parameters
    ----------
    x, y
        Signal and reconstruction of one chip at the same times, both (n, n_signals).

    Returns
    -------
    float
        0 where they differ by a constant alone, 1 where `y` is constant; may exceed 1.

    Raises
    ------
    ValueError
        If shapes differ, values are not finite, or `x` does not vary.
    """
    x, y = checks.signal("x", x), checks.signal("y", y)
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"x has shape {x.shape}, y {y.shape}: must both be (n, n_signals)")
    sums = np.array([np.sum(centred(x - y) ** 2), np.sum(centred(x) ** 2)])
    return float(_ratio("x", sums))


def error(x: ArrayLike, x_hat: ArrayLike, dt: Quantity, start: Quantity = 0.1 * second) -> Floats:
    """Variance ratio after a linear map ``S x_hat`` fitted on the evaluated data.

    Parameters
    ----------
    x
        Signal, (n_steps, n_signals), or one for each chip, (n_chips, n_steps, n_signals).
    x_hat
        Reconstruction, (n_chips, n_steps, n_signals).
    start
        Steps before it are left out.

    Returns
    -------
    array
        (n_chips,), from 0 to 1.

    Raises
    ------
    ValueError
        If shapes differ, values are not finite, or `x` does not vary.
    """
    return _ratio("x", np.array([_fitted_sums(*pair) for pair in _evaluated(x, x_hat, dt, start)]))


def error_nominal(
    x: ArrayLike, x_hat: ArrayLike, dt: Quantity, start: Quantity = 0.1 * second
) -> Floats:
    """Variance ratio of the reconstruction as it is (S = 1); may exceed 1. See `error`."""
    return np.array([variance_ratio(*pair) for pair in _evaluated(x, x_hat, dt, start)])


def error_refit(
    i: ArrayLike,
    t: Quantity,
    x: ArrayLike,
    D_fit: ArrayLike,
    tau: Quantity,
    dt: Quantity,
    start: Quantity = 0.1 * second,
) -> Floats:
    """Variance ratio of the readout `D_fit`, which `fit_decoder` took from other data.

    Parameters
    ----------
    i, t, x
        Spikes and signal to evaluate, not those `D_fit` was fitted on.

    Returns
    -------
    array
        (n_chips,); may exceed 1.
    """
    n_steps = checks.signal("x", x).shape[-2]
    return error_nominal(x, decode(i, t, D_fit, n_steps, tau, dt), dt, start)


def paper_error(
    i: ArrayLike,
    t: Quantity,
    D: ArrayLike,
    c: ArrayLike,
    dt: Quantity,
    tau: Quantity = 10 * ms,
    n_chips: int | None = None,
) -> Floats:
    """The paper's measure: the drive itself from spikes filtered with 10 ms, S fitted per second.

    Variances are taken within each second and summed over seconds before the ratio, so that a
    quiet second weighs little. A last part shorter than a second is left out, unless it is all
    there is. Nothing is left out at the start.

    Parameters
    ----------
    D, n_chips
        As in `decode`.
    c
        Drive, (n_steps, n_signals) or (n_chips, n_steps, n_signals), Hz (with the unit or plain).

    Returns
    -------
    array
        (n_chips,), from 0 to 1.
    """
    c = checks.signal("c", c, Hz)
    n_steps, length = c.shape[-2], round(1 / checks.seconds("dt", dt))
    c, x_hat = _same_chips("c", c, decode(i, t, D, n_steps, tau, dt, n_chips))
    ends = np.arange(length, n_steps + 1, length) if n_steps >= length else np.array([n_steps])
    parts = [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    sums = [
        np.sum([_fitted_sums(c[k, part], x_hat[k, part]) for part in parts], axis=0)
        for k in range(len(x_hat))
    ]
    return _ratio("c", np.array(sums))


def first_step(start: Quantity, dt: Quantity, n_steps: int) -> int:
    """The first of `n_steps` that is evaluated; it must leave two."""
    ratio = checks.seconds("start", start, zero=True) / checks.seconds("dt", dt)
    first = int(np.floor(ratio - 0.5)) + 1
    if first > n_steps - 2:
        raise ValueError(f"start={start!r}: leaves less than two of {n_steps} steps of {dt!r}")
    return first


def centred(values: Floats) -> Floats:
    """`values` less their mean over time, exactly zero where they are constant."""
    rows = np.ascontiguousarray(values.T)  # a tenth of the time of axis 0
    rows = rows - rows.mean(axis=-1, keepdims=True)
    rows[np.ptp(rows, axis=-1) == 0] = 0.0
    return rows.T


def _evaluated(
    x: ArrayLike, x_hat: ArrayLike, dt: Quantity, start: Quantity
) -> Iterator[tuple[Floats, Floats]]:
    """Signal and reconstruction of each chip, from `start` on."""
    x, x_hat = _same_chips("x", checks.signal("x", x), checks.signal("x_hat", x_hat))
    first = first_step(start, dt, x.shape[-2])
    return zip(x[:, first:], x_hat[:, first:], strict=True)


def _fitted_sums(x: Floats, x_hat: Floats) -> tuple[float, float]:
    """Sums of squares about the mean of what a linear map of `x_hat` leaves of `x`, and of `x`."""
    x, x_hat = centred(x), centred(x_hat)
    # A chip long silent leaves a tail near the smallest float, whose inverse would overflow.
    x_hat = x_hat / (np.abs(x_hat).max() or 1.0)
    # What is left is taken explicitly, and is flat about the best map: normal equations will do.
    x_hat = x_hat @ np.linalg.lstsq(x_hat.T @ x_hat, x_hat.T @ x, rcond=None)[0]
    return ((x - x_hat) ** 2).sum(), (x**2).sum()


def _ratio(name: str, sums: Floats) -> Floats:
    """Of the two sums of squares on the last axis: of what is left, and of all of `name`."""
    rest, total = sums.T
    if not (total > 0).all():
        raise ValueError(f"{name} is constant: a variance ratio needs a signal that varies")
    return np.asarray(rest / total)


def _same_chips(name: str, x: Floats, x_hat: Floats) -> tuple[Floats, Floats]:
    """Both as (n_chips, n_steps, n_signals)."""
    if x_hat.ndim != 3 or x.shape not in (x_hat.shape, x_hat.shape[1:]):
        raise ValueError(
            f"{name} has shape {x.shape}: must be {x_hat.shape[1:]} or {x_hat.shape}, the shape "
            "(n_chips, n_steps, n_signals) of the reconstruction"
        )
    return np.broadcast_to(x, x_hat.shape), x_hat
