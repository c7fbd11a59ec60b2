"""Signals: the smoothed noise against its closed form, scaling and resampling of recordings."""

import time

import numpy as np
import pytest
from brian2 import Hz, Quantity, have_same_dimensions, ms, second
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.signal import lfilter

from ebn_brian.signals import MIN_DURATION, STD, load, noise_rms, smoothed_noise, split, window

DT = 1e-4


def leaky(c, dt=DT, tau=0.05):
    """x[k] = (1 - dt/tau) x[k-1] + dt c[k]."""
    return lfilter([dt], [1, -(1 - dt / tau)], c, axis=0)


def autocovariance(values, lags):
    values = np.asarray(values)
    return np.array([np.mean(values[: len(values) - k] * values[k:]) for k in lags])


# Smoothed noise


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


def test_seeds_and_channels_differ():
    columns = np.hstack([smoothed_noise(1 * second, 2, seed) for seed in (1, 2, 3)])
    assert len(np.unique(np.asarray(columns)[0])) == 6
    correlation = np.corrcoef(np.asarray(columns).T) - np.eye(6)
    assert np.abs(correlation).max() < 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": 1}, "duration=1: .*units of second"),
        ({"duration": 0 * second}, "duration.*positive"),
        ({"duration": np.inf * second}, "duration.*finite"),
        ({"duration": 0.15 * ms}, "duration=150. us: .*whole number of steps of dt=100. us"),
        ({"start": -1 * second}, "start.*positive"),
        ({"start": 0.05 * ms}, "start.*whole number of steps"),
        ({"dt": 0 * ms}, "dt.*positive"),
        ({"dt": np.nan * ms}, "dt.*finite"),
        ({"dt": 1 * Hz}, "dt=.*units of second"),
        ({"sigma": -3 * ms}, "sigma.*positive"),
        ({"std": 153}, "std=153: .*units of hertz"),
        ({"std": [1, 2] * Hz}, "std=.*must be one quantity"),
        ({"n_signals": 0}, "n_signals=0: must be a whole number"),
        ({"n_signals": 1.5}, "n_signals=1.5: must be a whole number"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_noise_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        smoothed_noise(**{"duration": 1 * second, "n_signals": 1, "seed": 1} | change)


@given(st.floats(1, 1000), st.floats(0.1, 1000), st.floats(0.1, 1e4))
def test_noise_rms_is_the_quadrature(tau, sigma, std):
    """var x = tau int_0^inf R(t) exp(-t/tau) dt for the leaky integral of a drive with R."""
    reach = min(sigma * 15, tau * 40)  # ms
    integral, _ = quad(lambda t: np.exp(-((t / sigma) ** 2) / 4 - t / tau), 0, reach)
    expected = std * np.sqrt(tau * integral) / 1000
    assert noise_rms(tau * ms, std=std * Hz, sigma=sigma * ms) == pytest.approx(expected, rel=1e-6)


# Recordings: resampling, scaling


def save(tmp_path, samples):
    np.save(tmp_path / "recording.npy", samples)
    return tmp_path / "recording.npy"


@pytest.mark.parametrize("rate", [100, 1000, 8000, 9999, 10_000, 24_414.0625, 44_100, 1_000_000])
def test_resampling_keeps_a_sine(tmp_path, rate):
    """A 20 Hz sine at any rate, within 0.05 % of its amplitude but for 0.1 s at the ends."""
    phase = 2 * np.pi * 20
    path = save(tmp_path, np.sin(phase * np.arange(2 * rate) / rate) + 7)
    c, info = load(path, sampling_rate=rate * Hz)
    assert c.shape == (20_000, 1) if rate != 9999 else c.shape[0] in (20_000, 20_001)
    inner = slice(1000, 19_000)
    found = np.asarray(c)[inner, 0] / info["scale_hz"]
    found -= found.mean()  # the ends shift the mean that is taken off
    expected = np.sin(phase * np.arange(20_000) * DT)[inner]
    np.testing.assert_allclose(found, expected, atol=5e-4)


@pytest.mark.parametrize("rate", [500, 3000, 44_100])
def test_resampling_keeps_the_band(tmp_path, rate):
    """Up to 0.7 of the lower Nyquist frequency, within 0.5 % of the amplitude."""
    frequency = 0.7 * min(rate, 10_000) / 2
    path = save(tmp_path, np.sin(2 * np.pi * frequency * np.arange(rate) / rate))
    c, info = load(path, sampling_rate=rate * Hz)
    inner = slice(2000, 8000)
    found = np.asarray(c)[inner, 0] / info["scale_hz"]
    expected = np.sin(2 * np.pi * frequency * np.arange(10_000) * DT)[inner]
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_no_aliases(tmp_path):
    """9 kHz beside 20 Hz at 50 kHz would turn up at 1 kHz; less than 0.1 % of it may."""
    t = np.arange(100_000) / 50_000
    path = save(tmp_path, np.sin(2 * np.pi * 20 * t) + np.sin(2 * np.pi * 9000 * t))
    c, info = load(path, sampling_rate=50_000 * Hz)
    spectrum = np.abs(np.fft.rfft(np.asarray(c)[:, 0] / info["scale_hz"])) / 10_000
    assert spectrum[40] == pytest.approx(1, abs=0.01)  # bins of 0.5 Hz
    assert np.max(spectrum[200:]) < 0.001


def test_at_the_networks_own_rate_nothing_is_resampled(tmp_path):
    samples = np.random.default_rng(1).standard_normal((12_345, 2))
    c, info = load(save(tmp_path, samples), sampling_rate=10_000 * Hz)
    np.testing.assert_allclose(c / info["scale_hz"] / Hz, samples - samples.mean(axis=0), atol=1e-9)
    assert info["duration_s"] == pytest.approx(1.2345)


@settings(deadline=None, max_examples=20)
@given(
    n_channels=st.integers(1, 5),
    rate=st.sampled_from([250, 10_000, 22_050]),
    gain=st.floats(1e-6, 1e6),
    offset=st.floats(-1e3, 1e3),
    tau=st.sampled_from([20, 50]),
    seed=st.integers(0, 1000),
)
def test_scaling_rule(tmp_path_factory, n_channels, rate, gain, offset, tau, seed):
    """x of the repeated recording has the RMS of the default noise; ratios of channels stay."""
    rng = np.random.default_rng(seed)
    samples = gain * (
        offset + rng.standard_normal((rate, n_channels)) * np.arange(1, n_channels + 1)
    )
    path = save(tmp_path_factory.mktemp("scaling"), samples)
    c, info = load(path, tau_m=tau * ms, sampling_rate=rate * Hz)
    values = np.asarray(c)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-9 * values.std())
    second_round = leaky(np.vstack([values, values]), tau=tau / 1000)[len(values) :]
    assert np.sqrt(np.mean(second_round**2)) == pytest.approx(noise_rms(tau * ms), rel=1e-6)
    ratios = values.std(axis=0) / samples.std(axis=0)
    np.testing.assert_allclose(ratios, ratios[0], rtol=0.2 if rate > 10_000 else 0.05)
    assert info["drive_rms_hz"] == pytest.approx(values.std())


