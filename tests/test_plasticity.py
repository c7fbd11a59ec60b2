"""The rule as Brian2 runs it, against conditions I and II; its parameters and their limits."""

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    Quantity,
    SpikeGeneratorGroup,
    Synapses,
    defaultclock,
    ms,
    mV,
    nA,
    volt,
)
from brian2.units.fundamentalunits import get_unit
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian import balance
from ebn_brian.plasticity import ContinuousRule, DiscreteRule, FeedforwardRule, Fixed
from ebn_brian.rule import UNBOUNDED, Rule
from ebn_brian.seeds import generator

#: Potential or current that stands for |D|^2: as on the chips, and one that keeps fractions exact.
UNIT, VOLT = 10 * mV, 1 * volt


def after_one_spike(rule, v, w, *, v_rest=0.0, gain=1.0, plastic=1, unit=UNIT):
    """Counters after a spike that finds target n at ``v[n]`` (SI) with the counter ``w[n]``."""
    base = get_unit(unit.dim)
    v_name, rest_name = {"volt": ("v", "v_rest"), "amp": ("I_mem", "I_rest")}[repr(base)]
    source = SpikeGeneratorGroup(1, [0], [0] * ms, name="source")
    target = NeuronGroup(len(v), f"{v_name} : {base!r}\n{rest_name} : {base!r}", name="target")
    setattr(target, v_name, Quantity(v, dim=unit.dim))
    setattr(target, rest_name, Quantity(np.broadcast_to(v_rest, len(v)), dim=unit.dim))
    on_pre = rule.on_pre(f"{v_name}_post - {rest_name}_post")
    learn = Synapses(source, target, rule.model(unit), on_pre=on_pre, delay=0 * ms, name="learn")
    learn.connect()
    learn.w, learn.gain = w, gain
    for name, value in rule.values(unit).items():
        setattr(learn, name, value)
    learn.plastic = plastic
    Network(source, target, learn).run(defaultclock.dt, namespace={})
    return np.array(learn.w)


def moves(v, w, rule, gain=1.0, unit=UNIT):
    """What conditions I and II say, in SI units."""
    step, dead_zone = rule.step * float(unit), rule.dead_zone * float(unit)
    terms = (v, gain * w * step, step, rule.kappa, dead_zone)
    up, down = balance.condition_up(*terms), balance.condition_down(*terms)
    assert not (up & down).any()
    return up.astype(int) - down


@pytest.mark.parametrize("kappa", [1.0, 2.5, 4.0])
@pytest.mark.parametrize("dead_zone", [None, 0.0, 2.0**-6])
def test_decisions_are_conditions_one_and_two(kappa, dead_zone):
    """Values are binary fractions, so that potentials meet the edges of the dead zone exactly."""
    step = 2.0**-8
    rule = DiscreteRule(step, kappa, dead_zone, n_bits=8)
    rng = generator(1, "decisions")
    w = rng.integers(-60, 61, 4000).astype(float)
    v = -kappa * w * step / 2 + rng.integers(-40, 41, 4000) * 2.0**-11
    edge = np.abs(2 * v + kappa * w * step) == rule.dead_zone
    assert edge.sum() > 50
    expected = moves(v, w, rule, unit=VOLT)
    assert not expected[edge].any()
    assert all((expected == move).sum() > 100 for move in (-1, 1))
    np.testing.assert_array_equal(after_one_spike(rule, v, w, unit=VOLT), w + expected)


def test_decisions_on_arbitrary_values():
    rule = DiscreteRule(0.04, 2.5, 0.25)
    rng = generator(2, "decisions")
    v, w = rng.normal(0, 0.01, 4000), rng.integers(-30, 31, 4000).astype(float)
    expected = moves(v, w, rule)
    assert {-1, 0, 1} == set(expected.tolist())
    np.testing.assert_array_equal(after_one_spike(rule, v, w), w + expected)
    np.testing.assert_array_equal(after_one_spike(rule, v - 0.06, w, v_rest=-0.06), w + expected)


def test_comparators_see_the_gain_of_the_synapse():
    rule = DiscreteRule(0.04, 2.5, 0.25)
    rng = generator(3, "decisions")
    v, w = rng.normal(0, 0.01, 1000), rng.integers(-30, 31, 1000).astype(float)
    gain = rng.lognormal(0, 0.5, 1000)
    expected = moves(v, w, rule, gain)
    assert (expected != moves(v, w, rule)).any()
    np.testing.assert_array_equal(after_one_spike(rule, v, w, gain=gain), w + expected)


