"""The fused device: same bits as Brian2's cpp_standalone, and the pieces it is made of."""

import logging
import re
import subprocess
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    mV,
    second,
)
from brian2.core.variables import ArrayVariable
from brian2.devices.device import get_device, reset_device, set_device
from brian2.groups.group import Group
from brian2.utils.logger import catch_logs
from hypothesis import given, settings
from hypothesis import strategies as st

import ebn_brian.fused
from ebn_brian.devices import STRICT_FLAGS
from ebn_brian.fused.plan import conjuncts
from ebn_brian.network import lif_chips
from ebn_brian.plasticity import DiscreteRule

HEADER = Path(ebn_brian.fused.__file__).with_name("fused.h")
FLAGS, DTYPE = "codegen.cpp.extra_compile_args_gcc", "core.default_float_dtype"
RULE = DiscreteRule(step=0.4 * mV, dead_zone=2.5 * mV)


def simulate(device, make, directory=None, duration=0.2 * second, single=False, **options):
    """Variables, recorded spikes and weights after a run on the device ('runtime': numpy)."""
    set_device(device, build_on_run=False)
    active = get_device()
    active.reinit()
    before = {name: brian2.prefs[name] for name in (FLAGS, DTYPE)}
    try:
        brian2.prefs[FLAGS] = list(STRICT_FLAGS)
        if single:
            brian2.prefs[DTYPE] = np.float32
            active.insert_code("before_start", ebn_brian.fused.FLUSH_TO_ZERO)
        active.activate(build_on_run=False, **options)
        network = make()
        network.run(duration, namespace={})
        if device != "runtime":
            active.build(directory=str(directory), run=False)
            active.run(with_output=False)
        return values(network)
    finally:
        for name, value in before.items():
            brian2.prefs[name] = value
        active.reinit()
        reset_device("runtime")


def values(network):
    """Copies of all variables that can be seen from outside."""
    return {
        f"{owner.name}.{name}": np.array(variable.get_value())
        for owner in network.sorted_objects
        if isinstance(owner, Group)
        for name, variable in owner.variables.items()
        if isinstance(variable, ArrayVariable)
        and variable.owner.name == owner.name
        and not name.startswith("_")
    }


def assert_same(fused, plain):
    assert fused.keys() == plain.keys()
    for name, value in plain.items():
        np.testing.assert_array_equal(fused[name], value, err_msg=name)


def fused_code(directory) -> str:
    """The fused code of a program."""
    return "".join(path.read_text() for path in Path(directory).glob("code_objects/fused_*.cpp"))


def chips(n_chips=40, n_neurons=13, rule=RULE, scale=0.6, **options):
    """A network of chips with random decoders, weights and drive, and its spikes."""
    rng = np.random.default_rng(5)
    D = rng.standard_normal((n_chips, 2, n_neurons))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    Omega = np.round(scale * rng.standard_normal((n_chips, n_neurons, n_neurons)) / 0.04) * 0.04
    Omega *= 1 - np.eye(n_neurons)
    if rule and rule.learn_reset:
        Omega -= np.eye(n_neurons)
    drive = 20 * np.cumsum(rng.standard_normal((2000, 2)), axis=0)
    drive = TimedArray(drive * Hz, dt=0.1 * ms, name="drive")
    made = lif_chips(D, Omega, drive, rule=rule, **options)
    return Network(*made.objects, SpikeMonitor(made.neurons, name="spikes"))


def test_chips_are_the_same_to_the_last_bit(tmp_path):
    """40 chips of 13 neurons: more than one block, and no multiple of a vector or a strip."""
    fused = simulate("cpp_fused", chips, tmp_path)
    plain = simulate("runtime", chips)
    code = fused_code(tmp_path)
    (bytes_per_neuron,) = map(int, re.findall(r"BLOCK_BYTES / (\d+)", code))
    assert 24 * 1024 / bytes_per_neuron < 40 * 13
    assert "_ebn_plan.blocks.count()" in code
    assert "fused::padded(" in code
    assert code.count("fused::Flags _flags") == 1  # spikes are looked for among candidates
    assert len(plain["spikes.t"]) > 1000
    assert np.ptp(plain["recurrent.w"]) > 0
    assert (np.diff(plain["spikes.t"]) >= 0).all()
    assert_same(fused, plain)


