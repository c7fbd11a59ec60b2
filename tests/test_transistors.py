"""Transistors between weak and strong inversion, and a DAC whose bits are unequal."""

import numpy as np
from brian2 import amp, nA
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian.transistors import dac_code, moderate, weak


@given(st.floats(-13, -5), st.floats(-8, -6))
def test_moderate_and_weak_are_inverse(log_current, log_specific):
    current, I_s = 10**log_current * amp, 10**log_specific * amp
    np.testing.assert_allclose(float(weak(moderate(current, I_s), I_s)), float(current), rtol=1e-9)


def test_weak_and_strong_inversion():
    """Exponential in the gate's voltage far below I_s, its square far above."""
    I_s, voltage = 100 * nA, np.array([-16, -15, 40, 80])  # pinch-off voltage over Ut
    current = np.asarray(moderate(I_s * np.exp(voltage), I_s) / nA)
    np.testing.assert_allclose(current[1] / current[0], np.e, rtol=1e-3)
    np.testing.assert_allclose(current[2:], 100 * (voltage[2:] / 2) ** 2, rtol=1e-6)


def test_infinite_specific_current_is_weak_inversion():
    assert moderate(3 * nA, np.inf * amp) == weak(3 * nA, np.inf * amp) == 3 * nA


def test_dac_by_hand():
    r = 2 * (1 - 0.01)
    codes = dac_code([0, 1, -2, 5, 31], 0.01)
    np.testing.assert_allclose(codes, [0, 1, -r, 1 + r**2, 1 + r + r**2 + r**3 + r**4])
    np.testing.assert_array_equal(dac_code(np.arange(-31, 32), 0.0), np.arange(-31, 32))