def test_the_default_noise_is_its_own_scale(tmp_path):
    """Loading the default noise gives it back, but for its own sampling error."""
    noise = np.asarray(smoothed_noise(60 * second, 4, 2))
    _, info = load(save(tmp_path, noise), sampling_rate=10_000 * Hz)
    assert info["scale_hz"] == pytest.approx(1, abs=0.05)
    assert info["drive_rms_hz"] == pytest.approx(float(STD), rel=0.05)


def test_dt_of_the_network(tmp_path):
    path = save(tmp_path, np.sin(np.arange(2000) / 50))
    assert load(path, 1 * ms, sampling_rate=1000 * Hz)[0].shape == (2000, 1)
    assert load(path, 0.05 * ms, sampling_rate=1000 * Hz)[0].shape == (40_000, 1)


def test_nothing_left_below_the_nyquist_frequency(tmp_path):
    path = save(tmp_path, np.sin(2 * np.pi * 20_000 * np.arange(100_000) / 96_000))
    with pytest.raises(ValueError, match=r"recording.npy: only 0\.\d% .*below 5000 Hz"):
        load(path, sampling_rate=96_000 * Hz)


@pytest.mark.parametrize("n_samples", [1, 2, 50, 999])
def test_too_short(tmp_path, n_samples):
    path = save(tmp_path, np.arange(n_samples + 1.0)[1:, None] * [1, 2])
    message = "throughout" if n_samples == 1 else f"{n_samples} samples of 2 channels .*at least 1"
    with pytest.raises(ValueError, match=message):
        load(path, sampling_rate=1000 * Hz)
    shortest = round(float(MIN_DURATION) * 1000)
    load(save(tmp_path, np.arange(float(shortest))), sampling_rate=1000 * Hz)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 0 * ms}, "dt.*positive"),
        ({"dt": 0.1}, "dt=0.1: .*units of second"),
        ({"dt": 26 * ms}, "dt=26. ms: must be at most half of tau_m=50. ms"),
        ({"tau_m": -1 * ms}, "tau_m.*positive"),
        ({"sampling_rate": 0 * Hz}, "sampling_rate.*positive"),
        ({"sampling_rate": np.nan * Hz}, "sampling_rate.*finite"),
        ({"sampling_rate": 1000}, "sampling_rate=1000: .*units of hertz"),
        ({"sampling_rate": 1 * Hz}, "sampling rate is 1 Hz: must be from 2 Hz to 1e"),
        ({"sampling_rate": 1e9 * Hz}, "sampling rate is 1e"),
        ({"sampling_rate": None}, "does not tell its sampling rate"),
    ],
)
def test_bad_load_parameters(tmp_path, change, message):
    path = save(tmp_path, np.sin(np.arange(2000.0)))
    with pytest.raises(ValueError, match=message):
        load(path, **{"sampling_rate": 1000 * Hz} | change)


