"""Readout of spikes and what it is worth: reconstructions, errors, rates.

Time grid of every array: entry k is the value after step k (Brian2's step at ``t = k*dt``),
forward Euler. Filters are causal. Spikes of many chips are ``i, t`` as a `SpikeMonitor` gives
them, with neuron ``chip*n_neurons + neuron`` and `t` counted from the first step of the arrays.

All errors are variance ratios, ``sum_j var(x_j - y_j) / sum_j var(x_j)`` over signals j, with
variances over time: a constant offset never counts. So where a readout y = S x_hat is fitted on
the evaluated data it is fitted to centred data, which makes it the best S for the ratio itself
and bounds the ratio by 1. A silent chip has error 1.
"""

import numpy as np
from brian2 import Hz, Quantity, ms, second
from brian2.units.fundamentalunits import get_dimensions
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

from .balance import Floats, check_count, check_decoder, check_positive

Integers = NDArray[np.int64]


# Filters


def leaky_integral(c: ArrayLike, tau: Quantity, dt: Quantity) -> Floats:
    """Signal x of ``dx/dt = -x/tau + c`` from zero, forward Euler.

    Parameters
    ----------
    c
        Drive, (..., n_steps, n_signals), Hz (with the unit or plain).

    Returns
    -------
    array
        Same shape: ``x[k] = (1 - dt/tau) x[k-1] + dt c[k]``.
    """
    leak = leak_of(tau, dt)
    return lfilter([seconds("dt", dt)], [1, -leak], _signal("c", c, Hz), axis=-2)


def decode(
    i: ArrayLike,
    t: Quantity,
    D: ArrayLike,
    n_steps: int,
    tau: Quantity,
    dt: Quantity,
    n_chips: int | None = None,
) -> Floats:
    """Reconstruction ``x_hat = D r``, r the spikes filtered with `tau`.

    Parameters
    ----------
    i, t
        Spikes, as in the module's head.
    D
        Decoder, (n_chips, n_signals, n_neurons); or (n_signals, n_neurons), shared by `n_chips`
        chips (one, if not given).

    Returns
    -------
    array
        (n_chips, n_steps, n_signals).

    Raises
    ------
    ValueError
        If a spike's neuron or time lies outside these shapes.
    """
    D = per_chip(D, n_chips)
    n_chips, n_signals, n_neurons = D.shape
    chip, neuron, step = _spikes(i, t, n_chips, n_neurons, n_steps, dt)
    entry = ((chip * n_steps + step) * n_signals)[:, None] + np.arange(n_signals)
    return _filtered(entry, D[chip, :, neuron], (n_chips, n_steps, n_signals), leak_of(tau, dt))


def filtered_spikes(
    i: ArrayLike,
    t: Quantity,
    n_neurons: int,
    n_steps: int,
    tau: Quantity,
    dt: Quantity,
    n_chips: int = 1,
) -> Floats:
    """``r[k] = (1 - dt/tau) r[k-1] + spikes of step k``, (n_chips, n_steps, n_neurons)."""
    chip, neuron, step = _spikes(i, t, n_chips, n_neurons, n_steps, dt)
    entry = (chip * n_steps + step) * n_neurons + neuron
    return _filtered(entry, np.ones(len(entry)), (n_chips, n_steps, n_neurons), leak_of(tau, dt))


def _filtered(entry: Integers, weight: Floats, shape: tuple[int, int, int], leak: float) -> Floats:
    out = np.zeros(shape)
    np.add.at(out.reshape(-1), entry.ravel(), weight.ravel())
    for chip in out:  # one at a time: lfilter copies what it filters
        chip[:] = lfilter([1.0], [1.0, -leak], chip, axis=0)
    return out


# Errors, one number a chip


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
    return _ratios(x, x_hat, dt, start, fit=True)


def error_nominal(
    x: ArrayLike, x_hat: ArrayLike, dt: Quantity, start: Quantity = 0.1 * second
) -> Floats:
    """Variance ratio of the reconstruction as it is (S = 1); may exceed 1. See `error`."""
    return _ratios(x, x_hat, dt, start, fit=False)


