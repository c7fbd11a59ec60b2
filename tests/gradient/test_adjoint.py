"""The adjoint against central differences, in float64."""

from dataclasses import replace

import numpy as np
import pytest
from gradient_cases import EACH, case

#: Relative steps; where two of them agree best, the difference has converged.
STEPS = (1e-5, 1e-6, 1e-7, 1e-8)
PER_KIND = 6


def difference(network, weights, batch, name, place):
    """Converged central difference of the mean cost."""
    value = getattr(weights, name)
    size = np.abs(value).mean()
    found = []
    for step in STEPS:
        moved = np.zeros_like(value)
        moved[place] = step * size
        up, down = (
            network.cost(replace(weights, **{name: value + sign * moved}), batch)
            for sign in (1, -1)
        )
        found.append((up - down) / (2 * moved[place]))
    best = int(np.argmin(np.abs(np.diff(found))))
    return found[best + 1] if best == len(STEPS) - 2 else found[best]


@pytest.mark.parametrize("name", EACH)
def test_it_is_the_slope_of_the_discrete_cost(name):
    network, weights, batch = case(name)
    slopes = network.slopes(weights, batch)
    assert slopes.spikes.sum() > 20
    r = np.random.default_rng(0)
    errors = []
    for kind, value in weights.arrays().items():
        gradient = slopes.gradients[kind].mean(axis=0)
        for _ in range(PER_KIND):
            place = tuple(r.integers(n) for n in value.shape)
            slope = difference(network, weights, batch, kind, place)
            errors.append(abs(slope - gradient[place]) / max(abs(slope), abs(gradient[place])))
    assert np.median(errors) < 1e-6


def test_another_sign_of_the_gate_is_noticed():
    """The comparison can fail: a gradient of another network is no slope of this one's cost."""
    network, weights, batch = case("nif")
    other = replace(weights, W_f=-weights.W_f)
    place = np.unravel_index(np.abs(weights.U).argmax(), weights.U.shape)
    slope = difference(network, weights, batch, "U", place)
    wrong = network.slopes(other, batch).gradients["U"].mean(axis=0)[place]
    assert abs(slope - wrong) > 1e-3 * abs(slope)


def test_each_trial_has_its_own():
    network, weights, batch = case("nif")
    all_trials = network.slopes(weights, batch)
    first = replace(
        batch,
        **{k: getattr(batch, k)[:1] for k in ("x", "target", "v_0", "weight", "noise")},
    )
    alone = network.slopes(weights, first)
    for kind in weights.arrays():
        np.testing.assert_array_equal(alone.gradients[kind][0], all_trials.gradients[kind][0])


def test_a_crossing_gives_a_charge_of_one():
    """Whatever the step and the gate: all charge is spikes, but for what is inside the gate."""
    network, weights, batch = case("nif", n_steps=2000)
    weights = replace(weights, W=None, W_f=None, U=np.abs(weights.U))
    traces = network.simulate(weights, np.abs(batch.x), batch.v_0)
    decay = 1 - float(network.dt / network.tau)
    before = np.concatenate([np.zeros_like(traces.s[:, :1]), traces.s[:, :-1]], axis=1)
    charge = ((traces.s - before * decay) * float(network.tau)).sum(axis=1)
    left = charge - traces.spikes
    assert traces.spikes.min() > 10
    assert left.min() > -1e-9
    assert left.max() < 1
    assert np.median(left) < 1e-9


@pytest.mark.parametrize("N", [3, 8, 10])
def test_synapses_that_are_not_there_have_weight_0(N):
    network, weights, batch = case("nif", N=N)
    none = np.zeros((N, N))
    absent = network.slopes(replace(weights, W=None, W_f=None), batch)
    zero = network.slopes(replace(weights, W=none, W_f=none), batch)
    assert absent.cost == zero.cost
    for name in ("U", "I_o", "O"):
        np.testing.assert_array_equal(absent.gradients[name], zero.gradients[name])
