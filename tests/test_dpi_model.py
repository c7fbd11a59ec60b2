"""Circuit quantities and model parameters, there and back."""

import json
from dataclasses import replace

import numpy as np
import pytest
from brian2 import amp, farad, kelvin, ms, mV, nA, pA, volt
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian import dpi_model
from ebn_brian.dpi_model import IDEAL, Circuit, experiment_1, experiment_2, whole_chip
from ebn_brian.dpi_theory import resting_current
from ebn_brian.equations.dpi import TERMS


def test_thermal_voltage():
    assert dpi_model.thermal_voltage(300 * kelvin) / mV == pytest.approx(25.852, rel=1e-4)


@given(st.floats(-14, -11), st.floats(-13, -8), st.floats(0.5, 1), st.floats(250, 400))
def test_time_constant_and_leak_are_inverse(log_c, log_i, kappa, temperature):
    C, I_tau = 10**log_c * farad, 10**log_i * amp
    tau = dpi_model.time_constant(C, I_tau, kappa, temperature * kelvin)
    back = dpi_model.leak(C, tau, kappa, temperature * kelvin)
    assert float(back) == pytest.approx(float(I_tau))


def test_time_constant_by_hand():
    tau = dpi_model.time_constant(1e-12 * farad, 1 * pA, 0.7, 300 * kelvin)
    assert tau / ms == pytest.approx(25.852 / 0.7, rel=1e-4)


def test_gain_dac_and_conductance():
    assert dpi_model.gain(10 * pA, 2 * pA) == pytest.approx(5)
    assert dpi_model.dac_unit(31 * nA, 6) / nA == pytest.approx(1)
    assert dpi_model.early_voltage(0.03693, 0.7) / volt == pytest.approx(1, rel=1e-3)
    square = dpi_model.specific_current(300e-6 * amp / volt**2, 1, 0.7)
    assert square / nA == pytest.approx(2 * 300e3 * 0.025852**2 / 0.7, rel=1e-4)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: dpi_model.thermal_voltage(25 * kelvin), "temperature"),
        (lambda: dpi_model.thermal_voltage(300 * ms), "temperature"),
        (lambda: dpi_model.time_constant(-1e-12 * farad, 1 * pA), "C"),
        (lambda: dpi_model.time_constant(1e-12 * farad, 0 * pA), "I_tau"),
        (lambda: dpi_model.time_constant(1e-12 * farad, 1 * pA, kappa=1.5), "kappa"),
        (lambda: dpi_model.leak(1e-12 * farad, np.nan * ms), "tau"),
        (lambda: dpi_model.dac_unit(1 * nA, 1), "n_bits"),
        (lambda: replace(experiment_1(), tau=-1 * ms), "Circuit.tau"),
        (lambda: replace(experiment_1(), tau=1 * nA), "Circuit.tau"),
        (lambda: replace(experiment_1(), I_th=0 * pA), "Circuit.I_th"),
        (lambda: replace(experiment_1(), leak=1.5), "Circuit.leak"),
        (lambda: replace(experiment_1(), I_s_in=0 * nA), "Circuit.I_s_in"),
        (lambda: replace(experiment_1(), I_dc=np.inf * nA), "Circuit.I_dc"),
        (lambda: replace(experiment_1(), eps=0.5), "Circuit.eps"),
        (lambda: replace(experiment_1(), gain_e=float("nan")), "Circuit.gain_e"),
        (lambda: replace(experiment_1(), w_initial=32), "Circuit.w_initial"),
        (lambda: replace(experiment_1(), full_weight=0), "Circuit.full_weight"),
        (lambda: replace(experiment_1(), t_ref=0 * ms), "Circuit.t_ref"),
        (lambda: replace(experiment_1(), t_ref=1), "Circuit.t_ref"),
    ],
)
def test_the_unphysical_is_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_published_circuit_rests_where_it_was_recorded():
    assert experiment_1().I_rest / nA == pytest.approx(9.088, abs=0.02)
    assert experiment_2().I_rest == experiment_1().I_rest


