"""What chips of LIF neurons and of DPI neurons have in common."""

import inspect
import pickle
from dataclasses import replace

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, get_dimensions, ms
from helpers import DT, one_direction, silent, simulate, timed

from ebn_brian import balance, devices
from ebn_brian.chips import (
    Blueprint,
    dpi_blueprint,
    dpi_chips,
    lif_blueprint,
    lif_chips,
    random_decoder,
    random_weights,
)
from ebn_brian.plasticity import DiscreteRule, Fixed
from ebn_brian.signals import smoothed_noise

KINDS = {"lif": (lif_chips, lif_blueprint), "dpi": (dpi_chips, dpi_blueprint)}
RULE = DiscreteRule.calm(n_bits=6)


@pytest.fixture(params=KINDS)
def make(request):
    """The function that makes chips."""
    return KINDS[request.param][0]


@pytest.fixture(params=KINDS)
def both(request):
    """That, and the one that makes their blueprint."""
    return KINDS[request.param]


def weights(n_chips: int, n: int, seed: int = 1) -> np.ndarray:
    """On the grid of `RULE`, with diagonals of -1."""
    return random_weights(n_chips, n, seed, std=0.3) - np.eye(n)


def test_the_same_arguments():
    """In the same order, with the same defaults; then those of the kind, by name."""
    lif, dpi = (list(inspect.signature(make).parameters.values()) for make, _ in KINDS.values())
    names = ["D", "Omega", "drive", "rule", "n_chips", "kappa", "dt", "name"]
    for a, b, name in zip(lif, dpi, names, strict=False):
        assert a.name == b.name == name
        assert (a.kind, a.default) == (b.kind, b.default)
    lif, dpi = (list(inspect.signature(make).parameters) for _, make in KINDS.values())
    assert lif[:5] == dpi[:5] == ["D", "rule", "n_chips", "kappa", "name"]


class TestLayout:
    def test_numbers_of_chips(self, make):
        D, Omega = one_direction(4), np.zeros((4, 4))
        many = np.stack([D] * 3), np.stack([Omega] * 3)
        for args, n_chips, expected in (
            ((D, Omega), None, 1),
            ((D, Omega), 3, 3),
            ((D, None), 3, 3),
            ((many[0], Omega), None, 3),
            ((D, many[1]), None, 3),
            (many, 3, 3),
        ):
            chips = make(*args, silent(), n_chips=n_chips)
            sizes = chips.n_chips, chips.n_neurons, len(chips.neurons)
            assert sizes == (expected, 4, 4 * expected)
            per_chip = 16 if chips.layout.autapses else 12
            assert len(chips.recurrent) == expected * per_chip == chips.layout.n_synapses
            assert chips.D.shape == (expected, 2, 4)
            assert chips.optimal.shape == chips.weights().shape == (expected, 4, 4)

    def test_synapses_connect_as_the_layout_says(self, make):
        chips = make(one_direction(4), None, silent(), n_chips=3)
        i, j = chips.layout.connections()
        np.testing.assert_array_equal(chips.recurrent.i, i)
        np.testing.assert_array_equal(chips.recurrent.j, j)

    def test_a_column_is_what_a_source_sends(self, make):
        """Row = target: the synapse from neuron 0 onto neuron 2 of chip 1."""
        chips = make(one_direction(4), np.zeros((4, 4)), silent(), rule=RULE, n_chips=2)
        chips.recurrent.w["i == 4 and j == 6"] = 5
        expected = np.zeros((2, 4, 4))
        expected[1, 2, 0] = 5 * RULE.step
        np.testing.assert_allclose(chips.weights(), expected, rtol=1e-12)

    def test_decoders_are_in_the_order_of_the_neurons(self, make):
        D = random_decoder(2, 3, 1, n_chips=2)
        chips = make(D, None, silent())
        F = np.stack([chips.neurons.F_0_[:], chips.neurons.F_1_[:]])
        expected = np.moveaxis(D, 0, 1).reshape(2, 6)
        np.testing.assert_allclose(F / F[0, 0] * D[0, 0, 0], expected, rtol=1e-12)


