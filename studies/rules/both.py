"""Feed-forward and recurrent weights learned together: the authors' two-dimensional example.

Source: github.com/machenslab/spikes, UnsupervisedLearning/Figure2 (twoDWhite.m, Learning.m), of
Brendel, Bourdoukan, Vertechi, Machens and Denève 2020. As there: 20 neurons, leak 50/s, 1 ms steps,
new noise every second, smoothed with 30 ms and cut at its ends. Two things differ. A spike acts
before the leak of the next step, there after it; and thresholds have no noise of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from brian2 import Hz, Network, Quantity, SpikeMonitor, TimedArray, ms, second
from scipy.ndimage import gaussian_filter1d

from ebn_brian import balance, decoding, devices
from ebn_brian.checks import Floats
from ebn_brian.chips import V_UNIT, Blueprint, lif_blueprint, lif_chips, random_decoder
from ebn_brian.plasticity import ContinuousRule, FeedforwardRule
from ebn_brian.seeds import generator

DT, TAU = 1 * ms, 20 * ms
N_SIGNALS, N_NEURONS = 2, 20
#: Goals of the feed-forward weights: the published one, and one for ``Omega = -F F^T``.
ALPHAS = {"brendel2020": 0.18, "brendel2020_slope1": 0.165}
#: Of the drive: amplitude, and in steps the smoothing and the length of a block.
AMPLITUDE, SMOOTHING, BLOCK = 2000 * Hz, 30, 1000
#: Blocks of one run of the program.
BLOCKS = 50
#: Membrane noise of .001 a step.
SIGMA = 0.001 * np.sqrt(0.5 * TAU / DT) * V_UNIT
#: Blocks of the drive that codes are judged on.
TEST = 20


class Stage(NamedTuple):
    """Weights after some time, (n_chips, ...), in units of ``|D|**2`` and ``|D|``."""

    seconds: float
    Omega: Floats
    F: Floats


@dataclass(frozen=True)
class Both:
    """Weights while they were learned, and measures of all of them, (n_stages, n_chips) each."""

    stages: list[Stage]
    measures: Mapping[str, Floats]
    chip_seconds_per_cpu_second: float


def drive(first: int, n_blocks: int, seed: int, stream: str = "signal of both") -> Quantity:
    """Blocks of the drive, (n_blocks*BLOCK, n_signals)."""
    noise = [
        generator(seed, stream, block).normal(size=(BLOCK, N_SIGNALS))
        for block in range(first, first + n_blocks)
    ]
    smooth = gaussian_filter1d(noise, SMOOTHING, axis=1, mode="constant")
    return smooth.reshape(-1, N_SIGNALS) * AMPLITUDE


def chip_options(n_chips: int, seed: int, alpha: float) -> dict[str, Any]:
    """Of chips with random feed-forward weights of length 1."""
    return {
        "D": random_decoder(N_SIGNALS, N_NEURONS, seed, n_chips),
        "rule": ContinuousRule.brendel2020(),
        "feedforward": FeedforwardRule(1e-4, alpha),
        "tau_m": TAU,
        "sigma": SIGMA,
    }


def first_weights(n_chips: int, seed: int) -> Floats:
    """Weak ones, but for the autapses: ``-0.2*rand - 0.5*eye``."""
    n = N_NEURONS
    rand = [
        generator(seed, "weights of both", chip).uniform(size=(n, n)) for chip in range(n_chips)
    ]
    return -0.2 * np.array(rand) - 0.5 * np.eye(n)


def build(n_chips: int, seed: int, device: str) -> devices.Program:
    """The program of the chips."""
    options = chip_options(n_chips, seed, ALPHAS["brendel2020"])

    def make_network() -> Network:
        silent = TimedArray(np.zeros((BLOCKS * BLOCK, N_SIGNALS)) * Hz, DT, name="drive")
        chips = lif_chips(drive=silent, dt=DT, **options)
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

    return devices.build(make_network, device)


def both(program: devices.Program, n_chips: int, seconds: int, seed: int) -> dict[str, Both]:
    """The example with each of `ALPHAS`."""
    return {
        arm: learned(program, lif_blueprint(**chip_options(n_chips, seed, alpha)), seconds, seed)
        for arm, alpha in ALPHAS.items()
    }


def learned(program: devices.Program, chips: Blueprint, seconds: int, seed: int) -> Both:
    """All chips, judged at the beginning and after 1, 2, 4, ... runs of the program."""
    runs = list(learn(program, chips, seconds, seed))
    kept = [k for k in range(len(runs)) if k & (k - 1) == 0 or k == len(runs) - 1]  # 0, powers of 2
    stages = [runs[k][0] for k in kept]
    measures = [judged(program, chips, stage, seed) for stage in stages]
    by_name = {name: np.array([m[name] for m in measures]) for name in measures[0]}
    return Both(stages, by_name, len(chips.D) * seconds / runs[-1][1])


def learn(
    program: devices.Program, chips: Blueprint, n_blocks: int, seed: int
) -> Iterator[tuple[Stage, float]]:
    """Weights at the beginning and after each run of the program, and CPU seconds so far."""
    read, cpu_seconds = ["recurrent.w", *chips.states], 0.0
    state = {"recurrent.w": chips.encode(first_weights(len(chips.D), seed)), **chips.at_rest()}
    yield Stage(0, chips.weights(state), chips.feedforward(state)), cpu_seconds
    for first in range(0, n_blocks, BLOCKS):
        length = min(BLOCKS, n_blocks - first)
        c = drive(first, length, seed)
        run = program.run(
            {**chips.values(), **state, "drive.values": padded(c)},
            duration=len(c) * DT,
            read=read,
            seed=int(generator(seed, "noise of both", first).integers(2**31)),
        )
        state = {name: run[name] for name in read}
        cpu_seconds += run.cpu_seconds
        seconds = (first + length) * BLOCK * float(DT)
        yield Stage(seconds, chips.weights(state), chips.feedforward(state)), cpu_seconds


def padded(c: Quantity) -> Floats:
    """The drive of a run, with silence after it."""
    values = np.zeros((BLOCKS * BLOCK, N_SIGNALS))
    values[: len(c)] = c
    return values


def judged(
    program: devices.Program, chips: Blueprint, stage: Stage, seed: int
) -> dict[str, Floats]:
    """Measures of chips that learn no more, (n_chips,) each."""
    n_chips, c = len(chips.D), drive(0, TEST, seed, "test signal of both")
    F = {f"neurons.F_{j}": stage.F[..., j].ravel() * float(V_UNIT) for j in range(N_SIGNALS)}
    held = {"recurrent.plastic": 0, "neurons.eps_F": 0, "recurrent.w": chips.encode(stage.Omega)}
    run = program.run(
        {**chips.values(), **chips.at_rest(), **F, **held, "drive.values": padded(c)},
        duration=len(c) * DT,
        read=["spikes.i", "spikes.t"],
        seed=int(generator(seed, "noise of both").integers(2**31)),
    )
    D_eff = decoding.effective_decoder(stage.Omega, stage.F)
    i, t = run["spikes.i"], run["spikes.t"] * second
    x_hat = decoding.decode(i, t, D_eff, len(c), TAU, DT, n_chips)
    optimal = balance.optimal_weights(stage.F.swapaxes(1, 2))
    return {
        "distance": balance.distance(stage.Omega, optimal, diagonal=True),
        "correlation": balance.correlation(stage.Omega, optimal),
        "slope": balance.slope(stage.Omega, optimal),
        "error_effective": decoding.error(decoding.leaky_integral(c, TAU, DT), x_hat, DT),
        "rate_hz": decoding.rate_hz(i, N_NEURONS, len(c) * DT, n_chips),
        "gap_deg": widest_gap(stage.F),
    }


def widest_gap(F: Floats) -> Floats:
    """Largest angle between neighbouring feed-forward weights of a chip, (n_chips,), degrees."""
    angles = np.sort(np.arctan2(F[..., 1], F[..., 0]), axis=-1)
    around = np.concatenate([angles, angles[..., :1] + 2 * np.pi], axis=-1)
    return np.degrees(np.diff(around).max(axis=-1))
