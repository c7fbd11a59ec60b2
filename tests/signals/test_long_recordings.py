"""Long recordings: the same drive in stretches, in memory that does not grow with them."""

import subprocess
import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from brian2 import Hz, have_same_dimensions
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from ebn_brian import signals
from ebn_brian.signals import recordings
from ebn_brian.signals.resampling import interpolated, ratio_of, resampled, stretches


@pytest.fixture
def small_stretches(monkeypatch):
    """Recordings of seconds are long ones."""
    monkeypatch.setattr(recordings, "IN_MEMORY", 0)
    monkeypatch.setattr("ebn_brian.signals.resampling.STRETCH", 10_000)


def recording(rate, seconds=12, channels=3):
    rng = np.random.default_rng(7)
    noise = rng.standard_normal((int(rate * seconds), channels))
    return 1e4 + noise + 0.05 * noise.cumsum(axis=0)


@pytest.mark.parametrize("rate", [250, 1000, 9999, 10_000, 24_414.0625, 44_100])
def test_stretches_make_the_drive_of_one_piece(tmp_path, monkeypatch, rate):
    np.save(tmp_path / "a.npy", recording(rate))
    whole, info = signals.load(tmp_path / "a.npy", sampling_rate=rate * Hz)
    monkeypatch.setattr(recordings, "IN_MEMORY", 0)
    monkeypatch.setattr("ebn_brian.signals.resampling.STRETCH", 10_000)
    drive, long_info = signals.recording_drive(tmp_path / "a.npy", sampling_rate=rate * Hz)
    assert long_info["n_steps"] == info["n_steps"] == len(whole)
    parts = [np.asarray(drive(k, min(777, len(whole) - k))) for k in range(0, len(whole), 777)]
    largest = np.abs(np.asarray(whole)).max()
    np.testing.assert_allclose(np.vstack(parts), np.asarray(whole), atol=1e-11 * largest, rtol=0)
    for name in ("scale_hz", "drive_rms_hz", "shares"):
        assert long_info[name] == pytest.approx(info[name], rel=1e-11)


@given(rate=st.sampled_from([250, 9999, 24_414.0625, 96_000]), cuts=st.data())
def test_where_it_is_cut_does_not_matter(rate, cuts):
    """To the last bit."""
    x = recording(rate, 1, 2)
    ratio = ratio_of(rate, 1e-4)
    rows = resampled(lambda a, b: x[a:b].copy(), len(x), 2, ratio)
    n_steps = int(len(x) * ratio)
    whole = rows(0, n_steps)
    start = cuts.draw(st.integers(0, n_steps - 1))
    stop = cuts.draw(st.integers(start + 1, n_steps))
    np.testing.assert_array_equal(rows(start, stop), whole[start:stop])


@settings(deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.data())
def test_irregular_stamps_are_interpolated_in_stretches(seed, cuts):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.2, 1.8, 300))
    x = rng.standard_normal((300, 2))
    rows = interpolated(lambda a, b: x[a:b], times, 599)
    whole = rows(0, 599)
    start = cuts.draw(st.integers(0, 598))
    stop = cuts.draw(st.integers(start + 1, 599))
    np.testing.assert_array_equal(rows(start, stop), whole[start:stop])


def test_stretches_cover_all_once():
    for n_samples, n_channels in ((1, 1), (10**7, 1), (10**6, 64), (5, 10**7)):
        parts = list(stretches(n_samples, n_channels))
        assert parts[0][0] == 0
        assert parts[-1][1] == n_samples
        assert all(a[1] == b[0] for a, b in pairwise(parts))


def test_formats_in_stretches(tmp_path, small_stretches):
    """NPY in both orders, WAV and CSV give one drive."""
    rate, x = 1000, np.round(recording(1000))
    np.save(tmp_path / "a.npy", x)
    np.save(tmp_path / "b.npy", np.asfortranarray(x.astype(np.int16)))
    wavfile.write(tmp_path / "c.wav", rate, x.astype(np.int16))
    t = np.arange(len(x)) / rate
    np.savetxt(
        tmp_path / "d.csv", np.column_stack([t, x]), delimiter=",", header="t,a,b,c", comments=""
    )
    drives = [
        np.asarray(signals.load(path, **options)[0])
        for path, options in (
            (tmp_path / "a.npy", {"sampling_rate": rate * Hz}),
            (tmp_path / "b.npy", {"sampling_rate": rate * Hz}),
            (tmp_path / "c.wav", {}),
            (tmp_path / "d.csv", {}),
        )
    ]
    for other in drives[1:]:
        np.testing.assert_allclose(other, drives[0], rtol=1e-9, atol=1e-9)


def test_training_and_test_of_a_drive(tmp_path, small_stretches):
    """Three quarters over and over, and the last: as those of the drive in memory."""
    np.save(tmp_path / "a.npy", recording(250))
    drive, info = signals.recording_drive(tmp_path / "a.npy", sampling_rate=250 * Hz)
    whole = drive(0, info["n_steps"])
    assert have_same_dimensions(whole, Hz)
    training, test = signals.split(whole)
    end = signals.training_steps(info["n_steps"])
    assert end == len(training) == 90_000
    repeated = signals.repeated_drive(drive, end)
    for start, n_steps in ((0, 10), (89_990, 20), (89_999, 200_000), (1_000_000, 50)):
        expected = signals.window(training, start, n_steps)
        np.testing.assert_array_equal(repeated(start, n_steps), expected)
    np.testing.assert_array_equal(drive(end, len(test)), test)
    np.testing.assert_array_equal(drive(info["n_steps"] + 5, 7), whole[5:12])
    with pytest.raises(ValueError, match="n_steps=0: must be"):
        signals.repeated_drive(drive)


def test_too_many_channels(tmp_path):
    """An error before anything is built; fewer of them can be chosen."""
    x = np.random.default_rng(0).standard_normal((2000, signals.MAX_CHANNELS + 1))
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(ValueError, match=r"holds 1025 channels: at most 1024 .*columns="):
        signals.recording_drive(tmp_path / "a.npy", sampling_rate=1000 * Hz)
    drive, info = signals.recording_drive(
        tmp_path / "a.npy", sampling_rate=1000 * Hz, columns="5,1025"
    )
    assert info["channels"] == ["channel 5", "channel 1025"]
    assert drive(0, 3).shape == (3, 2)


def test_memory_while_a_part_is_made(tmp_path):
    """20 MB for a second of 8 channels, of a recording whose drive would take 320 MB."""
    np.save(tmp_path / "a.npy", recording(1000, 500, 8).astype(np.float32))
    drive, _ = signals.recording_drive(tmp_path / "a.npy", sampling_rate=1000 * Hz)
    tracemalloc.start()
    drive(1_000_000, 10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


CHILD = """
import resource, sys
from brian2 import Hz
from ebn_brian import signals
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
drive, info = signals.recording_drive(sys.argv[1], sampling_rate=1000 * Hz)
for start in range(0, 1_000_000, 100_000):
    drive(start, 100_000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [30, 60])
def test_memory_of_a_long_recording(tmp_path, minutes):
    """150 MB more, whatever the length: the drive of 30 minutes would take 1.2 GB."""
    shape = (minutes * 60_000, 8)
    array = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float32, shape)
    rng = np.random.default_rng(0)
    for start in range(0, len(array), 100_000):
        array[start : start + 100_000] = 1000 + rng.standard_normal((100_000, 8))
    array.flush()
    command = [sys.executable, "-c", CHILD, tmp_path / "a.npy"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(run.stdout.split()[-1]) < 150
