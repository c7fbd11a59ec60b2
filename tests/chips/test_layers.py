"""Layers that learn by random feedback: against a loop in numpy, on all targets, bad input."""

from dataclasses import replace

import numpy as np
import pytest
import reference_layers
from brian2 import Hz, Network, SpikeMonitor, TimedArray, ms, mV

from ebn_brian import devices
from ebn_brian.chips import layered_chips
from ebn_brian.chips.layers import (
    feedback_values,
    layered_blueprint,
    random_feedback,
    random_weights,
)
from ebn_brian.mismatch import spread
from ebn_brian.plasticity import ContinuousRule, RandomBackpropagation

SIZES = (6, 8, 7, 3)
N_CHIPS = 2
IMAGES, STEPS, SETTLE, LABEL = 12, 30, 5, 5
RULES = [
    RandomBackpropagation.hidden(eta=0.01),
    RandomBackpropagation.hidden(eta=0.02),
    RandomBackpropagation.output(eta=0.01),
]


def stimulus() -> tuple[np.ndarray, np.ndarray]:
    """Input spikes (n_steps, n_inputs), and the class of each image."""
    rng = np.random.default_rng(0)
    return (rng.random((IMAGES * STEPS, 6)) < 0.3) * 1.0, rng.integers(0, 3, IMAGES)


def start() -> list[np.ndarray]:
    """Weights with which all layers spike."""
    W = [3 * w for w in random_weights(SIZES, 1, N_CHIPS)]
    return [np.clip(w, -r.w_max, r.w_max) for w, r in zip(W, RULES, strict=True)]


def network():
    spikes, labels = stimulus()
    own = layered_chips(
        SIZES,
        TimedArray(spikes, 1 * ms, name="given"),
        TimedArray(labels * 1.0, STEPS * ms, name="shown"),
        rules=RULES,
        weights=start(),
        feedback=random_feedback(SIZES, 1, N_CHIPS),
        n_chips=N_CHIPS,
        settle=SETTLE * ms,
    )
    own.groups["label"].n_label = LABEL
    monitors = [SpikeMonitor(own.groups[f"layer_{k}"], name=f"spikes_{k}") for k in (1, 2, 3)]
    network.blueprint = own.blueprint()
    return Network(own.objects, monitors)


READ = [
    *(f"weights_{k}.w" for k in (1, 2, 3)),
    *(f"layer_{k}.{variable}" for k in (1, 2, 3) for variable in "vu"),
    "errors.err",
    *(f"spikes_{k}.{which}" for k in (1, 2, 3) for which in ("i", "t", "count")),
]


def result(device: str) -> devices.Run:
    return devices.build(network, device).run(duration=IMAGES * STEPS * ms, read=READ)


@pytest.fixture(scope="module")
def on_numpy():
    return result("numpy")


def test_it_is_the_loop_in_numpy(on_numpy):
    spikes, labels = stimulus()
    learned, before = network.blueprint.weights(on_numpy), start()
    feedback = random_feedback(SIZES, 1, N_CHIPS)
    for chip in range(N_CHIPS):
        own, G = [w[chip] for w in before], [g[chip] for g in feedback]
        W, counts = reference_layers.simulate(spikes, labels, own, G, RULES, STEPS, SETTLE, LABEL)
        for k in range(3):
            n = SIZES[k + 1]
            np.testing.assert_allclose(learned[k][chip], W[k], rtol=0, atol=1e-12)
            count = on_numpy[f"spikes_{k + 1}.count"][chip * n : (chip + 1) * n]
            np.testing.assert_array_equal(count, counts[k])
            assert np.abs(W[k] - own[k]).max() > 0.01
            assert counts[k].sum() > 20


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpp_standalone", "cpp_fused", "cython"])
def test_targets_agree_to_the_last_bit(device, on_numpy):
    run = result(device)
    for name in READ:
        np.testing.assert_array_equal(run[name], on_numpy[name], err_msg=name)


def test_weights_and_what_synapses_store():
    plan = layered_blueprint(SIZES, n_chips=N_CHIPS, feedback=random_feedback(SIZES, 1, N_CHIPS))
    W = start()
    stored = plan.encode(W)
    for one, other in zip(plan.weights(stored), W, strict=True):
        np.testing.assert_array_equal(one, other)
    n = SIZES[1] * SIZES[0]
    assert stored["weights_1.w"][n + 2 * SIZES[1] + 5] == W[0][1, 5, 2]  # chip 1, from 2 onto 5