# Parts of a drive


@given(st.integers(2, 500), st.floats(0.01, 0.99))
def test_split_keeps_the_last_part_unseen(n_steps, held_out):
    drive = np.arange(2.0 * n_steps).reshape(n_steps, 2) * Hz
    if not 0 < round(n_steps * held_out) < n_steps:
        with pytest.raises(ValueError, match="held_out"):
            split(drive, held_out)
        return
    training, unseen = split(drive, held_out)
    assert np.array_equal(np.vstack([training, unseen]), np.asarray(drive))
    assert abs(len(unseen) - held_out * n_steps) <= 0.5
    assert have_same_dimensions(training, Hz)
    assert have_same_dimensions(unseen, Hz)


@pytest.mark.parametrize("held_out", [0, 1, -0.1, 1.5, np.nan])
def test_bad_split(held_out):
    with pytest.raises(ValueError, match=f"held_out={held_out}: must be between 0 and 1"):
        split(np.ones((100, 1)) * Hz, held_out)


@given(st.integers(1, 20), st.integers(0, 100), st.integers(1, 100))
def test_window_repeats_endlessly(length, start, n_steps):
    drive = np.arange(2.0 * length).reshape(length, 2) * Hz
    part = window(drive, start, n_steps)
    assert have_same_dimensions(part, Hz)
    assert np.array_equal(part, np.tile(drive, (201, 1))[start : start + n_steps])


@pytest.mark.parametrize(("start", "n_steps", "length"), [(-1, 1, 5), (0, 0, 5), (0, 1, 0)])
def test_bad_window(start, n_steps, length):
    with pytest.raises(ValueError, match=f"start={start}, n_steps={n_steps}.*{length} steps"):
        window(np.ones((length, 1)) * Hz, start, n_steps)
