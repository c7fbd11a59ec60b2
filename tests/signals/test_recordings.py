"""Recordings as drives: resampling, scaling, and parts of a drive."""

import numpy as np
import pytest
from brian2 import Hz, have_same_dimensions, ms, second
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from ebn_brian.signals import MIN_DURATION, STD, load, noise_rms, smoothed_noise, split, window

DT = 1e-4


def leaky(c, dt=DT, tau=0.05):
    """x[k] = (1 - dt/tau) x[k-1] + dt c[k]."""
    return lfilter([dt], [1, -(1 - dt / tau)], c, axis=0)


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


@pytest.mark.parametrize("n_samples", [2, 50, 999])
def test_too_short(tmp_path, n_samples):
    path = save(tmp_path, np.arange(n_samples + 1.0)[1:, None] * [1, 2])
    message = f"{n_samples} samples of 2 channels .*at least 1"
    with pytest.raises(ValueError, match=message):
        load(path, sampling_rate=1000 * Hz)
    shortest = round(float(MIN_DURATION) * 1000)
    load(save(tmp_path, np.arange(float(shortest))), sampling_rate=1000 * Hz)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 0 * ms}, "dt.*positive"),
        ({"dt": 26 * ms}, "dt=26. ms: must be at most half of tau_m=50. ms"),
        ({"tau_m": -1 * ms}, "tau_m.*positive"),
        ({"sampling_rate": 0 * Hz}, "sampling_rate.*positive"),
        ({"sampling_rate": np.nan * Hz}, "sampling_rate.*finite"),
        ({"sampling_rate": 1 * Hz}, "sampling rate is 1 Hz: must be from 2 Hz to 1e"),
        ({"sampling_rate": 1e9 * Hz}, "sampling rate is 1e"),
        ({"sampling_rate": None}, "does not hold its sampling rate"),
    ],
)
def test_bad_load_parameters(tmp_path, change, message):
    path = save(tmp_path, np.sin(np.arange(2000.0)))
    with pytest.raises(ValueError, match=message):
        load(path, **{"sampling_rate": 1000 * Hz} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 0.1}, "dt=0.1: must be a time"),
        ({"tau_m": 1 * Hz}, "tau_m=.*must be a time"),
        ({"sampling_rate": 1000}, "sampling_rate=1000: must be a rate or frequency"),
    ],
)
def test_units_of_load_parameters(tmp_path, change, message):
    path = save(tmp_path, np.sin(np.arange(2000.0)))
    with pytest.raises(TypeError, match=message):
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
