"""What chips with fixed weights make of unseen input."""

from functools import lru_cache
from typing import Any

import numpy as np
from brian2 import Quantity, second

from ebn_brian import balance, decoding, signals
from ebn_brian.checks import Floats
from ebn_brian.chips.lif import TAU_M
from ebn_brian.decoding.counters import EVERY as COUNTING
from ebn_brian.training import DT, Training, steps

from ..lab.response import filtered, signal_of
from ..learning.task import TEST_STREAM

N_SIGNALS = 2
#: Unseen input: the readout is fitted on the first part, all else is measured on the second.
FIT = TEST = 10 * second
#: Input from which counters learn a readout.
COUNT, COUNT_STREAM = 40 * second, "readout signal"
#: Measures are taken at the end of every so many steps, but for spikes, which all count.
EVERY = 10
START = steps(0.1 * second)

MEASURES = (
    *("rate_hz", "error_nominal", "error_effective", "error_refit", "error_decoder"),
    *("distance", "spikes_per_step"),
)
UNITS = dict.fromkeys(MEASURES, "1") | {"rate_hz": "Hz"}
NAMES = {
    "rate_hz": "mean firing rate of a neuron",
    "error_nominal": "variance ratio of the nominal readout",
    "error_effective": "variance ratio of the readout that weights times gains say, without data",
    "error_refit": "variance ratio of a readout fitted to the chip on other data",
    "error_decoder": "variance ratio of a readout that counters learned on other data",
    "distance": "distance of weights times gains to the optimal ones",
    "spikes_per_step": "most spikes of a chip in one time step",
}


def cost(rate_hz: Any, error: Any) -> Any:
    """Spikes for a given precision: all that an error ~ 1/rate^2 leaves to compare."""
    return rate_hz * np.sqrt(error)


def measures(training: Training, Omega: Floats, seed: int) -> dict[str, Floats]:
    """`MEASURES` of chips with weights `Omega`, (n_chips,) each."""
    chips = training.chips
    gain = chips.layout.to_matrices(training.values["recurrent.gain"])
    distance = balance.distance(gain * Omega, chips.optimal)
    D = learned_decoder(training, Omega, seed)
    return respond(training, Omega, seed, D) | {"distance": distance}


def judged(training: Training, Omega: Floats, seed: int) -> Floats:
    """`cost` of chips on the part of the input where the readout is fitted, (n_chips,)."""
    c, x = unseen(seed)
    n_fit = steps(FIT)
    spikes = training.evaluate(Omega, c[:n_fit])
    r, chips = filtered(spikes, EVERY), training.chips.layout
    fit = slice(START // EVERY, n_fit // EVERY)
    refit = [
        decoding.variance_ratio(x[fit], own[fit] @ decoding.fit_readout(own[fit], x[fit]).T)
        for own in r
    ]
    count = np.bincount(spikes.i // chips.n_neurons, minlength=chips.n_chips)
    return cost(count / (chips.n_neurons * n_fit * float(DT)), np.array(refit))


def respond(training: Training, Omega: Floats, seed: int, learned: Floats) -> dict[str, Floats]:
    """Rate and errors from rest: all but the distance. `learned` is the decoder of the counters."""
    c, x = unseen(seed)
    n_fit, chips, D = steps(FIT), training.chips.layout, training.chips.D
    spikes = training.evaluate(Omega, c)
    fit = slice(START // EVERY, n_fit // EVERY)
    judge = slice(n_fit // EVERY, len(c) // EVERY)
    errors: dict[str, list[float]] = {name: [] for name in MEASURES if name.startswith("error")}
    for k, own in enumerate(filtered(spikes, EVERY)):
        readouts = {
            "error_nominal": D[k],
            "error_effective": spikes.D_eff[k],
            "error_refit": decoding.fit_readout(own[fit], x[fit]),
            "error_decoder": learned[k],
        }
        for name, readout in readouts.items():
            errors[name].append(decoding.variance_ratio(x[judge], own[judge] @ readout.T))
    chip = spikes.i // chips.n_neurons
    count = np.bincount(chip[spikes.step >= n_fit], minlength=chips.n_chips)
    per_step = np.bincount(
        spikes.step * chips.n_chips + chip, minlength=len(c) * chips.n_chips
    ).reshape(-1, chips.n_chips)
    return {name: np.array(values) for name, values in errors.items()} | {
        "rate_hz": count / (chips.n_neurons * (len(c) - n_fit) * float(DT)),
        "spikes_per_step": per_step.max(axis=0),
    }


def learned_decoder(training: Training, Omega: Floats, seed: int) -> Floats:
    """Decoders that counters learn on input of their own, (n_chips, n_signals, n_neurons)."""
    c, x = counted(seed)
    r = filtered(training.evaluate(Omega, c), steps(COUNTING))
    return decoding.learn_decoder(r, x, training.chips.D)


@lru_cache(maxsize=2)
def unseen(seed: int) -> tuple[Quantity, Floats]:
    """Drive of the evaluations, and the signal x at the end of every `EVERY` steps."""
    c = signals.noise_drive(N_SIGNALS, seed, stream=TEST_STREAM)(0, steps(FIT + TEST))
    return c, signal_of(c, TAU_M, EVERY)


@lru_cache(maxsize=2)
def counted(seed: int) -> tuple[Quantity, Floats]:
    """The same for the counters of a readout, whenever they move."""
    c = signals.noise_drive(N_SIGNALS, seed, stream=COUNT_STREAM)(0, steps(COUNT))
    return c, signal_of(c, TAU_M, steps(COUNTING))
