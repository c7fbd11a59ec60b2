"""The DPI equations against closed forms, quadrature and their own limits."""

import brian2
import numpy as np
import pytest
from brian2 import (
    Equations,
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

from ebn_brian.dpi_model import IDEAL
from ebn_brian.dpi_theory import firing_rate, relaxation_time, resting_current, rise_time
from ebn_brian.equations import dpi
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.transistors import dac_code, moderate, weak

TAU = 20 * ms
UNIT = 1 * nA  # one LSB
RULE = DiscreteRule(1, kappa=0, dead_zone=0.8, n_bits=6)


def group(n=1, dt=50 * us, method="rk2", values=(), linear=False, terms=()) -> NeuronGroup:
    """Neurons with a unit gain everywhere, ideal but for `terms`, and the given values."""
    text = dpi.model(terms)
    if linear:
        text = dpi.LINEAR + dpi.pair() + dpi.external() + dpi.synapses() + dpi.COMPARATORS
    made = NeuronGroup(n, text, method=method, dt=dt, name="neurons")
    defaults = {"tau": TAU, "gain_n": 1, "tau_e": 0.5 * ms, "gain_e": 1, "tau_i": 1.4 * ms}
    defaults |= {"gain_i": 1, "I_lsb": 1 * nA, "I_ref": 9 * nA}
    defaults |= {} if linear else {"I_th": 10 * pA}
    defaults |= {name: IDEAL[name] for name in terms if name in IDEAL}
    for name, value in {**defaults, **dict(values)}.items():
        setattr(made, name, value)
    return made


def run(neurons, duration, *more, record="I_mem"):
    monitor = StateMonitor(neurons, record, record=True, name="trace")
    Network(neurons, *more, monitor).run(duration)
    return monitor


def pulsed(neurons, onsets, width, codes, rule=RULE, dt=50 * us, unit=UNIT, terms=()):
    """A plastic synapse of each code onto each neuron, `onsets` in steps of dt."""
    pulses = SpikeGeneratorGroup(1, np.zeros(len(onsets), int), np.array(onsets) * dt, dt=dt)
    delay = {"onset": 0 * ms, "offset": width}
    text, on_pre = dpi.plastic(rule, unit, terms), dpi.on_pre(rule, terms)
    made = Synapses(pulses, neurons, text, on_pre=on_pre, delay=delay, dt=dt)
    made.connect()
    for name, value in {**rule.values(unit), "gain": 1, "w": codes}.items():
        setattr(made, name, value)
    return pulses, made


def test_linear_step_response():
    monitor = run(group(linear=True, values={"I_dc": 5 * nA}), 5 * TAU)
    exact = 5e-9 * (1 - np.exp(-np.asarray(monitor.t) / float(TAU)))
    np.testing.assert_allclose(monitor.I_mem_[0], exact, rtol=1e-3, atol=1e-14)


@pytest.mark.parametrize("terms", [(), ("slope", "leak")])
def test_full_step_response(terms):
    # t/tau = I_th/T ln(I/I_1) + (1 + I_th/T) ln((T - I_1)/(T - I)), T = gain*I_in - I_th
    more = {"I_leak": 9 * nA} if terms else {}
    values = {"I_dc": 5 * nA, "I_mem": 1 * pA, **more}
    neurons = group(terms=terms, dt=20 * us, values=values)
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
    neurons = group(2, terms=["slope"], values=values)
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
    neurons = group(3, dt=10 * us, linear=True)
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
    neurons = group(dt=20 * us, linear=True)
    pulses, synapses = pulsed(neurons, [0], width_ms * ms, 8, dt=20 * us)
    monitor = run(neurons, 40.04 * ms, pulses, synapses)
    late = end - T

    def response(t):  # of the membrane to a step of 1
        return 1 - (b * np.exp(-t / b) - a * np.exp(-t / a)) / (b - a)

    exact = 8 * (response(end) - response(late))
    assert monitor.I_mem[0, -1] / nA == pytest.approx(exact, rel=1e-3)


def test_slopes_compress_the_branch():
    # J settles at gain*n*I_lsb; the output is its 1/m-th power, equal to it at one LSB
    neurons = group(3, terms=["slope_e"], values={"slope_e": 1.136})
    neurons.n_e = [1, 8, 15]
    out = np.asarray(run(neurons, 20 * ms, record="I_e").I_e[:, -1])
    np.testing.assert_allclose(out / 1e-9, np.array([1, 8, 15]) ** (1 / 1.136), rtol=1e-6)


#: Terms of the whole circuit, and values at which they differ from the ideal one.
REAL = {
    **{"slope": 1.1, "leak": 0.2, "I_leak": 9 * nA, "slope_e": 1.1, "slope_i": 1.02},
    **{"I_s_in": 519 * nA, "I_s_mem": 519 * nA, "I_s_e": 519 * nA, "t_start": 1 * ms},
}
TERMS = [name for name in REAL if name != "I_leak"]


def traces(terms, values):
    """``I_mem`` of a neuron through a pulse of each sign, near its rest."""
    values = {"I_dc": 9 * nA, **values}
    state = "J_mem" if "I_s_mem" in terms else "I_mem"
    neurons = group(2, dt=20 * us, terms=terms, values={state: 9 * nA, **values})
    neurons.n_e, neurons.n_i = [8, 0], [0, 8]
    monitor = run(neurons, 4 * ms)
    return np.array(monitor.I_mem_)


@pytest.mark.parametrize("term", TERMS)
def test_limit_of_each_term_is_the_ideal_circuit(term):
    """Exactly where the limit is a number, nearly where it is infinite; and it matters else."""
    ideal = traces([], {})
    more = {"I_leak": 9 * nA} if term == "leak" else {}
    limit = 1e3 * amp if term.startswith("I_s") else IDEAL[term]
    if term == "t_start":
        limit = -1 * ms  # before the run
    np.testing.assert_allclose(traces([term], {term: limit, **more}), ideal, rtol=2e-5)
    real = traces([term], {term: REAL[term], **more})
    assert np.abs(real / ideal - 1).max() > 1e-3


def test_all_terms_at_their_limits_are_the_ideal_circuit():
    limits = {name: 1e3 * amp if name.startswith("I_s") else IDEAL[name] for name in TERMS}
    limits |= {"t_start": -1 * ms, "I_leak": 9 * nA}
    np.testing.assert_allclose(traces(TERMS, limits), traces([], {}), rtol=1e-4)


def test_moderately_inverted_transistors_follow_the_interpolation():
    """At the specific current: log(2)**2 of it; far below it weak, far above it square."""
    I_s = 100 * nA
    values = {"I_s_mem": I_s, "I_s_in": I_s, "I_s_e": I_s}
    neurons = group(3, terms=["I_s_mem", "I_s_in", "I_s_e"], values=values)
    J = np.array([1e-7, 1, 1e4]) * I_s
    neurons.J_mem, neurons.J_e = J, J
    expected = np.array([1e-7 * (1 - np.sqrt(1e-7)), np.log(2) ** 2, np.log(101) ** 2]) * I_s
    np.testing.assert_allclose(neurons.I_mem, expected, rtol=1e-4)
    np.testing.assert_allclose(neurons.I_e, expected, rtol=1e-4)
    np.testing.assert_allclose(moderate(J, I_s), expected, rtol=1e-4)
    # the pair's reference carries the input, and its weakly inverted side the inverse of that
    neurons.J_e, neurons.I_dc = 0 * nA, expected
    np.testing.assert_allclose(neurons.I_in, J, rtol=1e-3)


def test_input_of_two_pairs_is_odd():
    text = dpi.neuron() + dpi.pair(["I_s_in"], rectified=False) + "I_ext : amp\nI_syn : amp\n"
    neurons = NeuronGroup(2, text, method="rk2")
    neurons.I_s_in, neurons.I_dc = 100 * nA, [50, -50] * nA
    np.testing.assert_allclose(neurons.I_in[0], -neurons.I_in[1])
    assert neurons.I_in[0] / nA == pytest.approx(100 * np.expm1(np.sqrt(0.5)) ** 2)


def test_dac_with_unequal_bits():
    """Its code at every counter, both signs, is that of `transistors.dac_code`."""
    eps, codes = 0.0125, np.arange(-31, 32)
    neurons = group(len(codes), linear=True)
    rule = DiscreteRule(1, kappa=0, dead_zone=0.8, n_bits=6)
    made = pulsed(neurons, [0], 1 * ms, codes, rule, terms=["eps"])
    made[1].eps = eps
    net = Network(neurons, *made)
    net.run(0.1 * ms)
    np.testing.assert_allclose(neurons.n_e - neurons.n_i, dac_code(codes, eps), rtol=1e-12)
    # from 7 to 8 three bits go off: 1 - 14 eps, to first order
    step = np.diff(neurons.n_e)[31 + 7]
    assert step == pytest.approx(1 - 14 * eps, abs=25 * eps**2)
    net.run(1.1 * ms)
    np.testing.assert_array_equal(neurons.n_e, 0)
    made[1].eps, made[1].w = 0, codes
    np.testing.assert_array_equal(dac_code(codes, 0.0), codes)


def test_a_dac_needs_bits():
    with pytest.raises(ValueError, match=r"eps.* needs a counter of n_bits"):
        dpi.on_pre(DiscreteRule(1), ["eps"])


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("rk2", 2)])
def test_order_of_convergence(method, order):
    def end(dt_us):
        terms = [name for name in TERMS if name != "t_start"]
        values = {name: value for name, value in REAL.items() if name != "t_start"}
        neurons = group(dt=dt_us * us, terms=terms, method=method, values=values)
        neurons.I_dc, neurons.J_mem, neurons.n_e, neurons.n_i = 11 * nA, 1 * nA, 8, 3
        neurons.J_e = neurons.J_i = 1 * nA  # a root is not smooth at zero
        return float(run(neurons, 4 * ms + dt_us * us).I_mem[0, -1])

    coarse, middle, fine = (end(dt) for dt in (100, 50, 25))
    assert np.log2((coarse - middle) / (middle - fine)) == pytest.approx(order, abs=0.2)


