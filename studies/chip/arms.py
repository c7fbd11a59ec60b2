"""Whole chips of DPI neurons, and the ways to give them thresholds and weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from brian2 import Quantity, nA, second

from ebn_brian import balance, decoding, homeostasis
from ebn_brian.checks import Floats
from ebn_brian.chips import Blueprint, dpi_blueprint, even_decoder, random_decoder
from ebn_brian.dpi_model import Circuit, experiment_2, whole_chip
from ebn_brian.mismatch import spread
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.seeds import generator
from ebn_brian.signals import Drive
from ebn_brian.training import DT, Training

from ..lab.response import design_rate, filtered, judged, signal_of
from ..mismatch.measures import cost

#: Weights that a chip may have; each also after its neurons have set their thresholds.
WEIGHTS = (
    "learned",  # learned on the chip, from random counters
    "transfer",  # learned on the chip without mismatch, and copied
    "scaled",  # -D^T D times the factor that serves the chip best
    "random",
    "uncoupled",  # its autapses alone
)
#: Arms on calibrated thresholds, and where their weights come from.
HOMEOSTATIC = {
    "homeostatic": "learned",
    **{f"homeostatic_{name}": name for name in WEIGHTS[1:]},
}
ARMS = (
    "clean",  # the same chip without mismatch, learned
    *WEIGHTS,
    *HOMEOSTATIC,
)
#: Every current of a neuron that a bias sets; DACs differ synapse by synapse, with their copies.
SPREAD = (
    *(f"neurons.{name}" for name in ("tau", "I_th", "I_dc", "I_spk", "I_ref")),
    *(f"neurons.{name}" for name in ("tau_e", "tau_i", "gain_e", "gain_i")),
    "recurrent.gain",
)
SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
#: Steps of the thresholds, in units of ``|D|**2``, and their times.
PHASES = ((0.02, 10 * second), (0.002, 50 * second))
EVERY = 10
#: Terms of the fitted circuit that chips may have too, and the parameters that bring them.
TERMS = {
    "I_s": ("I_s_in", "I_s_mem", "I_s_e"),
    "slope": ("slope", "slope_e", "slope_i"),
    "leak": ("leak",),
    "eps": ("eps",),
}
#: Resting current of the membrane.
I_REST = 1.2 * nA
MEASURES = ("rate_hz", "error_effective", "error_refit", "error_decoder", "correlation")


@dataclass(frozen=True)
class Input:
    """What chips learn from, what readouts are fitted to, and what all is measured on."""

    training: Drive
    fit: Quantity
    test: Quantity


@dataclass(frozen=True)
class Bench:
    """A program for blocks of `block` chips; chips go by number and `seed`."""

    program: Training
    block: int
    n_neurons: int
    seed: int
    seconds: float
    input: Input
    circuit: Circuit


def circuit(terms: Sequence[str] = ()) -> Circuit:
    """`whole_chip` with its rest raised: neurons that are inhibited have further to fall to zero.

    Where their currents vanish they forget by how much the others have outdone them. `terms` of the
    circuit that is fitted to the published recordings, of `TERMS`, come with its values.
    """
    chip, fitted = whole_chip(), experiment_2().values()
    chip = replace(chip, I_dc=I_REST + chip.I_th, I_ref=I_REST, I_leak=I_REST)
    return chip.with_values(**{name: fitted[name] for term in terms for name in TERMS[term]})


def rule_of(bits: int) -> DiscreteRule:
    """The rule of a whole chip with counters of so many bits: the rail is 31/25 of ``|D|**2``."""
    rule = whole_chip().rule()
    rail = 2 ** (bits - 1) - 1
    return replace(rule, step=1 / round(rail * 25 / 31), n_bits=bits)


class Population:
    """Some chips of a bench, by their numbers."""

    def __init__(self, bench: Bench, numbers: Sequence[int]):
        self.bench, self.numbers = bench, list(numbers)
        self.rule = bench.program.chips.rule
        n_signals = bench.program.n_signals
        last = max(self.numbers) + 1
        self.D = random_decoder(n_signals, bench.n_neurons, bench.seed, n_chips=last)[self.numbers]
        chips = dpi_blueprint(self.D, rule=self.rule, circuit=bench.circuit, homeostatic=True)
        self.ideal = bench.program.using(chips)
        self.first = np.stack([self._first(number) for number in self.numbers])

    def _first(self, number: int) -> Floats:
        """Random counters; autapses reset an ideal neuron."""
        n, rail = self.bench.n_neurons, int(self.rule.w_max)
        counters = generator(self.bench.seed, "counters", number).integers(-rail, rail + 1, (n, n))
        np.fill_diagonal(counters, -round(1 / self.rule.lsb))
        return self.rule.decode(counters)

    def with_mismatch(self, cv: float) -> Training:
        """The chips as they are made."""
        values = self.ideal.chips.values()
        names = [*SPREAD, *(f"neurons.F_{j}" for j in range(self.D.shape[1]))]
        cvs = dict.fromkeys(names, cv)
        return self.ideal.using(
            values=spread(values, cvs, seed=self.bench.seed, chips=self.numbers)
        )

    def calibrated(self, training: Training) -> Training:
        """Comparators zeroed on the neurons' own currents, and thresholds at the design's rate."""
        ready = homeostasis.zeroed(training)
        return homeostasis.calibrated(ready, self.bench.input.training, self.design_rate(), PHASES)

    def design_rate(self) -> Quantity:
        """Rate at which thresholds of all chips come to rest."""
        n_signals, n, seed = self.D.shape[1], self.bench.n_neurons, self.bench.seed
        D = even_decoder(2, n, seed) if n_signals == 2 else random_decoder(n_signals, n, seed)

        def chips_of(D: Floats) -> Blueprint:
            return dpi_blueprint(D, rule=self.rule, circuit=self.bench.circuit, homeostatic=True)

        return design_rate(self.bench.program, chips_of, D, self.bench.input.training)

    def learned(self, training: Training) -> Floats:
        """Weights after training from random counters."""
        duration = self.bench.seconds * second
        return training.weights(training.trained(self.first, self.bench.input.training, duration))

    def scaled(self, training: Training) -> Floats:
        """``-D^T D`` of each chip at the scale of least cost where the readout is fitted."""
        optimal, diagonal = training.chips.optimal, np.eye(self.bench.n_neurons, dtype=bool)
        weights = [
            self.rule.nearest(np.where(diagonal, optimal, scale * optimal)) for scale in SCALES
        ]
        costs = []
        for Omega in weights:
            rate, r, x = response(training, Omega, self.bench.input.fit)
            costs.append(cost(rate, [fitted_error(own, x, own, x) for own in r]))
        return np.choose(np.argmin(costs, axis=0)[:, None, None], weights)

    def measures(self, training: Training, Omega: Floats) -> dict[str, Floats]:
        """`MEASURES` of chips with fixed weights, (n_chips,) each."""
        _, r_fit, x_fit = response(training, Omega, self.bench.input.fit)
        rate, r, x = response(training, Omega, self.bench.input.test)
        counted = slice(COUNT - 1, None, COUNT)
        D = decoding.learn_decoder(r_fit[:, counted], x_fit[counted], self.D)
        D_eff = training.effective_decoder(Omega)
        return {
            "rate_hz": rate,
            "error_effective": judged(D_eff, r, x),
            "error_refit": np.array(
                [fitted_error(a, x_fit, b, x) for a, b in zip(r_fit, r, strict=True)]
            ),
            "error_decoder": judged(D, r, x),
            "correlation": balance.correlation(Omega, training.chips.optimal),
        }


#: Samples between two moves of the readout's counters: 10 ms.
COUNT = 10


def response(training: Training, Omega: Floats, c: Quantity) -> tuple[Floats, Floats, Floats]:
    """Rate (n_chips,), filtered spikes (n_chips, n, n_neurons) and signal, from rest."""
    spikes, layout = training.evaluate(Omega, c), training.chips.layout
    rate = decoding.rate_hz(spikes.i, layout.n_neurons, len(c) * DT, layout.n_chips)
    r, x = filtered(spikes, EVERY), signal_of(c, training.chips.tau, EVERY)
    return rate, r, x[: r.shape[1]]


def fitted_error(r_fit: Floats, x_fit: Floats, r: Floats, x: Floats) -> float:
    """Of a readout that is fitted on one part and judged on the other."""
    start = 100  # 0.1 s
    readout = decoding.fit_readout(r_fit[start:], x_fit[start:])
    return float(decoding.variance_ratio(x[start:], r[start:] @ readout.T))


def run_block(bench: Bench, cv: float, first: int, *arms: str) -> dict[str, Floats]:
    """`MEASURES` of these arms of a block of chips, (n_arms, n_chips) each; `ARMS` has them all."""
    chips = Population(bench, range(first, first + bench.block))
    transfer = chips.learned(chips.ideal)
    weights_of: dict[str, Callable[[Training], Floats]] = {
        "learned": chips.learned,
        "transfer": lambda _: transfer,
        "scaled": chips.scaled,
        "random": lambda _: chips.first,
        "uncoupled": lambda _: chips.rule.rounded(balance.uncoupled(chips.D)),
    }
    results = {"clean": chips.measures(chips.ideal, transfer)}
    made = chips.with_mismatch(cv)
    ready = chips.calibrated(made) if HOMEOSTATIC.keys() & set(arms) else made
    for arm in set(arms) - {"clean"}:
        training, name = (ready, HOMEOSTATIC[arm]) if arm in HOMEOSTATIC else (made, arm)
        results[arm] = chips.measures(training, weights_of[name](training))
    return {name: np.stack([results[arm][name] for arm in arms]) for name in MEASURES}
