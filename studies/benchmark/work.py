"""The work of the benchmark: plastic chips of LIF neurons with mismatch, and a numba loop for it.

Each time step (0.1 ms), in this order: update, threshold, reset, synapses::

    v += a_m*(-v + I + F_0*x_0(t) + F_1*x_1(t));  I -= a_s*I       (both from the old values)
    a neuron spikes where v > theta, then v = 0
    each spike k, each other neuron n of the chip:
        I_n += gain*w_nk;  s = 2*v_n + w_nk;  w_nk += 0.1 if s < -0.05, -= 0.1 if s > 0.05

The gain is 50 at 20 neurons a chip and goes as 1/neurons, or larger chips would storm. Every neuron
has its own time constants and threshold, every chip its own F and initial weights; the input is
shared. Brian2 gets it as equations, numba as loops.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from brian2 import Hz, Network, NeuronGroup, SpikeMonitor, Synapses, TimedArray, ms

from ebn_brian.checks import Floats, Integers

DT, TAU_M, TAU_S = 1e-4, 50e-3, 1e-3
STEP = 0.1
MISMATCH = 0.15
#: What 20 chips of 20 neurons do in 2 s, in double precision: spikes, mean change of a weight.
AGREED = {"spikes": 19471, "change": 0.439225}

EQUATIONS = """
dv/dt = (-v + I + f_0*x(t, 0) + f_1*x(t, 1))*rate_m : 1
dI/dt = -I*rate_s : 1
f_0 : 1 (constant)
f_1 : 1 (constant)
theta : 1 (constant)
rate_m : Hz (constant)
rate_s : Hz (constant)
"""
ON_PRE = """
I_post += {gain!r}*w
s = 2*v_post + w
w += 0.1*(int(s < -0.05) - int(s > 0.05))
"""


@dataclass(frozen=True)
class Work:
    """`n_chips` chips of `n_neurons` for `seconds`; all arrays come from fixed seeds."""

    n_chips: int
    n_neurons: int = 20
    seconds: float = 5.0

    @property
    def n_steps(self) -> int:
        """Number of time steps."""
        return round(self.seconds / DT)

    @property
    def gain(self) -> float:
        """Current of a spike through a weight of 1."""
        return 50 * 20 / self.n_neurons

    @cached_property
    def x(self) -> Floats:
        """Input, (n_steps, 2): noise smoothed with a Gaussian of 30 ms."""
        margin = 1500
        t = np.arange(-margin, margin + 1) / 300
        kernel = np.exp(-(t**2) / 2)
        kernel /= np.linalg.norm(kernel)
        n = self.n_steps + 2 * margin
        noise = np.random.default_rng(1).standard_normal((2, n))
        spectrum = np.fft.rfft(noise, 2 * n) * np.fft.rfft(kernel, 2 * n)
        smooth = np.fft.irfft(spectrum, 2 * n)[:, 2 * margin : 2 * margin + self.n_steps]
        return np.ascontiguousarray(7.7 * 0.25 * smooth.T)

    @cached_property
    def chips(self) -> dict[str, Floats]:
        """Parameters (n_chips, n_neurons), and weights w (n_chips, source, target)."""
        c, n = self.n_chips, self.n_neurons
        rng = np.random.default_rng(0)
        F = rng.standard_normal((c, 2, n))
        F /= np.linalg.norm(F, axis=1, keepdims=True)

        def spread() -> Floats:
            return np.clip(1 + MISMATCH * rng.standard_normal((c, n)), 0.5, 1.5)

        tau_m, tau_s = TAU_M * spread(), TAU_S * spread()
        theta = (1.1 + np.abs(F).sum(1) ** 2) / 2 * spread()
        w = np.round(0.6 * rng.standard_normal((c, n, n)) / STEP) * STEP * np.sqrt(20 / n)
        w[:, np.arange(n), np.arange(n)] = 0
        return {
            **{"f_0": F[:, 0].copy(), "f_1": F[:, 1].copy(), "theta": theta},
            **{"tau_m": tau_m, "tau_s": tau_s, "w": w},
        }

    @cached_property
    def synapses(self) -> tuple[Integers, Integers]:
        """Source and target neuron of all synapses."""
        source, target = np.nonzero(~np.eye(self.n_neurons, dtype=bool))
        first = self.n_neurons * np.arange(self.n_chips)[:, None]
        return np.ravel(first + source), np.ravel(first + target)

    @property
    def weights(self) -> Floats:
        """Initial weights in the order of `synapses`."""
        return self.chips["w"][:, ~np.eye(self.n_neurons, dtype=bool)].ravel()

    def change(self, w: Floats) -> float:
        """Mean absolute change of a weight, zeros of the diagonal counted in."""
        return float(np.abs(w - self.weights).sum() / self.chips["w"].size)

    def network(self) -> Callable[[], Network]:
        """What makes the network for Brian2; reads ``spikes.N`` and ``recurrent.w``."""

        def make_network() -> Network:
            chips = self.chips
            neurons = NeuronGroup(
                self.n_chips * self.n_neurons,
                EQUATIONS,
                threshold="v > theta",
                reset="v = 0",
                method="euler",
                namespace={"x": TimedArray(self.x, DT * 1000 * ms, name="x")},
                name="neurons",
            )
            neurons.clock.dt = DT * 1000 * ms
            for name in ("f_0", "f_1", "theta"):
                setattr(neurons, name, chips[name].ravel())
            neurons.rate_m = 1 / chips["tau_m"].ravel() * Hz
            neurons.rate_s = 1 / chips["tau_s"].ravel() * Hz
            recurrent = Synapses(
                neurons,
                neurons,
                "w : 1",
                on_pre=ON_PRE.format(gain=self.gain),
                delay=0 * ms,
                name="recurrent",
            )
            source, target = self.synapses
            recurrent.connect(i=source, j=target)
            recurrent.w = self.weights
            network = Network(
                neurons, recurrent, SpikeMonitor(neurons, record=False, name="spikes")
            )
            network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
            return network

        return make_network


def numba_loop() -> Callable[[Work], tuple[int, Floats]]:
    """A function that does a `Work` in double precision: number of spikes and weights.

    Raises
    ------
    ImportError
        If numba is not installed (the extra ``benchmark``).
    """
    from numba import njit

    @njit(cache=False)
    def loop(x, f_0, f_1, theta, a_m, a_s, gain, w):
        n_spikes = 0
        n_chips, n = theta.shape
        spiked = np.empty(n, np.int64)
        for chip in range(n_chips):  # time within: the chip stays in the cache
            v, current = np.zeros(n), np.zeros(n)
            weights = w[chip]
            for step in range(len(x)):
                n_spiking = 0
                for k in range(n):
                    drive = f_0[chip, k] * x[step, 0] + f_1[chip, k] * x[step, 1]
                    v[k] += a_m[chip, k] * (-v[k] + current[k] + drive)
                    current[k] -= a_s[chip, k] * current[k]
                for k in range(n):
                    if v[k] > theta[chip, k]:
                        spiked[n_spiking] = k
                        n_spiking += 1
                for s in range(n_spiking):
                    v[spiked[s]] = 0.0
                for s in range(n_spiking):
                    k = spiked[s]
                    for target in range(n):
                        if target != k:
                            weight = weights[k, target]
                            current[target] += gain * weight
                            compared = 2.0 * v[target] + weight
                            if compared < -STEP / 2:
                                weights[k, target] = weight + STEP
                            elif compared > STEP / 2:
                                weights[k, target] = weight - STEP
                n_spikes += n_spiking
        return n_spikes

    def run(work: Work) -> tuple[int, Floats]:
        c = work.chips
        w = c["w"].copy()
        a_m, a_s = DT / c["tau_m"], DT / c["tau_s"]
        n_spikes = loop(work.x, c["f_0"], c["f_1"], c["theta"], a_m, a_s, work.gain, w)
        return n_spikes, w[:, ~np.eye(work.n_neurons, dtype=bool)].ravel()

    return run