def test_in_current_mode():
    """Equation (4): currents for potentials, and a dead zone of twice I_SL."""
    unit, rule = 1.6 * nA, DiscreteRule(0.04, kappa=1, dead_zone=2 * 0.2 / 1.6)
    rng = generator(4, "decisions")
    current, w = rng.normal(0.8e-9, 1e-9, 1000), rng.integers(-31, 32, 1000).astype(float)
    expected = moves(current - 0.8e-9, w, rule, unit=unit)
    after = after_one_spike(rule, current, w, v_rest=0.8e-9, unit=unit)
    np.testing.assert_array_equal(after, w + expected)


def test_learning_can_be_switched_off():
    rule = DiscreteRule(0.04)
    v, w = np.array([-0.1, 0.1]), np.array([3.0, -3.0])
    np.testing.assert_array_equal(after_one_spike(rule, v, w), [4, -4])
    np.testing.assert_array_equal(after_one_spike(rule, v, w, plastic=0), w)


@pytest.mark.parametrize(("n_bits", "rail"), [(2, 1), (3, 3), (6, 31), (24, 2**23 - 1)])
def test_counters_stop_at_their_rails(n_bits, rail):
    rule = DiscreteRule(1e-7, n_bits=n_bits)
    assert rule.w_max == rail
    w = np.array([rail - 1, rail, 1 - rail, -rail], float)
    v = np.array([-1, -1, 1, 1]) * 1.0
    np.testing.assert_array_equal(after_one_spike(rule, v, w), [rail, rail, -rail, -rail])


def test_without_bits_counters_run_on():
    rule = DiscreteRule(0.04)
    assert rule.w_max == UNBOUNDED >= 1e6
    w, v = np.array([2.0**15, -(2.0**15)]), np.array([-99.0, 99.0])
    np.testing.assert_array_equal(after_one_spike(rule, v, w), [2**15 + 1, -(2**15) - 1])


def test_literal_is_equation_3():
    rule = DiscreteRule.literal(0.04, n_bits=5)
    assert (rule.kappa, rule.dead_zone, rule.n_bits) == (1.0, 0.02, 5)
    step, v = 0.4e-3, np.array([-0.3e-3, 0.3e-3, 0.05e-3])
    w = np.array([2.0, -1.0, -1.0])  # V_before + V_after = 2 V + w step against half a step
    v_after = v + w * step
    expected = (v + v_after < -step / 2).astype(int) - (v + v_after > step / 2)
    np.testing.assert_array_equal(after_one_spike(rule, v, w), w + expected)


@given(
    kappa=st.floats(0.5, 5),
    w=st.integers(-100, 100),
    v=st.floats(-0.05, 0.05),
    step=st.floats(1e-5, 1e-2),
)
def test_by_default_no_step_is_undone_by_the_next(kappa, w, v, step):
    rule = DiscreteRule(step, kappa)
    first = int(moves(np.float64(v), w, rule, unit=VOLT))
    assert int(moves(np.float64(v), w + first, rule, unit=VOLT)) in (0, first)


def test_a_smaller_dead_zone_than_the_default_goes_back_and_forth():
    rule = DiscreteRule(1, 2.0, 0.99)
    v = np.float64(0.4975)  # err is 0.995 at w = 0, -1.005 at w = -1
    assert moves(v, 0, rule, unit=VOLT) == -1
    assert moves(v, -1, rule, unit=VOLT) == 1


BAD = [
    ({"step": 0}, "step=0: must be finite and positive"),
    ({"step": -1}, "step=-1: must be finite and positive"),
    ({"step": np.nan}, "step=nan"),
    ({"step": np.inf}, "step=inf"),
    ({"kappa": -2.5}, "kappa=-2.5: must be finite and at least 0"),
    ({"kappa": np.nan}, "kappa=nan"),
    ({"kappa": np.inf}, "kappa=inf"),
    ({"dead_zone": -1}, "dead_zone=-1: must be finite and at least 0"),
    ({"dead_zone": np.nan}, "dead_zone=nan"),
    ({"dead_zone": np.inf}, "dead_zone=inf"),
    ({"n_bits": 1}, "n_bits=1: .*from 2 to 24"),
    ({"n_bits": 0}, "n_bits=0: .*from 2 to 24"),
    ({"n_bits": -4}, "n_bits=-4: .*from 2 to 24"),
    ({"n_bits": 25}, "n_bits=25: .*from 2 to 24"),
    ({"n_bits": 6.5}, "n_bits=6.5: .*from 2 to 24"),
]


