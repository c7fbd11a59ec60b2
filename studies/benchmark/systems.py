"""Networks of every kind that the package has, for comparing targets; module-level, to be pickled.

All are free of noise, and learn; what is read of each are its spikes and what it has learned.
"""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from brian2 import Hz, Network, Quantity, SpikeMonitor, TimedArray, ms, second

from ebn_brian import devices, signals
from ebn_brian.chips import (
    V_UNIT,
    Chips,
    dpi_chips,
    lif_chips,
    random_decoder,
    random_weights,
)
from ebn_brian.chips import layers as layered
from ebn_brian.chips.dynamics import dynamics_chips
from ebn_brian.chips.layered import layered_chips
from ebn_brian.dpi_model import whole_chip
from ebn_brian.plasticity import ContinuousRule, DiscreteRule

DT = 0.1 * ms
LENGTH = 3 * second
N_NEURONS = 20
#: Layers, and how long an image is shown.
SIZES, SHOWN = (20, 30, 5), 150 * ms


def drive(length: Quantity, dt: Quantity = DT) -> TimedArray:
    """Two signals."""
    return TimedArray(signals.smoothed_noise(length, 2, seed=3, dt=dt), dt, name="drive")


def monitored(chips: Chips) -> Network:
    """The chips and their spikes."""
    return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))


def discrete(n_chips: int, length: Quantity) -> Network:
    """LIF neurons that learn by the discrete rule."""
    D, W = random_decoder(2, N_NEURONS, 1, n_chips=n_chips), random_weights(n_chips, N_NEURONS, 1)
    return monitored(lif_chips(D, W, drive(length), rule=DiscreteRule.calm(), dt=DT))


def homeostatic(n_chips: int, length: Quantity) -> Network:
    """The same while thresholds move, with resets in proportion."""
    D, W = random_decoder(2, N_NEURONS, 1, n_chips=n_chips), random_weights(n_chips, N_NEURONS, 1)
    rule = DiscreteRule.calm()
    chips = lif_chips(D, W, drive(length), rule=rule, dt=DT, homeostatic=True, reset="share")
    chips.neurons.rate_target, chips.neurons.v_adapt = 10 * Hz, 0.002 * V_UNIT
    return monitored(chips)


def continuous(n_chips: int, length: Quantity) -> Network:
    """LIF neurons that learn by the continuous rule."""
    D, W = random_decoder(2, N_NEURONS, 1, n_chips=n_chips), random_weights(n_chips, N_NEURONS, 1)
    return monitored(lif_chips(D, W, drive(length), rule=ContinuousRule(0.03), dt=DT))


def dpi(n_chips: int, length: Quantity) -> Network:
    """Whole chips of DPI neurons that learn."""
    D, rule = random_decoder(2, N_NEURONS, 1, n_chips=n_chips), whole_chip().rule()
    W = rule.nearest(0.5 * random_weights(n_chips, N_NEURONS, 1))
    return monitored(dpi_chips(D, W, drive(length), rule=rule, dt=DT))


def dynamics(n_chips: int, length: Quantity) -> Network:
    """Networks that are taught slow weights, with an error's feedback."""
    D = 0.2 * random_decoder(2, N_NEURONS, 1, n_chips=n_chips)
    c = signals.smoothed_noise(length, 2, seed=3, dt=DT) / (1 * Hz)
    taught = TimedArray(np.hstack([c, np.roll(c, 1, axis=1)]) * Hz, DT, name="drive")
    chips = dynamics_chips(D, None, taught, taught=True, kappa=1.2, dt=DT)
    chips.neurons.K, chips.neurons.eta = 100 * Hz, 5 * Hz**2
    return monitored(chips)


def layers(n_chips: int, length: Quantity) -> Network:
    """Layers that learn by random backpropagation, from given spikes."""
    rng, n_steps = np.random.default_rng(3), round(float(length / ms))
    spikes = TimedArray((rng.random((n_steps, SIZES[0])) < 0.2) * 1.0, 1 * ms, name="given")
    classes = rng.integers(0, SIZES[-1], round(float(length / SHOWN)))
    chips = layered_chips(
        SIZES,
        spikes,
        TimedArray(classes * 1.0, SHOWN, name="shown"),
        weights=layered.random_weights(SIZES, 1, n_chips),
        feedback=layered.random_feedback(SIZES, 1, n_chips),
        n_chips=n_chips,
    )
    return Network(chips.objects, SpikeMonitor(chips.groups["layer_1"], name="spikes"))


SYSTEMS = {
    make.__name__: (make, learned)
    for make, learned in {
        discrete: "recurrent.w",
        homeostatic: "recurrent.w",
        continuous: "recurrent.w",
        dpi: "recurrent.w",
        dynamics: "neurons.m_0",
        layers: "weights_1.w",
    }.items()
}


@dataclass(frozen=True)
class Build:
    """A system by name, for a target."""

    system: str
    device: str
    n_chips: int
    precision: str = "double"

    def __call__(self, folder: Path) -> devices.Program:
        """The program, in a new folder of `folder`."""
        make, _ = SYSTEMS[self.system]
        own = folder / f"{self.system}_{self.device}"
        return devices.build(
            lambda: make(self.n_chips, LENGTH), self.device, own, precision=self.precision
        )


def build_all(builds: Sequence[Build], folder: Path) -> list[devices.Program]:
    """All of them, as many at once as there are cores."""
    n_workers = min(len(builds), os.cpu_count() or 1)
    with ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(Build.__call__, builds, [folder] * len(builds)))
