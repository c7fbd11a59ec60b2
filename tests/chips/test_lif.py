"""Chips of LIF neurons: conservation, greedy selection, lengths of columns, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, ms, mV, nA, second
from helpers import DT, one_direction, silent, simulate, timed

from ebn_brian import balance, decoding, signals
from ebn_brian.chips import V_UNIT, lif_chips, random_decoder, random_weights
from ebn_brian.equations import lif
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.seeds import generator

RULE = DiscreteRule.calm()


def test_one_spike_reaches_its_column_in_its_chip_only():
    n_chips, n, chip, source = 3, 5, 1, 3
    Omega = generator(1, "layout").normal(0, 0.1, (n_chips, n, n))
    chips = lif_chips(one_direction(n), Omega, silent())
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


class TestDynamics:
    @pytest.mark.parametrize("kappa", [1.5, 2.5, 4.0])
    @pytest.mark.parametrize("greedy", [True, False])
    def test_potentials_are_the_coding_error(self, kappa, greedy):
        """For optimal weights and subtractive reset v is D^T (x - x_hat), whatever is spiked."""
        n_chips, n, duration = 3, 10, 0.3 * second
        D = random_decoder(2, n, 4, n_chips=n_chips)
        c = np.asarray(signals.smoothed_noise(duration, 2, 5))
        chips = lif_chips(D, None, timed(c), kappa=kappa, reset="subtractive", greedy=greedy)
        spikes = simulate(chips, duration)
        assert spikes.num_spikes > 30
        np.testing.assert_allclose(coding_error(chips), coded(D, c, spikes), atol=1e-9)

    def test_greedy_means_one_spike_a_chip_and_step(self):
        """In a storm: strong random weights, where many are above threshold at once."""
        n_chips, n = 4, 10
        D = random_decoder(2, n, 4, n_chips=n_chips)
        Omega = random_weights(n_chips, n, 4, std=2)
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
        chips = lif_chips(one_direction(n), np.zeros((n, n)), silent(), n_chips=3)
        v = np.array([[2, 3, 3.5, 3, 2, 0], [0, 2, 1, 2, 2, 0], [1, 1, 1, 1, 1, 1.24]])
        chips.neurons.v = v.ravel() * V_UNIT
        spikes = simulate(chips, DT)
        assert list(spikes.i) == [2, 6 + 1]

    def test_above_is_counted_from_ones_own_threshold(self):
        chips = lif_chips(one_direction(3), np.zeros((3, 3)), silent())
        chips.neurons.v = [3, 2, 1] * V_UNIT
        chips.neurons.v_th = [2.5, 0.5, 0.6] * V_UNIT
        assert list(simulate(chips, DT).i) == [1]

    @pytest.mark.parametrize("kappa", [1.0, 2.5, 4.0])
    def test_thresholds_and_resets_are_those_of_the_theory(self, kappa):
        D = random_decoder(2, 4, 1)
        chips = lif_chips(D, np.zeros((4, 4)), silent(), rule=DiscreteRule(0.04, kappa))
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
        chips = lif_chips(one_direction(2), Omega, silent(), synapse="exponential")
        chips.neurons.tau_m = 1e9 * second
        chips.neurons.v = [0, 2] * V_UNIT
        assert list(simulate(chips, n_steps * DT).i) == [1]
        arrived = 0.5 * (1 - 0.9 ** (n_steps - 1))
        np.testing.assert_allclose(chips.neurons.v[0] / V_UNIT, arrived, atol=1e-9)

    def test_membrane_noise_has_its_standard_deviation(self):
        """Alone, a membrane with noise is an Ornstein-Uhlenbeck process of deviation sigma."""
        n = 2000
        chips = lif_chips(
            one_direction(2), np.zeros((2, 2)), silent(), n_chips=n // 2, sigma=3 * mV
        )
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


def coding_error(chips) -> np.ndarray:
    """What the membranes say of it, (n_chips, n_neurons)."""
    return np.array(chips.neurons.v / V_UNIT).reshape(chips.n_chips, -1)


def coded(D, c, spikes) -> np.ndarray:
    """What the code says of it: D^T (x - x_hat) at the end."""
    x = decoding.leaky_integral(c, 50 * ms, DT)
    x_hat = decoding.decode(spikes.i, spikes.t, D, len(c), 50 * ms, DT)
    return (np.swapaxes(D, 1, 2) @ (x[-1] - x_hat[:, -1])[..., None])[..., 0]


class TestColumnsOfAnyLength:
    """With columns and drive `length` times as large all potentials are its square as large."""

    C = np.asarray(signals.smoothed_noise(0.2 * second, 2, 5))

    def outcome(self, D, length, rule=None, duration=200 * ms, **options):
        """Spikes and chips; with a `rule` from random weights, without from optimal ones."""
        Omega = None
        if rule is not None:
            Omega = random_weights(2, 10, 4, std=0.3) * length**2
            zone = rule.dead_zone * length**2
            rule = replace(rule, step=rule.step * length**2, dead_zone=zone)
        chips = lif_chips(D * length, Omega, timed(self.C * length), rule=rule, **options)
        return simulate(chips, duration), chips

    @pytest.mark.parametrize(
        ("length", "rule", "options"),
        [
            (2.0, None, {}),
            (4.0, None, {"synapse": "exponential", "greedy": False}),
            (0.5, RULE, {}),
            (2.0, RULE, {"reset": "subtractive"}),
            (4.0, replace(RULE, learn_reset=True), {}),
        ],
    )
    def test_powers_of_two_change_no_spike(self, length, rule, options):
        """Of columns whose length is 1 to the last bit, so that all is exact."""
        many = random_decoder(2, 200, 4)
        D = many[:, (many**2).sum(axis=0) == 1][:, :20].reshape(2, 2, 10).swapaxes(0, 1)
        options = options | {"rule": rule, "duration": 100 * ms}
        (spikes, chips), (expected, unit) = (self.outcome(D, x, **options) for x in (length, 1))
        assert spikes.num_spikes > 20
        np.testing.assert_array_equal(spikes.i, expected.i)
        np.testing.assert_array_equal(spikes.t_, expected.t_)
        np.testing.assert_array_equal(chips.neurons.v_, unit.neurons.v_ * length**2)
        np.testing.assert_array_equal(chips.recurrent.w, self.same(unit, length))
        np.testing.assert_array_equal(chips.weights(), unit.weights() * length**2)

    @staticmethod
    def same(unit, length):
        """Counters are the same; real weights are not."""
        factor = length**2 if unit.rule.modifies == "none" else 1
        return np.array(unit.recurrent.w) * factor

    @pytest.mark.parametrize("length", [0.3, 5.0])
    def test_other_lengths_code_as_well(self, length):
        D = random_decoder(2, 10, 4, n_chips=2)
        errors, rates = [], []
        for scale in (1, length):
            spikes, _ = self.outcome(D, scale)
            errors.append(self.error(D, spikes))
            rates.append(spikes.num_spikes)
        assert np.max(errors) < 0.05
        np.testing.assert_allclose(errors[1], errors[0], rtol=0.1)
        assert rates[1] == pytest.approx(rates[0], rel=0.05)

    def test_a_chip_may_mix_them(self):
        """Conservation as for unit columns, and the code is as good."""
        D = random_decoder(2, 10, 4, n_chips=2) * np.linspace(0.5, 1.5, 10)
        chips = lif_chips(D, None, timed(self.C), kappa=1.5, reset="subtractive")
        spikes = simulate(chips, 0.2 * second)
        np.testing.assert_allclose(coding_error(chips), coded(D, self.C, spikes), atol=1e-9)
        assert (self.error(D, spikes) < 0.05).all()

    def error(self, D, spikes) -> np.ndarray:
        x = decoding.leaky_integral(self.C, 50 * ms, DT)
        x_hat = decoding.decode(spikes.i, spikes.t, D, len(x), 50 * ms, DT)
        return decoding.error_nominal(x, x_hat, DT)


BAD = [
    ({"D": [[1.0], [0.0]], "Omega": [[0]]}, "D has one column: .*at least 2 neurons"),
    ({"synapse": "alpha"}, "synapse='alpha': must be one of delta, exponential"),
    ({"reset": "learned"}, "reset='learned': must be one of absolute, share, subtractive"),
    *[
        ({name: value * ms}, rf"{name}={value}.*: must be finite and positive")
        for name in ("tau_m", "tau_fast")
        for value in (0, -1, np.nan, np.inf)
    ],
    ({"tau_m": 50 * mV}, "tau_m=50. mV: must have the unit of"),
    ({"tau_fast": 1.0}, "tau_fast=1.0: must have the unit of"),
    ({"sigma": -1 * mV}, "sigma=-1.*: must be finite and at least 0"),
    ({"sigma": np.nan * mV}, "sigma=nan.*: must be finite and at least 0"),
    ({"sigma": 1 * ms}, "sigma=1. ms: must have the unit of"),
    ({"sigma": 1 * nA}, "sigma=1. nA: must have the unit of"),
]


@pytest.mark.parametrize(("changed", "message"), BAD, ids=[message for _, message in BAD])
def test_impossible_input_is_refused(changed, message):
    arguments = {"D": one_direction(4), "Omega": np.zeros((4, 4))} | changed
    with pytest.raises(ValueError, match=message):
        lif_chips(arguments.pop("D"), arguments.pop("Omega"), silent(), **arguments)


def test_a_diagonal_without_synapses_may_be_anything():
    """Off the grid of the rule, as that of a matrix from elsewhere."""
    assert not lif_chips(one_direction(3), -0.77 * np.eye(3), silent(), rule=RULE).weights().any()


def test_a_neuron_alone_may_learn_its_reset():
    rule = DiscreteRule(0.04, learn_reset=True)
    assert lif_chips([[1.0]], None, silent(n_signals=1), rule=rule).weights() == -1


def test_unknown_options_are_refused():
    with pytest.raises(TypeError, match="tau_s"):
        lif_chips(one_direction(4), None, silent(), tau_s=1 * ms)
