"""Chips with mismatch, the ways to give them weights, and what they are worth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, second

from ebn_brian import balance, decoding, mismatch, signals
from ebn_brian.checks import Floats
from ebn_brian.chips import Blueprint, lif_blueprint, lif_chips, random_decoder, random_weights
from ebn_brian.chips.lif import TAU_M
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.training import DT, Training, steps

from ..learning.task import TEST_STREAM

RULE = DiscreteRule.calm()
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

#: Run-time values of chips from their nominal ones: where mismatch comes in.
Spreading = Callable[[Blueprint], dict[str, Any]]


def cost(rate_hz: Any, error: Any) -> Any:
    """Spikes for a given precision: all that an error ~ 1/rate^2 leaves to compare."""
    return rate_hz * np.sqrt(error)


@dataclass(frozen=True)
class Bench:
    """Programs for blocks of `block` chips, one for each reset; chips go by number and `seed`."""

    programs: Mapping[str, Training]
    block: int
    n_neurons: int
    training: float
    seed: int


def build_bench(
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
    D = random_decoder(N_SIGNALS, n_neurons, seed, n_chips=block)

    def build(reset: str) -> Training:
        return Training(
            lambda drive: lif_chips(D, drive=drive, rule=RULE, reset=reset),
            N_SIGNALS,
            device=device,
            directory=folder / reset,
            timeout=timeout,
        )

    return Bench({reset: build(reset) for reset in resets}, block, n_neurons, training, seed)


def spread(set_name: str, cv: float, numbers: Sequence[int], seed: int) -> Spreading:
    """Mismatch of a set of parameters for the chips of these numbers."""

    def spreading(chips: Blueprint) -> dict[str, Any]:
        values = chips.values()
        cvs = {name: cv for name in SETS[set_name] if name in values}
        return mismatch.spread(values, cvs, seed=seed, chips=numbers)

    return spreading


class Population:
    """Some chips of a bench: their decoders, first weights, and what becomes of them."""

    def __init__(self, bench: Bench, numbers: Sequence[int]):
        self.bench, self.numbers = bench, list(numbers)
        n, last = bench.n_neurons, max(numbers) + 1
        self.D = random_decoder(N_SIGNALS, n, bench.seed, n_chips=last)[self.numbers]
        random = random_weights(last, n, bench.seed, step=RULE.step)
        self.random = random[self.numbers]
        self.optimal = RULE.nearest(balance.optimal_weights(self.D))

    def on_device(
        self, reset: str, spreading: Spreading = Blueprint.values, scale: float = 1.0
    ) -> Training:
        """The program with these chips, their mismatch, and all thresholds times `scale`.

        The comparators' gain goes with the thresholds, as the rule's fixed point demands.
        """
        rule = DiscreteRule.calm(kappa=scale * RULE.kappa)
        chips = lif_blueprint(self.D, rule=rule, reset=reset)
        return self.bench.programs[reset].using(chips, spreading(chips))

    def learned(self, training: Training, initial: Floats) -> Floats:
        """Weights after training."""
        drive = signals.noise_drive(N_SIGNALS, self.bench.seed)
        state = training.trained(initial, drive, self.bench.training * second)
        return training.weights(state)

    def weights(self, arm: str, reset: str, spreading: Spreading, scale: float = 1.0) -> Floats:
        """Of an arm, (n_chips, n_neurons, n_neurons), in units of ``|D|**2``."""
        if arm == "pretrained":
            return self.optimal
        if arm == "random":
            return self.random
        if arm == "uncoupled":
            return 0 * self.optimal
        if arm == "pretrained_scaled":
            return self._best_scaled(self.on_device(reset, spreading, scale))
        spreading = Blueprint.values if arm == "transfer" else spreading
        initial = self.optimal if arm == "pretrained_learned" else self.random
        return self.learned(self.on_device(reset, spreading, scale), initial)

    def _best_scaled(self, training: Training) -> Floats:
        """Each chip at the scale of least `cost`, judged where the readout is fitted."""
        scaled = [RULE.nearest(s * self.optimal) for s in SCALES]
        responses = [respond(training, Omega, self.bench.seed, test=False) for Omega in scaled]
        costs = [cost(response["rate_hz"], response["error_refit"]) for response in responses]
        return np.choose(np.argmin(costs, axis=0)[:, None, None], scaled)

    def measures(self, training: Training, Omega: Floats) -> dict[str, Floats]:
        """`MEASURES` of chips with weights `Omega`, (n_chips,) each."""
        chips = training.chips
        gain = chips.layout.to_matrices(training.values["recurrent.gain"])
        distance = balance.distance(gain * Omega, chips.optimal)
        return respond(training, Omega, self.bench.seed) | {"distance": distance}


def run_points(
    bench: Bench, arm: str, reset: str, first: int, points: Sequence[tuple[str, float, float]]
) -> dict[str, Floats]:
    """`MEASURES` of a block of chips at `points` (set, cv, threshold), (n_points, n_chips) each."""
    numbers = range(first, first + bench.block)
    chips = Population(bench, numbers)
    measures: list[dict[str, Floats]] = []
    for set_name, cv, scale in points:
        spreading = spread(set_name, cv, numbers, bench.seed)
        Omega = chips.weights(arm, reset, spreading, scale)
        measures.append(chips.measures(chips.on_device(reset, spreading, scale), Omega))
    return {name: np.stack([at[name] for at in measures]) for name in MEASURES}


def respond(training: Training, Omega: Floats, seed: int, test: bool = True) -> dict[str, Floats]:
    """What chips with fixed weights make of unseen input, from rest: all but the distance.

    Without `test` they are judged by the first part alone, where the readout is fitted.
    """
    c, x = unseen(seed)
    n_fit = steps(FIT)
    c = c if test else c[:n_fit]
    spikes = training.evaluate(Omega, c)
    D, tau = training.chips.D, training.chips.tau
    n_chips, _, n_neurons = D.shape
    r = decoding.filtered_spikes(
        spikes.i, spikes.t, n_neurons, len(c), tau, DT, n_chips, every=EVERY
    )
    fit = slice(START // EVERY, n_fit // EVERY)
    judge = slice(n_fit // EVERY, len(c) // EVERY) if test else fit
    nominal, refit = np.empty((2, n_chips))
    for k, own in enumerate(r):
        readout = decoding.fit_readout(own[fit], x[fit])
        nominal[k] = decoding.variance_ratio(x[judge], own[judge] @ D[k].T)
        refit[k] = decoding.variance_ratio(x[judge], own[judge] @ readout.T)
    first = n_fit if test else 0
    chip = spikes.i // n_neurons
    count = np.bincount(chip[spikes.step >= first], minlength=n_chips)
    per_step = np.bincount(spikes.step * n_chips + chip, minlength=len(c) * n_chips)
    return {
        "rate_hz": count / (n_neurons * (len(c) - first) * float(DT)),
        "error_nominal": nominal,
        "error_refit": refit,
        "spikes_per_step": per_step.reshape(-1, n_chips).max(axis=0),
    }


@lru_cache(maxsize=2)
def unseen(seed: int) -> tuple[Quantity, Floats]:
    """Drive of the evaluations, and the signal x at the end of every `EVERY` steps."""
    c = signals.noise_drive(N_SIGNALS, seed, stream=TEST_STREAM)(0, steps(FIT + TEST))
    return c, decoding.leaky_integral(c, TAU_M, DT)[EVERY - 1 :: EVERY]
