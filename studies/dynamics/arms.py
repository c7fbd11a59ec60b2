"""Networks that are taught a system: by theory, before and after, on clean and on unlike chips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, second

from ebn_brian import balance, decoding, seeds, signals
from ebn_brian.checks import Floats
from ebn_brian.chips import V_UNIT, Features, random_decoder, random_weights
from ebn_brian.chips.dynamics import by_signal, dynamics_blueprint, slow_weights
from ebn_brian.mismatch import spread
from ebn_brian.plasticity import ContinuousRule, DiscreteRule
from ebn_brian.rule import Rule
from ebn_brian.training import DT, State, Training, steps

from .response import Response, measures, respond
from .systems import System

KAPPA = 1.2
#: Cost of a spike, added to threshold and reset after the fast weights have learned; chips with
#: mismatch storm where it is small (see docs/theory/dynamics.md).
COST, DEPLOYED_COST = 0.05, 1.5
#: Rule and time of the phases in which fast weights learn.
PHASES: dict[str, tuple[tuple[Rule, float], ...]] = {
    "continuous": tuple(
        (ContinuousRule(eps, kappa=KAPPA, learn_reset=True), 30.0) for eps in (0.05, 0.02, 0.005)
    ),
    "discrete": tuple(
        (DiscreteRule(0.0025, kappa=1.5, dead_zone=h, stride=stride, learn_reset=True), 60.0)
        for stride, h in ((16, 0.25), (4, 0.1), (1, 0.05))
    ),
}
#: Gain of the feedback, and learning rates of slow weights without features.
K, ETAS, DEPLOYED_ETAS, N_FEATURES = 100 * Hz, (5.0, 2.0, 0.5), (2.0, 1.0, 0.5), 100
#: The most of a drive that least squares see.
FITTED = 60 * second
#: Of nonlinear systems also without features: taught, and a least-squares fit.
STAGES = ("before", "after", "linear", "linear_fit", "optimal_slow")
DEPLOYED = ("on_chip", "copied")
MEASURES = ("rmse", "agreement", "rate_hz")


@dataclass(frozen=True)
class Bench:
    """A program for blocks of `block` chips of a system; chips go by number and `seed`."""

    program: Training
    system: System
    rule: str
    block: int
    n_neurons: int
    seed: int
    seconds: float
    """Of slow learning."""
    shorter: float = 1.0
    """Factor of the times in which fast weights learn."""
    linear: Training | None = None
    """The same without features, of nonlinear systems."""


def decoders(system: System, n_neurons: int, seed: int, numbers: Sequence[int]) -> Floats:
    """Random ones; of one signal, half of each sign, of lengths from .9 to 1.1."""
    if system.n_signals > 1:
        last = max(numbers) + 1
        return random_decoder(system.n_signals, n_neurons, seed, n_chips=last)[list(numbers)]
    streams = [seeds.generator(seed, "decoder", number) for number in numbers]
    signs = np.where(np.arange(n_neurons) % 2, -1.0, 1.0)
    return np.stack([(signs * rng.uniform(0.9, 1.1, n_neurons))[None] for rng in streams])


def features_of(system: System, D: Floats, seed: int, numbers: Sequence[int]) -> Features | None:
    """Features ``tanh(Q x_hat + theta)`` of a nonlinear system, with ``M = Q D``."""
    if system.group == "neurons" or system.nonlinear is None:
        return None
    gain, spread = system.nonlinear.gain, system.nonlinear.spread
    streams = [seeds.generator(seed, "features", number) for number in numbers]
    Q = np.stack([rng.normal(0, gain, (N_FEATURES, system.n_signals)) for rng in streams])
    theta = np.stack([rng.uniform(-spread, spread, N_FEATURES) for rng in streams])
    return Features(Q * system.resolution @ D, theta)


class Population:
    """Some chips of a bench, by their numbers, clean or with mismatch of `cv`.

    A spike costs `cost`. With an `own_teacher` slow weights reach a neuron as its signals do;
    without one they are those of a clean chip.
    """

    def __init__(
        self,
        bench: Bench,
        numbers: Sequence[int],
        cost: float,
        cv: float = 0.0,
        own_teacher: bool = True,
    ):
        self.bench, self.numbers, self.cost, self.cv = bench, list(numbers), cost, cv
        self.own_teacher = own_teacher
        system, n = bench.system, bench.n_neurons
        self.D = decoders(system, n, bench.seed, self.numbers)
        self.features = features_of(system, self.D, bench.seed, self.numbers)
        chips = dynamics_blueprint(
            self.D, taught=True, features=self.features, rule=bench.program.chips.rule,
            tau_m=system.tau_m,
        )  # fmt: skip
        self.ideal = bench.program.using(chips)
        self.fast = self.ideal.using(values=self.devices({}))

    def devices(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Run-time values, with `own` in place of nominal ones, all spread by the CV."""
        values = {**self.ideal.chips.values(), **own}
        if not self.cv:
            return values
        signals_ = range(self.D.shape[1])
        names = ["neurons.tau_m", "neurons.v_th", "recurrent.gain"]
        names += [f"neurons.F_{j}" for j in signals_]
        if self.bench.system.group == "neurons":
            names += ["neurons.tau_slow", "slow.gain"]
        cvs = dict.fromkeys(names, self.cv)
        made = spread(values, cvs, seed=self.bench.seed, chips=self.numbers)
        received = {f"neurons.B_{j}": made[f"neurons.F_{j}"] for j in signals_}
        return made | received if self.own_teacher else made

    def learned_fast(self) -> tuple[Floats, Floats]:
        """Fast weights learned from random ones, and the decoder that the network then has."""
        system, seed, n = self.bench.system, self.bench.seed, self.bench.n_neurons
        if system.n_signals == 1:  # on a line: theory's weights
            return self.costly(self.ideal.chips.optimal)
        first = random_weights(max(self.numbers) + 1, n, seed)[self.numbers]
        first[:, range(n), range(n)] = -1
        rule = self.ideal.chips.rule

        def noise(start: int, n_steps: int) -> Quantity:
            c = signals.smoothed_noise(
                n_steps * DT, system.n_signals, seed, std=400 * Hz, start=start * DT,
                stream=f"fast {self.numbers[0]}",
            )  # fmt: skip
            return np.hstack([c, c]) * Hz

        phases = [
            (phase, seconds * self.bench.shorter * second)
            for phase, seconds in PHASES[self.bench.rule]
        ]
        Omega = self.fast.weights(self.fast.in_phases(rule.rounded(first), noise, phases))
        return self.costly(Omega)

    def costly(self, Omega: Floats) -> tuple[Floats, Floats]:
        """Fast weights with the cost of a spike, and what the network then codes for."""
        Omega, values = Omega - self.cost * np.eye(self.bench.n_neurons), self.fast.values
        acting, F = self.ideal.chips.acting(Omega, values), self.ideal.chips.feedforward(values)
        return Omega, decoding.effective_decoder(acting, F)

    def ready(self, readout: Floats) -> dict[str, Any]:
        """Run-time values once fast weights are there: readout, and thresholds with the cost."""
        nominal = np.ravel(balance.threshold(self.D, KAPPA) + self.cost / 2) * V_UNIT
        values = self.devices({"neurons.v_th": nominal})
        return {**values, **by_signal("neurons.D", readout)}

    def start(self, training: Training, Omega: Floats, m: Floats | None = None) -> State:
        """Networks at rest with these weights; `m` is (n_chips, n_signals, n_sources)."""
        state = training.rest(Omega)
        if m is None:
            return state
        own = by_signal(f"{self.bench.system.group}.m", m)
        return replace(state, variables={**state.variables, **own})

    def taught(self, Omega: Floats, readout: Floats, c: Quantity) -> Floats:
        """Slow weights m after learning from the drive `c`, (n_chips, n_signals, n_sources)."""
        system, group = self.bench.system, self.bench.system.group
        gain = K
        etas: tuple[float, ...] = ETAS if self.cost == COST else DEPLOYED_ETAS
        if group == "features" and system.nonlinear is not None:
            gain, etas = system.nonlinear.K, system.nonlinear.etas
        elif system.nonlinear is not None:
            etas = system.nonlinear.linear_etas
        state, values = self.start(self.fast, Omega), self.ready(readout)
        for k, eta in enumerate(etas, 1):
            learning = {"neurons.K": gain, f"{group}.eta": eta * Hz**2}
            training = self.fast.using(values={**values, **learning})
            end = len(c) * k // len(etas)
            *_, last = training.advance(
                state, partial(signals.window, c), end - state.n_steps, plastic=False
            )
            state = last.state
        held = [state.variables[f"{group}.m_{j}"] for j in range(system.n_signals)]
        return np.stack(held).reshape(system.n_signals, len(self.numbers), -1).swapaxes(0, 1)

    def by_theory(self, c: Quantity) -> Floats:
        """Slow weights m by theory, or for features and recordings by a fit to the drive `c`."""
        system = self.bench.system
        if system.A is not None:
            return np.asarray(slow_weights(self.D, system.A * Hz, system.tau_m))
        c = np.asarray(c[: steps(FITTED)])
        own = c[:, system.n_signals :]
        x = decoding.leaky_integral(own, system.tau_m, DT)
        inner = (own - c[:, : system.n_signals])[1::50]
        x = x[:-1:50]
        if self.features is None:
            return np.linalg.lstsq(x, inner)[0].T @ self.D
        Q = self.features.M @ np.linalg.pinv(self.D)
        return np.stack(
            [fit(q, theta, x, inner) for q, theta in zip(Q, self.features.theta, strict=True)]
        )

    def response(self, Omega: Floats, readout: Floats, m: Floats | None) -> Response:
        """To the test, with these weights and without a teacher."""
        training = self.fast.using(values=self.ready(readout))
        state, stream = self.start(training, Omega, m), f"test {self.numbers[0]}"
        return respond(training, state, self.bench.system, self.bench.seed, stream, readout)


