"""The DPI equations against closed forms, quadrature and their own limits."""

import brian2
import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    amp,
    ms,
    nA,
    pA,
    us,
)

from ebn_brian.dpi_theory import firing_rate
from ebn_brian.equations import dpi
from ebn_brian.plasticity import DiscreteRule

TAU = 20 * ms
UNIT = 1 * nA  # one LSB
RULE = DiscreteRule(1, kappa=0, dead_zone=0.8, n_bits=6)


def group(n=1, dt=50 * us, method="rk2", values=(), **options) -> NeuronGroup:
    """Neurons with a unit gain everywhere and the given values."""
    made = NeuronGroup(n, dpi.model(**options), method=method, dt=dt, name="neurons")
    defaults = {"tau": TAU, "gain_n": 1, "tau_e": 0.5 * ms, "gain_e": 1, "tau_i": 1.4 * ms}
    defaults |= {"gain_i": 1, "I_lsb": 1 * nA, "I_ref": 9 * nA}
    if options.get("form", "full") == "full":
        defaults |= {"I_th": 10 * pA}
    if options.get("slopes"):
        defaults |= {"slope": 1, "slope_syn": 1}
    for name, value in {**defaults, **dict(values)}.items():
        setattr(made, name, value)
    return made


def run(neurons, duration, *more, record="I_mem"):
    monitor = StateMonitor(neurons, record, record=True, name="trace")
    Network(neurons, *more, monitor).run(duration)
    return monitor


def pulsed(neurons, onsets, width, codes, rule=RULE, dt=50 * us, unit=UNIT):
    """A plastic synapse of each code onto each neuron, `onsets` in steps of dt."""
    pulses = SpikeGeneratorGroup(1, np.zeros(len(onsets), int), np.array(onsets) * dt, dt=dt)
    delay = {"onset": 0 * ms, "offset": width}
    made = Synapses(
        pulses, neurons, rule.model(unit) + dpi.LATCH, on_pre=dpi.on_pre(rule), delay=delay, dt=dt
    )
    made.connect()
    for name, value in {**rule.values(unit), "gain": 1, "w": codes}.items():
        setattr(made, name, value)
    return pulses, made


def test_linear_step_response():
    monitor = run(group(form="linear", values={"I_dc": 5 * nA}), 5 * TAU)
    exact = 5e-9 * (1 - np.exp(-np.asarray(monitor.t) / float(TAU)))
    np.testing.assert_allclose(monitor.I_mem_[0], exact, rtol=1e-3, atol=1e-14)


