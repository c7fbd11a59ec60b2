"""Runs of a program: from the built state, with values, seeds and durations of their own."""

import numpy as np
import pytest
from brian2 import ms, mV
from device_helpers import DURATION, ENOUGH, N_NOISY, N_STEPS, assert_same

from ebn_brian import devices, signals
from ebn_brian.devices.cuda import CudaProgram

VALUES = {
    "neurons.F_0": np.linspace(-0.01, 0.01, 400),
    "neurons.tau_m": np.linspace(0.01, 0.1, 400),
    "neurons.v_th": np.linspace(0.01, 0.02, 400),
    "recurrent.step": 0.0003,
    "recurrent.dead_zone": 0.001,
    "recurrent.kappa": 1.5,
    "recurrent.plastic": 0.0,
    "recurrent.gain": np.linspace(0.5, 1.5, 20 * 380),
    "noisy.sigma": np.linspace(0, 0.01, N_NOISY),
    "noisy.whole": np.linspace(-(2**31), 2**31 - 1, N_NOISY).astype(int),
    "noisy.flag": np.arange(N_NOISY) % 3 == 0,
}


class TestRuns:
    def test_each_starts_from_the_built_state(self, program):
        plain = program.run(duration=5 * ms, read=ENOUGH)
        other = program.run(
            {"neurons.v": np.linspace(0, 0.02, 400), "recurrent.w": np.zeros(20 * 380)},
            duration=7 * ms,
            read=ENOUGH,
        )
        assert not np.array_equal(plain["neurons.v"], other["neurons.v"])
        assert_same(program.run(duration=5 * ms, read=ENOUGH), plain)

    def test_values_arrive_whatever_their_type(self, program):
        before = program.run(duration=1 * ms, read=list(VALUES))
        run = program.run(VALUES, duration=1 * ms, read=list(VALUES))
        for name, value in VALUES.items():
            assert not np.array_equal(before[name], np.broadcast_to(value, before[name].shape))
            np.testing.assert_array_equal(run[name], np.broadcast_to(value, run[name].shape), name)

    @pytest.mark.parametrize("w", [3, -0.1, 1e-300, np.float32(2.5), True])
    def test_a_number_fills_synapses_too(self, program, w):
        run = program.run(
            {"recurrent.w": w, "recurrent.plastic": 0, "neurons.v": 5 * mV},
            duration=1 * ms,
            read=["recurrent.w"],
        )
        np.testing.assert_array_equal(run["recurrent.w"], np.full(20 * 380, float(w)))

    def test_a_seed_of_the_environment_is_not_taken(self, program, monkeypatch):
        monkeypatch.setenv("EBN_SEED", "7")
        one, other = (program.run(duration=1 * ms, read=["noisy.v"])["noisy.v"] for _ in "ab")
        assert not np.isin(one, other).any()

    def test_values_act(self, program):
        """Against the equation of the membrane: leak, input and length of the run."""
        c = np.zeros((N_STEPS, 2))
        c[:10] = [100.0, -50.0]
        F = np.linspace(-0.01, 0.01, 400)
        values = {
            "drive.values": c,
            "neurons.v": np.linspace(-0.01, 0.01, 400),
            "neurons.F_0": F,
            "neurons.F_1": F[::-1],
            "neurons.tau_m": 0.02,
            "neurons.v_th": 1.0,
        }
        run = program.run(values, duration=1.5 * ms, read=["neurons.v", "spikes.t"])
        v = values["neurons.v"]
        for k in range(15):
            v = v + 1e-4 * (-v / 0.02 + F * c[k, 0] + F[::-1] * c[k, 1])
        np.testing.assert_allclose(run["neurons.v"], v, rtol=0, atol=1e-15)
        assert len(run["spikes.t"]) == 0

    def test_weights_act(self, program):
        values = {
            "neurons.v": np.where(np.arange(400) == 3, 0.02, 0.0),
            "recurrent.w": np.arange(20 * 380) % 11,
            "recurrent.plastic": 0,
            "drive.values": 0,
        }
        run = program.run(values, duration=0.1 * ms, read=["neurons.v"])
        expected = np.zeros(400)
        others = np.delete(np.arange(20), 3)
        expected[others] = 0.0004 * (np.arange(3 * 19, 4 * 19) % 11)
        expected[3] = 0.0025
        np.testing.assert_allclose(run["neurons.v"], expected, atol=1e-15)

    def test_any_memory_layout(self, program):
        v = np.linspace(0, 0.01, 800)[::2]
        c = np.asfortranarray(signals.smoothed_noise(DURATION, 2, 8))
        one = program.run({"neurons.v": v, "drive.values": c}, duration=1 * ms, read=ENOUGH)
        values = {"neurons.v": v.copy().reshape(20, 20), "drive.values": np.ascontiguousarray(c)}
        assert_same(program.run(values, duration=1 * ms, read=ENOUGH), one)

    def test_the_given_arrays_are_left_alone(self, program):
        values = {"neurons.v": np.full(400, 0.01), "drive.values": np.full((N_STEPS, 2), 100.0)}
        run = program.run(values, duration=1 * ms, read=ENOUGH)
        kept = run["neurons.v"].copy()
        program.run(duration=2 * ms, read=ENOUGH)
        assert (values["neurons.v"] == 0.01).all()
        assert (values["drive.values"] == 100.0).all()
        np.testing.assert_array_equal(run["neurons.v"], kept)

    def test_seeds(self, program):
        def noise(seed):
            return program.run(duration=1 * ms, seed=seed, read=["noisy.v"])["noisy.v"]

        first = noise(7)
        assert len(set(first)) == N_NOISY
        np.testing.assert_array_equal(noise(7), first)
        np.testing.assert_array_equal(noise(np.int64(7)), first)
        assert not np.isin(noise(8), first).any()
        assert not np.isin(noise(None), noise(None)).any()

    def test_noise_has_its_size(self, program):
        """After 2 ms: that of a random walk, a little less for the leak."""
        v = program.run(duration=2 * ms, seed=1, read=["noisy.v"])["noisy.v"]
        expected = 1e-3 * np.sqrt(2 * 2 / 50) * (1 - 2 / 50 / 2)
        assert np.std(v) == pytest.approx(expected, rel=5 / np.sqrt(2 * N_NOISY))

    def test_cost_is_counted(self, program):
        run = program.run(duration=50 * ms)
        assert run.stepping_seconds > 0
        assert run.cpu_seconds > 0
        if not isinstance(program, CudaProgram):  # there the steps cost time, not CPU time
            assert run.stepping_seconds <= run.cpu_seconds + 0.01
        if isinstance(program, devices.StandaloneProgram):
            assert 1e6 < run.peak_bytes < 1e10
