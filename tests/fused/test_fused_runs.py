"""Several runs in one script: what is under way at the end of one arrives in the next."""

import re

import numpy as np
import pytest
from brian2 import (
    Network,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    defaultclock,
    ms,
    second,
    seed,
)
from brian2.devices.device import get_device, reset_device, set_device
from fused_cases import chips, pulses
from fused_helpers import assert_same, fused_code, group, simulate, spikes

pytestmark = pytest.mark.slow


class Runs(Network):
    """Runs one after the other: pairs (what is done before, duration in ms)."""

    parts = ()

    def run(self, duration, namespace):
        for before, milliseconds in self.parts:
            before(self)
            super().run(milliseconds * ms, namespace=namespace)
        defaultclock.dt = 0.1 * ms


def nothing(network):
    pass


def runs(objects, *parts):
    network = Runs(objects)
    network.parts = parts
    return network


def both(make, tmp_path, reference="cpp_standalone", **options):
    """On both devices: the values, and the fused code. They are compared."""
    fused = simulate("cpp_fused", make, tmp_path / "fused", **options)
    plain = simulate(reference, make, tmp_path / "plain", **options)
    assert sum(v.sum() for k, v in plain.items() if k.endswith(".count")) > 100
    assert_same(fused, plain)
    return plain, fused_code(tmp_path / "fused")


@pytest.mark.parametrize("single", [False, True])
def test_delayed_pulses_in_blocks(single, tmp_path):
    """Pulses of 1 ms end in a later run than they begin, and in one shorter than a delay."""

    def off(network):
        network["s"].active = False

    def on(network):
        network["s"].active = True
        network["s"].w = "0.5*w"

    def make():
        parts = (nothing, 40.3), (nothing, 0.4), (nothing, 0), (off, 20), (on, 30.1)
        return runs(pulses().objects, *parts)

    _, code = both(make, tmp_path, single=single)
    assert code.count("for_each_block(") == 5


def test_chips_without_delay(tmp_path):
    """Two runs in blocks of chips are one run."""
    once = simulate("runtime", chips)
    after = simulate(
        "cpp_fused",
        lambda: runs(chips().objects, (nothing, 123.4), (nothing, 76.6)),
        tmp_path,
    )
    assert "_ebn_plan.blocks.count()" in fused_code(tmp_path)
    assert_same(after, once)


@pytest.mark.parametrize(
    ("first", "stepwise"), [("equal", False), ("different", False), ("different", True)]
)
def test_delays_for_each_synapse(first, stepwise, tmp_path):
    """Brian2's own code hands over to the fused one where delays become equal, and back.

    One step at a time it does so for the pathway alone.
    """

    def equal(network):
        network["late"].delay = 1.3 * ms

    def different(network):
        network["late"].delay = "0.1*ms*(1 + (i + j) % 17)"

    def make():
        a = group(300, flag="(unless refractory)", refractory=3 * ms)
        late = Synapses(a, a, on_pre="v_post -= 0.01*(1 + v_pre)", name="late")
        late.connect(condition="i//6 == j//6")
        if stepwise:
            seed(3)
            a.run_regularly("v += 0.01*rand()")
        other = different if first == "equal" else equal
        begin = equal if first == "equal" else different
        parts = (begin, 50), (other, 1.1), (begin, 20), (other, 30)
        return runs([a, late, spikes(a)], *parts)

    both(make, tmp_path)
    output = (tmp_path / "fused" / "results" / "stdout.txt").read_text()
    assert output.count("so Brian2's own code runs") == 2


def test_other_time_steps(tmp_path):
    """What is under way keeps its time, rounded as Brian2 does; random numbers; a monitor."""

    def dt(milliseconds):
        def change(network):
            defaultclock.dt = milliseconds * ms

        return change

    def make():
        seed(8)
        a, b = group(90, "g : 1\n"), group(70, "dg/dt = -g/(5*ms) : 1\n", "b")
        a.run_regularly("v = clip(v + 0.01*randn(), -1, 2)")
        to = Synapses(a, b, "w : 1", on_pre="g_post += w", delay=1.7 * ms, name="to")
        to.connect(p=0.2)
        to.w = "0.1*rand()"
        back = Synapses(b, a, on_pre="v_post -= 0.02", delay=0.8 * ms, name="back")
        back.connect(p=0.1)
        state = StateMonitor(b, "g", record=[0, 9], name="state")
        parts = (dt(0.1), 30), (dt(0.05), 10), (dt(0.1), 1), (dt(0.2), 10), (dt(0.1), 10)
        return runs([a, b, to, back, state, spikes(a), spikes(b)], *parts)

    both(make, tmp_path)


def test_other_pathways(tmp_path):
    """Both ends of a synapse, custom events, subgroups, synapses that are made between runs."""

    def more(network):
        network["stdp"].connect(i=[1, 2, 3], j=[5, 4, 3])
        network["stdp"].w = 0.2
        network["stdp"].pre.delay = 0.4 * ms
        network["part"].active = False

    def post_alone(network):
        network["stdp"].pre.active = False
        network["part"].active = True

    def make():
        rng = np.random.default_rng(9)
        a = group(150, "g : 1\n", events={"high": "v > 0.95"})
        b = group(90, "dg/dt = -g/(5*ms) : 1\n", "b")
        stdp = Synapses(
            a,
            b,
            "w : 1",
            on_pre="g_post += 0.1*w",
            on_post="w = clip(w + 0.01*v_pre, 0, 1)",
            delay={"pre": 2.1 * ms, "post": 0.7 * ms},
            name="stdp",
        )
        stdp.connect(i=rng.integers(0, 150, 900), j=rng.integers(0, 90, 900))
        stdp.w = rng.random(900)
        part = Synapses(
            a[30:120],
            a,
            on_pre="v_post -= 0.001*v_pre",
            on_event="high",
            delay=1.1 * ms,
            name="part",
        )
        part.connect(i=rng.integers(0, 90, 200), j=rng.integers(0, 150, 200))
        parts = (nothing, 40), (more, 20), (post_alone, 10.5), (more, 20)
        return runs([a, b, stdp, part, spikes(a), spikes(b)], *parts)

    both(make, tmp_path)


