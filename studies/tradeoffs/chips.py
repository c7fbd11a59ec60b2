"""Chips at a point: made, calibrated, learned, and perhaps drifted and mended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from brian2 import Quantity, second

from ebn_brian import mismatch
from ebn_brian.checks import Floats
from ebn_brian.training import Training

from ..design import circuit, measures
from ..design.file import Design
from ..design.rule import KAPPA
from .knobs import Point, design_at, program_of

V_TH = "neurons.v_th"
#: Largest threshold of a DAC, times the nominal one.
FULL_SCALE = 2.0
#: For which chips that drift go on learning.
LEARNING = 20 * second


@dataclass(frozen=True)
class Bench:
    """The design as it is, and a program for each kind of chips that its points need."""

    base: Design
    programs: Mapping[str, circuit.Bench]

    def at(self, point: Point) -> circuit.Bench:
        """Program and design of a point."""
        design = design_at(self.base, point)
        return replace(self.programs[program_of(design)], design=design)


def build_bench(
    base: Design,
    points: Sequence[Point],
    block: int,
    seed: int,
    device: str,
    folder: Path,
    timeout: Quantity | None,
) -> Bench:
    """Build the programs that `points` need into `folder`."""
    needed = {program_of(design): design for design in (design_at(base, p) for p in points)}
    return Bench(
        base,
        {
            name: circuit.build(design, block, seed, device, folder / name, timeout)
            for name, design in needed.items()
        },
    )


def run_rate(bench: Bench, point: Point) -> dict[str, Floats]:
    """Rate of a neuron of the design of a point alone."""
    return measures.run_rate(bench.at(point))


def run_clean(bench: Bench, point: Point, first: int) -> dict[str, Floats]:
    """`MEASURES` of a block of chips without mismatch, with the weights of theory."""
    return measures.run_clean(bench.at(point), first)


def run_point(bench: Bench, point: Point, rate_target: float, first: int) -> dict[str, Floats]:
    """`MEASURES` of a block of chips at a point."""
    here, given = bench.at(point), dict(point)
    design, numbers = here.design, range(first, first + here.block)
    bits, parameters = design["circuit"]["bits"], design.parameters

    def calibrated(training: Training) -> Training:
        return measures.calibrated(here, training, parameters, numbers, rate_target)

    training = calibrated(measures.with_mismatch(here, parameters, numbers, bits))
    if "threshold_bits" in given:
        training = stepped(training, given["threshold_bits"])
    training, state = measures.learned(here, training, numbers, bits)
    if "drift" in given:
        training = drifted(training, given["drift"], numbers, here.seed)
        if given.get("remedy") == "rest":
            training = calibrated(training)
        state = training.rest(training.weights(state))
        if given.get("remedy") == "learning":
            (state,) = training.train(state, here.input.learning, [LEARNING])
    return measures.measured(here, training, state)


def stepped(training: Training, bits: int) -> Training:
    """The same chips with thresholds that a DAC of so many bits can set."""
    unit = training.chips.unit
    lsb = FULL_SCALE * KAPPA / 2 * float(unit) / (2**bits - 1)
    codes = np.clip(np.rint(np.asarray(training.values[V_TH]) / lsb), 1, 2**bits - 1)
    return with_thresholds(training, codes * lsb)


def drifted(training: Training, cv: float, numbers: Sequence[int], seed: int) -> Training:
    """The same chips after each threshold has drifted by a factor of its own."""
    name, now = "neurons.drift", np.asarray(training.values[V_TH])
    later = mismatch.spread({name: now}, {name: cv}, seed=seed, chips=numbers)
    return with_thresholds(training, later[name])


def with_thresholds(training: Training, v_th: Floats) -> Training:
    """The same chips with other thresholds."""
    return training.using(values={**training.given, V_TH: v_th})
