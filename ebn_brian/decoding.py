"""Readout of spikes and what it is worth: reconstructions, errors, rates.

Time grid of every array: entry k is the value after step k (Brian2's step at ``t = k*dt``),
forward Euler. Filters are causal. Spikes of many chips are ``i, t`` as a `SpikeMonitor` gives
them, with neuron ``chip*n_neurons + neuron`` and `t` counted from the first step of the arrays.

All errors are variance ratios, ``sum_j var(x_j - y_j) / sum_j var(x_j)`` over signals j, with
variances over time: a constant offset never counts. So where a readout y = S x_hat is fitted on
the evaluated data it is fitted to centred data, which makes it the best S for the ratio itself
and bounds the ratio by 1. A silent chip has error 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from brian2 import Group, Hz, NeuronGroup, Quantity, StateMonitor, Synapses, TimedArray, ms, second
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
    leak = _leak(tau, dt)
    return lfilter([_seconds("dt", dt)], [1, -leak], _signal("c", c, Hz), axis=-2)


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
    D = _per_chip(D, n_chips)
    n_chips, n_signals, n_neurons = D.shape
    chip, neuron, step = _spikes(i, t, n_chips, n_neurons, n_steps, dt)
    entry = ((chip * n_steps + step) * n_signals)[:, None] + np.arange(n_signals)
    return _filtered(entry, D[chip, :, neuron], (n_chips, n_steps, n_signals), _leak(tau, dt))


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
    return _filtered(entry, np.ones(len(entry)), (n_chips, n_steps, n_neurons), _leak(tau, dt))


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
    n_steps, length = c.shape[-2], round(1 / _seconds("dt", dt))
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
    return np.bincount(chip, minlength=n_chips) / (n_neurons * _seconds("duration", duration))


def spikes_per_step_max(i: ArrayLike, t: Quantity, n_neurons: int, dt: Quantity) -> int:
    """The most spikes that one chip had in one time step, over all chips and steps."""
    i = np.asarray(i, dtype=np.int64)
    events = np.stack([i // n_neurons, _steps(t, dt)])
    return int(np.unique(events, axis=1, return_counts=True)[1].max(initial=0))


# Checked input


def _seconds(name: str, value: Quantity, zero: bool = False) -> float:
    if get_dimensions(value) != second.dim or np.shape(value):
        raise TypeError(f"{name}={value!r}: must be a time, such as 50*ms")
    return float(check_positive(name, value, zero))


def _leak(tau: Quantity, dt: Quantity) -> float:
    """What is left of a filter's state after one step."""
    ratio = _seconds("dt", dt) / _seconds("tau", tau)
    if ratio > 1:
        raise ValueError(f"tau={tau!r}: must be at least dt={dt!r}")
    return 1 - ratio


def _first(start: Quantity, dt: Quantity, n_steps: int) -> int:
    """The first step that is evaluated."""
    first = int(np.floor(_seconds("start", start, zero=True) / _seconds("dt", dt) - 0.5)) + 1
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


def _per_chip(D: ArrayLike, n_chips: int | None) -> Floats:
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
    seconds = np.asarray(t, dtype=float)
    if seconds.size and get_dimensions(t) != second.dim:
        raise TypeError(f"t has unit {get_dimensions(t)}: must be times, such as monitor.t")
    if not np.isfinite(seconds).all():
        raise ValueError("t contains nan or inf: every time must be finite")
    return np.rint(seconds / _seconds("dt", dt)).astype(np.int64)


# Online accumulators


