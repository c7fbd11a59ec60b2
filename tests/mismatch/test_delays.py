"""Mismatch of delays."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, StateMonitor, Synapses, ms, mV, pA
from group_helpers import neurons, synapses

from ebn_brian.mismatch import Spread, apply_mismatch, sample


def test_delays_arrive_when_they_say():
    """Truth: the time step in which each neuron receives its spike."""
    source = SpikeGeneratorGroup(1, [0], [1] * ms, name="source")
    target = NeuronGroup(40, "v : 1", name="target")
    contacts = Synapses(source, target, on_pre="v += 1", name="contacts")
    contacts.connect()
    contacts.delay = 2 * ms
    drawn = apply_mismatch(contacts, {"delay": 0.3}, seed=7)["delay"]
    np.testing.assert_array_equal(drawn, sample(0.3, 40, 1, 7, "contacts.delay")[0])
    monitor = StateMonitor(target, "v", record=True, when="end")
    Network(source, target, contacts, monitor).run(10 * ms)
    arrival = monitor.v.argmax(axis=1) * 0.1
    np.testing.assert_allclose(arrival, 1 + np.round(2 * drawn / 0.1) * 0.1, atol=1e-9)


def test_each_pathway_has_its_delay():
    contacts = synapses(neurons())
    contacts.delay, contacts.late.delay, contacts.post.delay = 1 * ms, 2 * ms, 3 * ms
    drawn = apply_mismatch(
        contacts, {"late.delay": 0.1, "post.delay": 0.1}, seed=7, chips=3, chip_of="source"
    )
    assert (contacts.delay == 1 * ms).all()
    np.testing.assert_array_equal(
        drawn["late.delay"], sample(0.1, 4, 3, 7, "contacts.late.delay").ravel()
    )
    np.testing.assert_allclose(contacts.late.delay / ms, 2 * drawn["late.delay"])
    np.testing.assert_allclose(contacts.post.delay / ms, 3 * drawn["post.delay"])
    assert not np.array_equal(drawn["late.delay"], drawn["post.delay"])


def test_two_words_for_one_delay():
    contacts = synapses(neurons())
    nominal = {"delay": 1 * ms}
    with pytest.raises(ValueError, match=r"delay: is given twice"):
        apply_mismatch(contacts, {"delay": 0.1, "pre.delay": 0.1}, seed=7, nominal=nominal)
    drawn = apply_mismatch(contacts, {"pre.delay": 0.1}, seed=7, nominal=nominal)
    np.testing.assert_array_equal(drawn["pre.delay"], sample(0.1, 12, 1, 7, "contacts.delay")[0])
    with pytest.raises(ValueError, match="already"):
        apply_mismatch(contacts, {"delay": 0.1}, seed=7)


def test_one_delay_for_all_says_how_else():
    contacts = synapses(neurons(), delay={"pre": 1 * ms, "late": 2 * ms})
    with pytest.raises(ValueError, match=r"delay: .*leave delay= out .* set delay after connect"):
        apply_mismatch(contacts, {"w": 0.1, "delay": 0.1}, seed=1)
    with pytest.raises(ValueError, match=r"late\.delay: .*; can be spread: post\.delay, w$"):
        apply_mismatch(contacts, {"w": 0.1, "late.delay": 0.1}, seed=1)
    assert (contacts.w == 1 * pA).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Spread(5.0, unit=ms), "becomes -"),
        (Spread(5.0, unit=ms, low=-20), "at least 0; give Spread"),
        (Spread(0.1, unit=mV), "another unit"),
    ],
)
def test_delays_are_not_negative(given, message):
    contacts = synapses(neurons(100))
    contacts.delay = 5 * ms
    with pytest.raises(ValueError, match=rf"contacts\.delay: .*{message}"):
        apply_mismatch(contacts, {"w": 0.1, "delay": given}, seed=1)
    assert (contacts.w == 1 * pA).all()
    assert (contacts.delay == 5 * ms).all()
    apply_mismatch(contacts, {"delay": Spread(5.0, unit=ms, low=-5)}, seed=1)
    assert contacts.delay_[:].min() >= 0


def test_delays_of_nothing():
    with pytest.raises(ValueError, match=r"contacts\.delay: is zero throughout"):
        apply_mismatch(synapses(neurons()), {"delay": 0.1}, seed=1)
