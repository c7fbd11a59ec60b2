"""Networks that lose neurons in mid-run: what their readout still tells, and what learning does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from brian2 import Quantity, TimedArray, second

from ebn_brian import balance, decoding, signals
from ebn_brian.checks import Floats
from ebn_brian.chips import Chips, lif_blueprint, lif_chips, random_decoder, random_weights
from ebn_brian.plasticity import ContinuousRule
from ebn_brian.training import DT, State, Training, steps

from ..lab.response import judged, signal_of
from .loss import lost_neurons, silenced

KAPPA = 1.5
RULES = tuple((ContinuousRule(eps, kappa=KAPPA), 20.0) for eps in (0.03, 0.01, 0.003))
#: Learning after the loss.
AGAIN = tuple((ContinuousRule(eps, kappa=KAPPA), 30.0) for eps in (0.01, 0.003))
ARMS = ("optimal", "learned", "uncoupled", "random")
#: Readouts of the learned network: fitted before the loss, of the nominal and of the effective
#: decoder, refitted after it; and the first and the last of them after more learning.
READOUTS = ("kept", "nominal", "effective", "refit", "again_kept", "again_refit")
#: Seconds to fit a readout, and to judge it: whole, and after the loss.
FIT, WHOLE, AFTER = 20 * second, 10 * second, 20 * second
EVERY, SKIP = 10, 300


@dataclass(frozen=True)
class Bench:
    """A program for blocks of `block` networks, which go by number and `seed`."""

    program: Training
    block: int
    n_neurons: int
    seed: int
    seconds: float
    """Of learning, at first."""


def make_chips(D: Floats, drive: TimedArray) -> Chips:
    """Networks that can learn."""
    return lif_chips(D, drive=drive, rule=RULES[0][0], dt=DT)


class Population:
    """Some networks of a bench, by their numbers."""

    def __init__(self, bench: Bench, numbers: Sequence[int]):
        self.bench, self.numbers, n = bench, list(numbers), bench.n_neurons
        last = max(self.numbers) + 1
        self.D = random_decoder(2, n, bench.seed, n_chips=last)[self.numbers]
        self.first = random_weights(last, n, bench.seed)[self.numbers]
        self.training = bench.program.using(lif_blueprint(self.D, rule=RULES[0][0]))

    def noise(self, stream: str, duration: Quantity, start: Quantity = 0 * second) -> Quantity:
        """Input of these networks."""
        return signals.smoothed_noise(
            duration, 2, self.bench.seed, start=start, stream=f"{stream} {self.numbers[0]}"
        )

    def learn(self, state: State, phases: Sequence[tuple[ContinuousRule, float]]) -> State:
        """The state after these phases, which go on from `state`."""
        scale, end = self.bench.seconds / 60, state.n_steps * DT
        for rule, seconds in phases:
            end += steps(seconds * scale * second) * DT
            (state,) = self.training.with_rule(rule).train(
                state, lambda a, n: self.noise("training", n * DT, a * DT), [end]
            )
        return state

    def weights(self, arm: str) -> Floats:
        """Those of an arm, before the loss."""
        if arm == "learned":
            return self.training.weights(self.learn(self.training.rest(self.first), RULES))
        return {
            "optimal": self.training.chips.optimal,
            "uncoupled": balance.uncoupled(self.D),
            "random": self.first,
        }[arm]

    def filtered(self, state: State, c: Quantity, lost: np.ndarray | None) -> tuple[State, Floats]:
        """State and filtered spikes after the input `c`, weights held; `lost` neurons are mute."""
        training = self.training
        if lost is not None:
            training = training.using(values=silenced(training, lost))
        start = replace(state, n_steps=0)
        parts = list(training.advance(start, partial(signals.window, c), len(c), plastic=False))
        i, step = (np.concatenate([getattr(p, name) for p in parts]) for name in ("i", "step"))
        n_chips, _, n = self.D.shape
        tau = training.chips.tau
        r = decoding.filtered_spikes(i, step * DT, n, len(c), tau, DT, n_chips, every=EVERY)
        return parts[-1].state, r

    def signal(self, c: Quantity) -> Floats:
        """The signal of an input, at the times of `filtered`."""
        return signal_of(c, self.training.chips.tau, EVERY)

    def fitted(self, Omega: Floats, lost: np.ndarray | None = None) -> Floats:
        """Least-squares readouts, (n_chips, n_signals, n_neurons)."""
        c = self.noise("fit", FIT)
        _, r = self.filtered(self.training.rest(Omega), c, lost)
        x = self.signal(c)
        return np.stack([decoding.fit_readout(own[SKIP:], x[SKIP:]) for own in r])

    def errors(
        self, Omega: Floats, lost: np.ndarray | None, readouts: Sequence[Floats]
    ) -> tuple[list[Floats], Floats]:
        """Error of each readout after the loss in mid-run, (n_chips,), and rates of survivors."""
        state, _ = self.filtered(self.training.rest(Omega), self.noise("whole", WHOLE), None)
        c = self.noise("test", AFTER)
        _, r = self.filtered(state, c, lost)
        x = self.signal(c)
        errors = [judged(readout, r[:, SKIP:], x[SKIP:]) for readout in readouts]
        alive = np.ones(r.shape[::2]) if lost is None else 1 - lost
        rate = r[:, SKIP:].mean(1).sum(-1) / float(self.training.chips.tau) / alive.sum(-1)
        return errors, rate


def run_block(bench: Bench, shares: Sequence[float], first: int) -> dict[str, Floats]:
    """Errors and rates of a block: ``error_ARM`` and, of learned networks, each of `READOUTS`."""
    chips = Population(bench, range(first, first + bench.block))
    lost = [lost_neurons(chips.numbers, bench.n_neurons, share, bench.seed) for share in shares]
    result: dict[str, Floats] = {}
    for arm in ARMS:
        Omega = chips.weights(arm)
        kept = chips.fitted(Omega)
        outcomes = [chips.errors(Omega, mute, [kept]) for mute in lost]
        result[f"error_{arm}"] = np.stack([errors[0] for errors, _ in outcomes])
        result[f"rate_hz_{arm}"] = np.stack([rate for _, rate in outcomes])
        if arm == "learned":
            rows = [readouts_after(chips, Omega, mute, kept) for mute in lost]
            for name in READOUTS:
                result[name] = np.stack([row[name] for row in rows])
    return result


def readouts_after(
    chips: Population, Omega: Floats, lost: np.ndarray, kept: Floats
) -> dict[str, Floats]:
    """Error of the learned networks with every readout, at once and after more learning."""
    effective = chips.training.effective_decoder(Omega)
    readouts = [kept, chips.D, effective, chips.fitted(Omega, lost)]
    errors, _ = chips.errors(Omega, lost, readouts)
    learning = replace_training(chips, lost)
    again = learning.training.weights(learning.learn(learning.training.rest(Omega), AGAIN))
    more, _ = chips.errors(again, lost, [kept, chips.fitted(again, lost)])
    return dict(zip(READOUTS, [*errors, *more], strict=True))


def replace_training(chips: Population, lost: np.ndarray) -> Population:
    """The same networks, whose `lost` neurons are mute while they learn."""
    other = Population(chips.bench, chips.numbers)
    other.training = chips.training.using(values=silenced(chips.training, lost))
    return other


def example(bench: Bench, share: float) -> dict[str, Floats]:
    """The first network in mid-run: signal, readouts of `optimal` and `uncoupled`, spikes."""
    chips = Population(bench, range(bench.block))
    lost = lost_neurons(chips.numbers, bench.n_neurons, share, bench.seed)
    c = chips.noise("example", 1 * second)
    half = len(c) // 2
    result = {"x": signal_of(c, chips.training.chips.tau, EVERY), "lost": lost[0]}
    for arm in ("optimal", "uncoupled"):
        Omega = chips.weights(arm)
        readout = chips.fitted(Omega)[0]
        state = chips.training.rest(Omega)
        spikes_i, spikes_t = [], []
        for part, mute in ((slice(0, half), None), (slice(half, None), lost)):
            training = chips.training
            if mute is not None:
                training = training.using(values=silenced(training, mute))
            own = c[part]
            (stretch,) = training.advance(
                replace(state, n_steps=0), partial(signals.window, own), len(own),
                plastic=False,
            )  # fmt: skip
            state = stretch.state
            mine = stretch.i < chips.bench.n_neurons
            spikes_i.append(stretch.i[mine])
            spikes_t.append((stretch.step[mine] + part.start) * float(DT))
        i, t = np.concatenate(spikes_i), np.concatenate(spikes_t)
        r = decoding.filtered_spikes(
            i, t * second, chips.bench.n_neurons, len(c), chips.training.chips.tau, DT, every=EVERY
        )[0]
        result |= {f"x_hat_{arm}": r @ readout.T, f"i_{arm}": i, f"t_{arm}": t}
    return result
