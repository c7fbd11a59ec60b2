"""Train and evaluate chips: the procedure that the studies of learning share."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from brian2 import Hz, Network, Quantity, SpikeMonitor, TimedArray, ms, second

from ebn_brian import balance, decoding, devices, signals
from ebn_brian.network import TAU_M, V_UNIT, lif_chips, to_matrix, to_synapses
from ebn_brian.plasticity import DiscreteRule

DT = 0.1 * ms
#: Longest stretch that one run of a program simulates; longer ones are several runs.
WINDOW = 10 * second

#: ``drive(start, n_steps)`` returns that part of the input, (n_steps, n_signals).
Drive = Callable[[int, int], Quantity]


def noise(n_signals: int, seed: int) -> Drive:
    """Smoothed noise without end, made as it is asked for."""
    return lambda start, n_steps: signals.smoothed_noise(
        n_steps * DT, n_signals, seed, dt=DT, start=start * DT
    )


def repeated(recording: Quantity) -> Drive:
    """A recording, over and over."""
    return lambda start, n_steps: signals.window(recording, start, n_steps)


def steps(duration: Quantity) -> int:
    """Number of time steps in `duration`."""
    return round(float(duration / DT))


@dataclass(frozen=True)
class State:
    """What a chip carries from one run to the next: weights and potentials."""

    w: np.ndarray
    potentials: dict[str, np.ndarray]


@dataclass(frozen=True)
class Stretch:
    """One run of the program: the state after it, its length, and its spikes."""

    state: State
    n_steps: int
    i: np.ndarray
    step: np.ndarray  # counted from the start of `Simulation.advance`


class Simulation:
    """Chips with decoders `D` (n_chips, n_signals, n_neurons), built once for a target.

    Decoders, rule and mismatch are run-time values of the program: see `using`. A simulation can be
    pickled and used by several processes at once; one that is given a `directory` for the program
    outlives the process that made it. A run that takes longer than `timeout` is an error.
    """

    def __init__(
        self,
        D: np.ndarray,
        rule: DiscreteRule,
        *,
        synapse: str = "delta",
        reset: str = "absolute",
        device: str = "cpp_fused",
        directory: Path | None = None,
        timeout: Quantity | None = None,
    ):
        self.D, self.rule, self.values = D, rule, dict[str, np.ndarray]()
        self.n_chips, self.n_signals, self.n_neurons = D.shape
        self.optimal = balance.optimal_weights(D)
        self.potentials = ["neurons.v"] + ["neurons.v_fast"] * (synapse == "exponential")
        self.cpu_seconds = 0.0
        """CPU time of all runs so far."""

        def make_network() -> Network:
            drive = TimedArray(np.zeros((steps(WINDOW), self.n_signals)) * Hz, DT, name="drive")
            silent = np.zeros((self.n_neurons, self.n_neurons))
            chips = lif_chips(D, silent, drive, rule=rule, synapse=synapse, reset=reset)
            chips.neurons.clock.dt = DT
            return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

        self.program = devices.build(make_network, device, directory)
        self.timeout = timeout

    def using(
        self,
        D: np.ndarray | None = None,
        rule: DiscreteRule | None = None,
        values: dict[str, np.ndarray] | None = None,
    ) -> "Simulation":
        """The same program for other decoders of the same shape, another rule, or other `values`.

        Values are variables of neurons and synapses, ``group.variable`` in base units, and win
        over what follows from the others. Thresholds stay those of the kappa that the program was
        built with.
        """
        other = copy(self)
        other.values = self.values if values is None else values
        other.rule = rule or self.rule
        if D is not None:
            other.D, other.optimal = D, balance.optimal_weights(D)
        return other

    def _parameters(self, plastic: bool) -> dict[str, np.ndarray]:
        rule = self.rule.parameters | {"plastic": plastic}
        values = {f"recurrent.{name}": np.asarray(float(value)) for name, value in rule.items()}
        F = self.D * float(V_UNIT)
        values |= {f"neurons.F_{j}": F[:, j].ravel() for j in range(self.n_signals)}
        return values | self.values

    def rest(self, Omega: np.ndarray) -> State:
        """Chips at rest with weights `Omega` (n_chips, n_neurons, n_neurons)."""
        Omega = np.broadcast_to(Omega, self.optimal.shape)
        w = to_synapses(Omega) * float(V_UNIT / self.rule.step)
        whole = np.rint(w)  # counters are whole, but for rounding; optimal weights are not
        w = np.where(np.abs(w - whole) < 1e-9, whole, w)
        return State(w, dict.fromkeys(self.potentials, np.zeros(self.n_chips * self.n_neurons)))

    def weights(self, state: State) -> np.ndarray:
        """Weights of `state`, (n_chips, n_neurons, n_neurons), in units of ``|D|**2``."""
        return to_matrix(state.w * float(self.rule.step / V_UNIT), self.n_neurons)

    def advance(
        self, state: State, drive: Drive, start: int, n_steps: int, *, plastic: bool
    ) -> Iterator["Stretch"]:
        """Simulate steps `start` to `start + n_steps`, at most `WINDOW` at a time."""
        longest = steps(WINDOW)
        for first in range(0, n_steps, longest):
            length = min(longest, n_steps - first)
            c = np.zeros((longest, self.n_signals))
            c[:length] = np.asarray(drive(start + first, length))
            run = self.program.run(
                {
                    "drive.values": c,
                    **self._parameters(plastic),
                    "recurrent.w": state.w,
                    **state.potentials,
                },
                duration=length * DT,
                read=["recurrent.w", "spikes.i", "spikes.t", *self.potentials],
                timeout=self.timeout,
            )
            self.cpu_seconds += run.cpu_seconds
            state = State(run["recurrent.w"], {name: run[name] for name in self.potentials})
            step = first + np.rint(run["spikes.t"] / float(DT)).astype(np.int64)
            yield Stretch(state, length, run["spikes.i"], step)

    def evaluate(self, Omega: np.ndarray, c: Quantity) -> "Evaluation":
        """Response of chips with fixed weights `Omega`, from rest, to the drive `c`."""
        state = self.rest(Omega)
        parts = list(self.advance(state, lambda a, n: c[a : a + n], 0, len(c), plastic=False))
        i, step = (np.concatenate([getattr(p, name) for p in parts]) for name in ("i", "step"))
        return Evaluation(self, np.broadcast_to(Omega, self.optimal.shape), c, i, step)


@dataclass(frozen=True)
class Evaluation:
    """Spikes of chips with fixed weights, and the measures of their code (see the README)."""

    simulation: Simulation
    Omega: np.ndarray
    c: Quantity
    i: np.ndarray
    step: np.ndarray

    @cached_property
    def measures(self) -> dict[str, np.ndarray]:
        """Distance and correlation to the optimum, error and rate, (n_chips,) each."""
        s = self.simulation
        return {
            "distance": balance.distance(self.Omega, s.optimal),
            "correlation": balance.correlation(self.Omega, s.optimal),
            "error": decoding.error(*self.signals(), DT),
            "rate_hz": decoding.rate_hz(self.i, s.n_neurons, len(self.c) * DT, s.n_chips),
        }

    @cached_property
    def paper_error(self) -> np.ndarray:
        """The paper's own measure, (n_chips,)."""
        s, t = self.simulation, self.step * DT
        return decoding.paper_error(self.i, t, s.D, self.c, DT, n_chips=s.n_chips)

    def signals(self) -> tuple[np.ndarray, np.ndarray]:
        """``x`` (n_steps, n_signals) and ``x_hat`` (n_chips, n_steps, n_signals)."""
        s = self.simulation
        x = decoding.leaky_integral(self.c, TAU_M, DT)
        return x, decoding.decode(
            self.i, self.step * DT, s.D, len(self.c), TAU_M, DT, n_chips=s.n_chips
        )

    def spikes_per_step_max(self) -> int:
        """The most spikes of one chip in one time step."""
        return decoding.spikes_per_step_max(self.i, self.step * DT, self.simulation.n_neurons, DT)