#: A real neuron, as functions of `dpi_theory` take it.
REAL_NEURON = {
    **{"tau": TAU, "I_th": 10 * pA, "I_0": 1 * pA, "slope": 1.1, "leak": 0.2, "I_leak": 3 * nA},
    **{"I_s_in": 519 * nA, "I_s_mem": 519 * nA},
}


def alone(inputs, neuron, spikes=None, **options) -> NeuronGroup:
    """Neurons without synapses at constant inputs (nA)."""
    terms = [name for name in neuron if name in dpi.TERMS]
    text = dpi.neuron(terms, spikes) + dpi.pair(terms) + dpi.external() + "I_syn : amp\n"
    neurons = NeuronGroup(len(inputs), text, method="rk2", dt=20 * us, **options)
    neurons.gain_n, neurons.I_dc = 1, np.array(inputs) * nA
    for name, value in neuron.items():
        setattr(neurons, name, value)
    return neurons


def test_rest_time_constant_and_rise_against_quadrature():
    """Of a neuron with all its terms."""
    inputs = [1.0, 4.0, 12.0]
    without_tau = {name: value for name, value in REAL_NEURON.items() if name != "tau"}
    without_readout = {name: v for name, v in REAL_NEURON.items() if name != "I_s_mem"}
    neurons = alone(inputs, REAL_NEURON)
    neurons.J_mem = weak(0.1 * nA, 519 * nA)
    monitor = run(neurons, 24 * TAU)
    t = np.asarray(monitor.t)
    for I_in, current in zip(inputs, np.asarray(monitor.I_mem), strict=True):
        rest = float(resting_current(I_in * nA, **without_tau))
        assert current[-1] == pytest.approx(rest, rel=1e-5)
        at = np.searchsorted(current, 0.8 * rest)
        exact = float(rise_time(0.1 * nA, current[at] * amp, I_in * nA, **REAL_NEURON))
        assert t[at] == pytest.approx(exact, rel=2e-4)
        late = slice(*np.searchsorted(current, [0.999 * rest, 0.9999 * rest]))
        decay = -1 / np.polyfit(t[late], np.log(rest - current[late]), 1)[0]
        exact = float(relaxation_time(I_in * nA, **without_readout))
        assert decay == pytest.approx(exact, rel=2e-3)


