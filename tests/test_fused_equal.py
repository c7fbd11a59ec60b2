"""Every kind of network gives the same bits on the fused device as without it."""

import numpy as np
import pytest
import test_fused
from brian2 import (
    EventMonitor,
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    check_units,
    implementation,
    linked_var,
    ms,
    mV,
    prefs,
    second,
    seed,
)
from test_fused import STRICT_FLAGS, assert_same, chips, fused_code, simulate

from ebn_brian.plasticity import DiscreteRule

pytestmark = pytest.mark.slow

LIF = "dv/dt = (1.2 + drive - v)/(10*ms) : 1 {flag}\ndrive : 1\n"
RESET = {"threshold": "v > 1", "reset": "v = 0"}
LEARNED_RESET = DiscreteRule(step=0.4 * mV, dead_zone=2.5 * mV, learn_reset=True, n_bits=8)


def group(n, more="", name="a", flag="", **options):
    """Neurons that fire without input, each in its own rhythm."""
    model = LIF.format(flag=flag) + more
    neurons = NeuronGroup(n, model, **RESET | options, method="euler", name=name)
    neurons.drive, neurons.v = "0.1*sin(i)", "(i*0.618) % 1"
    return neurons


def spikes(neurons, **options):
    return SpikeMonitor(neurons, name=f"spikes_{neurons.name}", **options)


def pulses():
    """Pulses of a fixed length, refractoriness, sparse chips, a recorded variable, a subgroup."""
    rng = np.random.default_rng(1)
    neurons = group(330, "g : 1\n", flag="(unless refractory)", refractory=3 * ms)
    neurons.run_regularly("v = clip(v + 0.001*g, -1, 2)", when="after_groups")
    on_pre = {"on": "g_post += w", "off": "g_post -= w\nw = clip(w + 0.01*g_post, -1, 1)"}
    delay = {"on": 0.5 * ms, "off": 1.5 * ms}
    synapses = Synapses(neurons, neurons, "w : 1", on_pre=on_pre, delay=delay, name="s")
    i, j = np.divmod(np.arange(330 * 11), 11)
    j = i // 11 * 11 + j
    keep = rng.random(len(i)) < 0.6
    synapses.connect(i=i[keep], j=j[keep])
    synapses.w = rng.standard_normal(keep.sum())
    part = neurons[5:200]
    return Network(neurons, synapses, SpikeMonitor(part, variables="g", name="spikes"))


def sparse_pair():
    """Two groups, random and unsorted synapses both ways, several between a pair, with STDP."""
    rng = np.random.default_rng(2)
    a, b = group(150), group(90, "dg/dt = -g/(5*ms) : 1\n", "b")
    model = "w : 1\ndp/dt = -p/(20*ms) : 1 (event-driven)\ndq/dt = -q/(20*ms) : 1 (event-driven)"
    stdp = Synapses(
        a,
        b,
        model,
        on_pre="g_post += w*(1 + v_pre)\np += 0.01\nw = clip(w + q, 0, 1)",
        on_post="q -= 0.012\nw = clip(w + p, 0, 1)",
        delay={"pre": 0 * ms, "post": 0 * ms},
        name="stdp",
    )
    stdp.connect(i=rng.integers(0, 150, 900), j=rng.integers(0, 90, 900))
    stdp.w = 0.2 * rng.random(900)
    back = Synapses(b, a, on_pre="v_pre += 0.01\nv_post -= 0.02", name="back")  # equal delays of 0
    back.connect(i=rng.integers(0, 90, 300), j=rng.integers(0, 150, 300))
    return Network(a, b, stdp, back, spikes(a), spikes(b))


def chips_of_two_groups():
    """Blocks that hold neurons of two groups, beside a group that has no synapses."""
    a, b, free = group(300), group(180, "dg/dt = -g/(5*ms) : 1\n", "b"), group(77, name="free")
    to = Synapses(a, b, on_pre="g_post += 0.1*(1 + v_pre)", delay=0.3 * ms, name="to")
    to.connect(condition="i//5 == j//3")
    back = Synapses(b, a, on_pre="v_post -= 0.02", delay=0 * ms, name="back")
    back.connect(condition="i//3 == j//5 and (i + j) % 2 == 0")
    return Network(a, b, free, to, back, spikes(a), spikes(b), spikes(free))


