"""What weights alone say of the code, against what one knows of them."""

import numpy as np
import pytest

from ebn_brian import balance, decoding
from ebn_brian.chips import Layout, dpi_blueprint, lif_blueprint, random_decoder
from ebn_brian.plasticity import ContinuousRule, DiscreteRule
from ebn_brian.seeds import generator

D = random_decoder(2, 9, 3, 4)
rng = generator(1, "effective")


def test_optimal_weights_code_for_their_decoder():
    D_eff = decoding.effective_decoder(balance.optimal_weights(D), D.swapaxes(1, 2))
    np.testing.assert_allclose(D_eff, D, atol=1e-12)


def test_weights_that_fit_another_decoder():
    """Of ``Omega = -F X`` it is X, whatever F and X are; chips at once as one by one."""
    F, X = rng.normal(size=(4, 9, 3)), rng.normal(size=(4, 3, 9))
    D_eff = decoding.effective_decoder(-F @ X, F)
    np.testing.assert_allclose(D_eff, X, atol=1e-10)
    one = decoding.effective_decoder(-F[2] @ X[2], F[2])
    np.testing.assert_allclose(one, D_eff[2], atol=1e-12)


def test_a_signal_that_nobody_receives():
    F = np.array([[1.0, 0.0], [-1.0, 0.0]])
    D_eff = decoding.effective_decoder(-F @ F.T, F)
    np.testing.assert_allclose(D_eff, [[1, -1], [0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("Omega", "F", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 2)), r"Omega has shape \(3, 2\), F \(3, 2\)"),
        (np.zeros((3, 3)), np.zeros((2, 2)), r"must end in \(n_neurons, n_neurons\)"),
        (np.zeros((3, 3)), np.zeros(3), r"must end in"),
        (np.full((3, 3), np.nan), np.zeros((3, 2)), r"Omega contains nan or inf"),
        (np.zeros((3, 3)), np.full((3, 2), np.inf), r"F contains nan or inf"),
    ],
    ids=str,
)
def test_bad_input(Omega, F, message):
    with pytest.raises(ValueError, match=message):
        decoding.effective_decoder(Omega, F)


class TestOfChips:
    """Weights and feed-forward weights as they act."""

    @pytest.mark.parametrize("blueprint", [lif_blueprint, dpi_blueprint])
    def test_nominal_ones(self, blueprint):
        chips = blueprint(D, rule=DiscreteRule.calm())
        np.testing.assert_allclose(chips.feedforward(), D.swapaxes(1, 2), rtol=1e-12)

    def test_given_ones(self):
        chips = lif_blueprint(D, rule=DiscreteRule.calm(), name="a")
        values = {"a_neurons.F_1": 2 * chips.values()["a_neurons.F_1"]}
        np.testing.assert_allclose(chips.feedforward(values), D.swapaxes(1, 2) * [1, 2], rtol=1e-12)

    def test_gains_and_the_reset(self):
        """Without autapses the neuron's own reset is on the diagonal; with them their weight."""
        gain = rng.lognormal(size=4 * 9 * 8)
        chips = lif_blueprint(D, rule=DiscreteRule.calm())
        acting = chips.acting(np.ones((4, 9, 9)), {"recurrent.gain": gain})
        np.testing.assert_allclose(acting[:, range(9), range(9)], -1, rtol=1e-12)
        np.testing.assert_array_equal(Layout(4, 9, False).to_synapses(acting), gain)
        learned = lif_blueprint(D, rule=ContinuousRule(0.1, learn_reset=True))
        np.testing.assert_array_equal(learned.acting(np.full((4, 9, 9), 0.5)), 0.5)