def yardstick(n_chips, duration):
    """The work of the speed yardstick: chips that learn, with currents and mismatch."""
    dt, om, tau_m, tau_s, n = 1e-4, 0.1, 50e-3, 1e-3, 20
    steps = round(duration / dt)
    rng = np.random.default_rng(1)
    kernel = np.exp(-0.5 * (np.arange(-1500, 1501) / 300.0) ** 2)
    kernel /= np.sqrt((kernel**2).sum())
    m = 2 * (steps + 3000)
    noise = np.fft.rfft(rng.standard_normal((2, steps + 3000)), m)
    x = 7.7 * 0.25 * np.fft.irfft(noise * np.fft.rfft(kernel, m), m)[:, 3000 : 3000 + steps].T

    rng = np.random.default_rng(0)
    F = rng.standard_normal((n_chips, 2, n))
    F /= np.sqrt((F**2).sum(1, keepdims=True))
    spread = [np.clip(1 + 0.15 * rng.standard_normal((n_chips, n)), 0.5, 1.5) for _ in range(3)]
    threshold = (0.1 + 1.0 + np.abs(F).sum(1) ** 2) / 2 * spread[2]
    W = np.round(0.6 * rng.standard_normal((n_chips, n, n)) / om) * om
    off = ~np.eye(n, dtype=bool)

    neurons = NeuronGroup(
        n_chips * n,
        """dv/dt = (-v + I + F0*x(t, 0) + F1*x(t, 1))*rate_m : 1
        dI/dt = -I*rate_s : 1
        F0 : 1
        F1 : 1
        th : 1
        rate_m : Hz
        rate_s : Hz""",
        threshold="v > th",
        reset="v = 0",
        method="euler",
        namespace={"x": TimedArray(x, dt=0.1 * ms, name="x")},
        name="neurons",
    )
    neurons.F0, neurons.F1, neurons.th = F[:, 0].ravel(), F[:, 1].ravel(), threshold.ravel()
    neurons.rate_m = 1 / (tau_m * spread[0]).ravel() * Hz
    neurons.rate_s = 1 / (tau_s * spread[1]).ravel() * Hz
    on_pre = """I_post += 50*w
    s = 2*v_post + w
    w += 0.1*(int(s < -0.05) - int(s > 0.05))"""
    synapses = Synapses(neurons, neurons, "w : 1", on_pre=on_pre, delay=0 * ms, name="recurrent")
    first = n * np.arange(n_chips)[:, None]
    i, j = np.nonzero(off)
    synapses.connect(i=np.ravel(first + i), j=np.ravel(first + j))
    synapses.w = W[:, off].ravel()
    network = Network(neurons, synapses, SpikeMonitor(neurons, record=False, name="spikes"))
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    return network, W[:, off].ravel()


def test_the_yardstick_does_the_agreed_work(tmp_path):
    """19471 spikes, mean change of a weight 0.439225: as six other programs have it."""
    before = yardstick(20, 2)[1]
    made = simulate("cpp_fused", lambda: yardstick(20, 2)[0], tmp_path, duration=2 * second)
    assert made["spikes.N"][0] == made["spikes.count"].sum() == 19471
    change = np.abs(made["recurrent.w"] - before).sum() / (20 * 20 * 20)
    assert change == pytest.approx(0.439225, abs=5e-7)


@pytest.mark.slow
def test_what_is_not_known_is_left_to_brian2_and_told(tmp_path):
    """A StateMonitor is not fused: its neurons still are, one step at a time."""

    def make():
        neurons = NeuronGroup(
            5, "dv/dt = (1.5 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="euler",
            name="neurons",
        )  # fmt: skip
        return Network(neurons, StateMonitor(neurons, "v", record=True, name="states"))

    with catch_logs(log_level=logging.INFO, only_from=["ebn_brian"]) as logs:
        made = simulate("cpp_fused", make, tmp_path, duration=30 * ms)
    assert any("one step at a time" in text and "states" in text for _, _, text in logs)
    v, expected = 0.0, []
    for _ in range(300):
        expected.append(v)  # a StateMonitor records at the start of a step
        v = 1e-4 * (1.5 - v) / 0.01 + v
        v = 0.0 if v > 1 else v
    np.testing.assert_allclose(made["states.v"], np.repeat(expected, 5).reshape(-1, 5), rtol=1e-12)
    assert 0.0 in expected[1:]


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("v > v_th", {"v > v_th"}),
        ("v > v_th and n < 0.5", {"v > v_th", "n < 0.5"}),
        ("v>v_th  and (a or b) and not c", {"v > v_th", "a or b", "not c"}),
        ("a or b", {"a or b"}),
    ],
)
def test_conjuncts(condition, parts):
    assert conjuncts(condition) == parts


