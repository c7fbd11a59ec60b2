"""Chips of a design: their rule, their mismatch, what they do, on numpy and small."""

from dataclasses import asdict

import numpy as np
import pytest
from brian2 import Hz, second, volt

from ebn_brian.chips import lif_chips, random_decoder, random_weights
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.signals import noise_drive
from ebn_brian.training import COARSE_TO_FINE, Training
from studies.design.circuit import Bench, Noisy, blueprint, build, spread, targets
from studies.design.file import read
from studies.design.measures import MEASURES, Variant, run_block, run_clean, updates_hz
from studies.design.rule import ComparatorRule, phases
from studies.design.sizes import Parameter

TEXT = """
[mismatch]
gain = "20 %"
copy_gain = "10 %"
offset = 0.1
threshold = { cv = "20 %", chip = "5 %" }
target = "10 %"
[circuit]
neurons = 5
[training]
procedure = "homeostatic"
calibration = "1 s"
learning = "1 s"
readout = "1 s"
rate_target = "30 Hz"
"""


@pytest.fixture
def bench(tmp_path):
    """Benches of two chips of five neurons."""

    def make(text: str = TEXT, device: str = "numpy") -> Bench:
        file = tmp_path / "process.toml"
        file.write_text(text)
        return build(read(file), 2, 7, device, tmp_path, None)

    return make


def learned(rule, prepare=lambda chips: None, device="numpy"):
    """Weights that three chips learn in a second."""
    D = random_decoder(2, 5, 3, n_chips=3)
    training = Training(
        lambda drive: prepared(lif_chips(D, drive=drive, rule=rule), prepare), 2, device=device
    )
    state = training.rest(random_weights(3, 5, 3, step=rule.step))
    (state,) = training.train(state, noise_drive(2, 3), 1 * second)
    return training.weights(state)


def prepared(chips, prepare):
    prepare(chips)
    return chips


def test_the_rule_is_the_papers_where_copies_are_true():
    rule = DiscreteRule.calm()

    def true_copies(chips):
        chips.recurrent.copy_gain = 1

    other = learned(ComparatorRule(**asdict(rule)), true_copies)
    np.testing.assert_array_equal(learned(rule), other)


@pytest.mark.slow
def test_the_rule_is_the_same_on_the_cores():
    rule = ComparatorRule(**asdict(DiscreteRule.calm()))

    def unlike(chips):
        n = chips.layout.n_synapses
        chips.recurrent.copy_gain = np.linspace(0.8, 1.2, n)
        chips.recurrent.offset = np.linspace(-1, 1, n) * 0.001 * volt

    np.testing.assert_array_equal(learned(rule, unlike), learned(rule, unlike, "cpp_fused"))


def test_copies_and_offsets_matter():
    rule = ComparatorRule(**asdict(DiscreteRule.calm()))
    alike = [learned(rule, lambda chips: setattr(chips.recurrent, "copy_gain", 1))]
    alike.append(learned(rule, lambda chips: setattr(chips.recurrent, "copy_gain", 0.5)))

    def offset(chips):
        chips.recurrent.copy_gain = 1
        chips.recurrent.offset = 0.003 * volt

    alike.append(learned(rule, offset))
    assert not np.array_equal(alike[0], alike[1])
    assert not np.array_equal(alike[0], alike[2])
    # the comparator moves down where 2*(v + offset) is large: an offset lowers all weights
    assert alike[2].mean() < alike[0].mean()


def test_phases_are_those_of_the_library_on_its_grid():
    """A full scale of 511 steps of .005 is that of its counters."""
    rules = phases("homeostatic_fine", 10, 511 * 0.005, 30 * second)
    for (rule, time), (expected, duration) in zip(rules, COARSE_TO_FINE, strict=True):
        assert rule.step == pytest.approx(expected.step)
        assert rule.stride == expected.stride
        assert rule.dead_zone == pytest.approx(expected.dead_zone)
        assert time == duration
        assert rule.n_bits == 10
    ((rule, time),) = phases("plain", 7, 63 * 0.04, 20 * second)
    calm = DiscreteRule.calm()
    assert (rule.step, rule.stride, rule.kappa) == (pytest.approx(0.04), 1, calm.kappa)
    assert (rule.dead_zone, time) == (calm.dead_zone, 20 * second)


@pytest.mark.parametrize("procedure", ["plain", "homeostatic", "homeostatic_fine"])
def test_counters_of_any_width_reach_full_scale_and_do_not_undo_a_move(procedure):
    for bits in range(3, 17):
        rules = [rule for rule, _ in phases(procedure, bits, 2.0, 30 * second)]
        for rule in rules:
            assert rule.w_max * rule.step == pytest.approx(2.0)
            assert rule.dead_zone >= rule.kappa * rule.stride * rule.step / 2 * (1 - 1e-9)
        moves = [rule.stride * rule.step for rule in rules]
        assert moves == sorted(moves, reverse=True)


