"""Train and evaluate chips: one program, built once, for any chips and any rule.

::

    training = Training(lambda drive: lif_chips(D, drive=drive, rule=DiscreteRule.calm()), 2)
    state = training.rest(initial)                          # weights, and neurons at rest
    for state in training.train(state, noise_drive(2, seed=1), [10, 30] * second):
        print(training.evaluate(training.weights(state), c).measures["distance"])

Decoders, rule and mismatch are run-time values of the program: see `Training.using`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Network, Quantity, SpikeMonitor, TimedArray, second
from numpy.typing import ArrayLike
from tqdm import tqdm

from . import checks, decoding, devices
from .checks import Floats, Integers
from .chips import Blueprint, Chips
from .evaluation import DT, Evaluation
from .plasticity import ContinuousRule, DiscreteRule
from .rule import Rule
from .signals import Drive

__all__ = [
    "COARSE_TO_FINE",
    "DT",
    "LARGE_TO_SMALL",
    "WINDOW",
    "Evaluation",
    "State",
    "Stretch",
    "Training",
    "steps",
]

#: Learning that begins coarse and ends fine: a counter of about 10 bits, moved by 16, 4, 1.
COARSE_TO_FINE = tuple(
    (DiscreteRule(0.005, kappa=2.5, dead_zone=zone, stride=stride), 10 * second)
    for stride, zone in ((16, 0.25), (4, 0.15), (1, 0.1))
)
#: The same for real weights, whose share of the way falls.
LARGE_TO_SMALL = tuple((ContinuousRule(eps, kappa=2.5), 20 * second) for eps in (0.03, 0.01, 0.003))
#: Longest stretch that one run of a program simulates; longer ones are several runs.
WINDOW = 10 * second


def steps(duration: Quantity) -> int:
    """Number of time steps in `duration`."""
    return round(float(duration / DT))


@dataclass(frozen=True)
class State:
    """What chips carry from one run to the next, and what it took to come here."""

    w: Floats
    """What synapses store."""
    variables: Mapping[str, Any]
    """States of the neurons by full name."""
    n_steps: int = 0
    """Time steps of training so far."""
    cpu_seconds: float = 0.0
    """CPU time of the runs so far."""


@dataclass(frozen=True)
class Stretch:
    """One run of the program: the state after it, and its spikes."""

    state: State
    i: Integers
    step: Integers
    """Time steps of the spikes, counted from the first step of training."""


def _check_alike(built: Blueprint, chips: Blueprint) -> None:
    """ValueError unless a program built for some chips can run the others."""
    kinds = [
        (
            f"D {c.D.shape}, {c.layout}, a rule that learns {c.rule.modifies} weights",
            {*c.rest, *c.values()},
        )
        for c in (built, chips)
    ]
    (shape, names), (other_shape, other_names) = kinds
    if shape != other_shape or names != other_names:
        unlike = ", ".join(sorted(names ^ other_names)) or "the same variables"
        raise ValueError(
            f"chips: the program was built for {shape}, and is given {other_shape}; "
            f"one of them alone has: {unlike}"
        )


class Training:
    """Chips, built once for a target, to be trained and evaluated.

    It can be pickled and used by several processes at once; one that is given a `directory` for the
    program outlives the process that made it.

    Parameters
    ----------
    make_chips
        Makes the chips for a drive, a `TimedArray` called ``drive``; their time step must be `DT`.
        What it sets of their groups afterwards, mismatch say, holds until `using` gives others.
    n_signals
        Number of columns of the drive.
    device, directory, threads
        As in `devices.build`.
    timeout
        A run that takes longer is an error.
    """

    def __init__(
        self,
        make_chips: Callable[[TimedArray], Chips],
        n_signals: int,
        *,
        device: str = "cpp_fused",
        directory: Path | None = None,
        threads: int = 1,
        timeout: Quantity | None = None,
    ):
        self.n_signals = checks.count("n_signals", n_signals)
        self.nominal: Mapping[str, Any] = {}
        self.given: Mapping[str, Any] = {}
        self.timeout = timeout

        def make_network() -> Network:
            silent = np.zeros((steps(WINDOW), self.n_signals)) * Hz
            chips = make_chips(TimedArray(silent, DT, name="drive"))
            if chips.neurons.clock.dt != DT:
                raise ValueError(f"dt={chips.neurons.clock.dt} of the chips: must be {DT}")
            self.chips: Blueprint = chips.blueprint()
            if "F_0" in chips.rest:
                raise ValueError("chips learn F: a Training evaluates with F as it was built")
            spikes = SpikeMonitor(chips.neurons, name=chips.called("spikes"))
            return Network(chips.objects, spikes)

        self.program = devices.build(make_network, device, directory, threads=threads)

    def using(
        self, chips: Blueprint | None = None, values: Mapping[str, Any] | None = None
    ) -> "Training":
        """The same program for other chips of the same shape, and other `values`.

        `values`, by full name, win over the nominal ones of the chips: those of `mismatch.spread`,
        say.
        """
        other = copy(self)
        if chips is not None:
            _check_alike(self.chips, chips)
            other.chips, other.nominal, other.given = chips, chips.values(), {}
        if values is not None:
            other.given = values
        return other

    def with_rule(self, rule: Rule) -> "Training":
        """The same chips, mismatch and all, with other parameters of their rule.

        Raises
        ------
        ValueError
            If weights of the other rule have another grid.
        """
        chips = self.chips.with_rule(rule)
        own = {chips.called(f"recurrent.{key}"): v for key, v in rule.values(chips.unit).items()}
        other = copy(self)
        other.chips, other.given = chips, {**self.given, **own}
        return other

    @property
    def values(self) -> dict[str, Any]:
        """Run-time values by full name; all others are as the chips were built."""
        return {**self.nominal, **self.given}

    def rest(self, Omega: ArrayLike) -> State:
        """Chips at rest with weights `Omega`, (n_chips, n_neurons, n_neurons) or one for all."""
        return State(self.chips.encode(Omega), self.chips.at_rest())

    def weights(self, state: State) -> Floats:
        """Weights of `state`, (n_chips, n_neurons, n_neurons), in units of ``|D|**2``."""
        return self.chips.weights(state.w)

    def advance(
        self, state: State, drive: Drive, n_steps: int, *, plastic: bool = True
    ) -> Iterator[Stretch]:
        """Simulate `n_steps` from `state` on, at most `WINDOW` at a time.

        Pulses of DPI chips that are under way at the end of a run end with it.
        """
        called, end = self.chips.called, state.n_steps + n_steps
        w, i, t = called("recurrent.w"), called("spikes.i"), called("spikes.t")
        while state.n_steps < end:
            first, length = state.n_steps, min(steps(WINDOW), end - state.n_steps)
            c = np.zeros((steps(WINDOW), self.n_signals))
            c[:length] = self._window(drive, first, length)
            run = self.program.run(
                {
                    **self.values,
                    "drive.values": c,
                    called("recurrent.plastic"): float(plastic),
                    w: state.w,
                    **state.variables,
                },
                duration=length * DT,
                read=[w, i, t, *self.chips.states],
                timeout=self.timeout,
            )
            variables = {name: run[name] for name in self.chips.states}
            spent = state.cpu_seconds + run.cpu_seconds
            state = State(run[w], variables, first + length, spent)
            step = first + np.rint(run[t] / float(DT)).astype(np.int64)
            yield Stretch(state, run[i], step)

    def _window(self, drive: Drive, first: int, length: int) -> Floats:
        c = checks.signal("drive", drive(first, length), Hz)
        if c.shape != (length, self.n_signals):
            raise ValueError(f"drive has shape {c.shape}: must be ({length}, {self.n_signals})")
        return c

    def train(
        self,
        state: State,
        drive: Drive,
        until: Quantity | Sequence[Quantity],
        *,
        progress: bool | None = False,
    ) -> Iterator[State]:
        """Let the chips learn; gives the state at each of the times `until`, which rise.

        Times count from the beginning of the training. Each is the end of a run, so pulses of DPI
        chips under way end there. With `progress` a bar is shown (None: if somebody sits there).
        """
        times = np.atleast_1d(Quantity(until))
        ends = [steps(checks.seconds("until", time, zero=True) * second) for time in times]
        if not ends or ends != sorted(ends) or ends[0] < state.n_steps:
            raise ValueError(f"until={until}: must be times that rise from {state.n_steps * DT} on")
        if state.n_steps == 0:
            self.chips.rule.checked(self.weights(state))
        hidden = None if progress is None else not progress
        begin, dt = state.n_steps, float(DT)
        with tqdm(total=(ends[-1] - begin) * dt, unit="s", desc="training", disable=hidden) as bar:
            for end in ends:
                for stretch in self.advance(state, drive, end - state.n_steps):
                    bar.update((stretch.state.n_steps - state.n_steps) * dt)
                    state = stretch.state
                yield state

    def trained(
        self, Omega: ArrayLike, drive: Drive, duration: Quantity, *, progress: bool | None = False
    ) -> State:
        """The state after training for `duration`, from rest and weights `Omega`."""
        (state,) = self.train(self.rest(Omega), drive, [duration], progress=progress)
        return state

    def in_phases(
        self, Omega: ArrayLike, drive: Drive, phases: Sequence[tuple[Rule, Quantity]]
    ) -> State:
        """The state after training from rest and weights `Omega`, with a rule and a time a phase.

        See `COARSE_TO_FINE`.
        """
        state, end = self.rest(Omega), 0 * second
        for rule, duration in phases:
            end += duration
            (state,) = self.with_rule(rule).train(state, drive, [end])
        return state

    def evaluate(self, Omega: ArrayLike, c: Quantity) -> Evaluation:
        """Response of chips with fixed weights `Omega`, from rest, to the drive `c`."""
        checks.signal("c", c, Hz)
        parts = list(
            self.advance(self.rest(Omega), lambda a, n: c[a : a + n], len(c), plastic=False)
        )
        i, step = (np.concatenate([getattr(p, name) for p in parts]) for name in ("i", "step"))
        Omega = np.broadcast_to(np.asarray(Omega, float), self.chips.optimal.shape)
        return Evaluation(self.chips, Omega, self.effective_decoder(Omega), c, i, step)

    def effective_decoder(self, Omega: ArrayLike) -> Floats:
        """What chips with weights `Omega` code for, (n_chips, n_signals, n_neurons).

        With the gains and feed-forward weights of `values`, else nominal ones (see
        `decoding.effective_decoder`).
        """
        F = self.chips.feedforward(self.values)
        return decoding.effective_decoder(self.chips.acting(Omega, self.values), F)
