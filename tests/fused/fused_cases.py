"""Every kind of network, for the fused device."""

import numpy as np
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
    linked_var,
    ms,
    mV,
    seed,
)
from fused_functions import (
    guarded_functions,
    not_for_any_state,
    own_generator,
    stateful_function,
)
from fused_helpers import chips, group, spikes

import ebn_brian as ebn

LEARNED_RESET = ebn.DiscreteRule.calm(learn_reset=True, n_bits=8)


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


def monitored():
    """Blocks with all monitors, and with what is done now and then, before a step and after it."""
    network = pulses()
    neurons = network["a"]
    neurons.run_regularly("v -= 0.01*v", dt=1 * ms, when="start")
    neurons.run_regularly("g *= 0.9", dt=3.7 * ms, when="end", order=1)
    part = neurons[5:200]
    order = np.array([300, 7, 7, 0, 329, 150])
    monitors = (
        StateMonitor(neurons, ["v", "not_refractory"], record=order, name="every_step"),
        StateMonitor(neurons, "v", record=True, dt=1 * ms, name="at_start"),
        StateMonitor(neurons, "g", record=[3], dt=2.3 * ms, when="end", order=1, name="at_end"),
        PopulationRateMonitor(neurons, name="rate"),
        PopulationRateMonitor(part, name="rate_of_part"),
    )
    return Network(*network.objects, *monitors)


def delays_that_differ():
    a = group(60)
    synapses = Synapses(a, a, on_pre="v_post += 0.01", name="s")
    synapses.connect(condition="i//6 == j//6")
    synapses.delay = "0.1*ms*(1 + (i + j) % 7)"
    return Network(a, synapses, spikes(a))


def some_delays_that_differ():
    """One step at a time, beside a pathway whose delays are alike and one without any."""
    network = delays_that_differ()
    a = network["a"]
    seed(5)
    a.run_regularly("v += 0.01*rand()")
    alike = Synapses(a, a, on_pre="v_post += 0.02", on_post="v_pre -= 0.01", name="alike")
    alike.connect(j="(i + 1) % N_post")
    alike.pre.delay = 0.4 * ms
    network.add(alike, StateMonitor(a, "v", record=[0, 7], name="state"))
    return network


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
    """Variables whose names the generated code might use itself, and a network and constants."""
    a = group(130, "dk/dt = -k/(5*ms) : 1\ndn/dt = (k - n)/(5*ms) : 1\nstep : 1\n",
              reset="v = 0\nk += 1\nstep += plan*WIDTH",
              namespace={"plan": 0.5, "WIDTH": 3.0})  # fmt: skip
    a.run_regularly("n += 0.001*WIDTH")
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


def pacemaker():
    """A group without a state of its own that drives another one."""
    a = group(30)
    pacing = "t > 20*ms and t < 22*ms"
    b = NeuronGroup(5, "", threshold=pacing, reset="", name="b")
    drives = Synapses(b, a, on_pre="v_post += 0.05", name="drives")
    drives.connect(j="6*i + k for k in range(6)")
    return Network(a, b, drives, spikes(a), spikes(b, record=False))


def changing_period():
    """A refractory period that goes on growing, and a whole number's sign."""
    a = group(30, "k : integer\ninverse : 1\n", refractory="2*ms + t/10")
    a.run_regularly("inverse = 1/(-k*v)")
    return Network(a, spikes(a))


def no_synapses():
    a = group(1003)
    return Network(a, spikes(a))


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
    "dpi_chips": lambda: chips(rule=LEARNED_RESET, kind=ebn.dpi_chips),
    "noisy_chips": noisy_chips,
    "pulses": pulses,
    "sparse_pair": sparse_pair,
    "chips_of_two_groups": chips_of_two_groups,
    "monitored": monitored,
    "delays_that_differ": delays_that_differ,
    "some_delays_that_differ": some_delays_that_differ,
    "much_that_is_not_known": much_that_is_not_known,
    "random_spikes": random_spikes,
    "no_synapses": no_synapses,
    "pacemaker": pacemaker,
    "changing_period": changing_period,
    "not_for_any_state": not_for_any_state,
    "counted_spikes": counted_spikes,
    "names": names,
    "refractory_events": refractory_events,
    "linked": linked,
    "random_condition": random_condition,
    "stateful_function": stateful_function,
    "own_generator": own_generator,
    "guarded_functions": guarded_functions,
}


OWN_FUNCTIONS = ["stateful_function", "own_generator", "guarded_functions"]
#: Random numbers, C++ functions, code that depends on the order of neurons or synapses (numpy
#: executes it line by line), and arrays of exponentials (numpy has its own for AVX-512).
NOT_ON_NUMPY = [
    "monitored",
    "noisy_chips",
    "random_spikes",
    "much_that_is_not_known",
    "pulses",
    "sparse_pair",
]
NOT_ON_NUMPY += ["not_for_any_state", "linked", "random_condition", *OWN_FUNCTIONS]
#: Not in blocks. Blocks are refused only at run time where delays differ.
STEPWISE = ["noisy_chips", "much_that_is_not_known", "random_spikes", "linked", "random_condition"]
STEPWISE += ["counted_spikes", "some_delays_that_differ", *OWN_FUNCTIONS]
SINGLE = ["greedy", "exponential_not_greedy", "pulses", "no_synapses"]
