"""Whole chips of spiking DPI neurons, alike and with mismatch, learn from random counters."""

import numpy as np
import pytest
from brian2 import second

from ebn_brian import balance, decoding
from ebn_brian.chips import dpi_blueprint, dpi_chips, random_decoder
from ebn_brian.dpi_model import whole_chip
from ebn_brian.mismatch import spread
from ebn_brian.seeds import generator
from ebn_brian.signals import noise_drive, smoothed_noise
from ebn_brian.training import DT, Training

N_CHIPS, N = 12, 20
RULE = whole_chip().rule()
#: Of the training, and of the input that a readout is fitted to and that it is tested on.
DURATION = 40 * second
#: Every current of a neuron that a bias sets; DACs and their copies differ synapse by synapse.
SPREAD = ("tau", "I_th", "I_dc", "I_spk", "I_ref", "tau_e", "tau_i", "gain_e", "gain_i")
SPREAD = (*(f"neurons.{name}" for name in (*SPREAD, "F_0", "F_1")), "recurrent.gain")


def decoders(seed: int) -> np.ndarray:
    return random_decoder(2, N, seed, n_chips=N_CHIPS)


def first_weights(seed: int) -> np.ndarray:
    """Random counters of 6 bits, autapses at the reset of an ideal device."""
    streams = [generator(seed, "counters", chip) for chip in range(N_CHIPS)]
    counters = np.stack([stream.integers(-31, 32, (N, N)) for stream in streams])
    counters[:, range(N), range(N)] = -25
    return counters * RULE.step


def build(rectified: bool = False) -> Training:
    D = decoders(1)
    return Training(
        lambda drive: dpi_chips(D, drive=drive, rule=RULE, rectified=rectified),
        2,
        device="cpp_standalone",
    )


def measures(training: Training, Omega: np.ndarray, seed: int) -> tuple[float, float]:
    """Median error of a readout fitted on other data, and median rate (Hz), weights held."""
    inputs = [smoothed_noise(DURATION, 2, seed, stream=name) for name in ("fit", "test")]
    fitting, testing = (training.evaluate(Omega, c) for c in inputs)
    tau, x = training.chips.tau, [evaluation.signals()[0] for evaluation in (fitting, testing)]
    D = decoding.fit_decoder(fitting.i, fitting.t, x[0], N, tau, DT, N_CHIPS)
    error = decoding.error_refit(testing.i, testing.t, x[1], D, tau, DT)
    return float(np.median(error)), float(np.median(testing.measures["rate_hz"]))


def learn(training: Training, seed: int, cv: float) -> dict[str, float]:
    """Medians over the chips of `seed` before and after learning, printed too."""
    chips = dpi_blueprint(decoders(seed), rule=RULE)
    values = spread(chips.values(), dict.fromkeys(SPREAD, cv), seed=seed, chips=N_CHIPS)
    training, first = training.using(chips, values), first_weights(seed)
    random_error, random_rate = measures(training, first, seed)
    Omega = training.weights(training.trained(first, noise_drive(2, seed), DURATION))
    error, rate = measures(training, Omega, seed)
    numbers = {
        "error": error,
        "rate": rate,
        "correlation": float(np.median(balance.correlation(Omega, chips.optimal))),
        "random_error": random_error,
        "random_rate": random_rate,
    }
    print(f"CV {cv} seed {seed}:", ", ".join(f"{k} {v:.4g}" for k, v in numbers.items()))
    return numbers


@pytest.mark.slow
def test_whole_chips_learn_from_random_counters():
    """Bounds leave room about what was measured: see README, The circuits."""
    training = build()
    for cv, largest_error, largest_rate in ((0.0, 0.025, 11.0), (0.2, 0.020, 19.0)):
        for seed in (1, 2, 3):
            learned = learn(training, seed, cv)
            assert learned["error"] < largest_error
            assert learned["error"] < 0.5 * learned["random_error"]
            assert learned["rate"] < largest_rate < 0.5 * learned["random_rate"]
            assert learned["correlation"] > (0.9 if cv == 0 else 0.7)


@pytest.mark.slow
def test_chips_whose_input_ends_at_zero_learn_too():
    learned = learn(build(rectified=True), 1, 0.0)
    assert learned["error"] < 0.035
    assert learned["rate"] < 18 < 0.5 * learned["random_rate"]
    assert learned["correlation"] > 0.9
