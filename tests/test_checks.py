"""Checks: good input comes back, bad input raises an error with name, value and what is allowed."""

from fractions import Fraction

import numpy as np
import pytest
from brian2 import Hz, TimedArray, kHz, ms, mV, pA, second
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian import checks


class TestNumbers:
    @pytest.mark.parametrize("value", [1, 0.5, [1, 2.5], np.ones((2, 3))])
    def test_positive(self, value):
        array = checks.positive("a", value)
        assert array.dtype == float
        np.testing.assert_array_equal(array, value)

    @pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, [1, 0], [[1, -np.inf]]])
    def test_not_positive(self, value):
        with pytest.raises(ValueError, match=r"a=.*: must be finite and positive"):
            checks.positive("a", value)

    def test_zero_where_allowed(self):
        np.testing.assert_array_equal(checks.positive("a", [0, 1], zero=True), [0, 1])
        with pytest.raises(ValueError, match=r"a=-1: must be finite and at least 0"):
            checks.positive("a", -1, zero=True)

    def test_finite(self):
        np.testing.assert_array_equal(checks.finite("a", [-1, 0]), [-1, 0])
        for value in ([np.nan], np.inf, [0, -np.inf]):
            with pytest.raises(ValueError, match="a contains nan or inf"):
                checks.finite("a", value)

    @pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(2), True])
    def test_count(self, value):
        number = checks.count("n", value)
        assert number == value
        assert type(number) is int

    @pytest.mark.parametrize("value", [0, -3, 1.0, np.float64(2), Fraction(2), "3", None, [1]])
    def test_no_count(self, value):
        with pytest.raises(ValueError, match=r"n=.*: must be a whole number of at least 1"):
            checks.count("n", value)

    def test_choice(self):
        assert checks.choice("kind", "b", ("a", "b")) == "b"
        assert checks.choice("kind", "b", iter("ab")) == "b"
        with pytest.raises(ValueError, match="kind='c': must be one of a, b"):
            checks.choice("kind", "c", {"a": 1, "b": 2})


class TestUnits:
    def test_quantity(self):
        for value in (3 * pA, [1, 2] * pA):
            assert checks.quantity("I", value, pA) is value
        assert checks.quantity("I", 0 * pA, pA, zero=True) == 0 * pA

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (3, "I=3: must have the unit of"),
            (3 * mV, "I=.*: must have the unit of"),
            (0 * pA, "I=.*: must be finite and positive"),
            ([1, np.nan] * pA, "I=.*: must be finite and positive"),
        ],
    )
    def test_bad_quantity(self, value, message):
        with pytest.raises(ValueError, match=message):
            checks.quantity("I", value, pA)

    def test_seconds_and_hertz(self):
        for number, expected in (
            (checks.seconds("t", 50 * ms), 0.05),
            (checks.seconds("t", 0 * ms, zero=True), 0.0),
            (checks.hertz("f", 2 * kHz), 2000.0),
        ):
            assert number == expected
            assert type(number) is float

    @pytest.mark.parametrize("value", [0.05, 1 * Hz, 3 * mV, [1, 2] * ms])
    def test_no_time(self, value):
        with pytest.raises(TypeError, match=r"t=.*: must be a time, such as 50\*ms"):
            checks.seconds("t", value)

    @pytest.mark.parametrize("value", [100, 1 * second, [1, 2] * Hz])
    def test_no_frequency(self, value):
        with pytest.raises(TypeError, match=r"f=.*: must be a rate or frequency, such as 100\*Hz"):
            checks.hertz("f", value)

    @pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
    def test_bad_times_and_frequencies(self, value):
        for check, unit in ((checks.seconds, ms), (checks.hertz, Hz)):
            with pytest.raises(ValueError, match=r"a=.*: must be finite and positive"):
                check("a", value * unit)

    @given(st.integers(1, 10**10), st.sampled_from([0.01, 0.05, 0.1, 0.3, 1]))
    def test_whole_steps(self, n_steps, dt):
        """Whatever rounding does to times, up to a month of steps."""
        assert checks.whole_steps("t", n_steps * (dt * ms), dt * ms) == n_steps
        assert checks.whole_steps("t", n_steps * dt / 1000 * second, dt * ms) == n_steps

    def test_no_steps(self):
        assert checks.whole_steps("t", 0 * ms, 0.1 * ms, zero=True) == 0
        with pytest.raises(ValueError, match=r"t=.*: must be finite and positive"):
            checks.whole_steps("t", 0 * ms, 0.1 * ms)

    @pytest.mark.parametrize("value", [0.25 * ms, 0.01 * ms, 1e-12 * second])
    def test_parts_of_steps(self, value):
        with pytest.raises(
            ValueError, match=r"t=.*: must be a whole number of steps of dt=100. us"
        ):
            checks.whole_steps("t", value, 0.1 * ms)


