"""What becomes of chips: calibrated, learned, and measured on unseen input."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from brian2 import Hz, second

from ebn_brian import decoding, homeostasis
from ebn_brian.checks import Floats
from ebn_brian.chips import random_weights
from ebn_brian.decoding.counters import EVERY as COUNTING
from ebn_brian.training import DT, WINDOW, State, Training, steps

from ..lab.response import design_rate, filtered, signal_of
from .circuit import Bench, blueprint, calibration_phases, rule_phases, spread, targets
from .sizes import Parameter

MEASURES = ("rate_hz", "error_nominal", "error_refitted", "error_learned", "updates_hz")
#: Bits of the weights of chips that others are compared with.
FINEST = 16
#: Filtered spikes are taken at the end of every so many steps.
EVERY = 20
#: Samples at the beginning that do not count.
START = steps(0.1 * second) // EVERY


class Variant(NamedTuple):
    """What is varied: homeostasis, area of devices, bits of the counters, what has mismatch."""

    homeostatic: bool
    area: float
    bits: int
    spread: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name of its tasks."""
        names = "+".join(self.spread) or "none"
        kind = "homeostatic" if self.homeostatic else "plain"
        return f"{kind}-area{self.area:g}-bits{self.bits}-{names}"


def run_rate(bench: Bench) -> dict[str, Floats]:
    """Rate of a neuron of the design alone, if the design does not give it."""
    rate = bench.design["training"]["rate_target"]
    if rate is None:
        D, chips_of = bench.decoders([0]), partial(blueprint, bench.design)
        rate = design_rate(bench.training, chips_of, D, bench.input.calibration)
    return {"rate_hz": np.array(float(rate))}


def run_clean(bench: Bench, first: int) -> dict[str, Floats]:
    """`MEASURES` of a block of chips without mismatch, with the weights of theory."""
    numbers = range(first, first + bench.block)
    chips = blueprint(bench.design, bench.decoders(numbers), FINEST)
    training = bench.training.using(chips, spread(chips, (), numbers, bench.seed))
    Omega = chips.rule.rounded(chips.optimal)
    return measured(bench, training, training.rest(Omega), moving=False)


def run_block(
    bench: Bench,
    rate_target: float,
    first: int,
    homeostatic: bool,
    area: float,
    bits: int,
    names: Sequence[str],
) -> dict[str, Floats]:
    """`MEASURES` of a block of chips with mismatch of the parameters `names`, as they learn."""
    parameters = [p.scaled(area) for p in bench.design.parameters if p.name in names]
    numbers = range(first, first + bench.block)
    training = with_mismatch(bench, parameters, numbers, bits)
    if homeostatic:
        training = calibrated(bench, training, parameters, numbers, rate_target)
    return measured(bench, *learned(bench, training, numbers, bits))


def with_mismatch(
    bench: Bench, parameters: Sequence[Parameter], numbers: Sequence[int], bits: int
) -> Training:
    """Chips of these numbers with mismatch of `parameters`."""
    chips = blueprint(bench.design, bench.decoders(numbers), bits)
    return bench.training.using(chips, spread(chips, parameters, numbers, bench.seed))


def calibrated(
    bench: Bench,
    training: Training,
    parameters: Sequence[Parameter],
    numbers: Sequence[int],
    rate_target: float,
) -> Training:
    """The same after their neurons have set their thresholds."""
    target = targets(rate_target * Hz, training.chips, parameters, numbers, bench.seed)
    phases = calibration_phases(bench.design)
    return homeostasis.calibrated(training, bench.input.calibration, target, phases)


def learned(
    bench: Bench, training: Training, numbers: Sequence[int], bits: int
) -> tuple[Training, State]:
    """The same with the rule of their last phase, and as they are after it."""
    last, n = max(numbers) + 1, training.chips.layout.n_neurons
    initial = training.chips.rule.nearest(random_weights(last, n, bench.seed)[list(numbers)])
    phases = rule_phases(bench.design, bits)
    state = training.in_phases(initial, bench.input.learning, phases)
    return training.with_rule(phases[-1][0]), state


def measured(
    bench: Bench, training: Training, state: State, moving: bool = True
) -> dict[str, Floats]:
    """`MEASURES` of chips in this state, (n_chips,) each; some that learn go on to be counted."""
    Omega, chips, layout = training.weights(state), training.chips, training.chips.layout
    readouts = _readouts(bench, training, Omega)
    c = bench.input.unseen
    spikes = training.evaluate(Omega, c)
    x = signal_of(c, chips.tau, EVERY)[START:]
    errors = np.empty((len(readouts), layout.n_chips))
    for chip, own in enumerate(filtered(spikes, EVERY)[:, START:]):
        for k, D in enumerate(readouts):
            errors[k, chip] = decoding.variance_ratio(x, own @ D[chip].T)
    return dict(zip(MEASURES[1:-1], errors, strict=True)) | {
        "rate_hz": decoding.rate_hz(spikes.i, layout.n_neurons, len(c) * DT, layout.n_chips),
        "updates_hz": updates_hz(bench, training, state) if moving else np.zeros(layout.n_chips),
    }


def _readouts(bench: Bench, training: Training, Omega: Floats) -> tuple[Floats, Floats, Floats]:
    """Nominal, fitted and learned by counters on other input, (n_chips, n_signals, n_neurons)."""
    c = bench.input.readout(0, steps(bench.design["training"]["readout"]))
    x = signal_of(c, training.chips.tau, EVERY)
    r = filtered(training.evaluate(Omega, c), EVERY)
    fitted = np.stack([decoding.fit_readout(own[START:], x[START:]) for own in r])
    counted = slice(steps(COUNTING) // EVERY - 1, None, steps(COUNTING) // EVERY)
    learned = decoding.learn_decoder(r[:, counted], x[counted], training.chips.D)
    return training.chips.D, fitted, learned


def updates_hz(bench: Bench, training: Training, state: State) -> Floats:
    """How often the counters of each chip move in a second if it goes on learning, (n_chips,)."""
    chips = training.chips
    run = training.program.run(
        {
            **training.values,
            "drive.values": bench.input.learning(state.n_steps, steps(WINDOW)),
            "recurrent.plastic": 1.0,
            "recurrent.w": state.w,
            **state.variables,
        },
        duration=WINDOW,
        read=["recurrent.n_moves"],
        timeout=training.timeout,
    )
    moves = np.reshape(run["recurrent.n_moves"], (chips.layout.n_chips, -1)).sum(axis=1)
    return np.asarray(moves / float(WINDOW))
