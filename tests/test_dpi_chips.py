"""Whole chips of spiking DPI neurons: what they are made of, and that they learn."""

import numpy as np
import pytest
from brian2 import Hz, Network, Quantity, SpikeMonitor, TimedArray, ms, mV, nA, pA, second

from ebn_brian import balance, decoding, devices
from ebn_brian.dpi_model import whole_chip
from ebn_brian.dpi_network import dpi_chips
from ebn_brian.mismatch import apply_mismatch, sample
from ebn_brian.network import to_matrix, to_synapses
from ebn_brian.seeds import generator
from ebn_brian.signals import smoothed_noise

DT, TAU = 0.1 * ms, whole_chip().tau
N_CHIPS, N_NEURONS = 12, 20
#: Every current of a neuron that a bias sets; DACs and their copies differ synapse by synapse.
SPREAD = ("tau", "I_th", "I_dc", "I_spk", "I_ref", "tau_e", "tau_i", "gain_e", "gain_i", "F_0")
SPREAD = (*SPREAD, "F_1")


def silent(n_steps=10, n_signals=2) -> TimedArray:
    return TimedArray(np.zeros((n_steps, n_signals)) * Hz, dt=DT)


def first_counters(seed: int, n_chips=N_CHIPS, n=N_NEURONS) -> np.ndarray:
    """Random counters of 6 bits, autapses at the reset of an ideal device."""
    streams = [generator(seed, "counters", chip) for chip in range(n_chips)]
    counters = np.stack([stream.integers(-31, 32, (n, n)) for stream in streams]).astype(float)
    counters[:, range(n), range(n)] = -25
    return counters


def test_chips_are_ordinary_objects_with_the_weights_given():
    D = balance.random_decoder(2, 3, 1, 2)
    counters = first_counters(1, 2, 3)
    chips = dpi_chips(D, counters, silent())
    np.testing.assert_array_equal(chips.Omega, counters / 25)
    assert len(chips.neurons) == 6
    assert len(chips.recurrent) == 18
    w = np.array(chips.recurrent.w)
    k = np.flatnonzero((chips.recurrent.i == 4) & (chips.recurrent.j == 5))[0]
    assert w[k] == counters[1, 2, 1]  # row = target
    # F = J*tau*D with J = 1.6 nA, and they rest near 0.8 nA
    np.testing.assert_allclose(chips.neurons.F_0 / (1.6 * nA * TAU), D[:, 0].ravel())
    Network(chips.objects).run(1 * ms, namespace={})
    np.testing.assert_allclose(chips.neurons.I_mem / nA, 0.8, atol=0.01)


def test_one_pulse_of_full_weight_moves_the_current_by_J():
    counters = np.zeros((1, 2, 2))
    counters[0, 1, 0] = -25  # inhibits: from 0.8 nA down, towards the area of the pulse
    counters[0, 0, 0] = -25
    chips = dpi_chips(np.ones((1, 1, 2)), counters, silent(n_signals=1), t_ref=40 * ms)
    chips.recurrent.plastic = 0
    chips.neurons.I_mem[0] = 2.81 * nA
    chips.neurons.I_mem[1] = 2.79 * nA
    chips.neurons.I_dc[1] = 2.79 * nA + whole_chip().I_th
    Network(chips.objects).run(8 * ms, namespace={})
    # pulse, branch (1.4 ms) and membrane leak (31 ms) in a row: J less what leaks back in 8 ms
    assert chips.neurons.I_mem[1] / nA == pytest.approx(2.79 - 1.6 * np.exp(-5.6 / 31), abs=0.06)


def test_an_autapse_resets_and_nothing_else():
    counters = np.zeros((1, 2, 2))
    counters[0, 0, 0] = -25
    chips = dpi_chips(np.ones((1, 1, 2)), counters, silent(n_signals=1))
    chips.neurons.I_mem = 4 * nA
    chips.recurrent.plastic = 0
    spikes = SpikeMonitor(chips.neurons)
    Network(chips.objects, spikes).run(12 * ms, namespace={})
    assert spikes.count[0] == 1
    assert spikes.count[1] >= 2  # nothing brings it down: it fires as its refractory time allows


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"D": np.ones((2, 3))}, "D has shape"),
        ({"D": np.full((1, 2, 3), np.nan)}, "finite"),
        ({"counters": np.zeros((3, 3))}, "counters have shape"),
        ({"counters": np.full((1, 3, 3), 32.0)}, "from -31 to 31"),
        ({"counters": np.full((1, 3, 3), 0.5)}, "whole"),
        ({"counters": np.full((1, 3, 3), np.nan)}, "whole"),
        ({"drive": silent(n_signals=1)}, "drive has shape"),
        ({"drive": None}, "drive has shape"),
        ({"drive": TimedArray(np.zeros((9, 2)) * mV, dt=DT)}, "hertz"),
        ({"t_ref": 0.5 * ms}, "t_ref"),
        ({"full_weight": 0}, "full_weight"),
        ({"I_spk": 0.1 * nA}, "I_spk"),
    ],
)
def test_impossible_chips_are_refused(changed, says):
    given = {"D": np.ones((1, 2, 3)), "counters": np.zeros((1, 3, 3)), "drive": silent()}
    given |= changed
    with pytest.raises(ValueError, match=says):
        dpi_chips(given.pop("D"), given.pop("counters"), given.pop("drive"), **given)


