"""Errors against closed forms, brute force, each other and the published figures."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms, second
from hypothesis import given, settings
from hypothesis import strategies as st
from spike_trains import DT, smooth, spikes

from ebn_brian import decoding
from ebn_brian.chips.decoders import random_decoder

REFERENCE = Path(
    os.environ.get("EBN_REFERENCE", Path(__file__).parents[3] / "shared" / "reference")
)


class TestVarianceRatio:
    def test_is_the_ratio_of_the_variances(self):
        x, y = smooth(500, 3, seed=1), smooth(500, 3, seed=2)
        expected = (x - y).var(axis=0).sum() / x.var(axis=0).sum()
        found = decoding.variance_ratio(x, y)
        assert isinstance(found, float)
        assert found == pytest.approx(expected, rel=1e-12)

    def test_offsets_do_not_count(self):
        x = smooth(500, 2, seed=1)
        assert decoding.variance_ratio(x, x) == 0
        assert decoding.variance_ratio(x, 0 * x) == 1
        assert decoding.variance_ratio(x, x + np.array([3, -7])) == pytest.approx(0, abs=1e-20)
        assert decoding.variance_ratio(x, x / 2) == pytest.approx(0.25)

    @pytest.mark.parametrize(
        ("x", "y", "message"),
        [
            (np.full((20, 2), 0.1), np.ones((20, 2)), "x is constant"),
            (np.ones((20, 2)), np.ones((20, 1)), r"x has shape \(20, 2\), y \(20, 1\): must both"),
            (np.ones((1, 20, 2)), np.ones((1, 20, 2)), r"must both be \(n, n_signals\)"),
            (np.ones(20), np.ones(20), r"x has shape \(20,\)"),
            (np.ones((20, 2)), np.full((20, 2), np.nan), "y contains nan"),
        ],
    )
    def test_input_is_checked(self, x, y, message):
        with pytest.raises(ValueError, match=message):
            decoding.variance_ratio(x, y)


class TestErrors:
    def test_perfect_scaled_and_silent(self):
        x = smooth(3000, 2, seed=1)
        x_hat = np.stack([x, 0.5 * x, 0 * x, x + 3])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted = decoding.error(x, x_hat, DT)
            nominal = decoding.error_nominal(x, x_hat, DT)
        np.testing.assert_allclose(fitted, [0, 0, 1, 0], atol=1e-20)
        np.testing.assert_allclose(nominal, [0, 0.25, 1, 0], atol=1e-20)

    def test_is_the_best_linear_map_and_never_above_one(self):
        x, x_hat = smooth(2000, 2, seed=1), smooth(2000, 2, seed=2, n_chips=20)
        found = decoding.error(x, x_hat, DT, start=0 * ms)
        assert found.shape == (20,)
        assert (found <= 1).all()
        for chip in range(20):
            S, *_ = np.linalg.lstsq(np.column_stack([x_hat[chip], np.ones(2000)]), x, rcond=None)
            rest = x - x_hat[chip] @ S[:2]
            expected = rest.var(axis=0).sum() / x.var(axis=0).sum()
            assert found[chip] == pytest.approx(expected, rel=1e-9)
            for other in (np.eye(2), S[:2] + 0.01, 0 * S[:2]):
                worse = x - x_hat[chip] @ other
                assert worse.var(axis=0).sum() / x.var(axis=0).sum() >= found[chip] - 1e-12

    def test_channels_are_summed_before_the_ratio(self):
        """A quiet channel that is missed altogether costs its share of the variance only."""
        x = np.column_stack([np.sin(np.arange(4000) / 50), 0.1 * np.cos(np.arange(4000) / 50)])
        x_hat = x * [1, 0]
        expected = x[1000:, 1].var() / x[1000:].var(axis=0).sum()
        found = decoding.error_nominal(x, x_hat[None], DT)
        np.testing.assert_allclose(found, expected)
        assert expected == pytest.approx(0.0099, rel=0.05)

    def test_start_is_left_out(self):
        x = smooth(2000, 1, seed=3)
        x_hat = x.copy()[None]
        x_hat[0, :1000] += 100 * smooth(1000, 1, seed=4)
        assert decoding.error_nominal(x, x_hat, DT) == 0
        assert decoding.error_nominal(x, x_hat, DT, start=99.9 * ms) > 1e-3

    @given(st.permutations(range(4)), st.floats(0.1, 10), st.floats(0.1, 10))
    @settings(max_examples=20, deadline=None)
    def test_chips_and_signals_are_independent_of_order_and_unit(self, order, a, b):
        x, x_hat = smooth(300, 2, seed=5, n_chips=4), smooth(300, 2, seed=6, n_chips=4)
        found = decoding.error(x, x_hat, DT, start=0 * ms)
        permuted = decoding.error(x[order], x_hat[order], DT, start=0 * ms)
        np.testing.assert_array_equal(permuted, found[order])
        rescaled = decoding.error(x * a, x_hat * b, DT, start=0 * ms)
        np.testing.assert_allclose(rescaled, found, rtol=1e-9)
        swapped = decoding.error(x[..., ::-1], x_hat[..., ::-1], DT, start=0 * ms)
        np.testing.assert_allclose(swapped, found, rtol=1e-9)

    def test_tail_of_a_long_silence_is_no_overflow(self):
        x = smooth(2000, 2, seed=7)
        x_hat = np.full((1, 2000, 2), 1e-310) * np.linspace(0, 1, 2000)[:, None]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = decoding.error(x, x_hat, DT)
        assert 0 < found < 1

    @pytest.mark.parametrize(
        ("x", "x_hat", "start", "error", "message"),
        [
            (np.ones((20, 2)), np.ones((1, 20, 2)), 0 * ms, ValueError, "x is constant"),
            (np.full((20, 2), 0.1), np.ones((1, 20, 2)), 0 * ms, ValueError, "x is constant"),
            (np.ones((20, 2)), np.ones((1, 20, 3)), 0 * ms, ValueError, r"x has shape \(20, 2\)"),
            (np.ones((20, 2)), np.ones((20, 2)), 0 * ms, ValueError, "x has shape"),
            (np.ones((20, 2)) * np.nan, np.ones((1, 20, 2)), 0 * ms, ValueError, "x .*finite"),
            (np.ones((20, 2)), np.ones((1, 20, 2)) * np.inf, 0 * ms, ValueError, "x_hat .*finite"),
            (np.ones((20, 2)), np.ones((1, 20, 2)), 2 * ms, ValueError, "start=.*less than two"),
            (np.ones((20, 2)), np.ones((1, 20, 2)), -1 * ms, ValueError, "start=.*at least 0"),
            (np.ones((20, 2)), np.ones((1, 20, 2)), 0.1, TypeError, "start=0.1: must be a time"),
        ],
    )
    def test_input_is_checked(self, x, x_hat, start, error, message):
        for measure in (decoding.error, decoding.error_nominal):
            with pytest.raises(error, match=message):
                measure(x, x_hat, DT, start)


class TestPaperError:
    dt = 1 * ms  # 1000 steps a second

    def spikes(self, n_steps, seed):
        i, _, step = spikes(2, 5, n_steps, seed, per_neuron=n_steps // 20)
        return i, step * self.dt

    @pytest.mark.parametrize("n_steps", [1000, 2000, 2500])
    def test_fits_each_second_alone(self, n_steps):
        """Against the definition, second by second; the last, shorter part is left out."""
        i, t = self.spikes(n_steps, seed=1)
        D = random_decoder(2, 5, seed=1, n_chips=2)
        c = smooth(n_steps, 2, seed=1)
        found = decoding.paper_error(i, t, D, c * Hz, self.dt)
        x_hat = decoding.decode(i, t, D, n_steps, 10 * ms, self.dt)
        for chip in range(2):
            rest = total = 0
            for first in range(0, n_steps - 999, 1000):
                part = slice(first, first + 1000)
                a = x_hat[chip, part] - x_hat[chip, part].mean(axis=0)
                S, *_ = np.linalg.lstsq(a, c[part] - c[part].mean(axis=0), rcond=None)
                rest += (c[part] - a @ S).var(axis=0).sum()
                total += c[part].var(axis=0).sum()
            assert found[chip] == pytest.approx(rest / total, rel=1e-9)

    def test_readout_that_changes_every_second_is_perfect(self):
        i, t = self.spikes(2000, seed=2)
        D = random_decoder(2, 5, seed=2, n_chips=2)
        c = decoding.decode(i, t, D, 2000, 10 * ms, self.dt)
        c[:, 1000:] = c[:, 1000:] @ [[0, 3], [-1, 1]] + 5
        np.testing.assert_allclose(decoding.paper_error(i, t, D, c, self.dt), 0, atol=1e-20)

    def test_shorter_than_a_second_is_one_part(self):
        i, t = self.spikes(700, seed=3)
        D, c = random_decoder(2, 5, seed=3, n_chips=2), smooth(700, 2, seed=3)
        x_hat = decoding.decode(i, t, D, 700, 10 * ms, self.dt)
        np.testing.assert_allclose(
            decoding.paper_error(i, t, D, c, self.dt),
            decoding.error(c, x_hat, self.dt, start=0 * ms),
        )

    def test_silent_chip_is_one(self):
        i, t = self.spikes(2000, seed=4)
        late = i < 5  # chip 1 is silent
        D, c = random_decoder(2, 5, seed=4, n_chips=2), smooth(2000, 2, seed=4)
        found = decoding.paper_error(i[late], t[late], D, c, self.dt)
        assert found[0] < 1
        assert found[1] == 1

    def test_one_spike_and_then_a_minute_of_silence(self):
        c = smooth(60_000, 1, seed=5)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = decoding.paper_error([0], [0] * ms, [[1.0]], c, self.dt)
        assert 0.9 < found <= 1

    @pytest.mark.skipif(not (REFERENCE / "figure1").is_dir(), reason="no published data")
    def test_published_spikes_give_the_published_figures(self):
        """The published readout was fitted on other seconds; fitted on this one it is better."""
        folder = REFERENCE / "figure1"
        signals = np.loadtxt(folder / "signals.csv", delimiter=",", skiprows=1)
        D = np.random.RandomState(42).randn(2, 2, 20)[1]
        D /= np.linalg.norm(D, axis=0)
        for column, name in ((3, "initial"), (5, "optimal"), (7, "learned")):
            t, i = np.loadtxt(folder / f"spikes_{name}.csv", delimiter=",", skiprows=1).T
            found = decoding.paper_error(
                i.astype(int), np.minimum(t, 0.9999) * second, D, signals[:, 1:3], DT
            )
            published = decoding.error_nominal(
                signals[:, 1:3], signals[None, :, column : column + 2], DT, start=0 * ms
            )
            assert found == pytest.approx(published, abs=0.02)
            assert found < published