@pytest.mark.parametrize(("parameters", "message"), BAD, ids=[message for _, message in BAD])
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=rf"DiscreteRule\.{message}"):
        DiscreteRule(**({"step": 0.04} | parameters))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"step": 0.4 * mV}, "step=0.4 mV: must be a plain number, in units of"),
        ({"dead_zone": 1 * nA}, r"dead_zone=1\. nA: must be a plain number"),
        ({"kappa": 1 * mV}, r"kappa=1\. mV: must be a plain number"),
    ],
)
def test_units_are_refused(parameters, message):
    with pytest.raises(TypeError, match=rf"DiscreteRule\.{message}"):
        DiscreteRule(**({"step": 0.04} | parameters))


def test_without_a_copy_comparators_do_not_see_the_weight():
    rule = DiscreteRule(0.04, kappa=0, dead_zone=0.2)
    v, w = np.array([-1.1, -0.9, 0.9, 1.1] * 2) * 1e-3, np.repeat([-31.0, 31.0], 4)
    np.testing.assert_array_equal(after_one_spike(rule, v, w), w + [1, 0, 0, -1] * 2)


def test_no_dead_zone_is_allowed():
    assert DiscreteRule(0.04, dead_zone=0).dead_zone == 0


def test_rules_are_values():
    rule = DiscreteRule(0.04, 2.5, 0.25, n_bits=6, learn_reset=True)
    assert rule == DiscreteRule(0.04, 2.5, 0.25, n_bits=6, learn_reset=True)
    assert rule != DiscreteRule(0.04, 2.5, 0.25, n_bits=5, learn_reset=True)
    assert pickle.loads(pickle.dumps(rule)) == rule
    with pytest.raises(FrozenInstanceError):
        rule.kappa = 1.0


def test_working_points():
    assert DiscreteRule.calm() == DiscreteRule(0.04, 2.5, 0.25)
    assert DiscreteRule.calm(0.1, n_bits=6) == DiscreteRule(0.1, 2.5, 0.25, n_bits=6)
    assert DiscreteRule.calm(dead_zone=0.1) == DiscreteRule(0.04, 2.5, 0.1)
    assert DiscreteRule.literal(0.1) == DiscreteRule(0.1, 1.0, 0.05)
    assert DiscreteRule(0.04, 3).dead_zone == 3 * 0.04 / 2


class TestWeights:
    """Between weights, in units of |D|^2, and what synapses store."""

    @given(st.integers(-200, 200), st.sampled_from([0.04, 0.1, 0.3, 1 / 25, 1 / 31]))
    def test_counters_are_whole(self, count, step):
        rule = DiscreteRule(step)
        assert rule.encode(count * step) == count
        assert rule.decode(count) == count * step
        assert rule.encode(rule.decode(count)) == count

    @given(st.floats(-3, 3))
    def test_a_fixed_weight_is_itself(self, weight):
        stored = Fixed().encode(weight)
        assert stored == weight or abs(stored - weight) < 1e-9
        assert Fixed().decode(weight) == weight

    @given(st.floats(-3, 3), st.sampled_from([3, 6, None]))
    def test_nearest(self, weight, n_bits):
        rule = DiscreteRule(0.04, n_bits=n_bits)
        nearest = rule.nearest(weight)
        assert rule.checked(np.array([[nearest]])) == nearest
        last = rule.w_max * rule.step
        assert abs(nearest - np.clip(weight, -last, last)) <= 0.02 + 1e-9

    def test_off_the_grid_or_beyond_the_rails(self):
        rule = DiscreteRule(0.04, n_bits=4)
        with pytest.raises(ValueError, match=r"Omega\[0, 1\] is 2.5 steps: .*its step, 0.04"):
            rule.checked(np.array([[0, 0.1]]))
        with pytest.raises(ValueError, match=r"Omega reaches 0.32: .*rule are at \+-0.28"):
            rule.checked(np.array([[0, -0.32]]))


