"""DPI neurons at constant input, by quadrature, against closed forms."""

import numpy as np
import pytest
from brian2 import ms, nA, pA, second

from ebn_brian.dpi_theory import firing_rate, relaxation_time, resting_current, rise_time


def test_firing_rate_closed_form():
    # T/tau = I_th/A ln(spk/reset) + (1 + I_th/A) ln((A - reset)/(A - spk)), A = I_in - I_th
    rate = firing_rate(
        5 * nA, tau=20 * ms, I_th=1 * nA, I_spk=3 * nA, I_reset=0.1 * nA, t_ref=3 * ms
    )
    period = 0.003 + 0.02 * (0.25 * np.log(30) + 1.25 * np.log(3.9 / 1))
    assert float(rate * second) == pytest.approx(1 / period)


def test_rise_time_far_above_I_th_is_that_of_a_leaky_integrator():
    """I = I_in (1 - exp(-t/tau)), up and down."""
    neuron = {"tau": 20 * ms, "I_th": 1e-3 * pA}
    up = rise_time(1 * nA, 3 * nA, 4 * nA, **neuron)
    assert float(up / (20 * ms)) == pytest.approx(np.log(3), rel=1e-5)
    down = rise_time(3 * nA, 1 * nA, 0.5 * nA, **neuron)
    assert float(down / (20 * ms)) == pytest.approx(np.log(5), rel=1e-5)


def test_what_is_never_reached_takes_for_ever():
    neuron = {"tau": 20 * ms, "I_th": 1 * pA}
    assert rise_time(1 * nA, 3 * nA, 2 * nA, **neuron) == np.inf * second
    assert rise_time(3 * nA, 1 * nA, 2 * nA, **neuron) == np.inf * second
    spiking = {"I_spk": 3 * nA, "I_reset": 1 * nA}
    assert firing_rate(2 * nA, **spiking, **neuron) == 0


def test_rest_of_an_ideal_neuron_with_its_dark_current():
    # I (gain*I_in - I_th - I)/(I + I_th) + I_0 = 0, a square equation
    neuron = {"I_th": 10 * pA, "I_0": 2 * pA}
    for I_in in (0.02, 1.0, 12.0):
        target = I_in * 1e3 - 10 + 2
        exact = (target + np.sqrt(target**2 + 4 * 2 * 10)) / 2
        assert resting_current(I_in * nA, **neuron) / pA == pytest.approx(exact, rel=1e-9)


def test_rest_and_relaxation_with_slope_and_leak():
    # far above I_th: (J/I_th)^m (J/I_leak)^a = I_in/I_th, and small deviations decay with m + a
    slope, leak = 1.1, 0.2
    neuron = {"I_th": 1e-9 * pA, "slope": slope, "leak": leak, "I_leak": 5 * nA}
    rest = resting_current(8 * nA, **neuron) / nA
    exact = (8 * 1e-12 ** (slope - 1) * 5**leak) ** (1 / (slope + leak))
    assert rest == pytest.approx(exact, rel=1e-9)
    tau = relaxation_time(8 * nA, tau=20 * ms, **neuron) / ms
    assert tau == pytest.approx(20 / (slope + leak) * (5 / exact) ** leak, rel=1e-6)