class TestWeights:
    def test_are_those_given(self, make):
        Omega = weights(2, 4)
        for rule in (RULE, DiscreteRule(0.04, learn_reset=True), None, Fixed()):
            chips = make(one_direction(4), Omega, silent(), rule=rule)
            kept = Omega if chips.layout.autapses else Omega * ~np.eye(4, dtype=bool)
            np.testing.assert_allclose(chips.weights(), kept, atol=1e-12)

    def test_are_whole_counters(self, make):
        """Of 0.04, which has no exact multiples."""
        chips = make(one_direction(4), weights(2, 4), silent(), rule=RULE)
        counters = np.array(chips.recurrent.w)
        np.testing.assert_array_equal(counters, np.rint(counters))
        assert np.ptp(counters) > 5

    def test_are_live(self, make):
        chips = make(one_direction(4), np.zeros((4, 4)), silent(), rule=RULE)
        before = chips.weights()
        chips.recurrent.w = 2
        assert chips.weights()[0, 1, 0] == 2 * RULE.step
        assert (before == 0).all()

    def test_from_a_run_of_a_program(self, make):
        """The run's own, not those of the objects, which the program leaves as they were."""
        D, Omega = random_decoder(2, 5, 1, n_chips=2), weights(2, 5)
        built = []

        def network() -> Network:
            chips = make(D, Omega, silent(), rule=RULE, name="a")
            built.append(chips)
            return Network(chips.objects)

        program = devices.build(network, "numpy")
        (chips,) = built
        other = weights(2, 5, seed=2)
        values = {**chips.values(), "a_recurrent.w": chips.encode(other)}
        run = program.run(values, duration=1 * ms, read=["a_recurrent.w"])
        kept = other if chips.layout.autapses else other * ~np.eye(5, dtype=bool)
        np.testing.assert_allclose(chips.weights(run), kept, atol=1e-12)
        blueprint = chips.blueprint()
        np.testing.assert_array_equal(blueprint.weights(run), chips.weights(run))
        np.testing.assert_array_equal(chips.weights(run["a_recurrent.w"]), chips.weights(run))

    def test_default_is_the_optimum_or_with_a_rule_the_diagonal(self, make):
        D = random_decoder(2, 4, 1, n_chips=2)
        for rule in (None, Fixed(kappa=2)):
            chips = make(D, None, silent(), rule=rule)
            off = np.ones((4, 4)) if chips.layout.autapses else 1 - np.eye(4)
            np.testing.assert_allclose(chips.weights(), balance.optimal_weights(D) * off)
        for rule in (DiscreteRule(0.25, learn_reset=True), DiscreteRule(0.25)):
            chips = make(D, None, silent(), rule=rule)
            expected = -np.eye(4) * chips.layout.autapses
            np.testing.assert_array_equal(chips.weights(), [expected, expected])

    def test_default_is_what_the_counters_can_hold(self, make):
        """0.3 is no divisor of 1, and three bits end at 0.9; two bits hold no reset at all."""
        for n_bits in (6, 3):
            rule = DiscreteRule(0.3, n_bits=n_bits, learn_reset=True)
            chips = make(one_direction(3), None, silent(), rule=rule)
            np.testing.assert_allclose(chips.weights()[0], -0.9 * np.eye(3))
        with pytest.raises(ValueError, match=r"rails of the rule are at \+-0.3"):
            make(one_direction(3), None, silent(), rule=replace(rule, n_bits=2))

    def test_of_a_monitor_are_refused(self, make):
        """What a StateMonitor holds is no list of weights: (synapses, times)."""
        chips = make(one_direction(3), None, silent(), rule=RULE, dt=DT)
        monitor = StateMonitor(chips.recurrent, "w", record=True, name="watch")
        Network(chips.objects, monitor).run(2 * DT)
        with pytest.raises(ValueError, match=r"weights have shape \(.*, 2\): must be one value"):
            chips.weights(monitor.w)
        np.testing.assert_array_equal(chips.weights(monitor.w[:, -1]), chips.weights())

    def test_at_the_rails_are_on_the_grid(self, make):
        """7*0.04 is not 0.28 in floating point: the grid is met with a tolerance."""
        rule = DiscreteRule(0.04, n_bits=4)
        chips = make(one_direction(4), np.eye(4)[::-1] * (7 * 0.04), silent(), rule=rule)
        assert set(np.array(chips.recurrent.w)) == {0.0, 7.0}


