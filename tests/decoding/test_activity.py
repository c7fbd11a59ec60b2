"""Rates and spike counts."""

import numpy as np
import pytest
from brian2 import second
from spike_trains import DT

from ebn_brian import decoding


def test_rate():
    i = np.repeat([0, 1, 2, 5], [10, 20, 0, 6])
    np.testing.assert_allclose(decoding.rate_hz(i, 2, 2 * second, n_chips=3), [7.5, 0, 1.5])


def test_rate_of_silence():
    silent = decoding.rate_hz(np.array([], dtype=int), 2, 1 * second, n_chips=2)
    np.testing.assert_array_equal(silent, [0, 0])


def test_rate_input_is_checked():
    with pytest.raises(ValueError, match="i has 4 to 4: must be from 0 to 3"):
        decoding.rate_hz([4], 2, 1 * second, n_chips=2)
    with pytest.raises(ValueError, match=r"duration=.*: must be finite and positive"):
        decoding.rate_hz([0], 2, 0 * second)


def test_spikes_per_step_counts_within_a_chip():
    i = [0, 1, 2, 3, 0, 2, 3]
    t = [1, 1, 1, 1, 2, 3, 3] * DT
    assert decoding.spikes_per_step_max(i, t, 4, DT) == 4
    assert decoding.spikes_per_step_max(i, t, 2, DT) == 2
    assert decoding.spikes_per_step_max(i, t, 1, DT) == 1
    assert decoding.spikes_per_step_max([], [] * second, 4, DT) == 0
