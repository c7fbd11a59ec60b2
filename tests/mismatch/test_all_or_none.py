"""What can be spread and what cannot, which changes nothing."""

import gc

import numpy as np
import pytest
from brian2 import (
    Cylinder,
    Hz,
    NeuronGroup,
    PoissonGroup,
    Quantity,
    SpatialNeuron,
    SpikeGeneratorGroup,
    StateMonitor,
    linked_var,
    ms,
    mV,
    pA,
    um,
)
from brian2.core.variables import ArrayVariable
from group_helpers import neurons, synapses
from scipy import stats

from ebn_brian.mismatch import Spread, apply_mismatch, sample, spread


def linked(source):
    group = NeuronGroup(4, "tau : second\ny : 1 (linked)", name="cells")
    group.tau, group.y = 20 * ms, linked_var(source, "y")
    return group


def test_a_linked_variable_is_spread_in_its_own_group():
    source = NeuronGroup(4, "y : 1", name="source")
    source.y = 2
    group = linked(source)
    with pytest.raises(ValueError, match=r"cells\.y: .*belongs to source, so spread it there"):
        apply_mismatch(group, {"tau": 0.2, "y": 0.2}, seed=1)
    assert (group.tau == 20 * ms).all()
    drawn = apply_mismatch(source, {"y": 0.2}, seed=1)["y"]
    np.testing.assert_array_equal(group.y, 2 * drawn)


def test_a_linked_variable_whose_group_is_gone():
    group = linked(NeuronGroup(4, "y : 1", name="source"))
    gc.collect()
    with pytest.raises(ValueError, match=r"cells\.y: .*belongs to"):
        apply_mismatch(group, {"tau": 0.2, "y": 0.2}, seed=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rest": 0.1}, r"rest: is not .*shared by all; declare it without \(shared\)"),
        ({"twice": 0.1}, "twice: is not .*computed from others"),
        ({"held": 0.1}, "held: is not .*computed from others"),
        ({"level": 0.1}, "level: is not .*counts or decides; can be spread: I, I_in, gain, .*tau"),
        ({"k": 0.1}, r"k: is a constant of the equations; declare it there, 'k : unit'"),
        ({"nothing": 0.1}, "nothing: is unknown"),
        ({"I_in": Spread(1.0, unit=mV)}, "another unit"),
        ({"I_in": Spread(stats.uniform(0, 1), low=2)}, "nothing of the distribution"),
        ({"I_in": np.ones(7)}, "measured values of shape"),
        ({"I_in": Spread(0.1, above="twice")}, "twice: is no variable that is stored"),
        ({"I": 0.1}, "is zero throughout"),
    ],
)
@pytest.mark.parametrize("part", [slice(None), slice(3, 9)])
def test_what_is_refused_changes_nothing(wrong, message, part):
    group = neurons()
    chosen = group if part == slice(None) else group[part]
    with pytest.raises(ValueError, match=message):
        apply_mismatch(chosen, {"tau": 0.1, "gain": 0.1, **wrong}, seed=1)
    assert (group.tau == 20 * ms).all()
    assert (group.gain == 1).all()
    apply_mismatch(chosen, {"tau": 0.1, "gain": 0.1}, seed=1)


def test_where_writing_fails_the_parameters_before_are_restored(monkeypatch):
    """And a mismatch that was not written is no mismatch."""
    group, set_value = neurons(), ArrayVariable.set_value

    def full(self, value):
        if self.name == "gain":
            raise MemoryError
        set_value(self, value)

    monkeypatch.setattr(ArrayVariable, "set_value", full)
    with pytest.raises(MemoryError):
        apply_mismatch(group, {"tau": 0.1, "I_in": 0.1, "gain": 0.1}, seed=1)
    assert (group.tau == 20 * ms).all()
    assert (group.I_in == 5 * pA).all()
    monkeypatch.undo()
    apply_mismatch(group, {"tau": 0.1, "I_in": 0.1, "gain": 0.1}, seed=1)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("value", [3e38, 2e-45])
