"""What chips are worth while they learn, and with optimal weights."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import second

from ebn_brian import balance, decoding, signals
from ebn_brian.checks import Floats
from ebn_brian.chips import Blueprint, lif_blueprint
from ebn_brian.rule import Rule
from ebn_brian.training import DT, Evaluation, State, Training, steps

from ..lab.response import filtered, signal_of
from ..learning.task import TEST, Task
from .arms import LEARNING, N_CHANGES, Phases, rest_of

#: Of the input that readouts are fitted on: all are judged on another.
FIT_STREAM = "readout signal"
#: Errors are taken at the end of every so many steps, from `START` on.
EVERY = 10
START = 100
#: Seconds of training after which chips are judged, and the ends of phases.
CHECKPOINTS = (0, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 100, 200)
MEASURES = (
    *("distance", "correlation", "slope"),
    *("error", "error_effective", "error_refit", "rate_hz"),
)
#: And how often a weight changed, mean over the synapses of a chip.
ALL = (*MEASURES, "changes")


@dataclass(frozen=True)
class Curve:
    """`ALL` measures of all chips, (n_times, n_chips) each, and the speed of learning."""

    times: Floats
    measures: Mapping[str, Floats]
    chip_seconds_per_cpu_second: float = float("nan")


@dataclass(frozen=True)
class Bench:
    """Programs, task, seconds of training, and what mismatch makes of nominal values."""

    programs: Mapping[type, Training]
    task: Task
    seconds: float
    seed: int
    spreading: Callable[[Blueprint], dict[str, Any]] = Blueprint.values

    def training(self, rule: Rule) -> Training:
        """The program with the chips of this rule, mismatch and all."""
        chips = lif_blueprint(self.task.D, rule=rule)
        chips = replace(chips, rest=rest_of(chips))
        return self.programs[type(rule)].using(chips, self.spreading(chips))

    def times(self) -> Floats:
        """Seconds after which chips are judged."""
        shares = np.cumsum(
            [[s for _, s in phases] for phases in LEARNING.values() if len(phases) > 1], 1
        )
        ends = np.unique(np.round(shares.ravel() * self.seconds, 4))
        return np.union1d(ends, [t for t in CHECKPOINTS if t < self.seconds])

    def optimal(self, rule: Rule) -> Curve:
        """Optimal weights, with the thresholds of a rule."""
        training = self.training(rule)
        judged = self.judged(training, training.rest(training.chips.optimal))
        return Curve(np.zeros(1), {name: values[None] for name, values in judged.items()})

    def learned(self, phases: Phases) -> Curve:
        """All chips while they learn."""
        stages = [(self.judged(training, s), s) for training, s in self.stages(phases)]
        measures = {name: np.array([judged[name] for judged, _ in stages]) for name in ALL}
        chip_seconds = len(self.task.D) * self.seconds
        return Curve(self.times(), measures, chip_seconds / stages[-1][1].cpu_seconds)

    def stages(self, phases: Phases) -> Iterator[tuple[Training, State]]:
        """Program and state at each of the `times`."""
        training = self.training(phases[0][0])
        state = training.rest(self.task.initial)
        yield training, state
        ends = np.cumsum([share for _, share in phases]) * self.seconds
        for begin, end in pairwise(self.times()):
            rule, _ = phases[np.searchsorted(ends, begin, side="right")]
            training = training.with_rule(rule)
            (state,) = training.train(state, self.task.training, [end * second])
            yield training, state

    def judged(self, training: Training, state: State) -> dict[str, Floats]:
        """`ALL` measures of chips whose weights are held, (n_chips,) each."""
        Omega, chips = training.weights(state), training.chips
        acting = chips.acting(Omega, training.values)
        weights = {
            name: getattr(balance, name)(acting, chips.optimal)
            for name in ("distance", "correlation", "slope")
        }
        fit = signals.noise_drive(self.task.D.shape[1], self.seed, stream=FIT_STREAM)
        spikes = [training.evaluate(Omega, c) for c in (self.task.test, fit(0, steps(TEST)))]
        changes = np.reshape(state.variables[N_CHANGES], (len(Omega), -1)).mean(1)
        return {**weights, **response(*spikes), "changes": changes}


def response(test: Evaluation, fit: Evaluation) -> dict[str, Floats]:
    """Errors and rate on the first; a readout is fitted on the second.

    As `decoding.error` does, the nominal and the effective decoder get the 2 x 2 map that suits
    them best on the test itself; the refitted one gets nothing.
    """
    n_chips, _, n_neurons = test.chips.D.shape
    (r, x), (r_fit, x_fit) = (
        (filtered(e, EVERY)[:, START:], signal_of(e.c, e.chips.tau, EVERY)[START:])
        for e in (test, fit)
    )
    D_fit = np.array([decoding.fit_readout(own, x_fit) for own in r_fit])
    dt, now = EVERY * DT, 0 * second

    def read(D: Floats, error: Callable[..., Floats] = decoding.error) -> Floats:
        return error(x, r @ D.swapaxes(1, 2), dt, now)

    return {
        "error": read(test.chips.D),
        "error_effective": read(test.D_eff),
        "error_refit": read(D_fit, decoding.error_nominal),
        "rate_hz": decoding.rate_hz(test.i, n_neurons, len(test.c) * DT, n_chips),
    }
