"""Offsets, drifts and scales of amplifiers: what the drive must not depend on, by arithmetic."""

import numpy as np
import pytest
from brian2 import Hz
from hypothesis import given, settings
from hypothesis import strategies as st

from ebn_brian.signals import load

RATES = (250, 500, 1000, 24_414.0625, 30_000)


def signal(rate, seconds=4):
    t = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal((len(t), 2))
    return t, 20 * np.sin(2 * np.pi * 10 * t)[:, None] * [1, 0.5] + 5 * noise


@pytest.fixture
def driven(tmp_path):
    """Drive and info of an array."""

    def load_it(samples, rate, **options):
        np.save(tmp_path / "a.npy", samples)
        c, info = load(tmp_path / "a.npy", sampling_rate=rate * Hz, **options)
        return np.array(c), info

    return load_it


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("offset", [-75_561.05, 187_500, 2e7])
def test_offsets_change_nothing(driven, rate, offset):
    """An electrode's offset of up to a million times the signal."""
    _, x = signal(rate)
    c, _ = driven(x, rate)
    shifted, _ = driven(x + np.array([offset, 0]), rate)
    assert np.abs(shifted - c).max() < 1e-6 * np.abs(c).max()


@pytest.mark.parametrize("scale", [1e160, 1e300, 1e-160, 1e-200, 1e-300])
def test_any_unit_will_do(driven, scale):
    """Up to the limits of floats; powers of two change no digit."""
    _, x = signal(1000)
    c, info = driven(x, 1000)
    scaled, scaled_info = driven(x * scale, 1000)
    np.testing.assert_allclose(scaled, c, rtol=1e-9, atol=1e-12 * np.abs(c).max())
    assert scaled_info["scale_hz"] * scale == pytest.approx(info["scale_hz"], rel=1e-9)
    power = 2.0 ** np.rint(np.log2(scale))
    np.testing.assert_array_equal(driven(x * power, 1000)[0], c)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("drift", [1e4, -1e6])
def test_a_drift_passes_as_it_is(driven, rate, drift):
    """x + a t gives the drive of x and a ramp: no ripple on it, no ringing at its ends."""
    t, x = signal(rate)
    c, info = driven(x, rate)
    drifting, drifting_info = driven(x + drift * t[:, None], rate)
    rest = drifting / drifting_info["scale_hz"] - c / info["scale_hz"]
    ramp = drift * np.arange(len(c)) * 1e-4
    assert np.abs(rest - (ramp - ramp.mean())[:, None]).max() < 1e-9 * abs(drift)


@pytest.mark.parametrize("shape", [lambda t: np.sin(0.8 * t), lambda t: np.exp(-t)])
def test_a_curved_drift_leaves_no_ripple(driven, shape):
    """Of 500 times the signal, with less than 1 % of that between the samples."""
    t, x = signal(250)
    c, info = driven(x, 250)
    drifting, drifting_info = driven(x + 1e4 * shape(t)[:, None], 250)
    rest = drifting / drifting_info["scale_hz"] - c / info["scale_hz"]
    rest -= 1e4 * shape(np.arange(len(c)) * 1e-4)[:, None]
    inner = rest[1000:-1000]
    assert np.abs(inner - inner.mean(axis=0)).max() < 0.01 * 20


@pytest.mark.parametrize("rate", [250, 1000])
def test_other_levels_at_the_ends_do_not_ring(driven, rate):
    """A ramp from one level to another is a straight line up to the very ends."""
    t = np.arange(2 * rate) / rate
    c, info = driven(np.column_stack([5 + 90 * t, np.sin(9 * t)]), rate, columns="1-2")
    line = 90 * np.arange(len(c)) * 1e-4
    np.testing.assert_allclose(c[:, 0] / info["scale_hz"], line - line.mean(), atol=1e-9)


@pytest.mark.parametrize("rate", RATES)
def test_a_constant_stays_one_between_samples(driven, rate):
    """A rectangle is flat away from its edges, to 1e-6 of its height (at 250 Hz it was 1e-5)."""
    t, _ = signal(rate)
    c, info = driven(np.column_stack([(t > 1) & (t < 3), np.sin(9 * t)]) * 1.0, rate)
    flat = c[13_000:27_000, 0] / info["scale_hz"]
    assert np.ptp(flat) < 1e-6


def test_channels_first_are_turned(driven):
    _, x = signal(250)
    c, info = driven(x, 250)
    turned, turned_info = driven(x.T, 250)
    np.testing.assert_array_equal(turned, c)
    assert turned_info["notes"] == ["of shape (2, 1000): taken as (channels, samples)"]
    fortran, _ = driven(np.asfortranarray(x), 250)
    np.testing.assert_array_equal(fortran, c)
    assert not info["notes"]


@settings(deadline=None)
@given(ratio=st.floats(1.1, 1e7))
def test_channels_of_other_sizes_are_spoken_of(tmp_path_factory, ratio):
    """One factor scales all, so a trigger channel takes everything: a word, and `columns`."""
    path = tmp_path_factory.mktemp("sizes") / "a.npy"
    _, x = signal(250)
    x /= x.std(axis=0)
    np.save(path, np.column_stack([x, ratio * x[::-1, 0]]))
    _, info = load(path, sampling_rate=250 * Hz)
    shares = list(info["shares"].values())
    assert sum(shares) == pytest.approx(1)
    assert shares[2] == pytest.approx(ratio**2 / (2 + ratio**2), rel=0.1)
    if not 95 < ratio < 105:
        assert any("'channel 3' varies more than 100" in note for note in info["notes"]) == (
            ratio > 100
        )
    c, info = load(path, sampling_rate=250 * Hz, columns="1-2")
    assert info["channels"] == ["channel 1", "channel 2"]
    assert not any("varies" in note for note in info["notes"])
    assert c.shape == (40_000, 2)
