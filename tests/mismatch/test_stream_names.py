"""What streams call groups: a cell that is run again has the same chips."""

import gc
import logging

import numpy as np
import pytest
from brian2 import NeuronGroup, Synapses, ms
from brian2.utils.logger import BrianLogger
from group_helpers import neurons, synapses

from ebn_brian.mismatch import apply_mismatch, sample


def cell(**options):
    """As in a notebook: nothing has a name."""
    group = NeuronGroup(8, "dv/dt = -v/tau : 1\ntau : second", threshold="v > 1", reset="v = 0")
    contacts = Synapses(group, group, "w : 1", on_pre="v += w")
    contacts.connect()
    contacts.delay, contacts.w, group.tau = 1 * ms, 1, 20 * ms
    apply_mismatch(group, {"tau": 0.2}, seed=7, chips=2, **options)
    apply_mismatch(contacts, {"w": 0.2, "delay": 0.1}, seed=7, chips=2, **options)
    return group, contacts


def shared_draws(caplog):
    return [r for r in caplog.records if r.name.endswith("shared_draws")]


@pytest.fixture
def log(caplog):
    """What Brian2's logger says, as if nothing had been said once."""
    BrianLogger._log_messages.clear()
    gc.collect()  # the groups of other tests
    logger = logging.getLogger("ebn_brian")
    propagate, logger.propagate = logger.propagate, True
    with caplog.at_level(logging.WARNING, logger="ebn_brian"):
        yield caplog
    logger.propagate = propagate


def test_a_cell_that_is_run_again_has_the_same_chips(log):
    """With the first groups kept, deleted, or another group before; and it is said."""
    first, second = cell(), cell()
    assert first[0].name != second[0].name
    assert len(shared_draws(log)) == 2  # for neurons and synapses, once each
    assert "need names" in shared_draws(log)[0].getMessage()
    expected = np.array(first[0].tau_), np.array(first[1].w), np.array(first[1].delay_)
    del first
    gc.collect()
    for group, contacts in second, cell():
        np.testing.assert_array_equal(group.tau_, expected[0])
        np.testing.assert_array_equal(contacts.w, expected[1])
        np.testing.assert_array_equal(contacts.delay_, expected[2])
    np.testing.assert_array_equal(
        expected[0], 0.02 * sample(0.2, 4, 2, 7, "neurongroup.tau").ravel()
    )


def test_groups_with_names_say_nothing(log):
    """And draw what a stream of their name draws, as ever."""
    for name in "E", "I", "E":
        group = neurons(name=name)
        drawn = apply_mismatch(group, {"tau": 0.2}, seed=7)["tau"]
        np.testing.assert_array_equal(drawn, sample(0.2, 12, 1, 7, f"{name}.tau")[0])
        drawn = apply_mismatch(synapses(group, name=f"{name}_1"), {"w": 0.2}, seed=7)["w"]
        np.testing.assert_array_equal(drawn, sample(0.2, 12, 1, 7, f"{name}_1.w")[0])
    assert not shared_draws(log)


def test_streams_may_be_named(log):
    """So groups without names differ, and each call draws what is said."""
    kept = [cell(name=name) for name in "EI"]
    for name, (group, contacts) in zip("EI", kept, strict=True):
        factors = sample(0.2, 4, 2, 7, f"{name}.tau").ravel()
        np.testing.assert_array_equal(group.tau_, 0.02 * factors)
        factors = sample(0.1, 32, 2, 7, f"{name}.delay").ravel()
        np.testing.assert_array_equal(np.sort(contacts.delay_), np.sort(1e-3 * factors))
    assert not shared_draws(log)
    for wrong in "", 3:
        with pytest.raises(TypeError, match="name="):
            apply_mismatch(neurons(), {"tau": 0.2}, seed=7, name=wrong)


def test_parts_of_groups_without_names(log):
    """Are addressed by their place, in the group without the number that Brian2 gave."""
    kept = []
    for _ in range(2):
        group = NeuronGroup(8, "tau : second")
        group.tau = 20 * ms
        for start in 0, 4:
            drawn = apply_mismatch(group[start : start + 4], {"tau": 0.2}, seed=7)["tau"]
            stream = f"neurongroup[{start}:{start + 4}].tau"
            np.testing.assert_array_equal(drawn, sample(0.2, 4, 1, 7, stream)[0])
        kept.append(group)
    assert len(shared_draws(log)) == 2


def test_chips_that_are_each_a_group(log):
    """Share no draws, so there is nothing to say."""
    kept = []
    for chip in range(3):
        group = NeuronGroup(4, "tau : second")
        group.tau = 20 * ms
        drawn = apply_mismatch(group, {"tau": 0.2}, seed=7, chips=[chip])["tau"]
        np.testing.assert_array_equal(drawn, sample(0.2, 4, 3, 7, "neurongroup.tau")[chip])
        kept.append(group)
    assert not shared_draws(log)


def test_groups_of_a_users_class():
    class Neurons(NeuronGroup):
        def __init__(self, n, name="silicon*"):
            super().__init__(n, "tau : second", name=name)

    class Quiet(Neurons):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)

    kept = []
    for kind in Neurons, Quiet, Quiet:
        group = kind(4)
        group.tau = 20 * ms
        drawn = apply_mismatch(group, {"tau": 0.2}, seed=7)["tau"]
        np.testing.assert_array_equal(drawn, sample(0.2, 4, 1, 7, "silicon.tau")[0])
        kept.append(group)