def delays_that_differ():
    a = group(60)
    synapses = Synapses(a, a, on_pre="v_post += 0.01", name="s")
    synapses.connect(condition="i//6 == j//6")
    synapses.delay = "0.1*ms*(1 + (i + j) % 7)"
    return Network(a, synapses, spikes(a))


def much_that_is_not_known():
    """Shared variables, several clocks, summed variables, rate monitors, given spikes."""
    rng = np.random.default_rng(3)
    a = group(64, "total : 1 (shared)\nsum_w : 1\n")
    a.run_regularly("total += 1")
    a.run_regularly("v -= 0.01", dt=1 * ms)
    model = "w : 1\ndu/dt = -u/(7*ms) : 1 (clock-driven)\nsum_w_post = w*u : 1 (summed)"
    synapses = Synapses(a, a, model, on_pre="u += 1\nv_post += 0.001*w", name="s")
    pairs = rng.permutation(64 * 64)[:700]
    synapses.connect(i=pairs // 64, j=pairs % 64)
    synapses.w = rng.random(700)
    given = SpikeGeneratorGroup(3, [0, 1, 2, 0], [1, 2, 3, 50] * ms, name="given")
    late = Synapses(given, a, on_pre="v_post += 0.2", delay=2 * ms, name="late")
    late.connect()
    rate = PopulationRateMonitor(a, name="rate")
    state = StateMonitor(a, "v", record=[0, 9], dt=0.5 * ms, name="state")
    return Network(a, synapses, given, late, rate, state, spikes(a))


def random_spikes():
    seed(4)
    source, a = PoissonGroup(50, 100 * Hz, name="source"), group(20)
    synapses = Synapses(source, a, on_pre="v_post += 0.1*rand()", delay=0 * ms, name="s")
    synapses.connect(p=0.5)
    return Network(source, a, synapses, spikes(source), spikes(a))


def counted_spikes():
    """Neurons that see how many spikes a monitor has counted: no block may run ahead."""
    a = group(2000, "total : integer (linked)\nlow : 1\n")
    a.run_regularly("low = v - 0.00001*total")
    monitor = spikes(a, record=False)
    a.total = linked_var(monitor, "N")
    return Network(a, monitor)


def names():
    """Variables whose names the generated code might use itself, and a network and a constant."""
    a = group(130, "dk/dt = -k/(5*ms) : 1\ndn/dt = (k - n)/(5*ms) : 1\nstep : 1\n",
              reset="v = 0\nk += 1\nstep += plan", namespace={"plan": 0.5})  # fmt: skip
    return Network(a, spikes(a), name="plan")


def refractory_events():
    """Events that depend on what a threshold with a refractory period has done before them."""
    early, late = "not not_refractory", "not not_refractory and v > 0.5"
    a = group(50, refractory=1 * ms, events={"early": early, "late": late})
    a.set_event_schedule("early", when="before_thresholds")
    return Network(a, spikes(a), *(EventMonitor(a, e, name=f"at_{e}") for e in ("early", "late")))


def linked():
    """No neuron fires within 1 ms of the one before it, in the same step neither."""
    more = "before : second (linked)"
    a = group(50, more, threshold="v > 0.8 and t - before > 1*ms", refractory=1 * ms)
    a.before = linked_var(a, "lastspike", index=np.maximum(np.arange(50) - 1, 0))
    return Network(a, spikes(a))


def random_condition():
    """A random condition beside one that implies an event: numbers are drawn for all neurons."""
    seed(3)
    events = {"near": "v > 0.9", "seen": "rand() < 0.5 and v > 0.9"}
    a = group(50, threshold="v > 0.9 and rand() < 0.5", events=events)
    return Network(a, spikes(a), *(EventMonitor(a, e, name=f"at_{e}") for e in events))


@implementation(
    "cpp", "double counted(double v) { static double n = 0; n += 1; return fmod(n, 7)/7 + v; }"
)
@check_units(v=1, result=1)
def counted(v):
    raise RuntimeError("runs in C++ alone")


counted.stateless = False


def stateful_function():
    """A function that counts its calls, in two places: each has a count of its own."""
    a, b = (group(30, "x : 1\n", name, namespace={"counted": counted}) for name in "ab")
    for neurons in (a, b):
        neurons.run_regularly("x = counted(0)")
    return Network(a, b, spikes(a), spikes(b))


def no_synapses():
    a = group(1003)
    return Network(a, spikes(a))


@implementation(
    "cpp", "double looked_up(double v) { if (v < -0.1 || v > 1) exit(3); return 0.5*v; }"
)
@check_units(v=1, result=1)
def looked_up(v):
    raise RuntimeError("runs in C++ alone")


def not_for_any_state():
    """A function with a range, and whole numbers to divide by: no step is made in vain."""
    seen = {"seen": "z != 0 and 7 // z > 2"}
    more, names = "z : integer\nfired : integer\n", {"looked_up": looked_up}
    a = group(330, more, threshold="v > 0.9", events=seen, namespace=names)
    a.z = "i % 4"
    a.run_on_event("seen", "fired += 1")
    a.run_regularly("v += 0.0001*looked_up(v)")
    b = group(37, "k : integer\nx : integer\n", "b", reset="v = 0\nk = 990")
    b.k = 990
    b.run_regularly("k = k - 1\nx = x + 100 // k")
    return Network(a, b, spikes(a), spikes(b))


def noisy_chips():
    seed(6)
    return chips(sigma=0.5 * mV)


CASES = {
    "greedy": lambda: chips(),
    "not_greedy": lambda: chips(greedy=False),
    "exponential": lambda: chips(synapse="exponential"),
    "exponential_not_greedy": lambda: chips(synapse="exponential", greedy=False),
    "subtractive_fixed": lambda: chips(rule=None, reset="subtractive", scale=0.1),
    "learned_reset": lambda: chips(rule=LEARNED_RESET),
    "one_neuron_chips": lambda: chips(n_chips=5, n_neurons=1, rule=LEARNED_RESET),
    "large_chips": lambda: chips(n_chips=3, n_neurons=101, scale=0.05),
    "noisy_chips": noisy_chips,
    "pulses": pulses,
    "sparse_pair": sparse_pair,
    "chips_of_two_groups": chips_of_two_groups,
    "delays_that_differ": delays_that_differ,
    "much_that_is_not_known": much_that_is_not_known,
    "random_spikes": random_spikes,
    "no_synapses": no_synapses,
    "not_for_any_state": not_for_any_state,
    "counted_spikes": counted_spikes,
    "names": names,
    "refractory_events": refractory_events,
    "linked": linked,
    "random_condition": random_condition,
    "stateful_function": stateful_function,
}


#: Random numbers, C++ functions, code that depends on the order of neurons or synapses (numpy
#: executes it line by line), and arrays of exponentials (numpy has its own for AVX-512).
NOT_ON_NUMPY = ["noisy_chips", "random_spikes", "much_that_is_not_known", "pulses", "sparse_pair"]
NOT_ON_NUMPY += ["not_for_any_state", "linked", "random_condition", "stateful_function"]
#: Not in blocks. Blocks are refused only at run time where delays differ.
STEPWISE = ["noisy_chips", "much_that_is_not_known", "random_spikes", "linked", "random_condition"]
STEPWISE += ["stateful_function", "counted_spikes"]
SINGLE = ["greedy", "exponential_not_greedy", "pulses", "no_synapses"]


@pytest.mark.parametrize(
    ("case", "single"), [(c, False) for c in CASES] + [(c, True) for c in SINGLE]
)
def test_equal_to_brian2(case, single, tmp_path):
    """numpy gives the bits of cpp_standalone but for single precision and `NOT_ON_NUMPY`."""
    fused = simulate("cpp_fused", CASES[case], tmp_path / "fused", single=single)
    assert ("_ebn_plan.blocks.count()" in fused_code(tmp_path / "fused")) == (case not in STEPWISE)
    said = (tmp_path / "fused" / "results" / "stdout.txt").read_text()
    assert ("so Brian2's own code runs" in said) == (case == "delays_that_differ")
    reference = "cpp_standalone" if case in NOT_ON_NUMPY or single else "runtime"
    plain = simulate(reference, CASES[case], tmp_path / "plain", single=single)
    assert sum(v.sum() for k, v in plain.items() if k.endswith(".count")) > 10
    assert_same(fused, plain)


def test_memory(tmp_path, monkeypatch):
    """What is read and written lies within arrays, also where a block holds one group alone."""
    flags = ["-fsanitize=address,undefined", "-static-libasan", "-D_GLIBCXX_ASSERTIONS"]
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    monkeypatch.setattr(test_fused, "STRICT_FLAGS", (*STRICT_FLAGS, *flags))
    monkeypatch.setitem(prefs, "codegen.cpp.extra_link_args", flags)

    def make():
        a, b = group(3001), group(3001, name="b")
        pairs = Synapses(a, b, on_pre="v_post += 0.1", delay=0.3 * ms, name="pairs")
        pairs.connect(condition="i//7 == j//7 and i < 700")
        return Network(a, b, pairs, spikes(a), spikes(b))

    made = simulate("cpp_fused", make, tmp_path, duration=50 * ms)
    assert made["spikes_a.count"].sum() > 10


class TestSeveralRuns:
    """One after the other, of lengths that are no multiples of a chunk of steps."""

    @pytest.mark.parametrize("fallback", [None, "first", "second"])
    def test_equal(self, fallback, tmp_path):
        """Where one of the runs may need Brian2's own code, that stays at hand."""

        class Runs(Network):
            def run(self, duration, namespace):
                late = self["late"]
                late.active = fallback == "first"
                super().run(0.1234 * second, namespace=namespace, profile=fallback is None)
                late.active = fallback == "second"
                super().run(0.0567 * second, namespace=namespace, profile=fallback is None)

        def make():
            a = group(300, flag="(unless refractory)", refractory=3 * ms)
            one = Synapses(a, a, on_pre="v_post += 0.01", delay=0 * ms, name="one")
            late = Synapses(a, a, on_pre="v_post -= 0.01", name="late")  # a delay for each synapse
            one.connect(condition="i//6 == j//6")
            late.connect(condition="i//6 == j//6")
            return Runs(a, one, late, spikes(a))

        fused, plain = (
            simulate(device, make, tmp_path / device) for device in ("cpp_fused", "cpp_standalone")
        )
        assert plain["spikes_a.t"].max() > 0.17
        assert_same(fused, plain)


def test_preferences_as_brian2_comes(tmp_path, monkeypatch):
    """The code compiles as the C++ of 2011; results are near, since fast-math is on."""
    monkeypatch.setattr(test_fused, "STRICT_FLAGS", prefs["codegen.cpp.extra_compile_args_gcc"])
    fused, plain = (
        simulate(device, no_synapses, tmp_path / device, duration=20 * ms)
        for device in ("cpp_fused", "cpp_standalone")
    )
    assert plain["spikes_a.count"].sum() > 500
    np.testing.assert_allclose(fused["a.v"], plain["a.v"], atol=1e-9)


def test_delays_over_several_runs_are_refused(tmp_path):
    """Spikes under way at the end of a run would be lost: the program stops."""

    class TwoRuns(Network):
        def run(self, duration, namespace):
            super().run(duration, namespace=namespace)
            super().run(duration, namespace=namespace)

    with pytest.raises(RuntimeError, match="Project run failed"):
        simulate("cpp_fused", lambda: TwoRuns(pulses().objects), tmp_path)


def test_single_arithmetic_does_nearly_the_same(tmp_path):
    """Rounding differs from Brian2's, statistics do not."""
    fast = simulate("cpp_fused", chips, tmp_path / "a", single=True, single_arithmetic=True)
    exact = simulate("cpp_fused", chips, tmp_path / "b")
    counts = [made["spikes.count"].sum() for made in (fast, exact)]
    assert counts[0] == pytest.approx(counts[1], rel=0.02)
    assert np.mean(fast["recurrent.w"] == exact["recurrent.w"]) > 0.5
