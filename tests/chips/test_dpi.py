"""Chips of spiking DPI neurons: pulses, resets, terms of the circuit, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, ms, nA, pA, us
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


def test_terms_of_the_circuit_are_in_the_equations():
    """Those that an ideal one lacks, and no others."""

    def parameters(circuit):
        chips = dpi_chips(one_direction(3), None, silent(), circuit=circuit)
        return set(chips.neurons.equations.parameter_names)

    plain = parameters(whole_chip())
    assert not plain & {"slope", "slope_syn", "early", "I_th_i", "I_0_i"}
    assert parameters(replace(whole_chip(), slope_syn=1.1)) - plain == {"slope", "slope_syn"}
    assert parameters(replace(whole_chip(), early=0.1)) - plain == {"early", "I_early"}
    start = {"I_th_i": 50 * pA, "I_0_i": 0.2 * pA}
    assert parameters(replace(whole_chip(), **start)) - plain == set(start)


def test_a_circuit_with_all_terms_has_its_values():
    """Those of the published one, brought to rest at 0.8 nA."""
    circuit = replace(experiment_1().resting_at(0.8 * nA), I_ref=0.8 * nA, n_bits=6)
    chips = dpi_chips(one_direction(3), None, silent(), circuit=circuit)
    for name in ("slope", "slope_syn", "early", "I_early", "I_th_i", "I_0_i", "tau_i", "gain_e"):
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