@pytest.mark.parametrize("slopes", [False, True])
def test_full_step_response(slopes):
    # t/tau = I_th/T ln(I/I_1) + (1 + I_th/T) ln((T - I_1)/(T - I)), T = gain*I_in - I_th
    neurons = group(slopes=slopes, dt=20 * us, values={"I_dc": 5 * nA, "I_mem": 1 * pA})
    monitor = run(neurons, 8 * TAU)
    current, th, target = monitor.I_mem_[0], 10e-12, 5e-9 - 10e-12
    assert current[-1] == pytest.approx(target, rel=1e-3)
    part = slice(5, len(current) // 2)
    rise = th / target * np.log(current / 1e-12)
    rise += (1 + th / target) * np.log((target - 1e-12) / (target - current))
    np.testing.assert_allclose(
        rise[part] * float(TAU), np.asarray(monitor.t)[part], rtol=1e-3, atol=2e-6
    )


def test_resting_current_and_time_constant_with_slopes():
    slope, ratio = 1.05, 900
    values = {"slope": slope, "I_dc": (1 + ratio**slope) * 10 * pA}
    rest = ratio * 10e-12
    neurons = group(2, slopes=True, values=values)
    neurons.I_mem = np.array([rest, 1.01 * rest]) * amp
    current = np.asarray(run(neurons, TAU).I_mem)
    np.testing.assert_allclose(current[0], rest, rtol=1e-9)
    # small deviations decay with tau*(1 + (I_th/I)**m)/m, here with a second-order correction
    decay = np.log((current[1, 0] / rest - 1) / (current[1, -1] / rest - 1))
    assert decay == pytest.approx(slope * (1 - 1 / TAU * 50 * us), rel=0.01)


def test_no_input_decays_to_the_dark_current():
    values = {"I_0": 2 * pA, "I_mem": 1 * nA}
    assert run(group(values=values), 12 * TAU).I_mem[0, -1] / pA == pytest.approx(2, rel=0.01)


def test_input_below_zero_counts_as_none():
    values = {"I_ext": -5 * nA, "I_mem": 1 * nA}
    expected = run(group(values={"I_mem": 1 * nA}), TAU)
    found = run(group(values=values), TAU)
    np.testing.assert_array_equal(found.I_mem_[0], expected.I_mem_[0])


def test_pulse_through_a_branch_and_membrane():
    width, onset = 1 * ms, 20
    neurons = group(3, dt=10 * us, form="linear")
    pulses, synapses = pulsed(neurons, [onset], width, [8, -6, 0], dt=10 * us)
    monitor = run(neurons, 12 * ms, pulses, synapses, record=["J_e", "J_i", "I_mem", "n_e", "n_i"])
    t = np.asarray(monitor.t) - (onset + 1) * 10e-6  # acts after the step of the spike

    def branch(t, tau):
        on = np.clip(t, 0, 1e-3)
        return (1 - np.exp(-on / tau)) * np.exp(-np.clip(t - 1e-3, 0, None) / tau)

    np.testing.assert_allclose(monitor.J_e[0] / nA, 8 * branch(t, 0.5e-3), atol=2e-3)
    np.testing.assert_allclose(monitor.J_i[1] / nA, 6 * branch(t, 1.4e-3), atol=2e-3)
    assert np.all(monitor.J_e[1:] == 0)
    assert np.all(monitor.J_i[0] == 0)
    assert set(monitor.n_e[0]) == {0, 8}
    assert set(monitor.n_i[1]) == {0, 6}


@pytest.mark.parametrize("width_ms", [0.2, 0.5, 1, 2, 5])
def test_pulse_width_scales_the_postsynaptic_step(width_ms):
    # convolution of the pulse with both exponentials, at the end of the run
    T, a, b, end = width_ms * 1e-3, 0.5e-3, 20e-3, 40e-3
    neurons = group(dt=20 * us, form="linear")
    pulses, synapses = pulsed(neurons, [0], width_ms * ms, 8, dt=20 * us)
    monitor = run(neurons, 40.04 * ms, pulses, synapses)
    late = end - T

    def response(t):  # of the membrane to a step of 1
        return 1 - (b * np.exp(-t / b) - a * np.exp(-t / a)) / (b - a)

    exact = 8 * (response(end) - response(late))
    assert monitor.I_mem[0, -1] / nA == pytest.approx(exact, rel=1e-3)


def test_slopes_compress_the_branch():
    # J settles at gain*n*I_lsb; the output is its 1/m-th power, equal to it at one LSB
    neurons = group(3, slopes=True, values={"slope_syn": 1.136})
    neurons.n_e = [1, 8, 15]
    out = np.asarray(run(neurons, 20 * ms, record="I_e").I_e[:, -1])
    np.testing.assert_allclose(out / 1e-9, np.array([1, 8, 15]) ** (1 / 1.136), rtol=1e-6)


def test_finite_conductance_lowers_the_synaptic_current_by_the_logarithm():
    values = {"early": 0.15, "I_early": 9 * nA}
    neurons = group(3, slopes=True, conductance=True, values=values)
    neurons.J_e = 1 * nA
    neurons.I_mem = np.array([9, 9 * np.e, 9 * np.exp(10)]) * nA
    np.testing.assert_allclose(neurons.I_syn / nA, [1, 0.85, 0], atol=1e-12)


def test_full_branch_starts_late_and_ends_at_its_floor():
    values = {"I_th_i": 50 * pA, "I_0_i": 0.2 * pA, "J_i": 0.2 * pA}
    neurons = group(2, inhibition="full", values=values, dt=10 * us)
    neurons.n_i = [0, 2]
    out = np.asarray(run(neurons, 20 * ms, record="J_i").J_i)
    np.testing.assert_allclose(out[0], 0.2e-12, rtol=0.02)
    assert out[1, -1] == pytest.approx(2e-9 - 50e-12, rel=1e-3)
    # exact time from J_0 to half the target, as for the neuron
    T, th, start = 1.95e-9, 50e-12, 0.2e-12
    exact = 1.4e-3 * (th / T * np.log(T / 2 / start) + (1 + th / T) * np.log(2 * (T - start) / T))
    assert np.interp(T / 2, out[1], np.arange(2000) * 1e-5) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("rk2", 2)])
