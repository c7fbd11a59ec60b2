"""Input without end: any part of it, and errors before the first one."""

import numpy as np
import pytest
from brian2 import Hz, Quantity, have_same_dimensions, ms, mV, second
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian.signals import noise_drive, repeated_drive, smoothed_noise


@pytest.mark.parametrize("stream", ["signal", "test signal"])
@pytest.mark.parametrize("dt", [0.1 * ms, 1 * ms])
def test_noise_is_smoothed_noise(dt, stream):
    whole = smoothed_noise(500 * dt, 2, 7, dt=dt, stream=stream)
    drive = noise_drive(2, 7, dt, stream)
    assert isinstance(drive(0, 500), Quantity)
    assert np.array_equal(drive(0, 500), whole)
    assert np.array_equal(drive(123, 45), whole[123:168])


def test_noise_is_that_of_training_unless_named():
    assert np.array_equal(noise_drive(1, 7)(30, 20), smoothed_noise(5 * ms, 1, 7)[30:])
    assert not np.array_equal(
        noise_drive(1, 7, stream="test signal")(30, 20), noise_drive(1, 7)(30, 20)
    )


@given(st.integers(1, 20), st.integers(0, 100), st.integers(1, 100))
def test_repeated_goes_round(length, start, n_steps):
    recording = np.arange(2.0 * length).reshape(length, 2) * Hz
    part = repeated_drive(recording)(start, n_steps)
    assert have_same_dimensions(part, Hz)
    assert np.array_equal(part, np.tile(recording, (201, 1))[start : start + n_steps])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_signals": 0}, ValueError, "n_signals=0: must be a whole number"),
        ({"seed": -1}, ValueError, "seed=-1: must be a whole number"),
        ({"dt": 0 * ms}, ValueError, "dt=.*positive"),
        ({"dt": 0.1}, TypeError, "dt=0.1: must be a time"),
    ],
)
def test_bad_noise_is_refused_at_once(change, error, message):
    with pytest.raises(error, match=message):
        noise_drive(**{"n_signals": 1, "seed": 1} | change)


@pytest.mark.parametrize(
    ("recording", "error", "message"),
    [
        (np.ones(5) * Hz, ValueError, r"recording has shape \(5,\): must be"),
        (np.ones((0, 2)) * Hz, ValueError, r"recording has shape \(0, 2\): must be"),
        (np.full((5, 2), np.nan) * Hz, ValueError, "recording contains nan"),
        (np.ones((5, 2)) * mV, TypeError, "recording has unit .*in hertz"),
        (np.ones((5, 2)) * second, TypeError, "recording has unit .*in hertz"),
    ],
)
def test_bad_recordings_are_refused_at_once(recording, error, message):
    with pytest.raises(error, match=message):
        repeated_drive(recording)