def test_mismatch_is_the_chips_own_whatever_the_block(bench):
    two = bench()
    design = two.design
    values = {}
    for numbers in (range(4), range(2, 4)):
        chips = blueprint(design, two.decoders(numbers))
        values[len(numbers)] = spread(chips, design.parameters, numbers, 7)
        values[len(numbers)]["D"] = chips.D
    names = ("recurrent.gain", "recurrent.copy_gain", "recurrent.offset", "neurons.v_th", "D")
    for name in names:
        four, last = (np.asarray(values[n][name]) for n in (4, 2))
        np.testing.assert_array_equal(np.split(four.ravel(), 2)[1], last.ravel())
        assert np.ptp(last) > 0
    assert np.ptp(np.asarray(values[2]["neurons.tau_m"])) == 0


def test_copies_follow_gains_unless_they_are_spread(bench):
    chips = blueprint(bench().design, random_decoder(2, 5, 1, n_chips=2))
    gain = [Parameter("gain", 0.2)]
    together = spread(chips, gain, range(2), 7)
    np.testing.assert_array_equal(together["recurrent.copy_gain"], together["recurrent.gain"])
    apart = spread(chips, [*gain, Parameter("copy_gain", 0.1)], range(2), 7)
    np.testing.assert_array_equal(apart["recurrent.gain"], together["recurrent.gain"])
    ratio = np.corrcoef(apart["recurrent.copy_gain"], apart["recurrent.gain"])[0, 1]
    assert abs(ratio) < 0.5
    rates = targets(30 * Hz, chips, [Parameter("target", 0.1)], range(2), 7)
    assert np.ptp(np.asarray(rates)) > 0
    assert set(np.asarray(targets(30 * Hz, chips, gain, range(2), 7))) == {30.0}


def test_input_weights_of_all_signals_are_spread(bench):
    built = bench(TEXT + "[signal]\nsignals = 3\n")
    chips = blueprint(built.design, built.decoders([0, 1]))
    values = spread(chips, [Parameter("F", 0.2)], range(2), 7)
    for j in range(3):
        spread_out = np.asarray(values[f"neurons.F_{j}"])
        factor = spread_out / np.asarray(chips.values()[f"neurons.F_{j}"])
        assert 0.05 < factor.std() < 0.5


@pytest.mark.slow
def test_a_block_is_measured_and_its_updates_are_counted(bench):
    built = bench(device="cpp_fused")
    variant = Variant(True, 1.0, 10, built.design.names)
    results = run_block(built, 30.0, 0, *variant)
    assert set(results) == set(MEASURES) == set(run_clean(built, 0))
    for values in results.values():
        assert values.shape == (2,)
        assert np.isfinite(values).all()
    assert (results["rate_hz"] > 0).all()
    assert variant.label == "homeostatic-area1-bits10-gain+copy_gain+offset+threshold+target"

    chips = blueprint(built.design, built.decoders([0, 1]))
    training = built.training.using(chips, spread(chips, (), range(2), 7))
    state = training.rest(np.zeros((2, 5, 5)))
    updates = 10 * updates_hz(built, training, state)
    (after,) = training.train(state, built.input.learning, [10 * second])
    moved = np.abs(after.w).reshape(2, -1).sum(axis=1) / chips.rule.stride
    assert (updates >= moved - 1e-6).all()
    assert (moved > 0).all()
    n_spikes = sum(len(s.i) for s in training.advance(state, built.input.learning, 100_000))
    assert updates.sum() <= n_spikes * 4  # each spike moves four counters at most


def test_noise_is_another_in_each_run_and_has_a_seed():
    class Program:
        def run(self, values, *, seed=None, **how):
            return seed

    windows = [{"drive.values": np.full((10, 2), k)} for k in (1.0, 2.0)]
    seeds = [[Noisy(Program(), s).run(w, duration=1) for w in windows] for s in (7, 7, 8)]
    assert seeds[0] == seeds[1] != seeds[2]
    assert seeds[0][0] != seeds[0][1]


def test_a_recording_is_split_so_that_chips_are_judged_on_what_is_unseen(tmp_path, bench):
    samples = np.random.default_rng(1).normal(size=(2000, 2)).cumsum(axis=0)
    np.savetxt(tmp_path / "mine.csv", samples, delimiter=",", header="A,B", comments="")
    signal = '[signal]\nrecording = "mine.csv"\nsampling_rate = "500 Hz"\n'
    given = bench(TEXT + signal).input
    assert given.n_signals == 2
    assert given.unseen.shape == (10_000, 2)  # a quarter of 4 s
    learning = given.learning(0, 30_000)
    np.testing.assert_array_equal(given.learning(30_000, 30_000), learning)
    assert not (np.asarray(given.unseen[0]) == np.asarray(learning)).all(axis=1).any()
