"""Chips with mismatch, the ways to give them weights, and what they are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from brian2 import Quantity, second
from scipy.signal import lfilter

from ebn_brian import balance, decoding, mismatch
from ebn_brian.network import KAPPA, TAU_M, V_UNIT, to_matrix
from ebn_brian.plasticity import DiscreteRule

from .training import DT, Simulation, noise, steps

RULE = DiscreteRule(0.04 * V_UNIT, KAPPA, 0.25 * V_UNIT)
STEP = float(RULE.step / V_UNIT)
N_SIGNALS = 2
#: Unseen input: the readout is fitted on the first part, all else is measured on the second.
FIT = TEST = 10 * second
#: Measures are taken at the end of every so many steps, but for spikes, which all count.
EVERY = 10
START = steps(0.1 * second)
#: Common factors that `pretrained_scaled` chooses from.
SCALES = (0.4, 0.5, 0.6, 0.7, 0.8, 1.0)

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

#: CV by parameter: one for all chips, or (n_chips,).
CVs = Mapping[str, float | np.ndarray]


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


def bench(
    block: int,
    n_neurons: int,
    training: float,
    seed: int,
    device: str,
    folder: Path,
    timeout: Quantity | None,
    resets: Sequence[str] = tuple(RESETS),
) -> Bench:
    """Build the programs into `folder`."""
    D = balance.random_decoder(N_SIGNALS, n_neurons, seed, n_chips=block)
    simulations = {
        reset: Simulation(
            D, RULE, reset=reset, device=device, directory=folder / reset, timeout=timeout
        )
        for reset in resets
    }
    return Bench(simulations, block, n_neurons, training, seed)


class Chips:
    """Some chips of a bench: their decoders, mismatch, weights and measures."""

    def __init__(self, bench: Bench, numbers: Sequence[int]):
        self.bench, self.numbers = bench, list(numbers)
        n, last = bench.n_neurons, max(numbers) + 1
        self.D = balance.random_decoder(N_SIGNALS, n, bench.seed, n_chips=last)[self.numbers]
        random = balance.random_weights(last, n, bench.seed, step=STEP)
        self.random = random[self.numbers]
        self.optimal = np.rint(balance.optimal_weights(self.D) / STEP) * STEP

    def factors(self, name: str, cv: float | np.ndarray) -> np.ndarray:
        """Of parameter `name`, (n_chips, n_elements); `cv` is one number or one for each chip."""
        n = self.bench.n_neurons
        n = n * (n - 1) if name.startswith("recurrent") else n
        cvs = np.broadcast_to(cv, len(self.numbers))
        draws = np.empty((len(self.numbers), n))
        for one in np.unique(cvs):
            own = np.flatnonzero(cvs == one)
            numbers = [self.numbers[k] for k in own]
            draws[own] = mismatch.sample(float(one), n, numbers, self.bench.seed, name)
        return draws

    def simulation(self, reset: str, cvs: CVs, scale: float = 1.0) -> Simulation:
        """The program with these chips, their mismatch, and all thresholds times `scale`.

        The comparators' gain goes with the thresholds, as the rule's fixed point demands.
        """
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
        rule = replace(RULE, kappa=scale * KAPPA)
        return self.bench.simulations[reset].using(D=self.D, rule=rule, values=values)

    def learned(self, simulation: Simulation, initial: np.ndarray) -> np.ndarray:
        """Weights after training."""
        state = simulation.rest(initial)
        drive, n_steps = noise(N_SIGNALS, self.bench.seed), steps(self.bench.training * second)
        for stretch in simulation.advance(state, drive, 0, n_steps, plastic=True):
            state = stretch.state
        return simulation.weights(state)

    def weights(self, arm: str, reset: str, cvs: CVs, scale: float = 1.0) -> np.ndarray:
        """Of an arm, (n_chips, n_neurons, n_neurons), in units of ``|D|**2``."""
        if arm == "pretrained":
            return self.optimal
        if arm == "random":
            return self.random
        if arm == "uncoupled":
            return 0 * self.optimal
        if arm == "pretrained_scaled":
            return self._best_scaled(self.simulation(reset, cvs, scale))
        simulation = self.simulation(reset, {} if arm == "transfer" else cvs, scale)
        return self.learned(
            simulation, self.optimal if arm == "pretrained_learned" else self.random
        )

    def _best_scaled(self, simulation: Simulation) -> np.ndarray:
        """Each chip at the scale of least `cost`, judged where the readout is fitted."""
        scaled = [np.rint(s * self.optimal / STEP) * STEP for s in SCALES]
        found = [respond(simulation, Omega, self.bench.seed, test=False) for Omega in scaled]
        costs = [cost(response.rate_hz, response.error_refit) for response in found]
        return np.choose(np.argmin(costs, axis=0)[:, None, None], scaled)

    def measures(self, simulation: Simulation, Omega: np.ndarray) -> dict[str, np.ndarray]:
        """`MEASURES` of chips with weights `Omega`, (n_chips,) each."""
        response = respond(simulation, Omega, self.bench.seed)
        gain = to_matrix(simulation.values["recurrent.gain"], self.bench.n_neurons)
        return {
            "rate_hz": response.rate_hz,
            "error_nominal": response.error_nominal,
            "error_refit": response.error_refit,
            "distance": balance.distance(gain * Omega, simulation.optimal),
            "spikes_per_step": response.spikes_per_step,
        }


def run_points(
    bench: Bench, arm: str, reset: str, first: int, points: Sequence[tuple[str, float, float]]
) -> dict[str, np.ndarray]:
    """`MEASURES` of a block of chips at `points` (set, cv, threshold), (n_points, n_chips) each."""
    chips = Chips(bench, range(first, first + bench.block))
    found: list[dict[str, np.ndarray]] = []
    for which, cv, scale in points:
        cvs = dict.fromkeys(SETS[which], cv)
        Omega = chips.weights(arm, reset, cvs, scale)
        found.append(chips.measures(chips.simulation(reset, cvs, scale), Omega))
    return {name: np.stack([f[name] for f in found]) for name in MEASURES}


@dataclass(frozen=True)
class Response:
    """What chips make of unseen input, one number a chip."""

    rate_hz: np.ndarray
    error_nominal: np.ndarray
    error_refit: np.ndarray
    spikes_per_step: np.ndarray


def respond(simulation: Simulation, Omega: np.ndarray, seed: int, test: bool = True) -> Response:
    """Response of chips with fixed weights, from rest; without `test` to the first part alone.

    Filtered spikes are those of `decoding.filtered_spikes`, at the end of every `EVERY` steps.
    """
    c, x = unseen(seed)
    n_fit = steps(FIT)
    c = c if test else c[:n_fit]
    spikes = simulation.evaluate(Omega, c)
    n_chips, n_neurons = simulation.n_chips, simulation.n_neurons
    r = filtered(spikes.i, spikes.step, n_chips, len(c), n_neurons)
    fit = slice(START // EVERY, n_fit // EVERY)
    judge = slice(n_fit // EVERY, len(c) // EVERY) if test else fit  # else by its own data
    nominal, refit = np.empty((2, n_chips))
    for k, own in enumerate(r):
        readout = least_squares(own[fit], x[fit])
        nominal[k] = ratio(x[judge], own[judge] @ simulation.D[k].T)
        refit[k] = ratio(x[judge], own[judge] @ readout)
    first = n_fit if test else 0
    chip = spikes.i // n_neurons
    count = np.bincount(chip[spikes.step >= first], minlength=n_chips)
    per_step = np.bincount(spikes.step * n_chips + chip, minlength=len(c) * n_chips)
    return Response(
        count / (n_neurons * (len(c) - first) * float(DT)),
        nominal,
        refit,
        per_step.reshape(-1, n_chips).max(axis=0),
    )


def filtered(
    i: np.ndarray, step: np.ndarray, n_chips: int, n_steps: int, n_neurons: int
) -> np.ndarray:
    """Every `EVERY`-th of `decoding.filtered_spikes`: (n_chips, n_steps/EVERY, n_neurons)."""
    leak = 1 - float(DT / TAU_M)
    chip, neuron = np.divmod(i.astype(np.int64), n_neurons)
    bin_, place = np.divmod(step, EVERY)
    weight = (leak ** np.arange(EVERY)[::-1])[place]
    shape = n_chips, n_steps // EVERY, n_neurons
    entry = (chip * shape[1] + bin_) * n_neurons + neuron
    r = np.bincount(entry, weight, minlength=int(np.prod(shape))).reshape(shape)
    return lfilter([1], [1, -(leak**EVERY)], r, axis=1)


def least_squares(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Map from `source` to `target`, both centred; zero for neurons that are silent.

    Directions with less than 1e-6 of the largest variance, such as the tails of neurons that only
    spiked together at the start, would be given readouts of any size.
    """
    source = centred(source)
    return np.linalg.lstsq(source.T @ source, source.T @ centred(target), rcond=1e-6)[0]


@lru_cache(maxsize=2)
def unseen(seed: int) -> tuple[Quantity, np.ndarray]:
    """Drive of the evaluations, and the signal x at the end of every `EVERY` steps."""
    # another stream than training: seeds differ in a bit that no user sets
    c = noise(N_SIGNALS, seed ^ 0x5EED0000)(0, steps(FIT + TEST))
    return c, decoding.leaky_integral(c, TAU_M, DT)[EVERY - 1 :: EVERY]


def centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=0)


def ratio(x: np.ndarray, y: np.ndarray) -> float:
    """Variance of ``x - y`` over that of x, as `decoding.error_nominal`."""
    return float(np.sum(centred(x - y) ** 2) / np.sum(centred(x) ** 2))
