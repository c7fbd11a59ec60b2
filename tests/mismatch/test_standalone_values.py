"""What a program will hold is known only where it was set as a whole, by numbers."""

import numpy as np
import pytest
from brian2 import Network, ms, pA, second
from brian2.devices.device import get_device, reset_device, set_device
from group_helpers import neurons, synapses

from ebn_brian.mismatch import apply_mismatch, sample


@pytest.fixture(params=["cpp_standalone", "cpp_fused"])
def standalone(request):
    set_device(request.param, build_on_run=False)
    get_device().reinit()
    get_device().activate(build_on_run=False)
    yield
    get_device().reinit()
    reset_device("runtime")


@pytest.mark.usefixtures("standalone")
@pytest.mark.parametrize("how", ["string", "slice", "part", "mask"])
def test_values_that_cannot_be_read(how):
    """Are refused with a word, and may be stated."""
    group = neurons()
    if how == "string":
        group.tau = "20*ms + i*ms"
    elif how == "slice":
        group.tau[5:9] = 30 * ms
    elif how == "mask":
        group.tau["i > 5"] = 30 * ms
    else:
        group[5:9].tau = 30 * ms
    with pytest.raises(ValueError, match=r"dpi\.tau: cannot be read .* say in nominal="):
        apply_mismatch(group, {"I_in": 0.1, "tau": 0.1}, seed=1)
    np.testing.assert_array_equal(group.I_in_[:], np.float64(5 * pA))
    values = np.linspace(20, 30, 12) * ms
    drawn = apply_mismatch(group, {"I_in": 0.1, "tau": 0.1}, seed=1, nominal={"tau": values})
    np.testing.assert_array_equal(group.tau_[:], drawn["tau"] * (values / second))
    with pytest.raises(ValueError, match="already"):
        apply_mismatch(group, {"tau": 0.1}, seed=1)


@pytest.mark.usefixtures("standalone")
def test_values_that_can_be_read():
    """As a whole, and element by element; parts one after another."""
    group = neurons()
    group.tau[3] = 50 * ms
    group.I_in = np.arange(1, 13) * pA
    drawn = apply_mismatch(group, {"tau": 0.1, "I_in": 0.1}, seed=1)
    np.testing.assert_array_equal(
        group.tau_[:], drawn["tau"] * np.where(np.arange(12) == 3, 0.05, 0.02)
    )
    np.testing.assert_allclose(group.I_in / pA, drawn["I_in"] * np.arange(1, 13))
    for start in 0, 6:
        apply_mismatch(group[start : start + 6], {"gain": 0.1}, seed=1, chips=2)
    with pytest.raises(ValueError, match="already, in 12 elements"):
        apply_mismatch(group, {"gain": 0.1}, seed=1)


@pytest.mark.usefixtures("standalone")
def test_synapses_to_a_part_of_a_group():
    """Their neurons are known where they were connected with arrays."""
    group = neurons()
    contacts = synapses(group, group[4:8])
    drawn = apply_mismatch(contacts, {"w": 0.1}, seed=1, chips=2, nominal={"w": 1 * pA})
    np.testing.assert_array_equal(drawn["w"], sample(0.1, 2, 2, 1, "contacts.w").ravel())
    with pytest.raises(ValueError, match=r"contacts\.w: has its mismatch already, or cannot be"):
        apply_mismatch(contacts, {"w": 0.1}, seed=1, chips=2)
    more = synapses(group, name="more", connect=False)
    more.connect("i == j")
    with pytest.raises(ValueError, match="connect them with arrays i= and j="):
        apply_mismatch(more, {"w": 0.1}, seed=1, nominal={"w": 1 * pA})


def whole_script():
    """Parameters of all kinds of a network, spread; what was drawn."""
    group = neurons()
    group.I_in = "5*pA + i*pA"
    contacts = synapses(group, group[4:8])
    contacts.delay = contacts.late.delay = 1 * ms
    drawn = apply_mismatch(group[2:6], {"tau": 0.1}, seed=1)
    drawn |= apply_mismatch(group[6:8], {"gain": 0.1}, seed=1)
    drawn |= apply_mismatch(
        group, {"I_in": 0.1}, seed=1, nominal={"I_in": (5 + np.arange(12)) * pA}
    )
    drawn |= apply_mismatch(
        contacts,
        {"w": 0.1, "delay": 0.1, "late.delay": 0.2},
        seed=1,
        chips=2,
        nominal={"w": 1 * pA, "delay": 1 * ms, "late.delay": 1 * ms},
    )
    Network(group, contacts).run(1 * ms)
    held = [group.tau_, group.gain, group.I_in_, contacts.w_, contacts.delay_]
    return group, drawn, lambda: [np.array(v[:]) for v in [*held, contacts.late.delay_]]


@pytest.mark.slow
@pytest.mark.usefixtures("standalone")
def test_a_program_holds_what_the_runtime_holds(tmp_path):
    """Parts, strings with what they are, synapses, delays; and then nothing can be set."""
    group, drawn, held = whole_script()
    get_device().build(directory=str(tmp_path), with_output=False)
    values = held()
    with pytest.raises(ValueError, match=r"dpi\.tau: its program has run already"):
        apply_mismatch(group, {"tau": 0.1}, seed=1)
    get_device().reinit()
    reset_device("runtime")
    _, expected_draws, expected = whole_script()
    for name, draws in expected_draws.items():
        np.testing.assert_array_equal(drawn[name], draws)
    for value, other in zip(values, expected(), strict=True):
        np.testing.assert_array_equal(value, other)
