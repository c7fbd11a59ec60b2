"""Filters against closed forms and plain loops."""

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from hypothesis import given, settings
from hypothesis import strategies as st
from spike_trains import DT, TAU, spikes

from ebn_brian import decoding
from ebn_brian.chips.decoders import random_decoder
from ebn_brian.seeds import generator


class TestFilters:
    def test_leaky_integral_of_a_constant(self):
        """c = 1 from step 0: x[k] = tau (1 - (1 - dt/tau)^(k+1))."""
        x = decoding.leaky_integral(np.ones((2000, 1)) * Hz, TAU, DT)
        k = np.arange(2000)
        np.testing.assert_allclose(x[:, 0], 0.05 * (1 - (1 - 0.002) ** (k + 1)), rtol=1e-12)

    def test_leaky_integral_converges_to_the_differential_equation(self):
        errors = []
        for dt in (0.2 * ms, 0.1 * ms):
            t = np.arange(1, round(0.3 * second / dt) + 1) * float(dt)
            x = decoding.leaky_integral(np.full((len(t), 1), 7.0), TAU, dt)[:, 0]
            errors.append(np.abs(x - 7 * 0.05 * (1 - np.exp(-t / 0.05))).max())
        assert errors[0] / errors[1] == pytest.approx(2, rel=0.01)  # first order

    def test_leaky_integral_takes_chips_and_units(self):
        c = generator(1, "c").normal(size=(3, 50, 2))
        x = decoding.leaky_integral(c * 1000 * Hz, TAU, DT)
        for chip in range(3):
            np.testing.assert_array_equal(x[chip], decoding.leaky_integral(c[chip] * 1e3, TAU, DT))

    def test_decode_equals_a_loop(self):
        n_chips, n_signals, n_neurons, n_steps = 3, 2, 5, 400
        i, t, step = spikes(n_chips, n_neurons, n_steps, seed=1)
        D = random_decoder(n_signals, n_neurons, seed=1, n_chips=n_chips)
        expected, r = np.zeros((n_chips, n_steps, n_signals)), np.zeros((n_chips, n_neurons))
        rs = np.zeros((n_chips, n_steps, n_neurons))
        for k in range(n_steps):
            r *= 1 - 0.1 / 50
            for spiking in i[step == k]:
                r[spiking // n_neurons, spiking % n_neurons] += 1
            rs[:, k] = r
            for chip in range(n_chips):
                expected[chip, k] = D[chip] @ r[chip]
        np.testing.assert_allclose(decoding.decode(i, t, D, n_steps, TAU, DT), expected, atol=1e-12)
        found = decoding.filtered_spikes(i, t, n_neurons, n_steps, TAU, DT, n_chips)
        np.testing.assert_allclose(found, rs, atol=1e-12)

    def test_spike_shows_in_its_own_step(self):
        x_hat = decoding.decode([0], [3] * DT, [[2.0]], 6, 1 * ms, DT)
        np.testing.assert_allclose(x_hat[0, :, 0], [0, 0, 0, 2, 1.8, 1.62])

    def test_two_spikes_of_a_neuron_in_a_step_both_count(self):
        x_hat = decoding.decode([0, 0], [1, 1] * DT, [[1.0]], 3, 1 * ms, DT)
        np.testing.assert_allclose(x_hat[0, :, 0], [0, 2, 1.8])

    def test_shared_decoder(self):
        i, t, _ = spikes(3, 4, 200, seed=2)
        D = random_decoder(2, 4, seed=2)
        np.testing.assert_array_equal(
            decoding.decode(i, t, D, 200, TAU, DT, n_chips=3),
            decoding.decode(i, t, np.stack([D] * 3), 200, TAU, DT),
        )

    @given(st.randoms(use_true_random=False), st.integers(1, 4))
    @settings(max_examples=20)
    def test_order_of_spikes_and_other_chips_do_not_matter(self, random, n_chips):
        i, t, _ = spikes(n_chips, 3, 100, seed=random.randrange(1000), per_neuron=8)
        D = random_decoder(2, 3, seed=1, n_chips=n_chips)
        x_hat = decoding.decode(i, t, D, 100, TAU, DT)
        order = random.sample(range(len(i)), len(i))
        shuffled = decoding.decode(i[order], t[order], D, 100, TAU, DT)
        np.testing.assert_allclose(shuffled, x_hat, atol=1e-12)
        for chip in range(n_chips):
            own = i // 3 == chip
            alone = decoding.decode(i[own] % 3, t[own], D[chip], 100, TAU, DT)
            np.testing.assert_array_equal(alone[0], x_hat[chip])

    def test_no_spikes(self):
        empty = np.array([], dtype=int), np.array([]) * second
        assert not decoding.decode(*empty, np.ones((2, 1, 3)), 10, TAU, DT).any()
        assert decoding.filtered_spikes(*empty, 3, 10, TAU, DT, 2).shape == (2, 10, 3)

    @pytest.mark.parametrize("every", [1, 2, 7, 10, 300])
    def test_every_so_many_steps(self, every):
        """Also where the last steps make no whole sample; all spikes before count in full."""
        i, t, _ = spikes(3, 4, 300, seed=3)
        r = decoding.filtered_spikes(i, t, 4, 300, TAU, DT, n_chips=3)
        thinned = decoding.filtered_spikes(i, t, 4, 300, TAU, DT, n_chips=3, every=every)
        assert thinned.shape == (3, 300 // every, 4)
        np.testing.assert_allclose(thinned, r[:, every - 1 :: every], rtol=1e-12)

    def test_two_spikes_of_a_neuron_in_a_sample_both_count(self):
        r = decoding.filtered_spikes([0, 0, 0], [0, 1, 1] * DT, 1, 4, 1 * ms, DT, every=2)
        np.testing.assert_allclose(r[0, :, 0], [2.9, 2.9 * 0.81])

    @pytest.mark.parametrize(
        ("every", "message"),
        [
            (0, "every=0: must be a whole number of at least 1"),
            (2.5, "every=2.5: must be a whole number"),
            (11, "every=11: must be at most n_steps=10"),
        ],
    )
    def test_every_is_checked(self, every, message):
        with pytest.raises(ValueError, match=message):
            decoding.filtered_spikes([0], [1] * DT, 1, 10, TAU, DT, every=every)

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"i": [6]}, ValueError, "i has 6 to 6: must be from 0 to 5"),
            ({"i": [-1]}, ValueError, "i has -1 to -1"),
            ({"i": [0.5]}, ValueError, "must be a list of whole numbers"),
            ({"i": [0, 1]}, ValueError, r"t has shape \(1,\): must be that of i, \(2,\)"),
            ({"t": [10] * DT}, ValueError, "t has steps 10 to 10 of .*from 0 to 9"),
            ({"t": [-1] * DT}, ValueError, "t has steps -1 to -1"),
            ({"t": [1e-3]}, TypeError, "t has unit 1: must be times"),
            ({"t": [np.nan] * second}, ValueError, "t contains nan"),
            ({"tau": 0 * ms}, ValueError, "tau=.*: must be finite and positive"),
            ({"tau": np.nan * ms}, ValueError, "tau=.*: must be finite and positive"),
            ({"tau": 0.05 * ms}, ValueError, "tau=.*: must be at least dt"),
            ({"tau": 0.05}, TypeError, "tau=0.05: must be a time"),
            ({"dt": 1 * mV}, TypeError, "dt=.*: must be a time"),
            ({"n_chips": 3}, ValueError, "first axis must be n_chips=3"),
            ({"n_steps": 0}, ValueError, "n_steps=0: must be a whole number"),
            ({"n_chips": 0}, ValueError, "n_chips=0: must be a whole number"),
        ],
    )
    def test_input_is_checked(self, change, error, message):
        good = {"i": [0], "t": [1] * DT, "D": np.ones((2, 1, 3)), "tau": TAU, "dt": DT}
        with pytest.raises(error, match=message):
            decoding.decode(**({"n_steps": 10} | good | change))

    @pytest.mark.parametrize(
        ("c", "error", "message"),
        [
            (np.ones(5), ValueError, r"c has shape \(5,\): must be"),
            (np.ones((0, 2)), ValueError, r"c has shape \(0, 2\): .*none of them 0"),
            (np.full((5, 2), np.inf), ValueError, "c .*finite"),
            (np.ones((5, 2)) * mV, TypeError, "c has unit .*must be plain numbers or in hertz"),
        ],
    )
    def test_drive_is_checked(self, c, error, message):
        with pytest.raises(error, match=message):
            decoding.leaky_integral(c, TAU, DT)