def test_what_single_precision_cannot_hold(value):
    group = neurons()
    group.gain = value
    spread = Spread(stats.uniform(0.1, 4)) if value > 1 else Spread(stats.uniform(1e-3, 1e-3))
    with pytest.raises(ValueError, match=r"dpi\.gain: becomes .*which float32 cannot hold"):
        apply_mismatch(group, {"tau": 0.1, "gain": spread}, seed=1)
    assert np.ptp(group.tau_) == 0


def test_variables_of_neurons_are_not_those_of_synapses():
    contacts = synapses(neurons())
    for name in "tau_post", "tau", "I_pre":
        with pytest.raises(ValueError, match=r"belongs to dpi, so .*there; .*: delay, late"):
            apply_mismatch(contacts, {"w": 0.1, name: 0.1}, seed=1)
    assert (contacts.w == 1 * pA).all()


def test_other_groups():
    """Any that has a real number for each element."""
    rates = PoissonGroup(4, rates=10 * Hz, name="input")
    drawn = apply_mismatch(rates, {"rates": 0.2}, seed=1)["rates"]
    np.testing.assert_array_equal(rates.rates / Hz, 10 * drawn)
    cable = SpatialNeuron(
        Cylinder(length=100 * um, diameter=1 * um, n=6),
        "Im = 0*amp/meter**2 : amp/meter**2",
        name="cable",
    )
    drawn = apply_mismatch(cable, {"Cm": 0.2}, seed=1, chips=2)["Cm"]
    np.testing.assert_array_equal(drawn, sample(0.2, 3, 2, 1, "cable.Cm").ravel())
    events = SpikeGeneratorGroup(1, [0], [1] * ms, name="events")
    with pytest.raises(ValueError, match=r"events\.spike_time: .*read-only"):
        apply_mismatch(events, {"spike_time": 0.2}, seed=1)
    monitor = StateMonitor(neurons(), "I", record=True)
    for wrong in monitor, synapses(neurons()).pre, synapses(neurons())["i < 2"], {"tau": 1}:
        with pytest.raises(TypeError, match=r"group is a .*must be neurons, a part of them"):
            apply_mismatch(wrong, {"tau": 0.1}, seed=1)


def test_synapses_that_are_none():
    group = neurons()
    contacts = synapses(group, connect=False)
    with pytest.raises(ValueError, match=r"contacts\.w: .*call connect"):
        apply_mismatch(contacts, {"w": 0.1}, seed=1)
    contacts.connect("i < 0")
    assert apply_mismatch(contacts, {"w": 0.1, "delay": 0.1}, seed=1)["w"].size == 0


def test_what_is_shared_may_be_the_base():
    """So may a variable of the neurons that synapses go to."""
    group = neurons()
    drawn = apply_mismatch(group, {"I_in": Spread(0.1, above="rest")}, seed=1)["I_in"]
    np.testing.assert_allclose(group.I_in / pA, 2 + 3 * drawn)
    contacts = synapses(group)
    contacts.w = 10 * pA
    drawn = apply_mismatch(contacts, {"w": Spread(0.1, above="I_in_post")}, seed=1)["w"]
    np.testing.assert_allclose(contacts.w, group.I_in + drawn * (10 * pA - group.I_in))


def test_the_base_of_a_spread_fits():
    values = {"g.v_th": np.ones(4) * mV, "g.v": np.zeros(3) * mV, "g.r": 0.5 * mV}
    with pytest.raises(ValueError, match=r"g\.v_th: above='v' has shape \(3,\): must be one value"):
        spread(values, {"g.v_th": Spread(0.1, above="v")}, seed=1)
    after = spread(values, {"g.v_th": Spread(0.1, above="r")}, seed=1)["g.v_th"]
    draws = sample(0.1, 4, 1, 1, "g.v_th")[0]
    np.testing.assert_allclose(Quantity(after) / mV, 0.5 + 0.5 * draws)