@dataclass(frozen=True)
class Moments:
    """Sums over the sampled steps, from which the measures follow; leading axes are batches.

    Variances are differences of these sums, so ratios are exact to some 1e-12 (times m^2 for a
    signal whose mean is m standard deviations from zero). They are nan where nothing was sampled
    or the signal did not vary.
    """

    sums: Floats  # of z z^T with z = (1, x, x_hat), (..., 1 + 2*n_signals, 1 + 2*n_signals)
    n_spikes: Floats  # (...)
    n_neurons: int
    sample: Quantity

    def error(self) -> Floats:
        """As the function `error`, (...)."""
        xx, xh, hh = self._covariances()
        explained = xh @ np.linalg.pinv(hh, rcond=1e-12, hermitian=True) @ np.swapaxes(xh, -1, -2)
        return self._ratio(xx - explained, xx)

    def error_nominal(self) -> Floats:
        """As the function `error_nominal`, (...)."""
        xx, xh, hh = self._covariances()
        return self._ratio(xx - 2 * xh + hh, xx)

    def rate_hz(self) -> Floats:
        """Mean firing rate of a neuron over the sampled steps, (...), Hz."""
        n = self.sums[..., 0, 0]
        rate = self.n_spikes / (np.maximum(n, 1) * self.n_neurons * float(self.sample))
        return np.where(n > 0, rate, np.nan)

    def _covariances(self) -> tuple[Floats, Floats, Floats]:
        n = np.maximum(self.sums[..., :1, :1], 1)
        mean = self.sums[..., :1, 1:] / n
        cov = self.sums[..., 1:, 1:] / n - np.swapaxes(mean, -1, -2) @ mean
        k = cov.shape[-1] // 2
        return cov[..., :k, :k], cov[..., :k, k:], cov[..., k:, k:]

    def _ratio(self, rest: Floats, xx: Floats) -> Floats:
        total = np.trace(xx, axis1=-2, axis2=-1)
        power = np.trace(self.sums[..., 1:, 1:], axis1=-2, axis2=-1)
        # Below this share of the sums a variance is their rounding.
        varies = total * self.sums[..., 0, 0] > 1e-12 * power
        ratio = np.trace(rest, axis1=-2, axis2=-1) / np.where(varies, total, 1)
        return np.where(varies, np.maximum(ratio, 0), np.nan)


@dataclass(frozen=True)
class OnlineReadout:
    """The Brian2 objects of `online_readout`, and what they have measured up to now."""

    readout: NeuronGroup
    decoder: Synapses
    monitor: StateMonitor | None
    n_signals: int
    n_neurons: int
    sample: Quantity

    @property
    def objects(self) -> list:
        """What goes into the `Network`."""
        return [each for each in (self.readout, self.decoder, self.monitor) if each is not None]

    def moments(self) -> Moments:
        """All sampled steps, batch axis (n_chips,)."""
        return self._moments(lambda name: np.asarray(getattr(self.readout, name)[:]))

    def windows(self) -> Moments:
        """Each stretch of `every`, batch axes (n_windows, n_chips); the last ends now."""
        if self.monitor is None:
            raise ValueError("every=None: windows need online_readout(..., every=1*second), say")

        def growth(name: str) -> Floats:
            now = np.asarray(getattr(self.readout, name)[:])
            return np.diff(np.asarray(getattr(self.monitor, name)).T, axis=0, append=now[None])

        return self._moments(growth)

    def error(self) -> Floats:
        """As the function `error`, (n_chips,)."""
        return self.moments().error()

    def error_nominal(self) -> Floats:
        """As the function `error_nominal`, (n_chips,)."""
        return self.moments().error_nominal()

    def rate_hz(self) -> Floats:
        """Mean firing rate of a neuron over the sampled steps, (n_chips,), Hz."""
        return self.moments().rate_hz()

    def _moments(self, read: Callable[[str], Floats]) -> Moments:
        z = range(1 + 2 * self.n_signals)
        sums = {name: read(name) for name in _sums(self.n_signals)}
        rows = [np.stack([sums[f"sum_{min(a, b)}_{max(a, b)}"] for b in z], axis=-1) for a in z]
        return Moments(np.stack(rows, axis=-2), read("n_spikes"), self.n_neurons, self.sample)