def test_order_of_convergence(method, order):
    def end(dt_us):
        neurons = group(dt=dt_us * us, slopes=True, method=method, conductance=True)
        neurons.slope, neurons.slope_syn = 1.04, 1.13
        neurons.early, neurons.I_early = 0.15, 9 * nA
        neurons.I_dc, neurons.I_mem, neurons.n_e = 11 * nA, 1 * nA, 8
        return float(run(neurons, 4 * ms + dt_us * us).I_mem[0, -1])

    coarse, middle, fine = (end(dt) for dt in (100, 50, 25))
    assert np.log2((coarse - middle) / (middle - fine)) == pytest.approx(order, abs=0.2)


def test_firing_rate_against_quadrature():
    inputs = np.array([2.0, 3.2, 4, 6, 10, 20])
    values = {"I_spk": 3 * nA, "I_reset": 20 * pA, "t_ref": 2 * ms, "I_mem": 20 * pA}
    neurons = NeuronGroup(
        len(inputs),
        dpi.model(spiking=True),
        threshold=dpi.THRESHOLD,
        reset=dpi.RESET,
        refractory="t_ref",
        method="rk2",
        dt=20 * us,
    )
    values |= {"tau": TAU, "gain_n": 1, "I_th": 10 * pA, "tau_e": 1 * ms, "tau_i": 1 * ms}
    for name, value in values.items():
        setattr(neurons, name, value)
    neurons.I_dc = inputs * nA
    spikes = SpikeMonitor(neurons)
    Network(neurons, spikes).run(300 * ms)
    trains = spikes.spike_trains()
    assert len(trains[0]) == 0
    common = {"tau": TAU, "I_th": 10 * pA, "I_spk": 3 * nA, "I_reset": 20 * pA}
    assert firing_rate(2 * nA, **common) == 0
    for k in range(1, len(inputs)):
        exact = 1 / firing_rate(inputs[k] * nA, **common, t_ref=2 * ms)
        assert np.mean(np.diff(trains[k])) == pytest.approx(float(exact), rel=0.01)


def test_comparators_at_their_bounds_and_counter_at_its_rails():
    # bounds belong to the zone of no change; 31 and -31 are the rails of 6 bits
    unit = 2.0**-33  # 0.12 nA, so that all currents are exact
    current = np.array([67, 68, 72, 76, 77, 60, 90, 60, 90]) * unit
    codes = np.array([0, 0, 0, 0, 0, 31, -31, -31, 31])
    values = {"tau": 1e18 * ms, "I_ref": 72 * unit * amp}
    neurons = group(len(codes), form="linear", values=values)
    neurons.I_mem = current * amp
    rule = DiscreteRule(1, kappa=0, dead_zone=1, n_bits=6)
    pulses, synapses = pulsed(neurons, [0], 1 * ms, codes, rule, unit=2 * 4 * unit * amp)
    net = Network(neurons, pulses, synapses)
    net.run(0.05 * ms)
    np.testing.assert_array_equal(synapses.d, [1, 0, 0, 0, -1, 1, -1, 1, -1])
    neurons.I_mem = 72 * unit * amp  # too late: the decision is latched
    net.run(0.9 * ms)
    np.testing.assert_array_equal(synapses.w, codes)  # not before the pulse ends
    net.run(0.3 * ms)
    np.testing.assert_array_equal(synapses.w, [1, 0, 0, 0, -1, 31, -31, -30, 30])
    np.testing.assert_array_equal(neurons.n_e, 0)
    np.testing.assert_array_equal(neurons.n_i, 0)


