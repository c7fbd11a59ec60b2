"""The rule of random backpropagation: its window, its DAC, its steps taken at random."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Synapses, ms, mV, prefs, seed

from ebn_brian.equations import erbp
from ebn_brian.plasticity import RandomBackpropagation

UNIT = 10 * mV


def changed(rule: RandomBackpropagation, v: np.ndarray, u: np.ndarray, w: float) -> np.ndarray:
    """Weights from one spike onto neurons with membranes `v` (thresholds) and errors `u`."""
    prefs.codegen.target = "numpy"
    source = NeuronGroup(1, "", threshold="True", dt=1 * ms)
    target = NeuronGroup(len(v), "v : volt\nu : 1", dt=1 * ms)
    on_pre = rule.decide(erbp.STATE) + erbp.AFTER_ONSET + rule.change
    synapses = Synapses(
        source, target, rule.model(UNIT), on_pre=on_pre, namespace={"n_present": 9, "n_settle": 0}
    )
    synapses.connect()
    target.v, target.u, synapses.w = v * UNIT, u, w
    for name, value in rule.values(UNIT).items():
        setattr(synapses, name, value)
    Network(source, target, synapses).run(1 * ms)
    return np.array(synapses.w)


def test_two_comparisons_and_an_addition():
    rule = RandomBackpropagation(eta=0.1, low=-1, high=1.2, w_max=0.5)
    v = np.array([-1.1, -0.9, 0, 1.1, 1.3, 0, 0])
    u = np.array([1, 1, 1, -2, 1, 9, -9])
    expected = [0.2, 0.1, 0.1, 0.4, 0.2, -0.5, 0.5]
    np.testing.assert_allclose(changed(rule, v, u, 0.2), expected)


def test_coarse_weights_move_by_whole_levels_and_right_on_average():
    rule = RandomBackpropagation(eta=0.01, w_max=0.7, n_bits=4, stored="coarse")
    assert rule.level == pytest.approx(0.1)
    seed(1)
    n = 20_000
    w = changed(rule, np.zeros(n), np.full(n, -3.0), 0.2)
    moved = (w - 0.2) / rule.level
    np.testing.assert_allclose(moved, np.rint(moved), atol=1e-9)
    assert set(np.rint(moved)) == {0, 1}
    assert np.mean(w - 0.2) == pytest.approx(0.03, abs=4 * 0.1 * np.sqrt(0.3 * 0.7 / n))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_levels_of_the_dac(bits):
    rule = RandomBackpropagation(w_max=0.35, n_bits=bits)
    Omega = np.linspace(-0.5, 0.5, 1001)
    held = rule.nearest(Omega)
    assert len(np.unique(held.round(9))) == 2**bits - 1
    inside = np.abs(Omega) <= 0.35
    assert np.abs(held - Omega)[inside].max() <= rule.level / 2 + 1e-12
    np.testing.assert_array_equal(rule.checked(held), held)
    w = np.array([0.13, -0.349])
    acting = eval(rule.acting, {"w": w, "level": rule.level, "floor": np.floor})
    np.testing.assert_allclose(acting, rule.nearest(w))


def test_parameters_are_those_of_the_text():
    rule = RandomBackpropagation.output(eta=1e-3)
    assert rule.values(UNIT) == {
        **{"step": UNIT, "w_max": 0.35, "plastic": 1, "eta": 1e-3},
        **{"low": -5 * UNIT, "high": 5 * UNIT},
    }
    assert "level : 1 (shared)" in RandomBackpropagation(n_bits=4).model(UNIT)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"eta": -1.0}, "eta=-1.0: must be finite and at least 0"),
        ({"w_max": 0.0}, "w_max=0.0"),
        ({"low": 2.0}, "high - low"),
        ({"n_bits": 1}, "n_bits=1: must be from 2 to 24"),
        ({"stored": "analog"}, "stored='analog': must be one of fine, coarse"),
        ({"stored": "coarse"}, "stored='coarse': needs n_bits"),
        ({"high": np.nan}, "high"),
    ],
)
def test_bad_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        RandomBackpropagation(**fields)
