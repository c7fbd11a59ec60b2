"""Chips in one group: layout, conservation, greedy selection, what is refused."""

import numpy as np
import pytest
from brian2 import Hz, Network, NeuronGroup, SpikeMonitor, TimedArray, ms, mV, nA, second
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian import balance, decoding, signals
from ebn_brian.equations import lif
from ebn_brian.network import V_UNIT, Chips, lif_chips, to_matrix, to_synapses
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.seeds import generator

DT = 0.1 * ms
RULE = DiscreteRule(0.04 * V_UNIT, 2.5, 0.25 * V_UNIT)


def timed(c) -> TimedArray:
    return TimedArray(c * Hz, DT, name="drive")


def simulate(chips: Chips, duration) -> SpikeMonitor:
    spikes = SpikeMonitor(chips.neurons, name="spikes")
    chips.neurons.clock.dt = DT
    Network(chips.objects, spikes).run(duration, namespace={})
    return spikes


def decoder(n: int) -> np.ndarray:
    """The simplest of unit columns: all neurons code the first of two signals."""
    return np.vstack([np.ones(n), np.zeros(n)])


SILENT = np.zeros((10, 2))
SHAPES = st.tuples(st.integers(1, 4), st.integers(2, 6), st.booleans())


class TestLayout:
    @given(SHAPES)
    def test_to_matrix_undoes_to_synapses(self, shape):
        n_chips, n, autapses = shape
        Omega = generator(n, "layout", n_chips).normal(size=(n_chips, n, n))
        values = to_synapses(Omega, autapses)
        assert values.shape == (n_chips * (n * n if autapses else n * (n - 1)),)
        kept = Omega if autapses else Omega * ~np.eye(n, dtype=bool)
        np.testing.assert_array_equal(to_matrix(values, n, autapses), kept)
        np.testing.assert_array_equal(to_synapses(kept, autapses), values)

    @pytest.mark.parametrize("autapses", [False, True])
    def test_synapses_lie_as_to_synapses_says(self, autapses):
        rule = DiscreteRule(RULE.step, learn_reset=autapses)
        n_chips, n = 3, 4
        chips = lif_chips(decoder(n), np.zeros((n, n)), timed(SILENT), rule=rule, n_chips=n_chips)
        i, j = np.array(chips.recurrent.i), np.array(chips.recurrent.j)
        target_source = 10 * np.arange(n)[:, None] + np.arange(n)
        chip = 100 * np.arange(n_chips)[:, None, None]
        expected = to_synapses(chip + target_source, autapses)
        np.testing.assert_array_equal(100 * (i // n) + 10 * (j % n) + i % n, expected)
        np.testing.assert_array_equal(i // n, j // n)
        assert chips.autapses == autapses

    def test_one_spike_reaches_its_column_in_its_chip_only(self):
        n_chips, n, chip, source = 3, 5, 1, 3
        Omega = generator(1, "layout").normal(0, 0.1, (n_chips, n, n))
        chips = lif_chips(decoder(n), Omega, timed(SILENT))
        v = np.zeros((n_chips, n))
        v[chip, source] = 2  # above threshold in the first step, and never again
        chips.neurons.v = v.ravel() * V_UNIT
        spikes = simulate(chips, DT)
        assert list(spikes.i) == [chip * n + source]
        expected = np.zeros((n_chips, n))
        expected[chip] = Omega[chip, :, source]
        expected[chip, source] = 0.25  # the reset, kappa/2 - 1
        after = np.array(chips.neurons.v / V_UNIT).reshape(n_chips, n)
        np.testing.assert_allclose(after, expected, atol=1e-12)

    def test_omega_is_what_was_given(self):
        Omega = np.round(generator(1, "layout").normal(0, 10, (2, 4, 4))) * 0.04
        D = decoder(4)
        off = ~np.eye(4, dtype=bool)
        for rule in (RULE, None):
            given = lif_chips(D, Omega, timed(SILENT), rule=rule).Omega
            np.testing.assert_allclose(given, Omega * off, atol=1e-12)
        learned = lif_chips(D, Omega, timed(SILENT), rule=DiscreteRule(RULE.step, learn_reset=True))
        np.testing.assert_allclose(learned.Omega, Omega, atol=1e-12)
        counters = np.array(learned.recurrent.w)
        np.testing.assert_array_equal(counters, np.round(counters))

    def test_numbers_of_chips(self):
        D, Omega = decoder(4), np.zeros((4, 4))
        for args, n_chips, told in (
            ((D, Omega), None, 1),
            ((D, Omega), 3, 3),
            ((np.stack([D] * 3), Omega), None, 3),
            ((D, np.stack([Omega] * 3)), None, 3),
            ((np.stack([D] * 3), np.stack([Omega] * 3)), 3, 3),
        ):
            chips = lif_chips(*args, timed(SILENT), n_chips=n_chips)
            assert (chips.n_chips, chips.n_neurons, len(chips.neurons)) == (told, 4, 4 * told)
            assert len(chips.recurrent) == told * 4 * 3


class TestDynamics:
    @pytest.mark.parametrize("kappa", [1.5, 2.5, 4.0])
    @pytest.mark.parametrize("greedy", [True, False])
    def test_potentials_are_the_coding_error(self, kappa, greedy):
        """For optimal weights and subtractive reset v is D^T (x - x_hat), whatever is spiked."""
        n_chips, n, duration = 3, 10, 0.3 * second
        D = balance.random_decoder(2, n, 4, n_chips=n_chips)
        c = np.asarray(signals.smoothed_noise(duration, 2, 5))
        chips = lif_chips(
            D,
            balance.optimal_weights(D),
            timed(c),
            kappa=kappa,
            reset="subtractive",
            greedy=greedy,
        )
        spikes = simulate(chips, duration)
        assert spikes.num_spikes > 30
        x = decoding.leaky_integral(c, 50 * ms, DT)
        x_hat = decoding.decode(spikes.i, spikes.t, D, len(c), 50 * ms, DT)
        expected = np.swapaxes(D, 1, 2) @ (x[-1] - x_hat[:, -1])[..., None]
        v = np.array(chips.neurons.v / V_UNIT).reshape(n_chips, n)
        np.testing.assert_allclose(v, expected[..., 0], atol=1e-9)

    def test_greedy_means_one_spike_a_chip_and_step(self):
        """In a storm: strong random weights, where many are above threshold at once."""
        n_chips, n = 4, 10
        D = balance.random_decoder(2, n, 4, n_chips=n_chips)
        Omega = balance.random_weights(n_chips, n, 4, std=2)
        c = signals.smoothed_noise(0.2 * second, 2, 5)
        most = {}
        for greedy in (True, False):
            chips = lif_chips(D, Omega, timed(np.asarray(c)), greedy=greedy)
            spikes = simulate(chips, 0.2 * second)
            most[greedy] = decoding.spikes_per_step_max(spikes.i, spikes.t, n, DT)
            assert len(set(np.array(spikes.i) // n)) == n_chips
        assert most[True] == 1 < most[False]

    def test_the_furthest_above_spikes_and_the_first_of_equals(self):
        n = 6
        chips = lif_chips(decoder(n), np.zeros((n, n)), timed(SILENT), n_chips=3)
        v = np.array([[2, 3, 3.5, 3, 2, 0], [0, 2, 1, 2, 2, 0], [1, 1, 1, 1, 1, 1.24]])
        chips.neurons.v = v.ravel() * V_UNIT
        spikes = simulate(chips, DT)
        assert list(spikes.i) == [2, 6 + 1]

    def test_above_is_counted_from_ones_own_threshold(self):
        chips = lif_chips(decoder(3), np.zeros((3, 3)), timed(SILENT))
        chips.neurons.v = [3, 2, 1] * V_UNIT
        chips.neurons.v_th = [2.5, 0.5, 0.6] * V_UNIT
        assert list(simulate(chips, DT).i) == [1]

    @pytest.mark.parametrize("kappa", [1.0, 2.5, 4.0])
    def test_thresholds_and_resets_are_those_of_the_theory(self, kappa):
        D = balance.random_decoder(2, 4, 1)
        rule = DiscreteRule(RULE.step, kappa)
        chips = lif_chips(D, np.zeros((4, 4)), timed(SILENT), rule=rule)
        rest = chips.neurons.v_rest
        v_th, v_reset = chips.neurons.v_th - rest, chips.neurons.v_reset - rest
        np.testing.assert_allclose(v_th / V_UNIT, balance.threshold(D, kappa), rtol=1e-12)
        np.testing.assert_allclose(
            v_reset / V_UNIT, balance.reset(D, kappa), rtol=1e-12, atol=1e-12
        )

    @pytest.mark.parametrize("n_steps", [1, 2, 11, 300])
    def test_charge_through_the_exponential_synapse_is_the_weight(self, n_steps):
        """Without a leak of the membrane all that a spike sends arrives, in 1 ms, a step later."""
        Omega = np.array([[0, 0.5], [0, 0]])
        chips = lif_chips(decoder(2), Omega, timed(SILENT), synapse="exponential")
        chips.neurons.tau_m = 1e9 * second
        chips.neurons.v = [0, 2] * V_UNIT
        assert list(simulate(chips, n_steps * DT).i) == [1]
        arrived = 0.5 * (1 - 0.9 ** (n_steps - 1))
        np.testing.assert_allclose(chips.neurons.v[0] / V_UNIT, arrived, atol=1e-9)

    def test_membrane_noise_has_its_standard_deviation(self):
        """Alone, a membrane with noise is an Ornstein-Uhlenbeck process of deviation sigma."""
        n = 2000
        chips = lif_chips(decoder(2), np.zeros((2, 2)), timed(SILENT), n_chips=n // 2, sigma=3 * mV)
        chips.neurons.v_th = 1e9 * mV
        chips.neurons.tau_m = 5 * ms
        np.random.seed(1)  # noqa: NPY002 (what Brian2's numpy target draws from)
        simulate(chips, 40 * ms)
        # 2000 samples give the deviation to 1.6 %; forward Euler adds dt/(4 tau) = 0.5 %
        assert np.std(chips.neurons.v) / (3 * mV) == pytest.approx(1, abs=0.07)
        assert abs(np.mean(chips.neurons.v)) < 5 * 3 * mV / np.sqrt(n)

    def test_the_text_works_without_the_package(self):
        """The equations, thresholds and resets in a plain NeuronGroup."""
        group = NeuronGroup(
            2,
            lif.model(1, greedy=False),
            threshold=lif.THRESHOLD[False],
            reset=lif.RESETS["absolute"][0],
            method="euler",
            namespace={"drive": timed(np.full((100, 1), 200.0))},
        )
        group.tau_m, group.v_th, group.v_reset = 50 * ms, 12.5 * mV, 2.5 * mV
        group.F_0 = [10, 0] * mV
        spikes = SpikeMonitor(group)
        Network(group, spikes).run(10 * ms, namespace={})
        # v = 100 mV (1 - (1 - dt/tau_m)^k) passes 12.5 mV at k = 66.7: in the 67th step, number 66
        assert list(spikes.i) == [0]
        assert list(np.rint(spikes.t / DT)) == [66]


D4, O4 = decoder(4), np.zeros((4, 4))
BAD = [
    ({"D": np.ones(4)}, r"D has shape \(4,\)"),
    ({"D": np.ones((1, 2, 2, 4))}, r"D has shape \(1, 2, 2, 4\)"),
    ({"D": decoder(0)}, r"D has shape \(2, 0\)"),
    ({"D": np.ones((0, 4))}, r"D has shape \(0, 4\)"),
    ({"D": np.full((2, 4), np.nan)}, "D has entries that are not finite"),
    ({"D": decoder(1), "Omega": np.zeros((1, 1))}, "D has one column: .*at least 2 neurons"),
    ({"D": decoder(5)}, r"Omega has shape \(4, 4\): must be \(5, 5\)"),
    ({"Omega": np.zeros((4, 3))}, r"Omega has shape \(4, 3\): must be \(4, 4\)"),
    ({"Omega": np.zeros(4)}, r"Omega has shape \(4,\)"),
    ({"Omega": np.full((4, 4), np.inf)}, "Omega has entries that are not finite"),
    ({"D": np.ones((2, 2, 4)), "Omega": np.zeros((3, 4, 4))}, "n_chips=None.*must agree"),
    ({"D": np.ones((2, 2, 4)), "n_chips": 3}, "n_chips=3.*must agree"),
    ({"n_chips": 0}, "n_chips=0: must be at least 1"),
    ({"n_chips": -2}, "n_chips=-2: must be at least 1"),
    ({"drive": timed(np.zeros((10, 3)))}, r"drive has shape \(10, 3\).*\(n_steps, 2\)"),
    ({"drive": TimedArray(np.zeros(10) * Hz, DT)}, r"drive has shape \(10,\)"),
    ({"drive": np.zeros((10, 2)) * Hz}, "drive.*must be a TimedArray"),
    ({"drive": TimedArray(np.zeros((10, 2)) * mV, DT)}, "drive: must be in hertz"),
    ({"drive": TimedArray(np.zeros((10, 2)), DT)}, "drive: must be in hertz"),
    ({"synapse": "alpha"}, "synapse='alpha': must be one of delta, exponential"),
    ({"reset": "learned"}, "reset='learned': must be one of absolute, subtractive"),
    ({"kappa": 0}, "kappa=0: must be finite and positive"),
    ({"kappa": -1}, "kappa=-1"),
    ({"kappa": np.nan}, "kappa=nan"),
    ({"kappa": np.inf}, "kappa=inf"),
    ({"rule": DiscreteRule(1 * nA)}, "rule.step=1. nA: must be in volt"),
    ({"rule": DiscreteRule(0.04)}, "rule.step=0.04: must be in volt"),
    *[
        ({name: value * ms}, rf"{name}={shown}.*: must be {allowed}")
        for name in ("tau_m", "tau_fast")
        for value, shown, allowed in (
            (0, "0", "positive"),
            (-1, "-1", "finite and not negative"),
            (np.nan, "nan", "finite"),
            (np.inf, "inf", "finite"),
        )
    ],
    ({"tau_m": 50 * mV}, "tau_m=50. mV: must have the unit of"),
    ({"tau_fast": 1.0}, "tau_fast=1.0: must have the unit of"),
    ({"sigma": -1 * mV}, "sigma=-1"),
    ({"sigma": np.nan * mV}, "sigma=nan"),
    ({"sigma": 1 * ms}, "sigma=1. ms: must have the unit of"),
    (
        {"rule": RULE, "Omega": np.eye(4)[::-1] * 0.1},
        r"Omega\[0, 0, 3\] is 2.5 steps: .*whole multiples of its step \(0.4 mV\)",
    ),
    (
        {"rule": DiscreteRule(RULE.step, n_bits=4), "Omega": np.eye(4)[::-1] * -0.32},
        r"Omega reaches 8 steps: the rails of the rule are \+-7",
    ),
]


@pytest.mark.parametrize(("changed", "message"), BAD, ids=[message for _, message in BAD])
def test_impossible_input_is_refused(changed, message):
    arguments = {"D": D4, "Omega": O4, "drive": timed(SILENT)} | changed
    with pytest.raises(ValueError, match=message):
        lif_chips(arguments.pop("D"), arguments.pop("Omega"), arguments.pop("drive"), **arguments)


def test_weights_at_the_rails_are_on_the_grid():
    """7*0.04 is not 0.28 in floating point: the grid is met with a tolerance, and counted whole."""
    rule = DiscreteRule(RULE.step, n_bits=4)
    chips = lif_chips(D4, np.eye(4)[::-1] * (7 * 0.04), timed(SILENT), rule=rule)
    assert set(np.array(chips.recurrent.w)) == {0.0, 7.0}
