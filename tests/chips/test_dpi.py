"""Chips of spiking DPI neurons: pulses, resets, terms of the circuit, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, amp, ms, nA, pA, us
from helpers import DT, one_direction, silent, simulate

from ebn_brian.chips import dpi_chips, random_decoder
from ebn_brian.dpi_model import experiment_1, whole_chip
from ebn_brian.mismatch import apply_mismatch
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.seeds import generator

TAU = whole_chip().tau
RULE = whole_chip().rule()
#: Every current of a neuron that a bias sets; DACs and their copies differ synapse by synapse.
SPREAD = ("tau", "I_th", "I_dc", "I_spk", "I_ref", "tau_e", "tau_i", "gain_e", "gain_i")
SPREAD = (*SPREAD, "F_0", "F_1")


def reset_of_the_first() -> np.ndarray:
    """Two neurons, of which the first resets itself."""
    return np.array([[-1.0, 0], [0, 0]])


def test_they_rest_and_take_their_input_as_charge():
    D = random_decoder(2, 3, 1, 2)
    chips = dpi_chips(D, None, silent(), rule=RULE)
    # F = J*tau*D with J = 1.6 nA, and they rest near 0.8 nA
    np.testing.assert_allclose(chips.neurons.F_0 / (1.6 * nA * TAU), D[:, 0].ravel())
    np.testing.assert_allclose(chips.neurons.I_spk / nA, 2.8)
    simulate(chips, 1 * ms)
    np.testing.assert_allclose(chips.neurons.I_mem / nA, 0.8, atol=0.01)


def test_one_pulse_of_full_weight_moves_the_current_by_J():
    """It inhibits: from 2.79 nA down."""
    Omega = reset_of_the_first()
    Omega[1, 0] = -1
    circuit = replace(whole_chip(), t_ref=40 * ms)
    chips = dpi_chips(np.ones((1, 2)), Omega, silent(n_signals=1), circuit=circuit)
    chips.neurons.I_mem[0] = 2.81 * nA
    chips.neurons.I_mem[1] = 2.79 * nA
    chips.neurons.I_dc[1] = 2.79 * nA + whole_chip().I_th
    assert simulate(chips, 8 * ms).num_spikes == 1
    # pulse, branch (1.4 ms) and membrane leak (31 ms) in a row: J less what leaks back in 8 ms
    assert chips.neurons.I_mem[1] / nA == pytest.approx(2.79 - 1.6 * np.exp(-5.6 / 31), abs=0.06)


def test_an_autapse_resets_and_nothing_else():
    chips = dpi_chips(np.ones((1, 2)), reset_of_the_first(), silent(n_signals=1))
    chips.neurons.I_mem = 4 * nA
    spikes = simulate(chips, 12 * ms)
    assert spikes.count[0] == 1
    assert spikes.count[1] >= 2  # nothing brings it down: it fires as its refractory time allows


def test_one_spike_reaches_its_column_in_its_chip_only():
    """As DAC codes that flow while the pulse lasts, into the branch of their sign."""
    n_chips, n, chip, source = 3, 5, 1, 3
    Omega = np.rint(generator(1, "layout").normal(0, 8, (n_chips, n, n))) * RULE.step
    chips = dpi_chips(one_direction(n), Omega, silent(), rule=RULE)
    chips.recurrent.plastic = 0
    chips.neurons.I_mem[chip * n + source] = 3 * nA
    spikes = SpikeMonitor(chips.neurons)
    network = Network(chips.objects, spikes)
    network.run(0.5 * ms, namespace={})
    assert list(spikes.i) == [chip * n + source]
    codes = np.zeros((n_chips, n))
    codes[chip] = np.rint(Omega[chip, :, source] / RULE.step)
    np.testing.assert_array_equal(chips.neurons.n_e, np.clip(codes, 0, None).ravel())
    np.testing.assert_array_equal(chips.neurons.n_i, np.clip(-codes, 0, None).ravel())
    network.run(1 * ms, namespace={})  # the width of the pulse
    assert not np.any(chips.neurons.n_e)
    assert not np.any(chips.neurons.n_i)


def test_a_step_is_the_same_current_whatever_the_rule_counts_in():
    """A weight of -1 flows as one current: as 25 counts of 0.04, as 100 of 0.01, or as it is."""
    ends = []
    for rule in (RULE, DiscreteRule(0.01, n_bits=8), None):
        Omega = reset_of_the_first()
        Omega[1, 0] = -1
        chips = dpi_chips(np.ones((1, 2)), Omega, silent(n_signals=1), rule=rule)
        chips.neurons.I_mem[0] = 3 * nA
        if rule:
            chips.recurrent.plastic = 0
        assert simulate(chips, 4 * ms).num_spikes == 1
        ends.append(np.array(chips.neurons.I_mem_))
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-12)
    np.testing.assert_allclose(ends[2], ends[0], rtol=1e-12)


#: Every term that a circuit may have, at a value that is not ideal.
TERMS = {
    **{"slope": 1.1, "slope_e": 1.1, "slope_i": 1.02, "leak": 0.2, "eps": 0.0125},
    **dict.fromkeys(("I_s_in", "I_s_mem", "I_s_e", "I_s_i"), 500 * nA),
    "t_start": 1 * ms,
}


def test_terms_of_the_circuit_are_in_the_equations():
    """Those that an ideal one lacks, and no others, each with its value."""

    def parameters(chips):
        groups = chips.neurons, chips.recurrent
        return set().union(*(group.equations.parameter_names for group in groups)) - {"bias_on"}

    plain = parameters(dpi_chips(one_direction(3), None, silent(), rule=RULE))
    assert not plain & set(TERMS)
    for name, value in TERMS.items():
        circuit = replace(whole_chip(), **{name: value})
        chips = dpi_chips(one_direction(3), None, silent(), rule=RULE, circuit=circuit)
        assert parameters(chips) - plain == {name} | ({"I_leak"} if name == "leak" else set())
        group = chips.recurrent if name == "eps" else chips.neurons
        np.testing.assert_array_equal(getattr(group, name), value)


def moved(pulses=True, **terms) -> np.ndarray:
    """How neurons at rest move by a pulse of each sign."""
    circuit = replace(whole_chip(), t_ref=40 * ms, **terms).resting_at(0.8 * nA)
    Omega = np.zeros((3, 3))
    Omega[1:, 0] = [0.68, -0.08]  # 17 LSB and -2
    chips = dpi_chips(np.ones((1, 3)), Omega, silent(n_signals=1), rule=RULE, circuit=circuit)
    chips.recurrent.plastic = 0
    before = np.array(chips.neurons.I_mem)
    if pulses:
        chips.neurons.I_spk[0] = 0.5 * nA
    simulate(chips, 6 * ms)
    return (np.array(chips.neurons.I_mem) - before)[1:] / 1e-9


@pytest.mark.parametrize("name", [name for name in TERMS if name != "t_start"])
def test_no_term_of_a_circuit_is_dropped(name):
    """Each changes what a pulse does, at a chip that is otherwise the same."""
    ideal, real = moved(), moved(**{name: TERMS[name]})
    assert ideal[0] > 0.2
    assert ideal[1] < -0.05
    of_one_sign = {"slope_e": 0, "I_s_e": 0, "slope_i": 1, "I_s_i": 1}
    if name in of_one_sign:
        touched = of_one_sign[name]
        assert real[1 - touched] == pytest.approx(ideal[1 - touched], rel=1e-9)
        assert real[touched] != pytest.approx(ideal[touched], rel=3e-3)
    else:
        assert np.abs(real / ideal - 1).max() > 3e-3


def test_a_late_bias_lets_the_current_fall_first():
    np.testing.assert_allclose(moved(pulses=False), 0, atol=2e-3)
    assert (moved(pulses=False, t_start=3 * ms) < -0.01).all()


def test_terms_at_their_limits_are_the_ideal_chip():
    """A specific current beyond every current, and slopes of 1 beside it."""
    far = dict.fromkeys(("I_s_in", "I_s_mem", "I_s_e", "I_s_i"), 1e3 * amp)
    np.testing.assert_allclose(moved(**far), moved(), rtol=1e-4)


def test_a_circuit_with_all_terms_has_its_values():
    """Those of the published one, brought to rest at 0.8 nA."""
    circuit = replace(experiment_1().resting_at(0.8 * nA), I_ref=0.8 * nA, t_start=0 * ms)
    chips = dpi_chips(one_direction(3), None, silent(), rule=RULE, circuit=circuit)
    names = ("slope", "slope_e", "slope_i", "leak", "I_leak", "I_s_in", "I_s_mem", "I_s_e")
    for name in (*names, "tau_i", "gain_e"):
        np.testing.assert_array_equal(getattr(chips.neurons, name), getattr(circuit, name))
    simulate(chips, 5 * ms)
    np.testing.assert_allclose(chips.neurons.I_mem / nA, 0.8, atol=0.01)


@pytest.mark.parametrize("rectified", [False, True])
def test_input_may_end_at_zero(rectified):
    chips = dpi_chips(one_direction(3), None, silent(), rectified=rectified)
    chips.neurons.I_dc = -1 * nA
    simulate(chips, 5 * ms)
    leak = 0.8 * np.exp(-5 / 31)
    if rectified:
        np.testing.assert_allclose(chips.neurons.I_mem / nA, leak, rtol=0.02)
    else:
        assert (chips.neurons.I_mem / nA < 0.9 * leak).all()


def test_mismatch_applies_to_them():
    chips = dpi_chips(random_decoder(2, 3, 1, 2), None, silent())
    apply_mismatch(chips.neurons, dict.fromkeys(SPREAD, 0.2), seed=1, chips=2)
    apply_mismatch(chips.recurrent, {"gain": 0.2}, seed=1, chips=2)
    assert np.std(chips.neurons.I_th / pA) > 0.5
    assert np.std(chips.recurrent.gain) > 0.05


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rule": RULE, "Omega": np.full((3, 3), 32 * 0.04)}, "Omega reaches 1.28: .*-1.24"),
        ({"rule": RULE, "Omega": np.full((3, 3), 0.02)}, r"Omega\[.*\] is 0.5 steps: .*whole"),
        ({"circuit": replace(whole_chip(), t_ref=0.5 * ms)}, r"circuit.t_ref=0.5 ms: must exceed"),
        ({"circuit": replace(whole_chip(), t_ref=1 * ms)}, r"circuit.t_ref=1. ms: .* 1. ms"),
        ({"circuit": replace(whole_chip(), I_ref=1 * pA), "kappa": 0.1}, "circuit rests at .*nA"),
        ({"circuit": replace(whole_chip(), eps=0.01)}, "unequal bits .* needs a counter of n_bits"),
        ({"circuit": replace(whole_chip(), fixed_w=8.0)}, "circuit.fixed_w=8.0: .* no fixed"),
    ],
)
def test_impossible_chips_are_refused(changed, message):
    given = {"D": np.ones((2, 3)), "Omega": np.zeros((3, 3)), "drive": silent()} | changed
    with pytest.raises(ValueError, match=message):
        dpi_chips(given.pop("D"), given.pop("Omega"), given.pop("drive"), **given)


def test_pulses_need_no_whole_number_of_steps():
    """As Brian2 rounds delays: the codes still stop."""
    circuit = replace(whole_chip(), width=1.04 * ms)
    chips = dpi_chips(np.ones((1, 2)), None, silent(n_signals=1), circuit=circuit, dt=DT)
    chips.neurons.I_mem[0] = 3 * nA
    assert simulate(chips, 3 * ms).num_spikes == 1
    assert not np.any(chips.neurons.n_i)
    assert np.array(chips.recurrent.offset.delay / us) == pytest.approx(1040)
