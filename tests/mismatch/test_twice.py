"""A second mismatch on top of the first is noticed, whatever way it comes."""

import numpy as np
import pytest
from brian2 import Network, ms, pA, second
from group_helpers import neurons, synapses

from ebn_brian.mismatch import apply_mismatch, sample


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda g: g[0:5], lambda g: g),
        (lambda g: g, lambda g: g[0:5]),
        (lambda g: g[0:5], lambda g: g[0:5]),
        (lambda g: g[0:5], lambda g: g[4:9]),
        (lambda g: g[2:9][0:3], lambda g: g[4:6]),
        (lambda g: g, lambda g: g),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_twice_through_parts_of_a_group(first, second, dtype):
    group = neurons(dtype={"tau": dtype, "I_in": dtype})
    one, other = first(group), second(group)
    apply_mismatch(one, {"tau": 0.1}, seed=1)
    before = np.array(group.tau_)
    with pytest.raises(ValueError, match=r"dpi.*\.tau: has its mismatch already, in \d+ elements"):
        apply_mismatch(other, {"I_in": 0.1, "tau": 0.1}, seed=1)
    np.testing.assert_array_equal(group.tau_, before)
    assert np.ptp(group.I_in_) == 0
    one.tau = 20 * ms
    apply_mismatch(other, {"I_in": 0.1, "tau": 0.1}, seed=1)


@pytest.mark.usefixtures("float32")
def test_twice_in_single_precision():
    contacts = synapses(neurons())
    contacts.delay = 1 * ms
    for name in "w", "delay":
        apply_mismatch(contacts, {name: 0.1}, seed=1)
        with pytest.raises(ValueError, match=rf"contacts\.{name}: has its mismatch already"):
            apply_mismatch(contacts, {name: 0.1}, seed=2)
    contacts.w = "1*pA"
    apply_mismatch(contacts, {"w": 0.1}, seed=2)


def test_parts_that_do_not_overlap():
    """Get draws of their own, under the name that says which they are."""
    group = neurons()
    one = apply_mismatch(group[0:6], {"tau": 0.1}, seed=1, chips=2)["tau"]
    other = apply_mismatch(group[6:12], {"tau": 0.1}, seed=1, chips=2)["tau"]
    np.testing.assert_array_equal(one, sample(0.1, 3, 2, 1, "dpi[0:6].tau").ravel())
    np.testing.assert_array_equal(other, sample(0.1, 3, 2, 1, "dpi[6:12].tau").ravel())
    np.testing.assert_array_equal(group.tau_, 0.02 * np.append(one, other))


def test_again_where_some_have_new_values():
    """Is a second mismatch for the others."""
    group = neurons()
    apply_mismatch(group, {"tau": 0.1}, seed=1)
    group.tau[:5] = 20 * ms
    with pytest.raises(ValueError, match=r"in 7 elements of dpi from 5 to 11; set its nominal"):
        apply_mismatch(group, {"tau": 0.1}, seed=1)
    apply_mismatch(group[:5], {"tau": 0.1}, seed=2)
    group.tau = "20*ms + i*ms"
    apply_mismatch(group, {"tau": 0.1}, seed=1)


def test_no_mismatch_is_none():
    """A loop over CVs may begin with 0."""
    group = neurons()
    for cv in 0, 0.1, 0.2:
        group.tau = 20 * ms
        apply_mismatch(group, {"tau": cv}, seed=1)


def test_values_that_are_restored():
    """Hold the mismatch, or do not, as when they were stored."""
    group = neurons()
    net = Network(group)
    net.store("nominal")
    apply_mismatch(group, {"tau": 0.1}, seed=1)
    net.store("spread")
    net.restore("nominal")
    apply_mismatch(group, {"I_in": 0.1}, seed=1)
    net.restore("spread")
    with pytest.raises(ValueError, match="already"):
        apply_mismatch(group, {"tau": 0.1}, seed=1)


def test_more_synapses_after_the_first_have_their_mismatch():
    contacts = synapses(neurons())
    apply_mismatch(contacts, {"w": 0.1}, seed=1)
    contacts.connect(i=0, j=1)
    contacts.w[12:] = 1 * pA
    with pytest.raises(ValueError, match=r"in 12 elements of contacts from 0 to 11"):
        apply_mismatch(contacts, {"w": 0.1}, seed=1)


def test_what_the_user_states_is_spread():
    """Whatever was there before: the result is the same however often."""
    group = neurons()
    for _ in range(2):
        drawn = apply_mismatch(group, {"tau": 0.1}, seed=1, nominal={"tau": 30 * ms})["tau"]
        np.testing.assert_array_equal(group.tau / second, 0.03 * drawn)


@pytest.mark.parametrize(
    ("nominal", "message"),
    [
        ({"tua": 1}, "dpi has no tua"),
        ({"tau": "20*ms"}, r"tau: nominal='20\*ms': must be one number, or 12"),
        ({"tau": [1, 2] * ms}, "must be one number, or 12 of them"),
        ({"tau": 20}, "tau: nominal=20 has another unit"),
        ({"tau": np.nan * ms}, "tau contains nan"),
    ],
)
def test_what_cannot_be_stated(nominal, message):
    with pytest.raises(ValueError, match=message):
        apply_mismatch(neurons(), {"tau": 0.1}, seed=1, nominal=nominal)
