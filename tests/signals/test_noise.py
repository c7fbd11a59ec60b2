"""Smoothed noise: against its closed form, any window of it bit-identical, streams apart."""

import time

import numpy as np
import pytest
from brian2 import Hz, Quantity, have_same_dimensions, ms, second
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.signal import lfilter

from ebn_brian.signals import STD, noise_rms, smoothed_noise

DT = 1e-4


def leaky(c, dt=DT, tau=0.05):
    """x[k] = (1 - dt/tau) x[k-1] + dt c[k]."""
    return lfilter([dt], [1, -(1 - dt / tau)], c, axis=0)


def autocovariance(values, lags):
    values = np.asarray(values)
    return np.array([np.mean(values[: len(values) - k] * values[k:]) for k in lags])


def test_the_default_is_the_papers():
    """Amplitude 5000 on unit white noise at 0.1 ms under a unit-sum kernel of 30 ms."""
    kernel = np.exp(-0.5 * (np.arange(-3000, 3001) / 300) ** 2)
    kernel /= kernel.sum()
    assert float(STD / Hz) == pytest.approx(5000 * np.sqrt(np.sum(kernel**2)), rel=1e-12)


def test_noise_is_a_drive():
    c = smoothed_noise(0.25 * second, 3, 1)
    assert isinstance(c, Quantity)
    assert have_same_dimensions(c, Hz)
    assert c.shape == (2500, 3)
    assert np.isfinite(c).all()


def test_one_sample_is_the_convolution():
    """Against a plain sum over kernel and white noise, recovered from delta-like smoothing."""
    tiny, n = 0.001 * ms, 6000  # a kernel of one sample: the drive is the white noise itself
    white = np.asarray(smoothed_noise(n * 0.1 * ms, 1, 5, sigma=tiny, std=1 * Hz))[:, 0]
    assert white.std() == pytest.approx(1, abs=0.05)
    assert np.abs(autocovariance(white, [1, 2, 10])).max() < 0.06
    kernel = np.exp(-0.5 * (np.arange(-50, 51) / 10) ** 2)
    kernel /= np.sqrt(np.sum(kernel**2))
    smooth = smoothed_noise(2000 * 0.1 * ms, 1, 5, sigma=1 * ms, std=1 * Hz)
    # both come in blocks of 1024 from one white noise, which `white` shows from its sample 1 on
    expected = [kernel @ white[k - 1 : k + 100] for k in range(1, 2000)]
    np.testing.assert_allclose(np.asarray(smooth)[1:, 0], expected, atol=1e-12)


def check_statistics(seconds, n_signals, seed, z):
    """Variance, autocorrelation and independence, each within `z` standard errors."""
    c = np.asarray(smoothed_noise(seconds * second, n_signals, seed))
    sigma, std = 0.03, float(STD)
    # sampling error of a Gaussian process: var of the variance = 2/T int R^2, R^2 = exp(-t^2/2s^2)
    independent = seconds * n_signals / (np.sqrt(2 * np.pi) * sigma)
    error = np.sqrt(2 / independent)
    lags = np.array([0, 150, 300, 600, 900])
    expected = np.exp(-((lags * DT) ** 2) / (4 * sigma**2))
    np.testing.assert_allclose(autocovariance(c, lags) / std**2, expected, atol=z * error)
    mean_error = np.sqrt(2 * np.sqrt(np.pi) * sigma / (seconds * n_signals))
    assert abs(c.mean()) < z * mean_error * std
    correlations = np.corrcoef(c.T)[np.triu_indices(n_signals, 1)]
    pair_error = np.sqrt(np.sqrt(2 * np.pi) * sigma / seconds)
    assert np.abs(correlations).max() < (z + 1) * pair_error
    rms = np.sqrt(np.mean(leaky(c)[10_000:] ** 2))
    assert rms == pytest.approx(noise_rms(), rel=1.5 * z * error + DT / 0.05)