def run_block(bench: Bench, cvs: Sequence[float], first: int) -> dict[str, Floats]:
    """Measures of a block of networks, and the traces of its first one.

    ``MEASURE_ARM`` (n_chips,); `cvs`, if any, begin with 0, whose weights are the copied ones.
    """
    numbers = range(first, first + bench.block)
    duration = bench.seconds * second
    c = bench.system.drive(duration, bench.seed, f"training {first}", duration)
    clean, theory = Population(bench, numbers, COST), Population(bench, numbers, 0.0)
    Omega, readout = clean.learned_fast()
    optimal = (theory.ideal.chips.optimal, theory.D, theory.by_theory(c))
    runs = {
        "before": clean.response(Omega, readout, None),
        "after": clean.response(Omega, readout, clean.taught(Omega, readout, c)),
        "optimal_slow": theory.response(*optimal),
    }
    if bench.linear is not None:
        system = replace(bench.system, linear_weights=True)
        chips = Population(replace(bench, program=bench.linear, system=system), numbers, COST)
        runs["linear"] = chips.response(Omega, readout, chips.taught(Omega, readout, c))
        runs["linear_fit"] = chips.response(Omega, readout, chips.by_theory(c))
    copied = None
    for cv in cvs:
        chips = Population(bench, numbers, DEPLOYED_COST, cv)
        Omega, readout = chips.learned_fast()
        own = Omega, readout, chips.taught(Omega, readout, c)
        copied = own if copied is None else copied  # the first CV is 0
        runs[f"on_chip_{cv:g}"] = chips.response(*own)
        if own is copied:  # without mismatch
            runs[f"copied_{cv:g}"] = runs[f"on_chip_{cv:g}"]
            continue
        same = Population(bench, numbers, DEPLOYED_COST, cv, own_teacher=False)
        runs[f"copied_{cv:g}"] = same.response(*copied)
    result: dict[str, np.ndarray] = {}
    for arm, response in runs.items():
        for name, value in measures(response, bench.system).items():
            result[f"{name}_{arm}"] = value
        result[f"x_hat_{arm}"] = response.x_hat[0, ::10].astype(np.float32)
    mine = runs["after"].i < bench.n_neurons
    result["x"] = runs["after"].x[::10].astype(np.float32)
    result["spike_neuron"] = runs["after"].i[mine]
    result["spike_time"] = runs["after"].step[mine] * float(DT)
    return result


def fit(Q: Floats, theta: Floats, x: Floats, inner: Floats) -> Floats:
    """Weights of features for which their sum is `inner` at the signal `x`, by ridge regression."""
    psi = np.tanh(x @ Q.T + theta)
    ridge = 1e-4 * len(x) * np.eye(len(theta))
    return np.linalg.solve(psi.T @ psi + ridge, psi.T @ inner).T