class TestRule:
    """What a rule of one's own gets from `Rule`; see also test_own_rule.py."""

    def test_has_to_decide(self):
        class Undecided(Rule):
            pass

        with pytest.raises(NotImplementedError, match=r"Undecided\.decide"):
            Undecided().on_pre("v_post")

    def test_parameters_have_the_units_of_what_they_are(self):
        class Own(Rule):
            def parameters(self, unit):
                return {"eps": 0.1, "bias": 0.5 * unit}

        values = Own().values(2 * nA)
        assert values == {
            "step": 2 * nA,
            "w_max": UNBOUNDED,
            "plastic": 1,
            "kappa": 2.5,
            "eps": 0.1,
            "bias": 1 * nA,
        }
        model = Own().model(2 * nA).splitlines()
        assert "bias : amp (shared)" in model
        assert "eps : 1 (shared)" in model
        assert model[:2] == ["w : 1", "gain : 1"]

    def test_fixed_weights_are_not_learned(self):
        assert Fixed.modifies == "none"
        assert Fixed().decide("v_post") == ""


class TestContinuousRule:
    """Its parameters, and one spike; whole chips are in chips/test_continuous_rule.py."""

    def test_one_spike(self):
        """The gradient of the loss that the discrete rule steps down, times eps/kappa."""
        rule, kappa = ContinuousRule(0.03, 2.0), 2.0
        rng = generator(5, "decisions")
        v, w, gain = rng.normal(0, 1, 500), rng.normal(0, 1, 500), rng.lognormal(0, 0.5, 500)
        after = after_one_spike(rule, v, w, gain=gain, unit=VOLT)
        expected = w - 0.03 / kappa * balance.imbalance(v, gain * w, kappa)
        np.testing.assert_allclose(after, expected, rtol=0, atol=1e-14)
        held = after_one_spike(rule, v, w, plastic=0, unit=VOLT)
        np.testing.assert_array_equal(held, w)

    def test_in_current_mode(self):
        """The unit of the state does not matter."""
        rule, w = ContinuousRule(0.1), np.array([0.5, -0.5])
        one, other = (
            after_one_spike(rule, np.array([0.3, -0.2]) * float(unit), w, unit=unit)
            for unit in (UNIT, 1.6 * nA)
        )
        np.testing.assert_allclose(one, other, rtol=1e-12)

    def test_named_forms(self):
        """beta is 2/kappa unless it is given; the published example has its own."""
        assert ContinuousRule(0.1, 2.5).beta == 0.8
        assert ContinuousRule.gradient2012().decide("V") == ContinuousRule(1).decide("V")
        assert (ContinuousRule.gradient2012().kappa, ContinuousRule.gradient2012().beta) == (1, 2)
        published = ContinuousRule.brendel2020()
        assert (published.eps, published.kappa, published.learn_reset) == (1e-3, 1, True)
        assert (published.beta, published.mu) == (1 / 0.9, 0.02 / 0.9)

    def test_only_a_cost_needs_filtered_spikes(self):
        assert not ContinuousRule(0.1).filtered
        assert "r_post" not in ContinuousRule(0.1).decide("V")
        assert "mu*r_post" in ContinuousRule(0.1, mu=0.1).decide("V")

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"eps": 0}, r"eps=0: must be finite and positive"),
            ({"eps": 1.5}, r"eps=1\.5: must be at most 1"),
            ({"eps": np.nan}, r"eps=nan"),
            ({"kappa": 0}, r"kappa=0: must be finite and positive"),
            ({"kappa": np.inf}, r"kappa=inf"),
            ({"mu": -0.1}, r"mu=-0\.1: must be finite and at least 0"),
            ({"beta": 0}, r"beta=0: must be finite and positive"),
        ],
        ids=str,
    )
    def test_impossible_parameters_are_refused(self, parameters, message):
        with pytest.raises(ValueError, match=rf"ContinuousRule\.{message}"):
            ContinuousRule(**({"eps": 0.1} | parameters))

    @pytest.mark.parametrize("name", ["eps", "kappa", "mu", "beta"])
    def test_units_are_refused(self, name):
        with pytest.raises(TypeError, match=rf"ContinuousRule\.{name}=.*must be a plain number"):
            ContinuousRule(**({"eps": 0.1} | {name: 1 * mV}))

    @pytest.mark.parametrize(
        ("parameters", "error", "message"),
        [
            ({"eps": 0}, ValueError, "eps=0: must be finite and positive"),
            ({"eps": 2}, ValueError, "eps=2: must be at most 1"),
            ({"alpha": -1}, ValueError, "alpha=-1: must be finite and positive"),
            ({"alpha": 1 * mV}, TypeError, r"alpha=.*must be a plain number"),
        ],
        ids=str,
    )
    def test_of_feedforward_weights(self, parameters, error, message):
        with pytest.raises(error, match=rf"FeedforwardRule\.{message}"):
            FeedforwardRule(**parameters)