def online_readout(
    neurons: Group,
    D: ArrayLike,
    drive: TimedArray,
    *,
    tau_m: Quantity,
    start: Quantity = 0.1 * second,
    sample: Quantity | None = None,
    every: Quantity | None = None,
) -> OnlineReadout:
    """Objects that measure errors and rate of many chips while they run, in constant memory.

    The group ``readout`` (one element a chip) integrates signal and reconstruction and sums their
    moments at the end of each step; the synapses ``decoder`` add the decoder column of each
    neuron that spikes. Both work on every target, in float64 also where the network does not.

    Parameters
    ----------
    neurons
        Anything that spikes, chip after chip.
    D
        Decoder, (n_signals, n_neurons), shared by all chips, or (n_chips, n_signals, n_neurons).
    drive
        Drive c, (n_steps, n_signals), Hz.
    tau_m
        Time constant of signal and readout.
    start
        Steps before it (absolute simulation time) are left out, spikes included.
    sample
        Time between samples, a whole number of steps; None: every step. With 20 neurons and a
        sample a step the readout costs about as much as the network, at 1 ms next to nothing.
    every
        Keep the sums at these times for `OnlineReadout.windows`; None: only the total.

    Returns
    -------
    OnlineReadout
        Its ``objects`` go into the `Network`.
    """
    n_neurons = check_decoder(D, zero=True).shape[-1]
    if len(neurons) % n_neurons:
        raise ValueError(f"neurons has {len(neurons)} elements: must be chips of {n_neurons}, as D")
    D = _per_chip(D, len(neurons) // n_neurons)
    n_chips, n_signals, _ = D.shape
    if drive.values.shape[1:] != (n_signals,) or drive.dim != Hz.dim:
        raise ValueError(
            f"drive has shape {drive.values.shape} and unit {drive.dim}: must be "
            f"(n_steps, {n_signals}) in Hz"
        )
    step = neurons.clock.dt
    _leak(tau_m, step)
    _seconds("start", start, zero=True)
    steps = _seconds("sample", step if sample is None else sample) / float(step)
    if abs(steps - max(1, round(steps))) > 1e-6:
        raise ValueError(f"sample={sample!r}: must be a whole number of steps of {step!r}")
    readout = NeuronGroup(
        n_chips,
        _model(n_signals),
        method="euler",
        dtype=np.float64,
        clock=neurons.clock,
        namespace={"drive": drive, "tau_m": tau_m, "start": start},
        name="readout",
    )
    readout.run_regularly(_sampling(n_signals), dt=sample, when="end", name="readout_sampling")
    decoder = _decoder(neurons, readout, D)
    monitor = None
    if every is not None:
        _seconds("every", every)
        names = ["n_spikes", *_sums(n_signals)]
        monitor = StateMonitor(readout, names, record=True, dt=every, name="readout_windows")
    return OnlineReadout(readout, decoder, monitor, n_signals, n_neurons, steps * step)


def _decoder(neurons: Group, readout: NeuronGroup, D: Floats) -> Synapses:
    n_chips, n_signals, n_neurons = D.shape
    add = "".join(f"x_hat_{j}_post += d_{j}\n" for j in range(n_signals))
    decoder = Synapses(
        neurons,
        readout,
        "".join(f"d_{j} : 1\n" for j in range(n_signals)),
        on_pre=add + f"n_spikes_post += {SAMPLED}",
        delay=0 * ms,
        dtype=np.float64,
        namespace=readout.namespace,
        name="decoder",
    )
    decoder.connect(i=np.arange(n_chips * n_neurons), j=np.repeat(np.arange(n_chips), n_neurons))
    for j in range(n_signals):
        setattr(decoder, f"d_{j}", D[:, j].ravel())
    return decoder


#: Whether a step counts; half a step keeps rounding of ``t`` out of it.
SAMPLED = "int(t + dt/2 > start)"


def _sums(n_signals: int) -> dict[str, str]:
    """The accumulated variables (upper triangle of z z^T) and what a sampled step adds to each."""
    z = ["1.0", *(f"{name}_{j}" for name in ("x", "x_hat") for j in range(n_signals))]
    return {f"sum_{a}_{b}": f"{z[a]}*{z[b]}" for b in range(len(z)) for a in range(b + 1)}


def _model(n_signals: int) -> str:
    signals = "".join(
        f"dx_{j}/dt = -x_{j}/tau_m + drive(t, {j}) : 1\ndx_hat_{j}/dt = -x_hat_{j}/tau_m : 1\n"
        for j in range(n_signals)
    )
    return signals + "".join(f"{name} : 1\n" for name in ("n_spikes", *_sums(n_signals)))


def _sampling(n_signals: int) -> str:
    sums = "".join(f"{name} += sampled*{term}\n" for name, term in _sums(n_signals).items())
    return f"sampled = {SAMPLED}\n{sums}"