class TestBlueprint:
    def test_values_are_what_the_groups_hold(self, make):
        D = random_decoder(2, 4, 1, n_chips=3)
        chips = make(D, None, silent(), rule=RULE, name="a")
        groups = {"a_neurons": chips.neurons, "a_recurrent": chips.recurrent}
        for name, value in chips.values().items():
            group, _, variable = name.partition(".")
            held = groups[group].variables[variable]
            assert get_dimensions(value) == held.dim
            np.testing.assert_array_equal(
                np.ravel(held.get_value()), np.ravel(np.asarray(value)), name
            )

    def test_values_are_all_parameters(self, make):
        """But for the weights, and for what changes or is not a chip's own affair."""
        chips = make(random_decoder(2, 4, 1), None, silent(), rule=RULE)
        for kind, group, more in (
            ("neurons", chips.neurons, set(chips.rest)),
            ("recurrent", chips.recurrent, {"w"}),
        ):
            parameters = set(group.equations.parameter_names) - more
            named = {n.partition(".")[2] for n in chips.values() if n.startswith(kind)}
            own = {"n_better", "n_e", "n_i", "d", "lastspike", "not_refractory"}
            unnamed = own | {"I_off", "I_reset"}  # 0, and not used
            assert named <= parameters
            assert parameters - named <= unnamed

    def test_neurons_begin_at_rest(self, make):
        chips = make(random_decoder(2, 4, 1, n_chips=2), None, silent())
        for variable, value in chips.rest.items():
            np.testing.assert_array_equal(getattr(chips.neurons, variable), value)

    def test_is_that_of_the_chips(self, both):
        make, blueprint = both
        D = random_decoder(2, 4, 1, n_chips=3)
        options = {"rule": RULE, "kappa": 2, "name": "a"}
        one, other = make(D, None, silent(), **options).blueprint(), blueprint(D, **options)
        assert type(one) is type(other) is Blueprint
        assert (one.name, one.rule, one.layout) == (other.name, other.rule, other.layout)
        assert (one.unit, one.tau) == (other.unit, other.tau)
        np.testing.assert_array_equal(one.D, other.D)
        for a, b in ((one.values(), other.values()), (one.rest, other.rest)):
            assert list(a) == list(b)
            for name, value in a.items():
                np.testing.assert_array_equal(value, b[name])

    def test_can_be_pickled(self, both):
        _, make = both
        blueprint = make(random_decoder(2, 4, 1), rule=RULE, name="a")
        copy = pickle.loads(pickle.dumps(blueprint))
        assert (copy.rule, copy.layout, copy.name) == (RULE, blueprint.layout, "a")
        for name, value in blueprint.values().items():
            assert get_dimensions(copy.values()[name]) == get_dimensions(value)
            np.testing.assert_array_equal(copy.values()[name], value)

    def test_is_a_value_that_stays(self, both):
        """What one changes afterwards of the decoder is not that of the chips."""
        _, make = both
        D = random_decoder(2, 4, 1)
        blueprint = make(D)
        before = blueprint.D.copy()
        D[:] = 7
        np.testing.assert_array_equal(blueprint.D, before)


