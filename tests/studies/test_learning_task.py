"""What is to be learned: the same chip in any batch, and input that was not trained on."""

from inspect import signature

import numpy as np
import pytest
from brian2 import Hz, second

from ebn_brian import signals
from ebn_brian.training import steps
from studies.learning.task import TEST, TEST_STREAM, make_rule, random_task
from studies.mismatch.measures import unseen

RULE = make_rule(0.04, 2.5, 0.25, None)


def test_inputs_of_both_studies_are_a_stream_of_their_own():
    assert signature(signals.noise_drive).parameters["stream"].default != TEST_STREAM
    test = signals.noise_drive(2, 3, stream=TEST_STREAM)(0, steps(TEST))
    np.testing.assert_array_equal(random_task(1, 2, "random", RULE, 3).test, test)
    np.testing.assert_array_equal(unseen(3)[0][: len(test)], test)


@pytest.mark.parametrize("seed", [0, 1, 21, 2**32 - 1])
@pytest.mark.parametrize("change", [0, 1, 0x5EED0000, 2**32 - 1])
def test_no_seed_trains_on_the_test_input_of_another(seed, change):
    test = np.asarray(random_task(1, 2, "random", RULE, seed).test)[: steps(1 * second)]
    train = np.asarray(signals.noise_drive(2, seed ^ change)(0, len(test)))
    for channel in test.T:
        assert not np.isclose(channel[:, None], train).all(axis=0).any()


def test_a_chip_is_the_same_in_any_batch():
    few = random_task(2, 10, "random", RULE, 3)
    many = random_task(5, 10, "random", RULE, 3)
    np.testing.assert_array_equal(few.D, many.D[:2])
    np.testing.assert_array_equal(few.initial, many.initial[:2])
    np.testing.assert_array_equal(few.test, many.test)
    assert not np.array_equal(few.D, random_task(2, 10, "random", RULE, 4).D)


def test_the_test_input_is_not_trained_on():
    task = random_task(1, 10, "random", RULE, 3)
    train, test = np.asarray(task.training(0, len(task.test))), np.asarray(task.test)
    for a in train.T:
        for b in test.T:
            assert abs(np.corrcoef(a, b)[0, 1]) < 0.3
    assert np.std(train) == pytest.approx(np.std(test), rel=0.2)


def test_of_a_recording_the_last_quarter_is_kept():
    c = np.random.default_rng(1).normal(size=(20_000, 1)) * Hz
    task = random_task(1, 10, "random", RULE, 3, c)
    np.testing.assert_array_equal(task.test, c[15_000:])
    np.testing.assert_array_equal(
        task.training(14_000, 2000), c[[*range(14_000, 15_000), *range(1000)]]
    )


def test_initial_weights_keep_to_the_rails():
    rule = make_rule(0.2, 2.5, 0.25, 3)
    initial = random_task(3, 10, "random", rule, 3).initial
    assert np.abs(initial).max() == pytest.approx(0.6)