IDEAL_NEURON = {"tau": TAU, "I_th": 10 * pA}


@pytest.mark.parametrize("neuron", [IDEAL_NEURON, REAL_NEURON], ids=["ideal", "real"])
def test_firing_rate_against_quadrature(neuron):
    inputs = np.array([2.0, 6, 10, 20, 50])
    spiking = {"I_spk": 3 * nA, "I_reset": 20 * pA}
    terms = [name for name in neuron if name in dpi.TERMS]
    options = {"threshold": dpi.THRESHOLD, "reset": dpi.reset(terms), "refractory": "t_ref"}
    neurons = alone(inputs, neuron, "reset", **options)
    for name, value in {**spiking, "t_ref": 2 * ms}.items():
        setattr(neurons, name, value)
    setattr(neurons, "J_mem" if terms else "I_mem", 20 * pA)
    spikes = SpikeMonitor(neurons)
    Network(neurons, spikes).run(300 * ms)
    trains = spikes.spike_trains()
    assert len(trains[0]) == 0
    assert firing_rate(2 * nA, **spiking, **neuron) == 0
    for k in range(1, len(inputs)):
        exact = 1 / firing_rate(inputs[k] * nA, **spiking, **neuron, t_ref=2 * ms)
        assert np.mean(np.diff(trains[k])) == pytest.approx(float(exact), rel=0.01)