def test_mismatch_applies_to_them():
    D = balance.random_decoder(2, 3, 1, 2)
    chips = dpi_chips(D, np.zeros((2, 3, 3)), silent())
    apply_mismatch(chips.neurons, dict.fromkeys(SPREAD, 0.2), seed=1, chips=2)
    apply_mismatch(chips.recurrent, {"gain": 0.2}, seed=1, chips=2)
    assert np.std(chips.neurons.I_th / pA) > 0.5
    assert np.std(chips.recurrent.gain) > 0.05


class Learning:
    """Twelve compiled chips that can be trained and tested with any decoders and mismatch.

    `duration` of every run, in s.
    """

    def __init__(self, duration: float, device: str, rectified: bool = False):
        self.duration = duration

        def make():
            drive = TimedArray(self.noise(1, 0), dt=DT, name="drive")
            D = balance.random_decoder(2, N_NEURONS, 1, N_CHIPS)
            chips = dpi_chips(D, first_counters(1), drive, rectified=rectified)
            self.nominal = {name: np.array(getattr(chips.neurons, name + "_")) for name in SPREAD}
            self.charge = self.nominal["F_0"][0] / D[0, 0, 0]
            return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

        self.program = devices.build(make, device)

    def noise(self, seed: int, part: int) -> Quantity:
        return smoothed_noise(self.duration * second, n_signals=2, seed=100 * seed + part)

    def devices_of(self, seed: int, cv: float) -> dict[str, np.ndarray]:
        """Values of the chips of `seed`, spread by `cv`."""
        D = balance.random_decoder(2, N_NEURONS, seed, N_CHIPS)
        nominal = self.nominal | {f"F_{j}": self.charge * D[:, j].ravel() for j in range(2)}
        values = {
            f"neurons.{name}": nominal[name] * sample(cv, N_NEURONS, N_CHIPS, seed, name).ravel()
            for name in SPREAD
        }
        gain = sample(cv, N_NEURONS**2, N_CHIPS, seed, "gain").ravel()
        return values | {"recurrent.gain": gain}

    def run(self, values, w, seed: int, part: int, plastic: bool, read=("spikes.i", "spikes.t")):
        values = values | {
            "recurrent.w": w,
            "recurrent.plastic": np.array([float(plastic)]),
            "drive.values": np.asarray(self.noise(seed, part)),
        }
        return self.program.run(values, duration=self.duration * second, read=list(read))

    def measures(self, values, w, seed: int) -> tuple[float, float]:
        """Median error of a readout fitted on other data, and median rate (Hz), weights held."""
        fitting, testing = (self.run(values, w, seed, part, False) for part in (1, 2))
        x = [decoding.leaky_integral(self.noise(seed, part), TAU, DT) for part in (1, 2)]
        spikes = [(run["spikes.i"], run["spikes.t"] * second) for run in (fitting, testing)]
        D = decoding.fit_decoder(*spikes[0], x[0], N_NEURONS, TAU, DT, N_CHIPS)
        error = decoding.error_refit(*spikes[1], x[1], D, TAU, DT)
        rate = decoding.rate_hz(spikes[1][0], N_NEURONS, self.duration * second, N_CHIPS)
        return float(np.median(error)), float(np.median(rate))

    def learned(self, values, seed: int) -> np.ndarray:
        first = to_synapses(first_counters(seed), autapses=True)
        return self.run(values, first, seed, 0, True, ["recurrent.w"])["recurrent.w"]


def learn(chips: Learning, seed: int, cv: float) -> dict[str, float]:
    """Medians over the chips of `seed` before and after learning, printed too."""
    values = chips.devices_of(seed, cv)
    random = chips.measures(values, to_synapses(first_counters(seed), autapses=True), seed)
    w = chips.learned(values, seed)
    error, rate = chips.measures(values, w, seed)
    Omega = to_matrix(w, N_NEURONS, autapses=True) / 25
    optimal = balance.optimal_weights(balance.random_decoder(2, N_NEURONS, seed, N_CHIPS))
    found = {
        "error": error,
        "rate": rate,
        "correlation": float(np.median(balance.correlation(Omega, optimal))),
        "random_error": random[0],
        "random_rate": random[1],
    }
    print(f"CV {cv} seed {seed}:", ", ".join(f"{k} {v:.4g}" for k, v in found.items()))
    return found


@pytest.mark.slow
def test_whole_chips_learn_from_random_counters():
    """Bounds leave room about what was measured: see README, The circuits."""
    chips = Learning(40, "cpp_standalone")
    for cv, largest_error, largest_rate in ((0.0, 0.025, 11.0), (0.2, 0.020, 19.0)):
        for seed in (1, 2, 3):
            found = learn(chips, seed, cv)
            assert found["error"] < largest_error
            assert found["error"] < 0.5 * found["random_error"]
            assert found["rate"] < largest_rate < 0.5 * found["random_rate"]
            assert found["correlation"] > (0.9 if cv == 0 else 0.7)


@pytest.mark.slow
def test_chips_whose_input_ends_at_zero_learn_too():
    found = learn(Learning(40, "cpp_standalone", rectified=True), 1, 0.0)
    assert found["error"] < 0.035
    assert found["rate"] < 18 < 0.5 * found["random_rate"]
    assert found["correlation"] > 0.9
