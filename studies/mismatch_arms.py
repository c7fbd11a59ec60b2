"""Chips with mismatch, the ways to give them weights, and what they are worth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from brian2 import Quantity, second
from scipy.signal import lfilter

from ebn_brian import balance, decoding, devices, mismatch
from ebn_brian.network import KAPPA, TAU_M, V_UNIT, to_synapses
from ebn_brian.plasticity import DiscreteRule

from .training import DT, WINDOW, Simulation, noise, steps

RULE = DiscreteRule(0.04 * V_UNIT, KAPPA, 0.25 * V_UNIT)
STEP = float(RULE.step / V_UNIT)
N_SIGNALS = 2
#: Unseen input: the readout is fitted on the first part, all else is measured on the second.
FIT = TEST = 10 * second
#: Measures are taken at the end of every so many steps, but for spikes, which all count.
EVERY = 10
#: Common factors that `pretrained_scaled` chooses from.
SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

#: Where the weights of a chip come from.
ARMS = (
    "pretrained",  # the optimal weights of the decoder
    "pretrained_scaled",  # the same times the factor that serves the chip best
    "transfer",  # learned on the chip without mismatch
    "learned",  # learned on the chip from random weights
    "pretrained_learned",  # learned on the chip from the optimal weights
    "random",
    "uncoupled",  # none: each neuron has only its reset
)
RESETS = {"absolute": "neurons.v_reset", "subtractive": "neurons.v_jump"}
#: Parameters that have mismatch together. ``reset`` is what the reset sets or subtracts.
PARAMETERS = {
    "gain": ("recurrent.gain",),
    "threshold": ("neurons.v_th",),
    "tau": ("neurons.tau_m",),
    "F": ("neurons.F_0", "neurons.F_1"),
    "reset": tuple(RESETS.values()),
}
SETS = {"all": tuple(name for names in PARAMETERS.values() for name in names), **PARAMETERS}
MEASURES = ("rate_hz", "error_nominal", "error_refit", "distance", "spikes_per_step")

#: CV of each parameter (or one for each chip), and the factor of all thresholds.
Point = tuple[dict[str, float | np.ndarray], float]


def cost(rate_hz, error):
    """Spikes for a given precision: all that an error ~ 1/rate^2 leaves to compare."""
    return rate_hz * np.sqrt(error)


@dataclass(frozen=True)
class Bench:
    """Programs for blocks of `block` chips, one for each reset; chips go by number and `seed`."""

    simulations: dict[str, Simulation]
    block: int
    n_neurons: int
    training: float
    seed: int

    def chips(self, first: int) -> "Chips":
        """The chips from number `first` on, without mismatch."""
        return Chips(self, list(range(first, first + self.block)))


def bench(
    block: int,
    n_neurons: int,
    training: float,
    seed: int,
    device: str,
    folder: Path,
    timeout: Quantity,
    resets: Sequence[str] = tuple(RESETS),
) -> Bench:
    """Build the programs into `folder`."""
    D = balance.random_decoder(N_SIGNALS, n_neurons, seed, n_chips=block)
    limit = None if device in devices.RUNTIME else timeout
    simulations = {
        reset: Simulation(
            D, RULE, reset=reset, device=device, directory=folder / reset, timeout=limit
        )
        for reset in resets
    }
    return Bench(simulations, block, n_neurons, training, seed)


class Chips:
    """Some chips of a bench: their decoders, mismatch, weights and measures."""

    def __init__(self, bench: Bench, numbers: Sequence[int]):
        self.bench, self.numbers = bench, numbers
        n, last = bench.n_neurons, max(numbers) + 1
        self.D = balance.random_decoder(N_SIGNALS, n, bench.seed, n_chips=last)[numbers]
        random = balance.random_weights(last, n, bench.seed, step=STEP)
        self.random = random[numbers]
        self.optimal = np.rint(balance.optimal_weights(self.D) / STEP) * STEP

    def factors(self, name: str, cv: float | np.ndarray) -> np.ndarray:
        """Of parameter `name`, (n_chips, n_elements); `cv` is one number or one for each chip."""
        n = self.bench.n_neurons
        n = n * (n - 1) if name.startswith("recurrent") else n
        cvs = np.broadcast_to(cv, len(self.numbers))
        if (cvs == cvs[0]).all():
            return mismatch.sample(float(cvs[0]), n, self.numbers, self.bench.seed, name)
        draw = [
            mismatch.sample(float(c), n, [chip], self.bench.seed, name)
            for c, chip in zip(cvs, self.numbers, strict=True)
        ]
        return np.concatenate(draw)

    def simulation(self, reset: str, point: Point) -> Simulation:
        """The program of these chips with the mismatch and the threshold of `point`."""
        cvs, scale = point
        threshold = scale * KAPPA / 2 * float(V_UNIT)
        nominal = {
            "recurrent.gain": 1.0,
            "neurons.tau_m": float(TAU_M),
            "neurons.v_th": threshold,
            "neurons.v_reset": threshold - float(V_UNIT),
            "neurons.v_jump": float(V_UNIT),
            **{f"neurons.F_{j}": self.D[:, j] * float(V_UNIT) for j in range(N_SIGNALS)},
        }
        other = {other for name, other in RESETS.items() if name != reset}
        values = {
            name: (self.factors(name, cvs.get(name, 0.0)) * value).ravel()
            for name, value in nominal.items()
            if name not in other
        }
        return self.bench.simulations[reset].using(D=self.D, values=values)

    def learned(self, simulation: Simulation, initial: np.ndarray) -> np.ndarray:
        """Weights after training."""
        state = simulation.rest(initial)
        drive, n_steps = noise(N_SIGNALS, self.bench.seed), steps(self.bench.training * second)
        for stretch in simulation.advance(state, drive, 0, n_steps, plastic=True):
            state = stretch.state
        return simulation.weights(state)

    def weights(self, arm: str, reset: str, point: Point) -> np.ndarray:
        """Of an arm, (n_chips, n_neurons, n_neurons), in units of ``|D|**2``."""
        if arm == "pretrained":
            return self.optimal
        if arm == "random":
            return self.random
        if arm == "uncoupled":
            return 0 * self.optimal
        if arm == "pretrained_scaled":
            return self._best_scaled(self.simulation(reset, point))
        ideal: Point = ({}, 1.0)
        simulation = self.simulation(reset, ideal if arm == "transfer" else point)
        return self.learned(
            simulation, self.optimal if arm == "pretrained_learned" else self.random
        )

    def _best_scaled(self, simulation: Simulation) -> np.ndarray:
        """Each chip at the scale of least `cost`, judged where the readout is fitted."""
        scaled = [np.rint(s * self.optimal / STEP) * STEP for s in SCALES]
        found = [Response(simulation, Omega, FIT, test=False) for Omega in scaled]
        costs = [cost(r.rate_hz(), r.error_refit()) for r in found]
        return np.choose(np.argmin(costs, axis=0)[:, None, None], scaled)

    def measures(self, simulation: Simulation, Omega: np.ndarray) -> dict[str, np.ndarray]:
        """`MEASURES` of chips with weights `Omega`, (n_chips,) each."""
        response = Response(simulation, Omega, FIT + TEST)
        n, chips = self.bench.n_neurons, len(self.numbers)
        gain = simulation.values["recurrent.gain"].reshape(chips, -1)
        acting = to_synapses(Omega).reshape(chips, -1) * gain
        ideal = to_synapses(balance.optimal_weights(self.D)).reshape(chips, -1)
        off = ~np.eye(n, dtype=bool)
        matrices = np.zeros((2, chips, n, n))
        matrices[:, :, off] = acting, ideal
        return {
            "rate_hz": response.rate_hz(),
            "error_nominal": response.error_nominal(),
            "error_refit": response.error_refit(),
            "distance": balance.distance(*matrices),
            "spikes_per_step": response.spikes_per_step(),
        }


class Response:
    """Of chips with fixed weights to unseen input: a part to fit on and, with `test`, one to test.

    The filtered spikes are those of `decoding.filtered_spikes` at every `EVERY`-th step.
    """

    def __init__(self, simulation: Simulation, Omega: np.ndarray, length: Quantity, test=True):
        self.simulation, n_steps = simulation, steps(length)
        # another stream than training: seeds differ in a bit that no user sets
        drive = noise(N_SIGNALS, self._seed(simulation) ^ 0x5EED0000)
        ...
