"""Networks that follow signals, as those of Huh and Sejnowski 2018, and trials of them.

The readout of 30 non-leaky neurons is to follow the two signals that come in, sums of sinusoids of
a period of 1200 ms, or what a linear system makes of them.
"""

from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, ms

from ebn_brian.checks import Floats
from ebn_brian.gradient import Batch, Network, Weights, nif
from ebn_brian.seeds import generator

N_NEURONS, N_SIGNALS = 30, 2
TAU, TAU_F, DT = 10 * ms, 1 * ms, 0.2 * ms
PERIOD = 1200 * ms
#: Length of training trials, whose first part, from a random state, has no cost for the error.
WINDOW, SETTLING = 150 * ms, 30 * ms


def steps(duration: Quantity) -> int:
    """Number of time steps."""
    return round(float(duration / DT))


@dataclass(frozen=True)
class Task:
    """What is asked of the network.

    Parameters
    ----------
    harmonics
        Of the period, in a signal; its root mean square is 1.
    activity
        lambda N, in ms**2: the price of the synapses' activity.
    noise
        Of the potential in training, per square root of a millisecond.
    U_0
        Length of the rows of U at the start, ``tau`` times.
    A
        Of the system that the readout follows, ``tau dx/dt = (A - 1) x + input``, which a balanced
        network would do with ``W = U A O``. None: the readout follows the input, without W.
    """

    harmonics: int
    activity: float
    noise: float = 0.03
    U_0: float = 0.6
    A: tuple[tuple[float, ...], ...] | None = None

    @property
    def network(self) -> Network:
        """The network, with its price of activity."""
        cost_s = self.activity / N_NEURONS * float(ms) ** 2
        return Network(nif(), TAU, TAU_F, DT, cost_s)

    def start(self, seed: int) -> Weights:
        """Random directions of the input's weights; no recurrence, no readout."""
        directions = generator(seed, "input weights").normal(size=(N_NEURONS, N_SIGNALS))
        U = self.U_0 / float(TAU) * directions / np.linalg.norm(directions, axis=1, keepdims=True)
        none = np.zeros((N_NEURONS, N_NEURONS))
        slow = None if self.A is None else none
        return Weights(U=U, O=np.zeros((N_SIGNALS, N_NEURONS)), W=slow, W_f=none)

    def signals(self, r: np.random.Generator, n: int, n_steps: int) -> tuple[Floats, Floats]:
        """Input and target of n trials, (n, n_steps, N_SIGNALS), at the ends of steps."""
        k = np.arange(1, self.harmonics + 1)
        size = r.normal(size=(n, N_SIGNALS, self.harmonics))
        size /= np.sqrt((size**2).sum(axis=-1, keepdims=True) / 2)
        phase = r.uniform(0, 2 * np.pi, size.shape)
        omega = 2 * np.pi * k / float(PERIOD)
        t = np.arange(1, n_steps + 1) * float(DT)
        x = np.einsum("njk,njkt->ntj", size, np.sin(omega[:, None] * t + phase[..., None]))
        if self.A is None:
            return x, x
        one = np.eye(N_SIGNALS)
        response = np.linalg.inv(one - self.A + 1j * omega[:, None, None] * float(TAU) * one)
        z = np.einsum("kij,njk->nik", response, size * np.exp(1j * phase))
        target = (z @ np.exp(1j * omega[:, None] * t)).imag
        return x, np.ascontiguousarray(target.swapaxes(1, 2))

    def batch(self, seed: int, number: int, n: int) -> Batch:
        """Training trials of one update."""
        r = generator(seed, "training trials", number)
        n_steps, settling = steps(WINDOW), steps(SETTLING)
        x, target = self.signals(r, n, n_steps)
        weight = np.full((n, n_steps), n_steps / (n_steps - settling))
        weight[:, :settling] = 0
        noise = r.standard_normal((n, n_steps, N_NEURONS), dtype=np.float32).astype(float)
        noise *= self.noise * float(np.sqrt(DT / ms))
        return Batch(x, target, random_potentials(r, n), weight, noise)

    def fresh(
        self, seed: int, n: int, stream: str = "test trials", duration: Quantity = PERIOD
    ) -> Batch:
        """Trials that training has not seen, without noise."""
        r = generator(seed, stream)
        x, target = self.signals(r, n, steps(duration))
        return Batch(x, target, random_potentials(r, n))


def random_potentials(r: np.random.Generator, n: int) -> Floats:
    """Of n networks, (n, N_NEURONS)."""
    return r.uniform(-0.9, 0.9, (n, N_NEURONS))


def correlation(a: Floats, b: Floats) -> float:
    """Of all entries."""
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


def off_diagonal(matrix: Floats) -> Floats:
    """Its entries off the diagonal."""
    return matrix[~np.eye(len(matrix), dtype=bool)]