def test_single_arithmetic_needs_single_precision():
    with pytest.raises(ValueError, match="single_arithmetic=True: needs"):
        set_device("cpp_fused", build_on_run=False, single_arithmetic=True)


PROBE = """
#include "brianlib/fused.h"
int main() {
    int groups, target, sets;
    std::cin >> groups >> target >> sets;
    std::vector<int32_t> sizes(groups);
    for (auto& size : sizes) std::cin >> size;
    fused::Blocks blocks(sizes);
    std::vector<fused::Rows> rows(sets);
    for (auto& row : rows) {
        int g, h, n;
        std::cin >> g >> h >> n;
        std::vector<int32_t> pre(n), post(n);
        for (int s = 0; s < n; s++) std::cin >> pre[s] >> post[s];
        blocks.connect(g, h, pre, post);
        row.build(pre, pre, post);
    }
    blocks.cut(target);
    for (auto& bounds : blocks.bounds) {
        for (int32_t bound : bounds) std::cout << bound << " ";
        std::cout << "\\n";
    }
    for (auto& row : rows) {
        for (int source = 0; source < 12; source++)
            for (auto* s = row.begin(source); s != row.end(source); s++)
                for (int k = 0; k < s->length; k++)
                    std::cout << s->synapse + k << " " << s->pre << " " << s->post + k << " ";
        std::cout << "\\n";
    }
}
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """A program that prints blocks and rows, so that they can be checked from here."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "brianlib").mkdir()
    library = Path(brian2.__file__).parent / "devices/cpp_standalone/brianlib"
    (folder / "brianlib/stdint_compat.h").write_text("#include <stdint.h>\n")
    (folder / "brianlib/clocks.h").write_text((library / "clocks.h").read_text())
    (folder / "brianlib/fused.h").write_text(HEADER.read_text())
    (folder / "probe.cpp").write_text(PROBE)
    command = ["g++", "-std=c++17", "-I.", "-fsanitize=undefined", "probe.cpp", "-o", "probe"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "probe"


def networks(max_size=12):
    """Groups of neurons and sets of synapses between them."""

    @st.composite
    def make(draw):
        sizes = draw(st.lists(st.integers(1, max_size), min_size=1, max_size=3))
        groups = st.integers(0, len(sizes) - 1)
        sets = []
        for g, h in draw(st.lists(st.tuples(groups, groups), min_size=1, max_size=3)):
            pair = st.tuples(st.integers(0, sizes[g] - 1), st.integers(0, sizes[h] - 1))
            sets.append((g, h, draw(st.lists(pair, max_size=8))))
        return sizes, sets, draw(st.integers(1, 20))

    return make()


def answer(probe, sizes, sets, target):
    text = f"{len(sizes)} {target} {len(sets)} {' '.join(map(str, sizes))}\n"
    for g, h, pairs in sets:
        text += f"{g} {h} {len(pairs)} {' '.join(f'{i} {j}' for i, j in pairs)}\n"
    lines = subprocess.run([probe], input=text, capture_output=True, text=True, check=True)
    assert not lines.stderr
    numbers = [np.array(line.split(), int) for line in lines.stdout.splitlines()]
    return numbers[: len(sizes)], [n.reshape(-1, 3) for n in numbers[len(sizes) :]]


@settings(max_examples=60)
@given(networks())
def test_blocks_cut_no_synapse_and_are_no_larger_than_they_must(probe, network):
    sizes, sets, target = network
    bounds, _ = answer(probe, *network)
    block = [np.repeat(np.arange(len(b) - 1), np.diff(b)) for b in bounds]
    assert [len(b) for b in block] == sizes  # every neuron is in one block, in order
    for g, h, pairs in sets:
        for i, j in pairs:
            assert block[g][i] == block[h][j]
    # two blocks side by side would not fit in one, or the first is too large already
    totals = np.sum([np.diff(b) for b in bounds], axis=0)
    assert (totals[:-1] + totals[1:] > target).all()


@settings(max_examples=60)
@given(networks())
def test_rows_deliver_every_synapse_once_in_the_order_of_the_queue(probe, network):
    _, rows = answer(probe, *network)
    for (_, _, pairs), row in zip(network[1], rows, strict=True):
        order = sorted(range(len(pairs)), key=lambda s: (pairs[s][0], s))
        assert row.tolist() == [[s, *pairs[s]] for s in order]