def test_rest_is_where_the_equation_stands_still():
    """`dpi_theory` finds it by another way."""
    names = ("I_th", "gain_n", "slope", "leak", "I_leak", "I_s_in", "I_s_mem")
    for circuit in (experiment_1(), replace(experiment_1(), leak=0.0), whole_chip()):
        own = {name: getattr(circuit, name) for name in names}
        expected = resting_current(circuit.I_dc, **own)
        assert float(circuit.I_rest) == pytest.approx(float(expected), rel=1e-9)


def test_terms_are_what_an_ideal_circuit_lacks():
    assert whole_chip().terms == set()
    terms = {"slope", "slope_e", "slope_i", "leak", "I_s_in", "I_s_mem", "I_s_e", "eps", "t_start"}
    assert experiment_1().terms == terms
    assert replace(experiment_1(), **IDEAL).terms == set()
    assert set(IDEAL) | {"slope_f", "I_s_f"} == set(TERMS)


@given(st.floats(0.1, 20))
def test_resting_at_is_the_inverse_of_I_rest(rest):
    assert experiment_1().resting_at(rest * nA).I_rest / nA == pytest.approx(rest)


def test_a_circuit_without_input_rests_at_the_dark_current():
    circuit = replace(experiment_1(), I_dc=0 * nA)
    assert circuit.J_rest == circuit.I_0
    assert float(circuit.I_rest) == pytest.approx(float(circuit.I_0), rel=0.01)


@pytest.mark.parametrize("circuit", [experiment_2(), whole_chip()])
def test_saved_and_loaded(tmp_path, circuit):
    circuit.save(tmp_path / "p.json", standard_errors={"tau": 1e-6})
    loaded = Circuit.load(tmp_path / "p.json")
    assert loaded.values() == pytest.approx(circuit.values())
    assert loaded.terms == circuit.terms
    text = json.loads((tmp_path / "p.json").read_text())
    assert text["units"]["tau"] == "s"
    assert text["parameters"]["I_s_i"] is None  # infinite, which JSON has no number for


@pytest.mark.parametrize(
    "text", ["", "[]", '{"parameters": {"tau": "x"}}', '{"parameters": {"early": 0.1}}']
)
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(ValueError, match=r"p\.json"):
        Circuit.load(tmp_path / "p.json")


@pytest.mark.parametrize("circuit", [experiment_1(), whole_chip()])
def test_rule_of_a_circuit(circuit):
    """In currents it is eq. 4: one LSB, and a tolerance of twice I_SL."""
    rule, unit = circuit.rule(), circuit.I_unit
    assert rule.w_max == 31
    values = rule.values(unit)
    assert float(values["dead_zone"] / nA) == pytest.approx(float(2 * circuit.I_SL / nA))
    assert float(values["step"] / unit) == pytest.approx(1 / circuit.full_weight)


def test_whole_chips_learn_by_the_calm_rule():
    rule = whole_chip().rule()
    assert (rule.step, rule.n_bits) == (0.04, 6)
    assert (rule.kappa, rule.dead_zone) == pytest.approx((2.5, 0.25))


def test_charge_and_step_of_a_full_weight():
    circuit = whole_chip()
    assert circuit.I_unit / nA == pytest.approx(1.6)
    assert float(circuit.unit_charge / (circuit.I_unit * circuit.tau)) == pytest.approx(1)
    half = replace(circuit, full_weight=50, I_lsb=circuit.I_lsb / 2)
    assert half.I_unit / nA == pytest.approx(1.6)
    assert half.rule().step == 0.02


def test_every_synonym_names_the_same_tools():
    assert {tuple(sorted(names)) for names in dpi_model.SYNONYMS.values()} == {
        ("Chicca 2014", "DynapSim", "teili")
    }
