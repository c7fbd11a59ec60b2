"""Derivatives as text, and what is refused."""

import numpy as np
import pytest
from brian2 import TimedArray, ms, mV

from ebn_brian.gradient import (
    Descent,
    Network,
    Neuron,
    Weights,
    forms,
    nif,
    qif,
    text,
    trained_chips,
)


def test_derivatives_of_the_quadratic_neuron():
    found = text.derivatives(qif().parsed)
    v, I, tau_v = 0.3, 17.0, 0.025  # noqa: E741
    scope = {"v": v, "I": I, "tau_v": tau_v, "pi": np.pi, "sin": np.sin, "cos": np.cos}
    turn = 2 * np.pi
    f = (1 + np.cos(turn * v)) / tau_v + (1 - np.cos(turn * v)) * I
    assert eval(found.f, scope) == pytest.approx(f)
    assert eval(found.f_v, scope) == pytest.approx(turn * np.sin(turn * v) * (I - 1 / tau_v))
    assert eval(found.f_I, scope) == pytest.approx(1 - np.cos(turn * v))


MEMBRANE = "dv/dt = (I - v)/tau_m : volt\nI : volt"


@pytest.mark.parametrize(
    ("equations", "options", "message"),
    [
        ("dv/dt = I : 1\ndu/dt = -u/(2*ms) : 1\nI : Hz", {}, "has the states u, v"),
        ("dv/dt = 3*Hz : 1", {}, "must have a line 'I : unit'"),
        ("dv/dt = I + xi/sqrt(ms) : 1\nI : Hz", {}, "has noise"),
        (MEMBRANE, {"v_th": 1 * mV}, "tau_m is missing"),
        (MEMBRANE, {"v_th": 1 * mV, "parameters": {"tau_m": 3 * mV}}, "units of v do not fit"),
        (MEMBRANE, {"v_th": 1, "parameters": {"tau_m": 3 * ms}}, "v_th=1: must have the unit"),
        ("dv/dt = I : 1\nI : Hz", {"v_th": None}, "there must be a threshold"),
        ("dv/dt = I : 1\nI : Hz", {"v_th": -1}, "v_th=-1"),
        ("dv/dt = I : 1\nI : Hz", {"Delta": 1.5}, "smaller than v_jump"),
        ("dv/dt = I : 1\nI : Hz", {"gate": "round"}, "must be one of below, both, circle"),
        ("dv/dt = abs(v)*I : 1\nI : Hz", {}, "has Abs, whose derivative is unknown"),
    ],
)
def test_what_is_no_neuron(equations, options, message):
    with pytest.raises(ValueError, match=message):
        Neuron(equations, **({"v_th": 1} | options))


def test_wrong_shapes_have_names():
    with pytest.raises(ValueError, match=r"Weights\.W_f has shape \(2, 3\): must be \(3, 3\)"):
        Weights(U=np.ones((3, 2)), O=np.ones((2, 3)), W_f=np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"Weights\.U contains nan"):
        Weights(U=np.full((3, 2), np.nan), O=np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"Network\.dt"):
        Network(nif(), 10 * ms, 1 * ms, 2 * ms)
    with pytest.raises(ValueError, match="must be one of W, W_f, U, I_o, O"):
        Descent(Network(nif(), 10 * ms, 1 * ms, 1 * ms), rates={"V": 1})


def test_the_text_is_readable():
    assert forms.text(nif(), 2).neurons == (
        "dv/dt = I : 1\n"
        "I = I_slow + I_fast + I_in + I_o : hertz\n"
        "I_in = U_0*signal(t, column + 0) + U_1*signal(t, column + 1) : hertz\n"
        "U_0 : hertz\nU_1 : hertz\nI_o : hertz\ncolumn : integer\nv_jump : 1\n"
        "tau : second\ntau_f : second\n"
        "dI_slow/dt = -I_slow/tau : hertz\ndI_fast/dt = -I_fast/tau_f : hertz\nv_spike : 1\n"
    )
    spiking = forms.text(nif(), 2)
    assert (spiking.threshold, spiking.reset) == ("abs(v) > v_spike", "v -= sign(v)*v_jump")
    assert spiking.synapses["fast"][1] == "I_fast_post += sign(v_pre)*gain*w/tau_f_post"


def test_a_signal_of_other_columns():
    signal = TimedArray(np.zeros((10, 3)), dt=1 * ms)
    weights = Weights(U=np.ones((3, 2)), O=np.ones((2, 3)))
    network = Network(nif(), 10 * ms, 2 * ms, 1 * ms)
    with pytest.raises(ValueError, match=r"signal has shape \(10, 3\): must be \(n_steps, 2\)"):
        trained_chips(network, weights, signal)
    signal = TimedArray(np.zeros((10, 2)), dt=1 * ms)
    with pytest.raises(ValueError, match="form='pulse'"):
        trained_chips(network, weights, signal, form="pulse")
