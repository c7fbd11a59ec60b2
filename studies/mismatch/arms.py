"""Chips with mismatch, and the ways to give them thresholds and weights."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from brian2 import Quantity, second

from ebn_brian import balance, homeostasis, signals
from ebn_brian.checks import Floats
from ebn_brian.chips import (
    V_UNIT,
    Blueprint,
    even_decoder,
    lif_blueprint,
    random_decoder,
    random_weights,
)
from ebn_brian.training import COARSE_TO_FINE, Training

from ..lab.response import design_rate
from .bench import FINE, HOMEOSTASIS, RULE, Bench, Spreading, program_of, rule_of, spread
from .measures import MEASURES, N_SIGNALS, judged, measures

#: Common factors that the scaled arms choose from.
SCALES = (0.4, 0.5, 0.6, 0.7, 0.8, 1.0)


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
        self, arm: str, reset: str, spreading: Spreading = Blueprint.values, scale: float = 1.0
    ) -> Training:
        """The program with these chips, their mismatch, and all thresholds times `scale`.

        The comparators' gain goes with the thresholds, as the rule's fixed point demands.
        """
        rule = rule_of(reset, scale)
        chips = lif_blueprint(self.D, rule=rule, reset=reset, homeostatic=arm in HOMEOSTASIS)
        return self.bench.programs[program_of(arm, reset)].using(chips, spreading(chips))

    def prepared(
        self, arm: str, reset: str, spreading: Spreading = Blueprint.values, scale: float = 1.0
    ) -> Training:
        """The same, with thresholds as the arm sets them."""
        training = self.on_device(arm, reset, spreading, scale)
        if arm == "oracle":
            return with_true_thresholds(training, scale * RULE.kappa)
        if arm not in HOMEOSTASIS:
            return training
        drive = signals.noise_drive(N_SIGNALS, self.bench.seed, stream="calibration signal")
        target = self.design_rate(arm, reset, scale)
        return homeostasis.calibrated(training, drive, target, HOMEOSTASIS[arm])

    def design_rate(self, arm: str, reset: str, scale: float) -> Quantity:
        """Of neurons whose thresholds are times `scale`; see `lab.response`."""
        drive = signals.noise_drive(N_SIGNALS, self.bench.seed, stream="calibration signal")

        def chips_of(D: Floats) -> Blueprint:
            return lif_blueprint(D, rule=rule_of(reset, scale), reset=reset, homeostatic=True)

        D = even_decoder(N_SIGNALS, self.bench.n_neurons, self.bench.seed)
        return design_rate(self.bench.programs[program_of(arm, reset)], chips_of, D, drive)

    def learned(self, training: Training, initial: Floats) -> Floats:
        """Weights after training."""
        drive = signals.noise_drive(N_SIGNALS, self.bench.seed)
        rule, duration = training.chips.rule, self.bench.training * second
        phases = [(rule, duration)]
        if rule.lsb == FINE.lsb:
            kinds = [replace(fine, kappa=rule.kappa) for fine, _ in COARSE_TO_FINE]
            phases = [(kind, duration / len(kinds)) for kind in kinds]
        return training.weights(training.in_phases(initial, drive, phases))

    def weights(self, arm: str, reset: str, training: Training, scale: float = 1.0) -> Floats:
        """Of an arm, (n_chips, n_neurons, n_neurons), in units of ``|D|**2``."""
        if arm == "pretrained":
            return self.optimal
        if arm == "random":
            return self.random
        if arm == "uncoupled":
            return 0 * self.optimal
        if arm == "oracle":
            return true_weights(training)
        if arm.endswith("_scaled"):
            return self._best_scaled(training)
        if arm == "transfer":
            training = self.prepared(arm, reset, scale=scale)
        return self.learned(training, self.optimal if arm == "pretrained_learned" else self.random)

    def _best_scaled(self, training: Training) -> Floats:
        """Each chip at the scale of least `cost`, judged where the readout is fitted."""
        scaled = [RULE.nearest(s * self.optimal) for s in SCALES]
        costs = [judged(training, Omega, self.bench.seed) for Omega in scaled]
        return np.choose(np.argmin(costs, axis=0)[:, None, None], scaled)


def true_F(training: Training) -> Floats:
    """Feed-forward weights as they are, (n_chips, n_signals, n_neurons), in units of ``|D|``."""
    layout, values = training.chips.layout, training.values
    F = [np.asarray(values[f"neurons.F_{j}"]) / float(V_UNIT) for j in range(N_SIGNALS)]
    return np.reshape(F, (N_SIGNALS, layout.n_chips, layout.n_neurons)).swapaxes(0, 1)


def with_true_thresholds(training: Training, kappa: float) -> Training:
    """Thresholds and resets of theory, for the feed-forward weights as they are."""
    F = true_F(training)
    own = {
        "neurons.v_th": np.ravel(balance.threshold(F, kappa)) * V_UNIT,
        "neurons.v_reset": np.ravel(balance.reset(F, kappa)) * V_UNIT,
    }
    return training.using(values={**training.given, **own})


def true_weights(training: Training) -> Floats:
    """Weights that act as ``-F^T F``: of theory, for weights and gains as they are."""
    gain = training.chips.layout.to_matrices(training.values["recurrent.gain"])
    wanted = balance.optimal_weights(true_F(training))
    return np.divide(wanted, gain, out=np.zeros_like(wanted), where=gain != 0)


def run_points(
    bench: Bench, arm: str, reset: str, first: int, points: Sequence[tuple[str, float, float]]
) -> dict[str, Floats]:
    """`MEASURES` of a block of chips at `points` (set, cv, threshold), (n_points, n_chips) each."""
    numbers = range(first, first + bench.block)
    chips = Population(bench, numbers)
    at_points: list[dict[str, Floats]] = []
    for set_name, cv, scale in points:
        training = chips.prepared(arm, reset, spread(set_name, cv, numbers, bench.seed), scale)
        Omega = chips.weights(arm, reset, training, scale)
        at_points.append(measures(training, Omega, bench.seed))
    return {name: np.stack([at[name] for at in at_points]) for name in MEASURES}
