"""Training: it descends, goes on to the last bit where it stopped, and says when it diverges."""

from dataclasses import replace

import numpy as np
import pytest
from gradient_cases import case

from ebn_brian.gradient import Descent, State, load, save, train
from ebn_brian.gradient.descent import clipped, tangential


@pytest.fixture
def start():
    network, weights, batch = case("nif", n_steps=200)
    descent = Descent(
        network,
        rates={"U": 0.2, "W_f": 1e-3},
        scales={"U": 0.0, "W_f": 0.02},
        ridge=0.5,
        autapses=(),
    )

    def batch_of(n):
        noise = 0.01 * np.random.default_rng(n).normal(size=batch.noise.shape)
        return replace(batch, target=batch.x, noise=noise)

    return State(0, weights), lambda state: descent.update(state, batch_of(state.n_updates))


def last(updates):
    *_, (state, _) = updates
    return state


def test_it_goes_on_to_the_last_bit(start, tmp_path):
    first, update = start
    whole = last(train(first, 12, update))
    path = tmp_path / "state.npz"
    last(train(first, 7, update, path, every=5))
    resumed = last(train(load(path), 12, update))
    assert load(path).n_updates == 7
    for name, value in whole.weights.arrays().items():
        np.testing.assert_array_equal(value, resumed.weights.arrays()[name])
    assert whole.memory.keys() == resumed.memory.keys()
    for name, value in whole.memory.items():
        np.testing.assert_array_equal(value, resumed.memory[name])


def test_it_descends_and_holds_what_is_to_be_held(start):
    first, update = start
    costs = [slopes.cost for _, slopes in train(first, 40, update)]
    assert np.mean(costs[-5:]) < 0.7 * costs[0]
    state = last(train(first, 20, update))
    old, new = first.weights, state.weights
    assert np.linalg.norm(new.U) == pytest.approx(np.linalg.norm(old.U))
    assert not np.allclose(new.U, old.U)
    np.testing.assert_array_equal(np.diag(new.W_f) / np.diag(old.W_f), np.diag(new.W_f / old.W_f))
    np.testing.assert_array_equal(new.W, old.W)


def test_divergence_loses_no_state(start, tmp_path):
    first, update = start
    path = tmp_path / "state.npz"
    save(path, first)
    wild = replace(first, weights=replace(first.weights, O=1e200 * np.ones((2, 8))))
    with pytest.raises(FloatingPointError, match="diverged at update 0: cost inf"):
        last(train(wild, 5, update, path, every=1))
    np.testing.assert_array_equal(load(path).weights.U, first.weights.U)


def test_a_file_that_is_no_state(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=1)
    with pytest.raises(ValueError, match="holds no state of training"):
        load(path)


def test_long_gradients_are_cut():
    gradients = {"U": np.array([[1.0, 0], [0, 1], [100, 0]])}
    np.testing.assert_allclose(clipped(gradients, {"U": 1.0}, 5)["U"], [2, 1 / 3])


def test_tangential_leaves_the_scale():
    w, g = np.array([3.0, 4]), np.array([1.0, 2])
    assert tangential(g, w) @ w == pytest.approx(0)
    np.testing.assert_array_equal(tangential(g, 0 * w), g)


def test_only_named_diagonals_change():
    network, weights, batch = case("nif", n_steps=200)
    descent = Descent(network, rates={"W": 1e-3, "W_f": 1e-3}, autapses=("W",))
    new, _ = descent.update(State(0, weights), batch)
    assert (np.diag(new.weights.W) != np.diag(weights.W)).any()
    np.testing.assert_array_equal(np.diag(new.weights.W_f), np.diag(weights.W_f))
    with pytest.raises(ValueError, match="autapses"):
        Descent(network, {}, autapses=("U",))