def test_statistics():
    check_statistics(40, 8, seed=3, z=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_statistics_of_long_signals(seed):
    check_statistics(400, 10, seed, z=4)


@pytest.mark.slow
def test_stationary_from_the_first_sample():
    """No edge effect: the variance over 4000 seeds is the same at t = 0 and later."""
    first = np.array([np.asarray(smoothed_noise(20 * ms, 1, s))[[0, 199], 0] for s in range(4000)])
    np.testing.assert_allclose(first.std(axis=0) / float(STD), 1, atol=4 / np.sqrt(2 * 4000))


LONG = {
    sigma: np.asarray(smoothed_noise(2.5 * second, 3, 11, sigma=sigma * ms)) for sigma in (2, 30)
}


@settings(deadline=None)
@given(st.integers(0, 24_999), st.integers(1, 25_000), st.integers(1, 3), st.sampled_from([2, 30]))
def test_any_window_is_bit_identical(start, n_steps, n_signals, sigma):
    n_steps = min(n_steps, 25_000 - start)
    part = smoothed_noise(
        n_steps * 0.1 * ms, n_signals, 11, start=start * 0.1 * ms, sigma=sigma * ms
    )
    assert np.array_equal(part, LONG[sigma][start : start + n_steps, :n_signals])


def test_far_starts_cost_no_more():
    begin = time.perf_counter()
    smoothed_noise(0.1 * second, 1, 1, start=3e6 * second)  # 35 days on
    assert time.perf_counter() - begin < 10  # not the hours that 35 days would take


def test_streams_differ():
    """No seed gives input to test on what another gives input to train on."""
    one, other = (smoothed_noise(1 * second, 1, 1, stream=s) for s in ("signal", "test signal"))
    assert np.array_equal(one, smoothed_noise(1 * second, 1, 1))
    assert not (np.asarray(one) == np.asarray(other)).any()
    assert abs(np.corrcoef(np.hstack([one, other]).T)[0, 1]) < 0.9


def test_the_default_stream_never_changes():
    """Pinned: published results name their seeds, so these numbers must survive every release."""
    c = np.asarray(smoothed_noise(1 * ms, 2, 7, start=1 * second))
    expected = [[132.98474560008142, -260.7370504873728], [134.369243093815, -262.123628711618]]
    np.testing.assert_allclose(c[[0, -1]], expected, rtol=1e-9)


def test_seeds_and_channels_differ():
    columns = np.hstack([smoothed_noise(1 * second, 2, seed) for seed in (1, 2, 3)])
    assert len(np.unique(np.asarray(columns)[0])) == 6
    correlation = np.corrcoef(np.asarray(columns).T) - np.eye(6)
    assert np.abs(correlation).max() < 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": -1 * second}, "start.*at least 0"),
        ({"duration": 0 * second}, "duration.*positive"),
        ({"duration": np.inf * second}, "duration.*finite"),
        ({"duration": 0.15 * ms}, "duration=150. us: .*whole number of steps of dt=100. us"),
        ({"start": 0.05 * ms}, "start.*whole number of steps"),
        ({"dt": 0 * ms}, "dt.*positive"),
        ({"dt": np.nan * ms}, "dt.*finite"),
        ({"sigma": -3 * ms}, "sigma.*positive"),
        ({"n_signals": 0}, "n_signals=0: must be a whole number"),
        ({"n_signals": 1.5}, "n_signals=1.5: must be a whole number"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_noise_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        smoothed_noise(**{"duration": 1 * second, "n_signals": 1, "seed": 1} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": 1}, "duration=1: must be a time"),
        ({"dt": 1 * Hz}, "dt=.*must be a time"),
        ({"std": 153}, "std=153: must be a rate or frequency"),
        ({"std": [1, 2] * Hz}, "std=.*must be a rate or frequency"),
    ],
)
def test_units_of_noise_parameters(change, message):
    with pytest.raises(TypeError, match=message):
        smoothed_noise(**{"duration": 1 * second, "n_signals": 1, "seed": 1} | change)


@given(st.floats(1, 1000), st.floats(0.1, 1000), st.floats(0.1, 1e4))
def test_noise_rms_is_the_quadrature(tau, sigma, std):
    """var x = tau int_0^inf R(t) exp(-t/tau) dt for the leaky integral of a drive with R."""
    reach = min(sigma * 15, tau * 40)  # ms
    integral, _ = quad(lambda t: np.exp(-((t / sigma) ** 2) / 4 - t / tau), 0, reach)
    expected = std * np.sqrt(tau * integral) / 1000
    assert noise_rms(tau * ms, std=std * Hz, sigma=sigma * ms) == pytest.approx(expected, rel=1e-6)
