"""The readout as part of the simulation: errors and rates of a run of any length.

An ordinary `NeuronGroup`, one element a chip, decodes the spikes while they come and sums the
moments that the measures of `decoding` need, so memory does not grow with the length of the run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import (
    BrianObject,
    Group,
    NeuronGroup,
    Quantity,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    second,
)
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats
from .filters import leak_of


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
    def objects(self) -> list[BrianObject]:
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
    n_neurons = checks.decoder(D, zero=True).shape[-1]
    if len(neurons) % n_neurons:
        raise ValueError(f"neurons has {len(neurons)} elements: must be chips of {n_neurons}, as D")
    D = checks.per_chip(D, len(neurons) // n_neurons)
    n_signals, step = D.shape[1], neurons.clock.dt
    checks.drive(drive, n_signals)
    leak_of(tau_m, step, "tau_m")
    checks.seconds("start", start, zero=True)
    if sample is not None:
        checks.whole_steps("sample", sample, step)
    if every is not None:
        checks.seconds("every", every)
    namespace = {"drive": drive, "tau_m": tau_m, "start": start}
    readout = _readout(neurons, D, namespace, sample)
    decoder = _decoder(neurons, readout, D)
    monitor = None
    if every is not None:
        names = ["n_spikes", *_sums(n_signals)]
        monitor = StateMonitor(readout, names, record=True, dt=every, name="readout_windows")
    length = step if sample is None else sample
    return OnlineReadout(readout, decoder, monitor, n_signals, n_neurons, length)


def _readout(
    neurons: Group, D: Floats, namespace: dict[str, Any], sample: Quantity | None
) -> NeuronGroup:
    n_chips, n_signals, _ = D.shape
    readout = NeuronGroup(
        n_chips,
        _model(n_signals),
        method="euler",
        dtype=np.float64,
        clock=neurons.clock,
        namespace=namespace,
        name="readout",
    )
    readout.run_regularly(_sampling(n_signals), dt=sample, when="end", name="readout_sampling")
    return readout


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