class TestNames:
    def test_two_populations_in_one_network(self):
        """Neither knows of the other: each spikes as it does alone."""
        D = random_decoder(2, 6, 1, n_chips=2)
        c = smoothed_noise(100 * ms, 2, 3)

        def made(kind, name):
            return KINDS[kind][0](D, weights(2, 6), timed(c), rule=RULE, name=name)

        alone = {}
        for kind in KINDS:
            chips = made(kind, "")
            spikes = simulate(chips, 100 * ms)
            assert spikes.num_spikes > 5
            alone[kind] = np.array(spikes.i), np.array(spikes.t_), chips.weights()
        pair = {kind: made(kind, kind) for kind in KINDS}
        assert [p.name for p in pair["lif"].objects[:2]] == ["lif_neurons", "lif_recurrent"]
        monitors = {kind: SpikeMonitor(chips.neurons) for kind, chips in pair.items()}
        objects = [o for chips in pair.values() for o in chips.objects]
        Network(objects, *monitors.values()).run(100 * ms, namespace={})
        for kind, (i, t, Omega) in alone.items():
            np.testing.assert_array_equal(monitors[kind].i, i)
            np.testing.assert_array_equal(monitors[kind].t_, t)
            np.testing.assert_array_equal(pair[kind].weights(), Omega)

    def test_begin_with_the_prefix(self, make):
        chips = make(one_direction(3), None, silent(), name="left")
        assert chips.neurons.name == chips.called("neurons") == "left_neurons"
        assert chips.recurrent.name == "left_recurrent"
        assert all(name.startswith("left_") for name in chips.values())
        assert make(one_direction(3), None, silent()).neurons.name == "neurons"


class TestParameters:
    def test_time_step(self, make):
        chips = make(one_direction(3), None, silent(), dt=0.05 * ms)
        assert all(o.clock.dt == 0.05 * ms for o in chips.objects)
        assert make(one_direction(3), None, silent()).neurons.clock.dt == DT

    def test_kappa_is_that_of_the_rule_or_of_the_user(self, make):
        """It sets the threshold; the comparators' gain stays that of the rule."""

        def threshold(**options):
            chips = make(one_direction(3), None, silent(), **options)
            values, unit = chips.parameters, float(chips.unit)
            name, base = ("v_th", "v_rest") if "neurons.v_th" in values else ("I_spk", "I_ref")
            above = np.asarray(values[f"neurons.{name}"]) - np.asarray(values[f"neurons.{base}"])
            return above[0] / unit, values["recurrent.kappa"]

        assert threshold() == pytest.approx((1.25, 2.5))
        assert threshold(rule=Fixed(kappa=4)) == pytest.approx((2, 4))
        assert threshold(rule=DiscreteRule(0.04, kappa=3)) == pytest.approx((1.5, 3))
        assert threshold(rule=DiscreteRule(0.04, kappa=3), kappa=2) == pytest.approx((1, 3))
        assert threshold(rule=DiscreteRule(0.04, kappa=0), kappa=2) == pytest.approx((1, 0))

    def test_columns_of_any_length_have_their_own_thresholds(self, make):
        lengths = np.array([0.5, 1, 1.7, 2])
        D = random_decoder(2, 4, 1) * lengths
        chips = make(D, None, silent(), kappa=2, rule=Fixed())
        values, unit = chips.parameters, float(chips.unit)
        if "neurons.v_th" in values:
            above = np.asarray(values["neurons.v_th"] - values["neurons.v_rest"]) / unit
            reset = np.asarray(values["neurons.v_reset"] - values["neurons.v_rest"]) / unit
            np.testing.assert_allclose(reset, balance.reset(D, 2), atol=1e-12)
        else:
            above = np.asarray(values["neurons.I_spk"] - values["neurons.I_ref"]) / unit
        np.testing.assert_allclose(above, balance.threshold(D, 2), rtol=1e-12)
