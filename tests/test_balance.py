"""The theory against brute force and geometry."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ebn_brian import balance
from ebn_brian.chips import random_decoder
from ebn_brian.seeds import generator

REFERENCE = Path(
    os.environ.get("EBN_REFERENCE", Path(__file__).parents[2] / "shared" / "reference")
)


class TestOptimum:
    def test_weights_carry_a_spike_to_every_voltage(self):
        """A spike of k moves x_hat by D_k: V = D^T (x - x_hat) must move by column k of Omega."""
        D = random_decoder(2, 6, seed=1, n_chips=4) * 1.7
        x = generator(1, "x").normal(size=(4, 2, 1))
        weights = balance.optimal_weights(D)
        for k in range(6):
            before = np.swapaxes(D, -1, -2) @ x
            after = np.swapaxes(D, -1, -2) @ (x - D[..., [k]])
            np.testing.assert_allclose(before + weights[..., [k]], after, atol=1e-12)

    def test_spike_at_threshold_leaves_the_coding_error_as_large(self):
        """For kappa = 1 a spike lowers |x - x_hat|^2 exactly if V exceeds the threshold."""
        D = random_decoder(2, 8, seed=2) * np.linspace(0.5, 2, 8)
        errors = generator(2, "errors").normal(size=(1000, 2))
        lower = ((errors[:, :, None] - D) ** 2).sum(axis=1) < (errors**2).sum(axis=1)[:, None]
        np.testing.assert_array_equal(errors @ D > balance.threshold(D), lower)

    @pytest.mark.parametrize("kappa", [0.5, 1, 2, 2.5])
    def test_threshold_and_reset(self, kappa):
        D = random_decoder(2, 5, seed=1, n_chips=3) * 3
        np.testing.assert_allclose(balance.threshold(D, kappa), kappa * 4.5)
        np.testing.assert_allclose(
            balance.reset(D, kappa), balance.threshold(D, kappa) - 9, atol=1e-12
        )

    def test_unbatched_shapes(self):
        D = random_decoder(2, 5, seed=1)
        assert balance.optimal_weights(D).shape == balance.uncoupled(D).shape == (5, 5)
        assert balance.threshold(D).shape == balance.reset(D, 2.5).shape == (5,)
        assert balance.squared_lengths(D).shape == (5,)

    def test_lengths_that_are_one_but_for_rounding_are_one(self):
        D = random_decoder(3, 2000, seed=1)
        plain = (D**2).sum(axis=0)
        assert (plain != 1).any()
        assert (balance.squared_lengths(D) == 1).all()
        longer = D * np.linspace(1.1, 3, 2000)
        np.testing.assert_array_equal(balance.squared_lengths(longer), (longer**2).sum(axis=0))

    def test_uncoupled_is_the_diagonal_of_the_optimum(self):
        D = random_decoder(2, 6, seed=1, n_chips=4) * np.linspace(0.5, 2, 6)
        diagonal = np.eye(6) * balance.optimal_weights(D)
        np.testing.assert_allclose(balance.uncoupled(D), diagonal, atol=1e-12)

    @pytest.mark.parametrize(
        ("D", "message"),
        [
            (np.ones(3), r"D has shape \(3,\): must be"),
            (np.ones((1, 1, 2, 3)), r"D has shape \(1, 1, 2, 3\)"),
            (np.ones((0, 3)), r"D has shape \(0, 3\)"),
            ([[1, np.nan]], "D contains nan or inf"),
            ([[1, np.inf]], "D contains nan or inf"),
            ([[1, 0], [1, 0]], r"D has a column of zeros \(at \[1\]\)"),
            ([[[1, 1]], [[0, 1]]], r"D has a column of zeros \(at \[1, 0\]\)"),
        ],
    )
    @pytest.mark.parametrize(
        "function",
        [
            balance.optimal_weights,
            balance.squared_lengths,
            balance.threshold,
            balance.reset,
            balance.uncoupled,
        ],
    )
    def test_decoder_is_checked(self, function, D, message):
        with pytest.raises(ValueError, match=message):
            function(D)

    @pytest.mark.parametrize("kappa", [0, -1, np.nan, np.inf])
    def test_kappa_is_checked(self, kappa):
        D = [[1.0, -1.0]]
        for call in (
            lambda: balance.threshold(D, kappa),
            lambda: balance.reset(D, kappa),
            lambda: balance.condition_up(0, 0, 0.1, kappa),
            lambda: balance.condition_down(0, 0, 0.1, kappa),
        ):
            with pytest.raises(ValueError, match=r"kappa=.*must be finite and positive"):
                call()


class TestConditions:
    def test_equal_brute_force_on_whole_numbers(self):
        """10^5 cases on a dyadic grid, compared in whole numbers, so that ties are exact."""
        rng = generator(1, "conditions")
        v, omega = rng.integers(-12, 13, size=(2, 100_000))
        step, quarters = rng.integers(1, 13, 100_000), rng.integers(1, 13, 100_000)

        def integer_loss(weight):  # 2**17 times the loss of v/64, weight/64, quarters/4
            return (8 * v + quarters * weight) ** 2

        up = integer_loss(omega + step) < integer_loss(omega)
        down = integer_loss(omega - step) < integer_loss(omega)
        arguments = (v / 64, omega / 64, step / 64, quarters / 4)
        np.testing.assert_array_equal(balance.condition_up(*arguments), up)
        np.testing.assert_array_equal(balance.condition_down(*arguments), down)

        tie_up = integer_loss(omega + step) == integer_loss(omega)
        tie_down = integer_loss(omega - step) == integer_loss(omega)
        assert min(tie_up.sum(), tie_down.sum(), up.sum(), down.sum()) > 500
        assert not (up & down).any()
        # The documented loss is the one that was compared.
        exact = integer_loss(omega) / 2**17
        np.testing.assert_array_equal(balance.loss(*arguments[:2], arguments[3]), exact)

    def test_equal_the_loss_of_the_module(self):
        rng = generator(2, "conditions")
        v, omega = rng.normal(size=(2, 100_000))
        step, kappa = rng.uniform(0.01, 0.5, 100_000), rng.uniform(0.5, 3, 100_000)
        for sign, condition in ((1, balance.condition_up), (-1, balance.condition_down)):
            gain = balance.loss(v, omega, kappa) - balance.loss(v, omega + sign * step, kappa)
            clear = np.abs(gain) > 1e-12
            assert clear.mean() > 0.99
            np.testing.assert_array_equal(condition(v, omega, step, kappa)[clear], gain[clear] > 0)

    def test_paper_s_equation_3(self):
        v = np.array([-0.3, -0.25, -0.2, 0.0, 0.2, 0.25, 0.3])
        up = balance.condition_up(v, 0.0, 1.0)
        down = balance.condition_down(v, 0.0, 1.0)
        np.testing.assert_array_equal(up, [True, False, False, False, False, False, False])
        np.testing.assert_array_equal(down, up[::-1])

    def test_dead_zone_asks_for_the_documented_gain(self):
        rng = generator(3, "conditions")
        v, omega = rng.integers(-64, 65, size=(2, 20_000)) / 64
        step, kappa, h = 1 / 16, 2.5, 0.25
        margin = kappa * step * (h - kappa * step / 2)
        gain = balance.loss(v, omega, kappa) - balance.loss(v, omega + step, kappa)
        up = balance.condition_up(v, omega, step, kappa, dead_zone=h)
        np.testing.assert_array_equal(up, gain > margin)
        assert 0 < up.sum() < balance.condition_up(v, omega, step, kappa).sum()

    def test_mirror(self):
        rng = generator(4, "conditions")
        v, omega = rng.normal(size=(2, 1000))
        np.testing.assert_array_equal(
            balance.condition_up(v, omega, 0.1, 2.5, 0.3),
            balance.condition_down(-v, -omega, 0.1, 2.5, 0.3),
        )

    @pytest.mark.parametrize(("step", "h"), [(0, None), (-0.1, None), (np.nan, 0.1), (0.1, -1)])
    def test_input_is_checked(self, step, h):
        with pytest.raises(ValueError, match=r"(step|dead_zone)=.*: must be finite and"):
            balance.condition_up(0.0, 0.0, step, dead_zone=h)


MATRICES = arrays(np.int8, (3, 4, 4), elements=st.integers(-9, 9)).map(lambda m: m / 8)


class TestDistance:
    @given(MATRICES, MATRICES)
    def test_definition_chip_by_chip(self, C, C_opt):
        off = ~np.eye(4, dtype=bool)
        result = balance.distance(C, C_opt)
        for chip in range(3):
            a, b = C[chip] * off, C_opt[chip] * off
            if a.any() and b.any():
                s = np.trace(a.T @ b) / (b**2).sum()
                expected = ((a - s * b) ** 2).sum() / (a**2).sum()
            else:
                expected = 1.0
            assert result[chip] == pytest.approx(expected, abs=1e-12)
            assert 0 <= result[chip] <= 1 + 1e-12

    @given(MATRICES, MATRICES)
    def test_is_one_less_cosine_squared_with_diagonal(self, C, C_opt):
        a, b = C[0].ravel(), C_opt[0].ravel()
        if a.any() and b.any():
            cosine = a @ b / np.sqrt((a @ a) * (b @ b))
            found = balance.distance(C[0], C_opt[0], diagonal=True)
            assert found == pytest.approx(1 - cosine**2, abs=1e-12)

    @given(MATRICES, st.sampled_from([-2.0, 0.01, 3.0]))
    def test_scale_and_diagonal_do_not_matter(self, C, scale):
        other = scale * C + np.diag([5.0, 1, 2, 3])
        expected = np.where((C * ~np.eye(4, dtype=bool)).any(axis=(-2, -1)), 0.0, 1.0)
        np.testing.assert_allclose(balance.distance(other, C), expected, atol=1e-12)

    @given(MATRICES, MATRICES)
    def test_correlation_is_pearson_s(self, C, C_opt):
        off = ~np.eye(4, dtype=bool)
        result = balance.correlation(C, C_opt)
        for chip in range(3):
            a, b = C[chip][off], C_opt[chip][off]
            expected = np.corrcoef(a, b)[0, 1] if np.ptp(a) and np.ptp(b) else 0.0
            assert result[chip] == pytest.approx(expected, abs=1e-9)

    def test_slope_is_the_scale_of_the_best_fit(self):
        """Of 0.7 times the optimum plus what is orthogonal to it, off the diagonal."""
        C_opt = np.array([[-1.0, 2.0], [1.0, -1.0]])
        C = np.array([[9.0, 1.4 + 0.5], [0.7 - 1.0, 9.0]])
        assert balance.slope(C, C_opt) == pytest.approx(0.7)
        assert balance.slope(C_opt, C_opt, diagonal=True) == 1
        assert balance.slope(C, np.zeros((2, 2))) == 0

    def test_constant_weights_correlate_with_nothing(self):
        """0.1 has no exact mean of twelve: the rounding must not be taken for a pattern."""
        C_opt = generator(1, "C").normal(size=(4, 4))
        assert balance.correlation(np.full((4, 4), 0.1), C_opt) == 0

    def test_broadcasts_one_optimum_over_chips(self):
        C = generator(2, "C").normal(size=(5, 3, 3))
        one = balance.distance(C, C[0])
        assert one.shape == (5,)
        assert one[0] == pytest.approx(0, abs=1e-15)
        assert one[1] == balance.distance(C[1], C[0])

    def test_input_is_checked(self):
        C = np.ones((3, 3))
        for function in (balance.distance, balance.correlation):
            with pytest.raises(ValueError, match=r"C has shape \(3, 2\)"):
                function(np.ones((3, 2)), C)
            with pytest.raises(ValueError, match=r"C_opt has shape \(2, 2\)"):
                function(C, np.ones((2, 2)))
            with pytest.raises(ValueError, match="C_opt contains nan"):
                function(C, C * np.nan)
            with pytest.raises(ValueError, match="nothing off the diagonal"):
                function([[1]], [[1]])

    @pytest.mark.skipif(not (REFERENCE / "figure1").is_dir(), reason="no published data")
    def test_published_numbers(self):
        def read(name):
            return np.loadtxt(REFERENCE / "figure1" / f"weights_{name}.csv", delimiter=",")

        weights = np.stack([read("initial"), read("learned")])
        np.testing.assert_allclose(
            balance.distance(weights, read("optimal")), [1.0, 0.067], atol=5e-4
        )
        assert balance.correlation(weights[1], read("optimal")) == pytest.approx(0.968, abs=5e-4)
        legacy = np.random.RandomState(42)
        D = legacy.randn(2, 2, 20)[1]
        D /= np.linalg.norm(D, axis=0)
        assert balance.distance(balance.optimal_weights(D), read("optimal")) < 1e-10
