"""What is to be learned, and how chips learn it while their code is evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from brian2 import Quantity, second

from ebn_brian import chips, signals
from ebn_brian.checks import Floats
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.signals import Drive
from ebn_brian.training import Evaluation, Training, steps

#: Length of the unseen input that codes are compared on.
TEST = 10 * second
#: Of its random numbers: those of the training are another stream.
TEST_STREAM = "test signal"
#: At most so much of a recording's held-out part is evaluated.
TEST_MAX = 30 * second
#: Seconds of training after which the code is evaluated; the last is the end of the training.
CHECKPOINTS = (0, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300)
STAGES = ("initial", "optimal", "learned")
CURVES = ("distance", "correlation", "error", "rate_hz")
DECODERS = {"random": chips.random_decoder, "even": chips.even_decoder}


@dataclass(frozen=True)
class Task:
    """What is to be learned: networks, their initial weights, the input to train and to test on."""

    D: Floats  # (n_chips, n_signals, n_neurons)
    initial: Floats  # (n_chips, n_neurons, n_neurons)
    training: Drive
    test: Quantity  # (n_steps, n_signals)


class Recording(NamedTuple):
    """A drive that repeats itself after `n_steps`; its last quarter is kept for the test."""

    drive: Drive
    n_steps: int
    n_signals: int


@dataclass(frozen=True)
class Result:
    """Evaluations before, while and after learning."""

    evaluations: Mapping[str, Evaluation]  # by stage
    times: Floats  # of the checkpoints, s
    curves: Mapping[str, Floats]  # measure: (checkpoint, chip)
    chip_seconds_per_cpu_second: float


def make_rule(
    step: float | None, kappa: float, dead_zone: float | None, bits: int | None
) -> DiscreteRule:
    """The rule of the command line. Few bits need steps wide enough to reach ``|D|**2``."""
    if not 0 < kappa < np.inf:
        raise ValueError(f"kappa={kappa}: must be finite and positive, it sets the threshold")
    if step is None:
        step = 0.04 if bits is None else max(0.04, 1 / max(1, 2 ** (bits - 1) - 1))
    return DiscreteRule(step, kappa, dead_zone, bits)


def initial_weights(n_chips: int, n_neurons: int, rule: DiscreteRule, seed: int) -> Floats:
    """Random weights on the grid and within the rails of `rule`."""
    largest = rule.w_max * rule.step if rule.n_bits else None
    return chips.random_weights(n_chips, n_neurons, seed, step=rule.step, max_weight=largest)


def random_task(
    n_chips: int,
    n_neurons: int,
    decoder: str,
    rule: DiscreteRule,
    seed: int,
    recording: Quantity | Recording | None = None,
) -> Task:
    """Chips with decoders and initial weights of their own, and smoothed noise or a recording."""
    if recording is not None and not isinstance(recording, Recording):
        recording = Recording(signals.repeated_drive(recording), *recording.shape)
    n_signals = 2 if recording is None else recording.n_signals
    D = DECODERS[decoder](n_signals, n_neurons, seed, n_chips=n_chips)
    initial = initial_weights(n_chips, n_neurons, rule, seed)
    if recording is None:
        test = signals.noise_drive(n_signals, seed, stream=TEST_STREAM)(0, steps(TEST))
        return Task(D, initial, signals.noise_drive(n_signals, seed), test)
    end = signals.training_steps(recording.n_steps)
    test = recording.drive(end, min(recording.n_steps - end, steps(TEST_MAX)))
    return Task(D, initial, signals.repeated_drive(recording.drive, end), test)


def learn(
    training: Training, task: Task, seconds: float, *, progress: bool | None = None
) -> Result:
    """Train all chips for `seconds`, evaluating their code on the way; `progress` as in `train`."""
    times = np.array([t for t in CHECKPOINTS if t < seconds] + [seconds])
    evaluations = [training.evaluate(task.initial, task.test)]
    rest, until = training.rest(task.initial), times[1:] * second
    for state in training.train(rest, task.training, until, progress=progress):
        evaluations.append(training.evaluate(training.weights(state), task.test))
    optimal = training.evaluate(training.chips.optimal, task.test)
    return Result(
        {"initial": evaluations[0], "optimal": optimal, "learned": evaluations[-1]},
        times,
        {name: np.array([e.measures[name] for e in evaluations]) for name in CURVES},
        len(task.D) * seconds / state.cpu_seconds,
    )