def test_comparators_at_their_bounds_and_counter_at_its_rails():
    # bounds belong to the zone of no change; 31 and -31 are the rails of 6 bits
    unit = 2.0**-33  # 0.12 nA, so that all currents are exact
    current = np.array([67, 68, 72, 76, 77, 60, 90, 60, 90]) * unit
    codes = np.array([0, 0, 0, 0, 0, 31, -31, -31, 31])
    values = {"tau": 1e18 * ms, "I_ref": 72 * unit * amp}
    neurons = group(len(codes), linear=True, values=values)
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
    for spikes in dpi.SPIKES:
        options = {"threshold": dpi.THRESHOLD, "reset": dpi.reset(), "refractory": "t_ref"}
        neurons = alone([2], IDEAL_NEURON, spikes, **options)
        neurons.I_mem, neurons.I_spk, neurons.I_reset = 4 * nA, 3 * nA, 1 * nA
        neurons.I_dc, neurons.t_ref = 2 * nA, 5 * ms
        ends.append(float(run(neurons, 4 * ms).I_mem[0, -1]))
    assert ends[0] == 1e-9
    assert ends[1] > 1.1e-9


def test_comparator_offset_and_copy_of_the_weight():
    neurons = group(3, linear=True, values={"tau": 1e18 * ms})
    neurons.I_mem, neurons.I_off = 9 * nA, [0, -0.5, 0] * nA
    rule = DiscreteRule(1, kappa=0.1, dead_zone=0.8, n_bits=6)
    pulses, synapses = pulsed(neurons, [0], 1 * ms, [0, 0, -9], rule)
    Network(neurons, pulses, synapses).run(0.5 * ms)
    np.testing.assert_array_equal(synapses.d, [0, 1, 1])  # 0.1*(-9)/2 = -0.45 nA < -0.4 nA


def test_frozen_synapse_keeps_its_weight():
    neurons = group(linear=True, values={"tau": 1e18 * ms, "I_mem": 1 * nA})
    pulses, synapses = pulsed(neurons, [0, 40], 1 * ms, 8)
    synapses.plastic = 0
    Network(neurons, pulses, synapses).run(5 * ms)
    assert synapses.w[0] == 8


def test_pulses_of_two_synapses_add_in_any_order():
    neurons = group(linear=True)
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
            values = REAL | {"I_dc": 0.5 * nA, "J_mem": 1 * pA, "I_0": 0.5 * pA}
            neurons = group(terms=TERMS, values=values)
            neurons.n_i = 0.05
            traces[dtype] = np.asarray(run(neurons, 40 * ms).I_mem[0], float)
        finally:
            brian2.prefs.core.default_float_dtype = np.float64
    np.testing.assert_allclose(traces[np.float32], traces[np.float64], rtol=2e-3)


def test_every_term_is_in_the_equations_and_alone():
    """Each brings its own parameter in, and no other."""
    plain = set(Equations(dpi.model()).parameter_names)
    for term in set(dpi.TERMS) - {"eps", "slope_f", "I_s_f"}:
        added = set(Equations(dpi.model([term])).parameter_names) - plain
        assert added == {term, "I_leak"} if term == "leak" else {term}
    fixed = Equations(dpi.synapses(["slope_f", "I_s_f"], exciting="ef")).parameter_names
    assert {"slope_f", "I_s_f", "tau_f", "gain_f"} <= set(fixed)


@pytest.mark.parametrize("build", [dpi.model, dpi.neuron, dpi.pair, dpi.synapses, dpi.reset])
def test_unknown_terms_are_refused(build):
    with pytest.raises(ValueError, match=r"term='early': must be one of slope, leak"):
        build(["early"])


def test_unknown_spikes_are_refused():
    with pytest.raises(ValueError, match="spikes='none': must be one of reset, autapse"):
        dpi.neuron(spikes="none")
