"""Readout and measures against closed forms, brute force and each other."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    TimedArray,
    ms,
    mV,
    prefs,
    second,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ebn_brian import decoding, online
from ebn_brian.balance import random_decoder
from ebn_brian.seeds import generator

REFERENCE = Path(
    os.environ.get("EBN_REFERENCE", Path(__file__).parents[2] / "shared" / "reference")
)
TAU, DT = 50 * ms, 0.1 * ms


def spikes(n_chips, n_neurons, n_steps, seed, per_neuron=30):
    """Random spikes in the order of a monitor: `i`, `t` and their steps."""
    rng = generator(seed, "spikes")
    n = n_chips * n_neurons
    events = np.sort(rng.choice(n * n_steps, min(per_neuron * n, n * n_steps), replace=False))
    step, i = np.divmod(events, n)
    return i, step * DT, step


def smooth(n_steps, n_signals, seed, n_chips=None):
    """A signal that varies."""
    shape = (n_steps, n_signals) if n_chips is None else (n_chips, n_steps, n_signals)
    return np.cumsum(generator(seed, "signal").normal(size=shape), axis=-2)


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
            ({"n_chips": 0}, ValueError, "n_chips=0: must be a whole number"),
        ],
    )
    def test_input_is_checked(self, change, error, message):
        good = {"i": [0], "t": [1] * DT, "D": np.ones((2, 1, 3)), "tau": TAU, "dt": DT}
        with pytest.raises(error, match=message):
            decoding.decode(n_steps=10, **(good | change))

    @pytest.mark.parametrize(
        ("c", "error", "message"),
        [
            (np.ones(5), ValueError, r"c \(shape \(5,\)\): must be"),
            (np.ones((0, 2)), ValueError, "c .*not empty"),
            (np.full((5, 2), np.inf), ValueError, "c .*finite"),
            (np.ones((5, 2)) * mV, TypeError, "c has unit .*must be Hz"),
        ],
    )
    def test_drive_is_checked(self, c, error, message):
        with pytest.raises(error, match=message):
            decoding.leaky_integral(c, TAU, DT)


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

    def test_refit_finds_the_decoder_that_made_the_signal(self):
        n_steps = 3000
        D = random_decoder(2, 5, seed=1, n_chips=2)
        first, second_ = spikes(2, 5, n_steps, seed=1), spikes(2, 5, n_steps, seed=2)
        x = decoding.decode(*first[:2], D, n_steps, TAU, DT) + 7
        D_fit = decoding.fit_decoder(*first[:2], x, 5, TAU, DT, n_chips=2)
        np.testing.assert_allclose(D_fit, D, atol=1e-9)
        x_other = decoding.decode(*second_[:2], D, n_steps, TAU, DT)
        found = decoding.error_refit(*second_[:2], x_other, D_fit, TAU, DT)
        np.testing.assert_allclose(found, 0, atol=1e-20)
        assert (decoding.error_refit(*second_[:2], x, D_fit, TAU, DT) > 0.1).all()

    def test_refit_of_silent_neurons_and_chips(self):
        x = smooth(2000, 2, seed=8)
        i, t, _ = spikes(1, 3, 2000, seed=8)
        keep = i != 1
        D_fit = decoding.fit_decoder(i[keep], t[keep], x, 3, TAU, DT, n_chips=2)
        assert D_fit.shape == (2, 2, 3)
        assert not D_fit[0, :, 1].any()
        assert D_fit[0, :, [0, 2]].all()
        assert not D_fit[1].any()
        found = decoding.error_refit(i[keep], t[keep], x, D_fit, TAU, DT)
        assert found[0] < 1
        assert found[1] == 1

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


class TestActivity:
    def test_rate(self):
        i = np.repeat([0, 1, 2, 5], [10, 20, 0, 6])
        np.testing.assert_allclose(decoding.rate_hz(i, 2, 2 * second, n_chips=3), [7.5, 0, 1.5])

    def test_rate_of_silence(self):
        silent = decoding.rate_hz(np.array([], dtype=int), 2, 1 * second, n_chips=2)
        np.testing.assert_array_equal(silent, [0, 0])

    def test_rate_input_is_checked(self):
        with pytest.raises(ValueError, match="i has 4 to 4: must be from 0 to 3"):
            decoding.rate_hz([4], 2, 1 * second, n_chips=2)
        with pytest.raises(ValueError, match=r"duration=.*: must be finite and positive"):
            decoding.rate_hz([0], 2, 0 * second)

    def test_spikes_per_step_counts_within_a_chip(self):
        i = [0, 1, 2, 3, 0, 2, 3]
        t = [1, 1, 1, 1, 2, 3, 3] * DT
        assert decoding.spikes_per_step_max(i, t, 4, DT) == 4
        assert decoding.spikes_per_step_max(i, t, 2, DT) == 2
        assert decoding.spikes_per_step_max(i, t, 1, DT) == 1
        assert decoding.spikes_per_step_max([], [] * second, 4, DT) == 0


@pytest.fixture
def numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


@pytest.mark.usefixtures("numpy_target")
class TestOnline:
    def run_prescribed(self, n_signals=2, n_chips=3, n_steps=3000, offset=0.0, **options):
        """Readout of prescribed spikes beside the batch reconstruction of the same."""
        n_neurons = 4
        i, t, _ = spikes(n_chips, n_neurons, n_steps, seed=n_signals, per_neuron=60)
        silent = i // n_neurons == n_chips - 1
        i, t = i[~silent], t[~silent]  # the last chip
        D = random_decoder(n_signals, n_neurons, seed=n_signals, n_chips=n_chips)
        c = (generator(1, "c").normal(size=(n_steps, n_signals)) * 1000 + offset) * Hz
        source = SpikeGeneratorGroup(n_chips * n_neurons, i, t, dt=DT)
        drive = TimedArray(c, dt=DT)
        readout = online.online_readout(source, D, drive, tau_m=TAU, **options)
        Network(source, *readout.objects).run(n_steps * DT)
        x = decoding.leaky_integral(c, TAU, DT)
        return readout, x, decoding.decode(i, t, D, n_steps, TAU, DT), i, t

    @pytest.mark.parametrize("n_signals", [1, 2, 3])
    def test_agrees_with_batch(self, n_signals):
        readout, x, x_hat, i, t = self.run_prescribed(n_signals)
        np.testing.assert_allclose(readout.error(), decoding.error(x, x_hat, DT), rtol=1e-9)
        nominal = decoding.error_nominal(x, x_hat, DT)
        np.testing.assert_allclose(readout.error_nominal(), nominal, rtol=1e-9)
        late = i[t > 99.95 * ms]
        rate = decoding.rate_hz(late, 4, 200 * ms, n_chips=3)
        np.testing.assert_allclose(readout.rate_hz(), rate, rtol=1e-12)
        assert (rate[:2] > 0).all()
        assert readout.error()[2] == 1
        assert (readout.error()[:2] < 1).all()
        for j in range(n_signals):
            state = getattr(readout.readout, f"x_hat_{j}")[:]
            np.testing.assert_allclose(state, x_hat[:, -1, j], atol=1e-12)

    def test_start_sample_and_windows(self):
        readout, x, x_hat, i, t = self.run_prescribed(
            start=20 * ms, sample=0.5 * ms, every=100 * ms
        )
        thinned = x[::5], x_hat[:, ::5], 0.5 * ms
        whole = decoding.error(*thinned, start=20 * ms)
        np.testing.assert_allclose(readout.error(), whole, rtol=1e-9)
        windows = readout.windows()
        assert windows.error().shape == (3, 3)
        steps = np.rint(t / DT).astype(int)
        for k, first in enumerate((200, 1000, 2000)):
            part, last = slice(first // 5, 200 * (k + 1)), 1000 * (k + 1)
            expected = decoding.error(x[::5][part], x_hat[:, ::5][:, part], DT, start=0 * ms)
            np.testing.assert_allclose(windows.error()[k], expected, rtol=1e-8)
            inside = i[(steps >= first) & (steps < last)]
            rate = decoding.rate_hz(inside, 4, (last - first) * DT, n_chips=3)
            np.testing.assert_allclose(windows.rate_hz()[k], rate, rtol=1e-12)

    def test_goes_on_over_runs(self):
        whole = self.run_prescribed()[0]
        i, t, _ = spikes(3, 4, 3000, seed=2, per_neuron=60)
        keep = i < 8
        source = SpikeGeneratorGroup(12, i[keep], t[keep], dt=DT)
        D = random_decoder(2, 4, seed=2, n_chips=3)
        c = generator(1, "c").normal(size=(3000, 2)) * 1000 * Hz
        parts = online.online_readout(source, D, TimedArray(c, dt=DT), tau_m=TAU)
        network = Network(source, *parts.objects)
        for duration in (50, 130, 120):
            network.run(duration * ms)
        np.testing.assert_allclose(parts.error(), whole.error(), rtol=1e-12)
        np.testing.assert_allclose(parts.rate_hz(), whole.rate_hz(), rtol=1e-12)

    def test_offset_costs_what_is_documented(self):
        """A mean of 100 standard deviations leaves 1e-12*100^2 of the variance."""
        readout, x, x_hat, *_ = self.run_prescribed(offset=1e6, start=199 * ms)
        assert x[1990:].mean() / x[1990:].std() > 50
        expected = decoding.error(x, x_hat, DT, start=199 * ms)
        np.testing.assert_allclose(readout.error(), expected, rtol=1e-7)

    def test_nothing_sampled_yet_is_nan_without_warning(self):
        readout, *_ = self.run_prescribed(n_steps=100)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isnan(readout.error()).all()
            assert np.isnan(readout.error_nominal()).all()
            assert np.isnan(readout.rate_hz()).all()

    def test_network_of_integrators(self):
        """A network that spikes by itself, D shared by its chips."""
        D = random_decoder(2, 10, seed=3)
        c = 3000 * np.stack([np.sin(np.arange(4000) / 300), np.cos(np.arange(4000) / 300)], 1) * Hz
        drive = TimedArray(c, dt=DT)
        neurons = NeuronGroup(
            20,
            """dv/dt = -v/tau + f_0*drive(t, 0) + f_1*drive(t, 1) : 1
               f_0 : 1
               f_1 : 1""",
            threshold="v > 0.5",
            reset="v -= 1",
            method="euler",
            dt=DT,
            namespace={"drive": drive, "tau": TAU},
        )
        neurons.f_0, neurons.f_1 = np.tile(D[0], 2), np.tile(D[1], 2)
        neurons.v = "0.4*i/N"  # so that the two chips differ
        monitor = SpikeMonitor(neurons)
        readout = online.online_readout(neurons, D, drive, tau_m=TAU)
        Network(neurons, monitor, *readout.objects).run(400 * ms)
        x = decoding.leaky_integral(c, TAU, DT)
        x_hat = decoding.decode(monitor.i, monitor.t, D, 4000, TAU, DT, n_chips=2)
        assert monitor.num_spikes > 1000
        np.testing.assert_allclose(readout.error(), decoding.error(x, x_hat, DT), rtol=1e-9)
        nominal = decoding.error_nominal(x, x_hat, DT)
        np.testing.assert_allclose(readout.error_nominal(), nominal, rtol=1e-9)
        assert readout.error()[0] != readout.error()[1]

    def test_objects_have_their_names(self):
        source = SpikeGeneratorGroup(4, [], [] * second, dt=DT)
        drive = TimedArray(np.ones((5, 1)) * Hz, dt=DT)
        readout = online.online_readout(source, np.ones((1, 4)), drive, tau_m=TAU, every=1 * ms)
        names = [each.name for each in readout.objects]
        assert names == ["readout", "decoder", "readout_windows"]

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"D": np.ones((1, 3))}, ValueError, "neurons has 4 elements: must be chips of 3"),
            ({"D": np.ones((3, 1, 2))}, ValueError, "first axis must be n_chips=2"),
            ({"D": np.ones((2, 4))}, ValueError, r"drive has shape \(5, 1\).*\(n_steps, 2\)"),
            ({"tau_m": 0 * ms}, ValueError, "tau=.*positive"),
            ({"start": -1 * ms}, ValueError, "start=.*at least 0"),
            ({"sample": 0.25 * ms}, ValueError, "sample=.*whole number of steps"),
            ({"sample": 0.01 * ms}, ValueError, "sample=.*whole number of steps"),
            ({"every": 0 * ms}, ValueError, "every=.*positive"),
            ({"every": 5}, TypeError, "every=5: must be a time"),
        ],
    )
    def test_input_is_checked(self, change, error, message):
        source = SpikeGeneratorGroup(4, [], [] * second, dt=DT)
        drive = TimedArray(np.ones((5, 1)) * Hz, dt=DT)
        good = {"D": np.ones((1, 4)), "drive": drive, "tau_m": TAU}
        with pytest.raises(error, match=message):
            online.online_readout(source, **(good | change))

    def test_drive_without_unit_is_refused(self):
        source = SpikeGeneratorGroup(4, [], [] * second, dt=DT)
        with pytest.raises(ValueError, match=r"drive has .* in Hz"):
            online.online_readout(
                source, np.ones((1, 4)), TimedArray(np.ones((5, 1)), dt=DT), tau_m=TAU
            )

    def test_windows_need_every(self):
        readout, *_ = self.run_prescribed(n_steps=20)
        with pytest.raises(ValueError, match="every=None"):
            readout.windows()