def test_several_clocks(tmp_path):
    """Each has its own steps, and delays are rounded to those of the source."""

    def make():
        a, b = group(200), group(90, "dg/dt = -g/(3*ms) : 1\n", "b", dt=0.25 * ms)
        c = group(60, name="c", dt=0.05 * ms)
        ab = Synapses(
            a,
            b,
            "dp/dt = -p/(3*ms) : 1 (event-driven)\nw : 1",
            on_pre="g_post += 0.1\np += 1\nw = p",
            on_post="w += 0.1*p + t/second",
            delay={"pre": 1.3 * ms, "post": 0.5 * ms},
            name="ab",
        )
        ab.connect("(i + j) % 11 == 0")
        bc = Synapses(b, c, on_pre="v_post += 0.01", delay=0.6 * ms, name="bc")
        bc.connect("(i + j) % 5 == 0")
        ca = Synapses(c, a, on_pre="v_post -= 0.01", name="ca")
        ca.connect("(i + j) % 5 == 0")
        ca.delay = "0.05*ms*(i % 9)"
        monitors = map(spikes, (a, b, c))
        return runs([a, b, c, ab, bc, ca, *monitors], (nothing, 30), (nothing, 7.3), (nothing, 20))

    both(make, tmp_path)


def test_parts_that_come_and_go(tmp_path):
    """Thresholds, resets and monitors that pause; synapses that are removed, added, reordered."""

    def pause(network):
        for part in network["a"].resetter["spike"], network["s"], network["before"]:
            part.active = not part.active

    def exchange(network):
        pause(network)
        network.remove(network["t"])
        x = Synapses(network["b"][5:], network["a"][:150], on_pre="v_post -= 0.003", name="x")
        x.connect("(i*j) % 13 == 1")
        x.delay = 0.4 * ms
        network.add(x)
        network["b"].thresholder["spike"].active = False

    def go_on(network):
        network["b"].thresholder["spike"].active = True
        network["s"].one.order = 5
        network["given"].set_spikes(range(20), (18 + np.arange(20) / 4) * ms)
        network["a"].v["i > 30"] = 0.5
        network["s"].connect(i=[0, 1, 5], j=[3, 3, 9])

    def make():
        late = "timestep(t - lastspike, dt) == 3"
        a = group(300, "total : 1\n", events={"late": late}, refractory=1 * ms)
        b = group(100, "g : 1\n", "b", threshold="v > 0.9 and t > 3*ms", refractory="v > 0.5")
        a.run_on_event("late", "v += 0.002")
        a[10:250].run_regularly("v = clip(v + 0.001*drive, -1, 2)", dt=0.3 * ms)
        s = Synapses(
            a[20:200],
            b,
            "w : 1\ntotal_pre = w*v_post : 1 (summed)",
            on_pre={"one": "g_post += 0.001*w", "two": "v_post += 0.002"},
            delay={"one": 1 * ms, "two": 2.2 * ms},
            name="s",
        )
        s.connect("j == i//3 or i % 40 == 2")
        s.w = "0.5 + 0.001*i*j % 1"
        t = Synapses(
            b[5:],
            a[:150],
            "q : 1",
            on_pre="v_post -= 0.003",
            on_post="q += 1",
            on_event={"pre": "spike", "post": "late"},
            delay=1.7 * ms,
            name="t",
        )
        t.connect("(i*j) % 13 == 1")
        given = SpikeGeneratorGroup(20, np.arange(20), np.arange(20) * ms / 4, name="given")
        g = Synapses(given, a, on_pre="v_post += 0.03", delay=3.3 * ms, name="g")
        g.connect("j % 20 == i")
        before = SpikeMonitor(a, variables="v", when="before_resets", name="before")
        at_end = SpikeMonitor(b[30:], when="end", order=5, name="at_end")
        objects = [a, b, s, t, given, g, before, at_end, spikes(b)]
        return runs(objects, (nothing, 12.3), (pause, 1.1), (exchange, 4.6), (go_on, 15))

    both(make, tmp_path)


def profile(device, directory):
    """Seconds by code object in a run, by names without numbers, and seconds of the run."""
    set_device(device, build_on_run=False)
    active = get_device()
    active.reinit()
    active.activate(build_on_run=False)
    try:
        network = pulses()
        network.run(0.5 * second, namespace={}, profile=True)
        active.build(directory=str(directory), with_output=False)
        times = {re.sub(r"_\d+$", "", name): float(t) for name, t in network.profiling_info}
        return times, active._last_run_time
    finally:
        active.reinit()
        reset_device("runtime")


def test_profile_names_each_part(tmp_path):
    """In blocks too; the times add up to that of the run."""
    times, total = profile("cpp_fused", tmp_path / "fused")
    assert "_ebn_plan.blocks.count()" in fused_code(tmp_path / "fused")
    assert times.keys() == profile("cpp_standalone", tmp_path / "plain")[0].keys()
    assert all(seconds > 0 for seconds in times.values())
    assert 0.5 * total < sum(times.values()) <= total