def test_error_neurons_of_a_class_push_in_opposite_directions():
    G = np.arange(8.0).reshape(4, 2)
    values = feedback_values((3, 4, 2), 1, [G])
    up, down = values["feedback_1.g"].reshape(2, 2, 4)
    np.testing.assert_array_equal(up, G.T)
    np.testing.assert_array_equal(down, -G.T)
    np.testing.assert_array_equal(values["feedback_2.g"], [1, 1, -1, -1])


def test_a_chip_draws_the_same_in_any_group():
    for draw in (random_weights, random_feedback):
        for one, two in zip(draw(SIZES, 3, 1), draw(SIZES, 3, 2), strict=True):
            np.testing.assert_array_equal(one[0], two[0])
            assert not np.array_equal(two[0], two[1])


def test_every_parameter_can_have_mismatch():
    feedback = random_feedback(SIZES, 1)
    plan = layered_blueprint(SIZES, n_chips=3, feedback=[G[0] for G in feedback])
    names = ["layer_1.v_th", "layer_3.tau_u", "feedback_2.g", "weights_1.gain"]
    values = spread(plan.values(), dict.fromkeys(names, 0.2), seed=1, chips=3)
    for name in names:
        first, *others = np.split(np.asarray(values[name]), 3)
        assert all(not np.array_equal(first, other) for other in others)


def build(**changed):
    drive = TimedArray(np.zeros((4, 6)) * Hz, STEPS * ms)
    label = TimedArray(np.zeros(4), STEPS * ms)
    options = {
        **{"sizes": SIZES, "drive": drive, "label": label, "weights": start(), "n_chips": 2},
        **{"feedback": random_feedback(SIZES, 1, 2), "settle": 5 * ms, "rules": RULES},
    }
    return layered_chips(**options | changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sizes": (6,)}, r"sizes=\(6,\): must be inputs"),
        ({"sizes": (6, 0, 7, 3)}, r"sizes\[1\]=0: must be a whole number"),
        ({"drive": TimedArray(np.zeros((4, 5)) * Hz, 30 * ms)}, r"drive has shape \(4, 5\): must"),
        ({"drive": TimedArray(np.full((4, 6), np.nan) * Hz, 30 * ms)}, "drive.*finite"),
        ({"drive": TimedArray(np.ones((4, 6)) * mV, 30 * ms)}, "drive: must be in hertz"),
        ({"drive": TimedArray(-np.ones((4, 6)) * Hz, 30 * ms)}, "least value is -1"),
        ({"label": TimedArray([0.0, 3.0], 30 * ms)}, "label: must be .* from -1 to 2"),
        ({"label": TimedArray([0.5], 30 * ms)}, "label: must be .* whole numbers"),
        ({"label": TimedArray(np.zeros((4, 2)), 30 * ms)}, r"label: must be \(n_images,\)"),
        ({"label": TimedArray([np.nan], 30 * ms)}, "label contains nan"),
        ({"weights": start()[:2]}, "weights: 2 given, must be 3"),
        ({"weights": [w[:, :-1] for w in start()]}, r"weights\[0\] has shape \(2, 7, 6\)"),
        ({"weights": [5 + w for w in start()]}, "rails of the rule"),
        ({"feedback": []}, "feedback: 0 given, must be 2"),
        ({"feedback": [np.full((8, 3), np.inf), np.ones((7, 3))]}, r"feedback\[0\] contains nan"),
        ({"rules": RULES[:1]}, "rules: 1 given, must be 3"),
        ({"rules": [ContinuousRule(0.1)] * 3}, "learns fast weights, must learn feedforward"),
        ({"settle": STEPS * ms}, "settle: 30 steps, must be less than the 30"),
        ({"label": TimedArray(np.zeros(3), 30 * ms)}, "drive has 4 images, label 3"),
        ({"label": TimedArray(np.zeros(4), 20 * ms)}, "drive.dt=0.03 s: must be label.dt=0.02 s"),
        ({"drive": TimedArray(np.zeros((4, 6)), 2 * ms)}, "drive.dt=0.002 s: must be dt=0.001 s"),
        ({"settle": 0.3 * ms}, "settle=.*whole number of steps"),
        ({"tau_m": 3 * mV}, "tau_m=.*must have the unit"),
        ({"n_chips": 0}, "n_chips=0"),
        ({"name": "Big"}, "name='Big': must be small letters"),
    ],
)
def test_bad_input(changed, message):
    with pytest.raises(ValueError, match=message):
        build(**changed)


def test_two_populations_in_one_network():
    one, two = build(name="a"), build(name="b", rules=[replace(r, eta=0.0) for r in RULES])
    assert {"a_layer_1", "b_weights_3"} <= {obj.name for obj in [*one.objects, *two.objects]}
    assert two.values()["b_weights_1.eta"] == 0
    Network(one.objects, two.objects)
