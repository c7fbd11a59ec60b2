"""Training and evaluation, the same for every kind of chips."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms, second
from helpers import DT

from ebn_brian import decoding
from ebn_brian.chips import (
    dpi_blueprint,
    dpi_chips,
    lif_blueprint,
    lif_chips,
    random_decoder,
    random_weights,
)
from ebn_brian.mismatch import apply_mismatch, spread
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.signals import noise_drive, smoothed_noise
from ebn_brian.training import WINDOW, Training, steps

N_CHIPS, N = 3, 10
RULE = DiscreteRule.calm(n_bits=6)
DRIVE = noise_drive(2, seed=1)
C = smoothed_noise(2 * second, 2, 1, stream="test signal")
KINDS = {"lif": (lif_chips, lif_blueprint), "dpi": (dpi_chips, dpi_blueprint)}
#: Programs that take long to compile are for the slow tests.
COMPILED = ["lif", pytest.param("dpi", marks=pytest.mark.slow)]


def decoders(seed: int = 1) -> np.ndarray:
    return random_decoder(2, N, seed, n_chips=N_CHIPS)


def initial(seed: int = 1) -> np.ndarray:
    """Random weights on the grid and within the rails, resets on the diagonal."""
    return random_weights(N_CHIPS, N, seed, max_weight=1.2) - np.eye(N)


def make(kind: str, seed: int = 1, rule: DiscreteRule = RULE, device: str = "cpp_fused"):
    """Chips of `kind` with the decoders of `seed`, to be trained."""
    chips, D = KINDS[kind][0], decoders(seed)
    return Training(lambda drive: chips(D, drive=drive, rule=rule), 2, device=device)


@pytest.fixture(scope="module", params=COMPILED)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def training(kind):
    return make(kind)


@pytest.fixture(scope="module")
def learned(training):
    """The state after more than one run of the program."""
    return training.trained(initial(), DRIVE, 15 * second)


class TestLearning:
    def test_lowers_error_and_raises_correlation(self, training, learned):
        Omega = training.weights(learned)
        before, after = (training.evaluate(weights, C) for weights in (initial(), Omega))
        optimal = training.evaluate(training.chips.optimal, C)
        assert (after.measures["correlation"] > 0.8).all()
        assert (before.measures["correlation"] < 0.5).all()
        assert (after.measures["distance"] < before.measures["distance"] / 2).all()
        error = {name: e.measures["error"] for name, e in (("0", before), ("1", after))}
        assert (error["1"] < error["0"] / 2).all()
        assert (after.measures["rate_hz"] < before.measures["rate_hz"] / 2).all()
        assert np.median(error["1"]) < 4 * np.median(optimal.measures["error"])

    def test_stays_on_the_grid_and_within_the_rails(self, learned):
        np.testing.assert_array_equal(learned.w, np.rint(learned.w))
        assert np.abs(learned.w).max() <= RULE.w_max

    def test_is_the_same_again(self, training):
        first, second_ = (training.trained(initial(), DRIVE, 1 * second) for _ in range(2))
        np.testing.assert_array_equal(first.w, second_.w)
        for name, value in first.variables.items():
            np.testing.assert_array_equal(second_.variables[name], value)

    def test_says_what_it_took(self, learned):
        assert learned.n_steps == steps(15 * second)
        assert learned.cpu_seconds > 0


class TestState:
    def test_begins_at_rest_with_the_weights_given(self, training):
        state = training.rest(initial())
        layout = training.chips.layout
        kept = initial() if layout.autapses else initial() * ~np.eye(N, dtype=bool)
        np.testing.assert_allclose(training.weights(state), kept, atol=1e-12)
        assert (state.n_steps, state.cpu_seconds) == (0, 0)
        assert set(state.variables) == {f"neurons.{name}" for name in training.chips.rest}
        one = training.rest(initial()[0])
        np.testing.assert_array_equal(one.w, training.rest([initial()[0]] * N_CHIPS).w)

    def test_is_yielded_at_each_time(self, training, learned):
        """The last is that of one training until there, whose runs end at 10 s as these do."""
        until = [1, 1, 10, 15] * second
        states = list(training.train(training.rest(initial()), DRIVE, until))
        assert [s.n_steps for s in states] == [steps(t) for t in until]
        spent = [s.cpu_seconds for s in states]
        assert spent[0] == spent[1] < spent[2] < spent[3]
        if not training.chips.layout.autapses:  # pulses of DPI chips are cut at 1 s
            np.testing.assert_array_equal(states[-1].w, learned.w)

    def test_is_carried_over_the_runs_of_a_program(self, training, learned):
        """One training of two runs, and two of one."""
        half = training.trained(initial(), DRIVE, WINDOW)
        (whole,) = training.train(half, DRIVE, 15 * second)
        np.testing.assert_array_equal(whole.w, learned.w)
        for name, value in learned.variables.items():
            np.testing.assert_array_equal(whole.variables[name], value)

    def test_goes_on_from_what_it_was(self, training):
        """Half a second after half a second is a second, but for pulses that were cut."""
        start = training.rest(initial())
        *_, parts = training.train(start, DRIVE, [500, 1000] * ms)
        whole = training.trained(initial(), DRIVE, 1 * second)
        if training.chips.layout.autapses:
            assert (parts.w == whole.w).mean() > 0.5
        else:
            np.testing.assert_array_equal(parts.w, whole.w)
            np.testing.assert_array_equal(*(s.variables["neurons.v"] for s in (parts, whole)))

    def test_spikes_are_counted_from_the_first_step_of_training(self, training):
        """In one stretch, and where two runs meet."""
        (one,) = training.advance(training.rest(initial()), DRIVE, steps(200 * ms))
        (first,) = training.advance(training.rest(initial()), DRIVE, steps(100 * ms))
        (more,) = training.advance(first.state, DRIVE, steps(100 * ms))
        n = len(first.i)
        assert n > 20
        np.testing.assert_array_equal(one.i[:n], first.i)
        np.testing.assert_array_equal(one.step[:n], first.step)
        assert first.step.max() < steps(100 * ms) <= more.step.min()
        if not training.chips.layout.autapses:
            np.testing.assert_array_equal(one.step[n:], more.step)


class TestEvaluation:
    def test_holds_the_weights(self, training):
        state = training.rest(initial())
        (held,) = training.advance(state, DRIVE, steps(1 * second), plastic=False)
        (free,) = training.advance(state, DRIVE, steps(1 * second))
        np.testing.assert_array_equal(held.state.w, state.w)
        assert (free.state.w != state.w).mean() > 0.1
        assert len(held.i) > 100

    def test_is_what_the_spikes_say(self, training):
        """Its numbers against those of `decoding`, over more than one run."""
        c = smoothed_noise(11 * second, 2, 3)
        evaluation = training.evaluate(training.chips.optimal, c)
        assert evaluation.step.max() > steps(WINDOW)
        assert evaluation.step.max() < len(c)
        tau = training.chips.tau
        x = decoding.leaky_integral(c, tau, DT)
        x_hat = decoding.decode(
            evaluation.i, evaluation.t, training.chips.D, len(c), tau, DT, N_CHIPS
        )
        measures = evaluation.measures
        np.testing.assert_array_equal(measures["error"], decoding.error(x, x_hat, DT))
        counts = np.bincount(evaluation.i // N, minlength=N_CHIPS)
        np.testing.assert_allclose(measures["rate_hz"], counts / N / 11)
        np.testing.assert_allclose(measures["distance"], 0, atol=1e-12)
        np.testing.assert_allclose(measures["correlation"], 1)
        assert (evaluation.paper_error < 0.5).all()
        assert evaluation.spikes_per_step_max() >= 1

    def test_starts_from_rest_whatever_came_before(self, training):
        before = training.evaluate(initial(), C)
        training.trained(initial(2), DRIVE, 1 * second)
        after = training.evaluate(initial(), C)
        np.testing.assert_array_equal(before.step, after.step)
        np.testing.assert_array_equal(before.i, after.i)

    def test_takes_weights_that_counters_cannot_hold(self, training):
        """Optimal ones lie off the grid."""
        optimal = training.evaluate(training.chips.optimal, C)
        nearest = training.evaluate(RULE.nearest(training.chips.optimal), C)
        assert len(optimal.i) != len(nearest.i) or (optimal.i != nearest.i).any()


def same_values(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], name)


class TestUsing:
    """One program for chips with other decoders, rules and devices, as if built for them."""

    OTHER_RULE = replace(RULE, step=0.08, kappa=2.0, dead_zone=0.3, n_bits=5)

    def same(self, one: Training, other: Training) -> None:
        """Both learn the same weights from the same spikes."""
        start = RULE.nearest(np.rint(initial(3) / 0.08) * 0.08)
        stretches = [next(t.advance(t.rest(start), DRIVE, steps(100 * ms))) for t in (one, other)]
        np.testing.assert_array_equal(stretches[0].step, stretches[1].step)
        np.testing.assert_array_equal(stretches[0].i, stretches[1].i)
        np.testing.assert_array_equal(stretches[0].state.w, stretches[1].state.w)
        assert (stretches[0].state.w != one.rest(start).w).any()

    def test_other_decoders(self, training, kind):
        blueprint = KINDS[kind][1](decoders(2), rule=RULE)
        self.same(training.using(blueprint), make(kind, seed=2, device="numpy"))

    def test_another_rule(self, training, kind):
        blueprint = KINDS[kind][1](decoders(), rule=self.OTHER_RULE)
        self.same(training.using(blueprint), make(kind, rule=self.OTHER_RULE, device="numpy"))

    def test_values_that_are_spread(self, training, kind):
        """As chips whose groups were spread before they were built."""
        cvs = {"recurrent.gain": 0.2, "neurons.F_0": 0.1}

        def spread_chips(drive):
            chips = KINDS[kind][0](decoders(), drive=drive, rule=RULE)
            for name, cv in cvs.items():
                group, _, parameter = name.partition(".")
                apply_mismatch(getattr(chips, group), {parameter: cv}, seed=7, chips=N_CHIPS)
            return chips

        values = spread(training.chips.values(), cvs, seed=7, chips=N_CHIPS)
        self.same(training.using(values=values), Training(spread_chips, 2, device="numpy"))

    def test_leaves_the_training_as_it_was(self, training, kind):
        start = training.trained(initial(), DRIVE, 100 * ms)
        blueprint = KINDS[kind][1](decoders(2), rule=self.OTHER_RULE)
        other = training.using(blueprint, {"recurrent.gain": 0.5})
        assert other.chips is blueprint
        same_values(other.values, blueprint.values() | {"recurrent.gain": 0.5})
        again = training.trained(initial(), DRIVE, 100 * ms)
        np.testing.assert_array_equal(again.w, start.w)

    def test_values_win_over_those_of_the_chips(self, training, kind):
        values = {"recurrent.gain": 0.5}
        blueprint = KINDS[kind][1](decoders(2), rule=RULE)
        for other in (
            training.using(blueprint, values),
            training.using(blueprint).using(values=values),
        ):
            same_values(other.values, blueprint.values() | values)

    def test_unknown_values_are_refused(self, training):
        with pytest.raises(ValueError, match=r"'neurons\.colour': the program has no such"):
            training.using(values={"neurons.colour": 1}).evaluate(initial(), C)


def test_a_pickled_training_runs(training):
    """As one that is sent to another process."""
    training = training.using(values={"recurrent.gain": 0.9})
    other = pickle.loads(pickle.dumps(training))
    assert other.chips.rule == RULE
    state, expected = (t.trained(initial(), DRIVE, 100 * ms) for t in (other, training))
    np.testing.assert_array_equal(state.w, expected.w)
    assert pickle.loads(pickle.dumps(state)).n_steps == 1000


def test_threads_are_those_of_the_fused_core():
    with pytest.raises(ValueError, match=r"threads=2: needs device='cpp_fused', not 'numpy'"):
        Training(lambda drive: None, 2, device="numpy", threads=2)
