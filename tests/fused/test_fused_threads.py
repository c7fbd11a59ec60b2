"""Several threads share the blocks, and nothing comes out otherwise."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Synapses, ms, prefs
from brian2.devices.device import get_device, set_device
from fused_helpers import STRICT_FLAGS, assert_same, fused_code, group, simulate, spikes

from ebn_brian import devices

THREADS = 3


def blocks():
    """Two groups in many blocks, with spikes under way in them and monitors that record."""
    a, b = group(3001), group(3001, name="b")
    pairs = Synapses(a, b, on_pre="v_post += 0.1", delay=0.3 * ms, name="pairs")
    pairs.connect(condition="i//7 == j//7 and i < 700")
    return Network(a, b, pairs, spikes(a, variables=["v"]), spikes(b, record=False))


def fading():
    """Potentials that go through the subnormal numbers of single precision."""
    neurons = group(3001, "dy/dt = -y/ms : 1")
    neurons.y = "1 + 0.1*sin(i)"
    return Network(neurons, spikes(neurons))


def one_network():
    """Neurons that hang together, and take long: threads share their state update."""
    a = group(3000, "dy/dt = (exp(-v) - y)/(20*ms) : 1\n")
    ring = Synapses(a, a, on_pre="v_post += 0.02*y_pre", delay=0.2 * ms, name="ring")
    ring.connect(j="(i + 1) % 3000")
    return Network(a, ring, spikes(a))


def stepwise():
    """The same one step at a time, since a shared variable is written."""
    network = one_network()
    network["a"].run_regularly("y = clip(y, 0, 0.9)")
    counter = NeuronGroup(1, "n : 1 (shared)", name="counter")
    counter.run_regularly("n += 1")
    network.add(counter)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("make", [one_network, stepwise])
def test_threads_share_a_state_update(make, tmp_path):
    shared = simulate("cpp_fused", make, tmp_path / "3", duration=80 * ms, threads=THREADS)
    assert "_ebn_team.split" in fused_code(tmp_path / "3")
    plain = simulate("cpp_standalone", make, tmp_path / "plain", duration=80 * ms)
    assert plain["spikes_a.count"].sum() > 10_000
    assert_same(shared, plain)


def test_equal_to_brian2(tmp_path):
    shared = simulate("cpp_fused", blocks, tmp_path, duration=120 * ms, threads=THREADS)
    assert "_ebn_team.share" in fused_code(tmp_path)
    plain = simulate("runtime", blocks, duration=120 * ms)
    assert plain["spikes_a.count"].sum() > 10_000
    assert_same(shared, plain)


@pytest.mark.slow
def test_every_thread_flushes_subnormal_numbers(tmp_path):
    one, shared = (
        simulate("cpp_fused", fading, tmp_path / f"{n}", duration=110 * ms, single=True, threads=n)
        for n in (1, THREADS)
    )
    assert one["a.y"].min() > 1e-38  # stands still, since what it would lose is subnormal
    assert_same(shared, one)
    assert np.unique(one["spikes_a.count"]).size > 1


@pytest.mark.slow
def test_no_thread_touches_what_another_one_writes(tmp_path, monkeypatch):
    """The compiler's own check of all reads and writes; it ends the program where one races."""
    flags = ["-fsanitize=thread"]
    monkeypatch.setitem(prefs, "codegen.cpp.extra_link_args", flags)
    flags = (*STRICT_FLAGS, *flags)
    options = {"duration": 30 * ms, "flags": flags, "threads": THREADS}
    for make in (blocks, one_network):
        result = simulate("cpp_fused", make, tmp_path / make.__name__, **options)
        assert result["spikes_a.count"].sum() > 1000


def test_threads_are_counted():
    with pytest.raises(ValueError, match="threads=0"):
        set_device("cpp_fused", threads=0)
    set_device("cpp_fused", build_on_run=False, threads=2)
    assert get_device().threads == 2
    get_device().reinit()
    with pytest.raises(ValueError, match="threads=2: needs device='cpp_fused', not 'numpy'"):
        devices.build(lambda: pytest.fail("called"), "numpy", threads=2)