def test_membrane_is_held_while_refractory_unless_an_autapse_is_to_reset_it():
    ends = []
    for held in (True, False):
        neurons = NeuronGroup(
            1,
            dpi.model("linear", spiking=True, held=held),
            threshold=dpi.THRESHOLD,
            reset=dpi.RESET,
            refractory="t_ref",
            method="rk2",
            dt=50 * us,
        )
        neurons.tau, neurons.tau_e, neurons.tau_i, neurons.gain_n = TAU, TAU, TAU, 1
        neurons.I_mem, neurons.I_spk, neurons.I_reset = 4 * nA, 3 * nA, 1 * nA
        neurons.I_dc, neurons.t_ref = 2 * nA, 5 * ms
        ends.append(float(run(neurons, 4 * ms).I_mem[0, -1]))
    assert ends[0] == 1e-9
    assert ends[1] > 1.1e-9


def test_comparator_offset_and_copy_of_the_weight():
    neurons = group(3, form="linear", values={"tau": 1e18 * ms})
    neurons.I_mem, neurons.I_off = 9 * nA, [0, -0.5, 0] * nA
    rule = DiscreteRule(1, kappa=0.1, dead_zone=0.8, n_bits=6)
    pulses, synapses = pulsed(neurons, [0], 1 * ms, [0, 0, -9], rule)
    Network(neurons, pulses, synapses).run(0.5 * ms)
    np.testing.assert_array_equal(synapses.d, [0, 1, 1])  # 0.1*(-9)/2 = -0.45 nA < -0.4 nA


def test_frozen_synapse_keeps_its_weight():
    neurons = group(form="linear", values={"tau": 1e18 * ms, "I_mem": 1 * nA})
    pulses, synapses = pulsed(neurons, [0, 40], 1 * ms, 8)
    synapses.plastic = 0
    Network(neurons, pulses, synapses).run(5 * ms)
    assert synapses.w[0] == 8


def test_pulses_of_two_synapses_add_in_any_order():
    neurons = group(form="linear")
    a = pulsed(neurons, [2], 1 * ms, 8)
    b = pulsed(neurons, [2], 1 * ms, -3)
    monitor = run(neurons, 3 * ms, *a, *b, record=["n_e", "n_i"])
    assert (monitor.n_e[0].max(), monitor.n_i[0].max()) == (8, 3)
    assert (monitor.n_e[0, -1], monitor.n_i[0, -1]) == (0, 0)


def test_single_precision_does_not_underflow():
    traces = {}
    for dtype in (np.float64, np.float32):
        brian2.prefs.core.default_float_dtype = dtype
        try:
            values = {"I_dc": 0.5 * nA, "I_mem": 1 * pA, "I_0": 0.5 * pA}
            neurons = group(slopes=True, inhibition="full", values=values)
            neurons.I_th_i, neurons.I_0_i, neurons.J_i = 1 * pA, 0.01 * pA, 0.01 * pA
            neurons.n_i = 0.05
            traces[dtype] = np.asarray(run(neurons, 40 * ms).I_mem[0], float)
        finally:
            brian2.prefs.core.default_float_dtype = np.float64
    np.testing.assert_allclose(traces[np.float32], traces[np.float64], rtol=2e-3)


@pytest.mark.parametrize(
    "wrong", [{"form": "log"}, {"form": "linear", "slopes": True}, {"inhibition": "none"}]
)
def test_unknown_forms_are_refused(wrong):
    with pytest.raises(ValueError, match=r"form='\w+': must be one of full"):
        dpi.model(**wrong)