class TestDecoders:
    @pytest.mark.parametrize("shape", [(1, 1), (2, 5), (3, 2, 5)])
    def test_decoder(self, shape):
        D = np.ones(shape, dtype=int)
        assert checks.decoder(D).dtype == float
        np.testing.assert_array_equal(checks.decoder(D.tolist()), D)

    @pytest.mark.parametrize("shape", [(), (5,), (1, 2, 3, 4), (0, 5), (2, 0), (0, 2, 5)])
    def test_bad_shape(self, shape):
        with pytest.raises(ValueError, match=r"D has shape \(.*\): must be \(n_signals, n_neurons"):
            checks.decoder(np.ones(shape))

    def test_bad_entries(self):
        with pytest.raises(ValueError, match="D contains nan or inf"):
            checks.decoder([[1, np.nan]])
        silent = np.ones((3, 2, 5))
        silent[1, :, 4] = 0
        with pytest.raises(ValueError, match=r"D has a column of zeros \(at \[1, 4\]\)"):
            checks.decoder(silent)
        np.testing.assert_array_equal(checks.decoder(silent, zero=True), silent)

    def test_per_chip(self):
        D = np.arange(10.0).reshape(2, 5)
        for D_chips in (checks.per_chip(D, 3), checks.per_chip(np.stack([D] * 3), 3)):
            np.testing.assert_array_equal(D_chips, [D, D, D])
        assert checks.per_chip(D).shape == (1, 2, 5)
        assert checks.per_chip(np.stack([D] * 4)).shape == (4, 2, 5)

    @pytest.mark.parametrize(
        ("n_chips", "message"),
        [
            (2, r"D has shape \(3, 2, 5\): its first axis must be n_chips=2"),
            (0, "n_chips=0: must be a whole number"),
        ],
    )
    def test_bad_number_of_chips(self, n_chips, message):
        with pytest.raises(ValueError, match=message):
            checks.per_chip(np.ones((3, 2, 5)), n_chips)


class TestSignals:
    @pytest.mark.parametrize("shape", [(5, 2), (3, 5, 2)])
    def test_signal(self, shape):
        x = np.ones(shape)
        np.testing.assert_array_equal(checks.signal("x", x), x)
        np.testing.assert_array_equal(checks.signal("x", x, Hz), x)
        in_hertz = checks.signal("x", x * kHz, Hz)
        assert type(in_hertz) is np.ndarray
        np.testing.assert_array_equal(in_hertz, 1000 * x)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (np.ones(5), r"x has shape \(5,\): must be \(..., n_steps, n_signals\)"),
            (np.ones((0, 2)), r"x has shape \(0, 2\): .*none of them 0"),
            ([[1, np.nan]], "x contains nan or inf"),
        ],
    )
    def test_bad_signal(self, value, message):
        with pytest.raises(ValueError, match=message):
            checks.signal("x", value)

    def test_unit_of_signal(self):
        with pytest.raises(TypeError, match=r"x has unit .*: must be plain numbers or in hertz"):
            checks.signal("x", np.ones((5, 2)) * mV, Hz)
        with pytest.raises(TypeError, match=r"x has unit .*: must be plain numbers$"):
            checks.signal("x", np.ones((5, 2)) * Hz)

    def test_drive(self):
        drive = TimedArray(np.ones((5, 2)) * Hz, dt=1 * ms)
        assert checks.drive(drive, 2) is drive

    @pytest.mark.parametrize(
        ("drive", "message"),
        [
            (TimedArray(np.ones((5, 2)) * Hz, dt=1 * ms), r"drive has shape \(5, 2\).*, 3\)"),
            (TimedArray(np.ones(5) * Hz, dt=1 * ms), r"drive has shape \(5,\)"),
            (TimedArray(np.ones((5, 3)), dt=1 * ms), "drive: must be in hertz"),
            (TimedArray(np.full((5, 3), np.nan) * Hz, dt=1 * ms), "drive contains nan or inf"),
            (np.ones((5, 3)) * Hz, "drive has shape None: must be a TimedArray"),
        ],
    )
    def test_bad_drive(self, drive, message):
        with pytest.raises(ValueError, match=message):
            checks.drive(drive, 3)
