"""Counters that learn the readout: single moves by hand, and where they settle."""

import numpy as np
import pytest

from ebn_brian.decoding import fit_readout, learn_decoder, variance_ratio


def test_moves_are_those_of_the_sign_of_the_error():
    """Two signals, three neurons; only the second spikes often, the third just at the bound."""
    D = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    r = np.array([[[0.5, 2.0, 1.0]]])  # x_hat = (1, 2.5)
    for x, moves in (([1.3, 2.45], (1, 0)), ([0.8, 2.9], (-1, 1)), ([1.1, 2.4], (0, 0))):
        expected = D.copy()
        expected[:, 1] += 0.01 * np.array(moves)
        learned = learn_decoder(r, [x], D, step=0.01, dead_zone=0.15)
        np.testing.assert_allclose(learned, [expected])
    np.testing.assert_array_equal(D[:, 2], [0.5, 0.5])  # what was given stays


def test_they_come_near_the_least_squares_readout():
    """Of chips that code with decoders of their own, from a common first one."""
    rng = np.random.default_rng(3)
    n, n_neurons, n_chips = 6000, 6, 2
    r = rng.gamma(2, 1, (n_chips, n, n_neurons))
    true = rng.normal(0, 0.3, (2, n_neurons))
    x = r[0] @ true.T + rng.normal(0, 0.05, (n, 2))
    first = true + rng.normal(0, 0.2, true.shape)
    learned = learn_decoder(np.stack([r[0], r[0]]), x, first, step=0.002, dead_zone=0.02)
    np.testing.assert_array_equal(learned[0], learned[1])
    fitted = fit_readout(r[0], x)
    errors = [variance_ratio(x, r[0] @ d.T) for d in (first, learned[0], fitted)]
    assert errors[1] < 0.05 * errors[0]
    assert errors[1] < errors[2] + 0.01


@pytest.mark.parametrize(
    ("r", "x", "D", "more", "message"),
    [
        (np.ones((1, 5, 3)), np.ones((5, 2)), np.ones((2, 4)), {}, "r has shape"),
        (np.ones((1, 4, 3)), np.ones((5, 2)), np.ones((2, 3)), {}, "r has shape"),
        (np.ones((5, 3)), np.ones((5, 2)), np.ones((2, 3)), {}, "r has shape"),
        (np.full((1, 5, 3), np.nan), np.ones((5, 2)), np.ones((2, 3)), {}, "r contains nan"),
        (np.ones((1, 5, 3)), np.ones((5, 2)), np.ones((2, 3)), {"step": 0}, "step=0"),
        (np.ones((1, 5, 3)), np.ones((5, 2)), np.ones((2, 3)), {"dead_zone": -1}, "dead_zone=-1"),
        (np.ones((1, 5, 3)), np.ones((5, 1)), np.ones((2, 3)), {}, "D"),
    ],
)
def test_impossible_input_is_refused(r, x, D, more, message):
    with pytest.raises(ValueError, match=message):
        learn_decoder(r, x, D, **more)