def fit_decoder(
    i: ArrayLike,
    t: Quantity,
    x: ArrayLike,
    n_neurons: int,
    tau: Quantity,
    dt: Quantity,
    n_chips: int = 1,
    start: Quantity = 0.1 * second,
) -> Floats:
    """Least-squares readout of the filtered spikes of each chip, for `error_refit`.

    Parameters
    ----------
    x
        Signal to read out, (n_steps, n_signals) or (n_chips, n_steps, n_signals).

    Returns
    -------
    array
        Decoder, (n_chips, n_signals, n_neurons); columns of silent neurons are zero.
    """
    x = _signal("x", x)
    n_steps, first = x.shape[-2], _first(start, dt, x.shape[-2])
    x = np.broadcast_to(x, (n_chips, *x.shape[-2:]))
    chip, neuron, _ = _spikes(i, t, n_chips, n_neurons, n_steps, dt)
    fits = []
    for c in range(n_chips):  # r of one chip at a time: it is large
        mine = chip == c
        r = filtered_spikes(neuron[mine], t[mine], n_neurons, n_steps, tau, dt)[0, first:]
        fits.append(_fit(_centred(r), _centred(x[c, first:])).T)
    return np.stack(fits)


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
    n_steps = _signal("x", x).shape[-2]
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
    c = _signal("c", c, Hz)
    n_steps, length = c.shape[-2], round(1 / seconds("dt", dt))
    c, x_hat = _same_chips("c", c, decode(i, t, D, n_steps, tau, dt, n_chips))
    ends = np.arange(length, n_steps + 1, length) if n_steps >= length else np.array([n_steps])
    parts = [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    sums = [
        np.sum([_variances(c[k, part], x_hat[k, part], fit=True) for part in parts], axis=0)
        for k in range(len(x_hat))
    ]
    return _divide("c", np.array(sums))


def _ratios(x: ArrayLike, x_hat: ArrayLike, dt: Quantity, start: Quantity, fit: bool) -> Floats:
    x, x_hat = _same_chips("x", _signal("x", x), _signal("x_hat", x_hat))
    first = _first(start, dt, x.shape[-2])
    pairs = zip(x[:, first:], x_hat[:, first:], strict=True)
    return _divide("x", np.array([_variances(a, b, fit) for a, b in pairs]))


def _variances(x: Floats, x_hat: Floats, fit: bool) -> tuple[float, float]:
    """Sums of squares about the mean of what is left of `x`, and of `x`."""
    x, x_hat = _centred(x), _centred(x_hat)
    if fit:
        # A chip long silent leaves a tail near the smallest float, whose inverse would overflow.
        x_hat = x_hat / (np.abs(x_hat).max() or 1.0)
        x_hat = x_hat @ _fit(x_hat, x)
    return ((x - x_hat) ** 2).sum(), (x**2).sum()


def _fit(source: Floats, target: Floats) -> Floats:
    """Least-squares map from `source` to `target`; zero where there is no source."""
    return np.linalg.lstsq(source, target, rcond=None)[0]


def _divide(name: str, sums: Floats) -> Floats:
    rest, all_of_it = sums.T
    if not (all_of_it > 0).all():
        raise ValueError(f"{name} is constant: a variance ratio needs a signal that varies")
    return rest / all_of_it


def _centred(values: Floats) -> Floats:
    """`values` less their mean over time, exactly zero where they are constant."""
    return np.where(np.ptp(values, axis=0) > 0, values - values.mean(axis=0), 0.0)


# Activity


def rate_hz(i: ArrayLike, n_neurons: int, duration: Quantity, n_chips: int = 1) -> Floats:
    """Mean firing rate of a neuron of each chip, (n_chips,), Hz."""
    chip, _ = _neurons(i, n_chips, n_neurons)
    return np.bincount(chip, minlength=n_chips) / (n_neurons * seconds("duration", duration))


def spikes_per_step_max(i: ArrayLike, t: Quantity, n_neurons: int, dt: Quantity) -> int:
    """The most spikes that one chip had in one time step, over all chips and steps."""
    chip = np.asarray(i, dtype=np.int64) // check_count("n_neurons", n_neurons)
    event = _steps(t, dt) * (chip.max(initial=0) + 1) + chip
    return int(np.unique(event, return_counts=True)[1].max(initial=0))


# Checked input


def seconds(name: str, value: Quantity, zero: bool = False) -> float:
    if get_dimensions(value) != second.dim or np.shape(value):
        raise TypeError(f"{name}={value!r}: must be a time, such as 50*ms")
    return float(check_positive(name, value, zero))


def leak_of(tau: Quantity, dt: Quantity) -> float:
    """What is left of a filter's state after one step."""
    ratio = seconds("dt", dt) / seconds("tau", tau)
    if ratio > 1:
        raise ValueError(f"tau={tau!r}: must be at least dt={dt!r}")
    return 1 - ratio


def _first(start: Quantity, dt: Quantity, n_steps: int) -> int:
    """The first step that is evaluated."""
    first = int(np.floor(seconds("start", start, zero=True) / seconds("dt", dt) - 0.5)) + 1
    if first > n_steps - 2:
        raise ValueError(f"start={start!r}: leaves less than two of {n_steps} steps of {dt!r}")
    return first


def _signal(name: str, value: ArrayLike, unit: Quantity | None = None) -> Floats:
    """`value` as a plain array, (..., n_steps, n_signals)."""
    dim = get_dimensions(value)
    if not dim.is_dimensionless and dim != get_dimensions(unit):
        raise TypeError(f"{name} has unit {dim}: must be {'Hz' if unit else 'dimensionless'}")
    array = np.asarray(value, dtype=float)
    if array.ndim < 2 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(
            f"{name} (shape {array.shape}): must be (..., n_steps, n_signals), not empty, finite"
        )
    return array


def _same_chips(name: str, x: Floats, x_hat: Floats) -> tuple[Floats, Floats]:
    """Both as (n_chips, n_steps, n_signals)."""
    if x_hat.ndim != 3 or x.shape not in (x_hat.shape, x_hat.shape[1:]):
        raise ValueError(
            f"{name} has shape {x.shape}: must be {x_hat.shape[1:]} or {x_hat.shape}, the shape "
            "(n_chips, n_steps, n_signals) of the reconstruction"
        )
    return np.broadcast_to(x, x_hat.shape), x_hat


def per_chip(D: ArrayLike, n_chips: int | None) -> Floats:
    D = check_decoder(D, zero=True)
    default = len(D) if D.ndim == 3 else 1
    n_chips = check_count("n_chips", default if n_chips is None else n_chips)
    if D.ndim == 3 and len(D) != n_chips:
        raise ValueError(f"D has shape {D.shape}: its first axis must be n_chips={n_chips}")
    return np.broadcast_to(D, (n_chips, *D.shape[-2:]))


def _neurons(i: ArrayLike, n_chips: int, n_neurons: int) -> tuple[Integers, Integers]:
    """Chip and neuron of each spike."""
    total = check_count("n_chips", n_chips) * check_count("n_neurons", n_neurons)
    i = np.asarray(i)
    if i.ndim != 1 or (i.size and not np.issubdtype(i.dtype, np.integer)):
        raise ValueError(f"i (shape {i.shape}, {i.dtype}): must be a list of whole numbers")
    if i.size and not 0 <= i.min() <= i.max() < total:
        raise ValueError(f"i has {i.min()} to {i.max()}: must be from 0 to {total - 1}")
    chip, neuron = np.divmod(i.astype(np.int64), n_neurons)
    return chip, neuron


def _spikes(
    i: ArrayLike, t: Quantity, n_chips: int, n_neurons: int, n_steps: int, dt: Quantity
) -> tuple[Integers, Integers, Integers]:
    """Chip, neuron and time step of each spike."""
    chip, neuron = _neurons(i, n_chips, n_neurons)
    step = _steps(t, dt)
    if step.shape != chip.shape:
        raise ValueError(f"t has shape {step.shape}: must be that of i, {chip.shape}")
    if step.size and not 0 <= step.min() <= step.max() < n_steps:
        raise ValueError(
            f"t has steps {step.min()} to {step.max()} of {dt!r}: must be from 0 to {n_steps - 1}"
        )
    return chip, neuron, step


def _steps(t: Quantity, dt: Quantity) -> Integers:
    t_s = np.asarray(t, dtype=float)
    if t_s.size and get_dimensions(t) != second.dim:
        raise TypeError(f"t has unit {get_dimensions(t)}: must be times, such as monitor.t")
    if not np.isfinite(t_s).all():
        raise ValueError("t contains nan or inf: every time must be finite")
    return np.rint(t_s / seconds("dt", dt)).astype(np.int64)
