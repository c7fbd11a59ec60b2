"""Decoders and first weights: geometry, streams, grids."""

import numpy as np
import pytest

from ebn_brian.chips import even_decoder, random_decoder, random_weights
from ebn_brian.seeds import generator


class TestDecoders:
    def test_random_columns_have_length_one_and_normal_directions(self):
        D = random_decoder(3, 4000, seed=5)
        np.testing.assert_allclose(np.linalg.norm(D, axis=0), 1, rtol=1e-12)
        # Directions all round: the mean vanishes and the second moment is a third in each axis.
        np.testing.assert_allclose(D.mean(axis=1), 0, atol=5 / np.sqrt(3 * 4000))
        np.testing.assert_allclose(D @ D.T / 4000, np.eye(3) / 3, atol=0.03)

    def test_random_is_the_named_stream_scaled(self):
        raw = generator(9, "decoder", 2).normal(size=(2, 7))
        D = random_decoder(2, 7, seed=9, n_chips=3)
        np.testing.assert_array_equal(D[2], raw / np.linalg.norm(raw, axis=0))

    @pytest.mark.parametrize("decoder", [random_decoder, even_decoder])
    @pytest.mark.parametrize("n_signals", [1, 2])
    def test_chip_is_the_same_in_any_batch(self, decoder, n_signals):
        many = decoder(n_signals, 20, seed=3, n_chips=5)
        assert many.shape == (5, n_signals, 20)
        np.testing.assert_array_equal(decoder(n_signals, 20, seed=3, n_chips=2), many[:2])
        np.testing.assert_array_equal(decoder(n_signals, 20, seed=3), many[0])

    @pytest.mark.parametrize("decoder", [random_decoder, even_decoder])
    def test_chips_and_seeds_differ(self, decoder):
        a, b = decoder(2, 20, seed=3, n_chips=2)
        assert not np.isin(a, b).any()
        assert not np.isin(a, decoder(2, 20, seed=4)).any()

    @pytest.mark.parametrize("n_neurons", [3, 20, 21])
    def test_even_angles_are_equally_spaced_and_shuffled(self, n_neurons):
        D = even_decoder(2, n_neurons, seed=1)
        angles = np.sort(np.arctan2(D[1], D[0]))
        gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
        np.testing.assert_allclose(gaps, 2 * np.pi / n_neurons, rtol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(D, axis=0), 1, rtol=1e-12)
        if n_neurons > 3:
            neighbours = np.sum(D * np.roll(D, 1, axis=1), axis=0)
            assert neighbours.min() < np.cos(2 * np.pi / n_neurons) - 0.1

    def test_even_on_a_line_alternates(self):
        np.testing.assert_array_equal(even_decoder(1, 5), [[1, -1, 1, -1, 1]])

    def test_even_in_space_is_refused(self):
        with pytest.raises(ValueError, match=r"n_signals=3: must be 1 or 2.*random_decoder"):
            even_decoder(3, 20)

    @pytest.mark.parametrize("n", [0, -1, 2.0, "a", None])
    @pytest.mark.parametrize("name", ["n_signals", "n_neurons"])
    def test_sizes_are_checked(self, name, n):
        sizes = {"n_signals": 2, "n_neurons": 5} | {name: n}
        for decoder in (random_decoder, even_decoder):
            with pytest.raises(ValueError, match=f"{name}={n!r}: must be a whole number"):
                decoder(**sizes, seed=1)

    def test_n_chips_is_checked(self):
        with pytest.raises(ValueError, match="n_chips=0: must be a whole number"):
            random_decoder(2, 5, seed=1, n_chips=0)


class TestRandomWeights:
    def test_grid_diagonal_and_spread(self):
        weights = random_weights(50, 20, seed=1, std=0.6, step=0.04)
        counts = weights / 0.04
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
        assert (np.diagonal(weights, axis1=1, axis2=2) == 0).all()
        off = weights[:, ~np.eye(20, dtype=bool)]
        assert abs(off.std() - 0.6) < 0.02
        assert abs(off.mean()) < 0.02

    def test_rounds_its_stream_to_the_nearest_step(self):
        raw = 0.6 * generator(4, "initial weights", 1).normal(size=(5, 5))
        weights = random_weights(2, 5, seed=4)[1]
        off = ~np.eye(5, dtype=bool)
        assert np.abs(weights - raw)[off].max() <= 0.02 + 1e-12

    def test_chip_is_the_same_in_any_batch(self):
        np.testing.assert_array_equal(
            random_weights(7, 4, seed=2)[:3], random_weights(3, 4, seed=2)
        )

    @pytest.mark.parametrize(
        ("bound", "step", "last"),
        [(0.6, 0.04, 15), (0.639, 0.04, 15), (0.64, 0.04, 16), (0.3, 0.1, 3), (0, 0.04, 0)],
    )
    def test_bound_in_whole_steps(self, bound, step, last):
        weights = random_weights(5, 20, seed=1, step=step, max_weight=bound)
        counts = np.rint(weights / step)
        assert counts.max() == last
        assert counts.min() == -last
        assert not np.signbit(weights[weights == 0]).any()

    @pytest.mark.parametrize(
        ("name", "value"), [("step", 0), ("step", -1), ("std", -0.1), ("max_weight", np.nan)]
    )
    def test_input_is_checked(self, name, value):
        with pytest.raises(ValueError, match=f"{name}={value}: must be finite"):
            random_weights(1, 4, seed=1, **{name: value})
