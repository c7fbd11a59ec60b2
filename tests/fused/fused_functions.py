"""Networks with C++ functions of the user's own, for the fused device."""

from brian2 import (
    EventMonitor,
    Function,
    Network,
    StateMonitor,
    Synapses,
    check_units,
    implementation,
    ms,
)
from fused_helpers import group, spikes


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


@implementation(
    "cpp", "double looked_up(double v) { if (v < -0.1 || v > 1) exit(3); return 0.5*v; }"
)
@check_units(v=1, result=1)
def looked_up(v):
    raise RuntimeError("runs in C++ alone")


looked_up.pure = True


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


GENERATOR = """
static uint64_t state = 88172645463325252ULL;
double own_draw(double scale) {
    state ^= state << 13; state ^= state >> 7; state ^= state << 17;
    return scale * (double)(state >> 11) / 9007199254740992.0;
}
"""


@implementation("cpp", GENERATOR)
@check_units(scale=1, result=1)
def own_draw(scale):
    raise RuntimeError("runs in C++ alone")


def own_generator():
    """A random generator of the user's own, which Brian2 takes for stateless, in every place."""
    more = "one : 1\nx : 1\nseen = own_draw(one) : 1\ntotal : 1\n"
    a = group(
        100,
        more + "du/dt = (own_draw(one) - u)/(5*ms) : 1\n",
        threshold="v > 0.8 + 0.2*own_draw(one)",
        reset="v = 0.1*own_draw(one)",
        refractory="own_draw(one)*2*ms",
        events={"at_random": "own_draw(one) < 0.01"},
        namespace={"own_draw": own_draw},
    )
    a.one = 1
    a.run_on_event("at_random", "x += own_draw(one)")
    a.run_regularly("v += 0.01*own_draw(one)")
    s = Synapses(
        a,
        a,
        "w : 1\ntotal_post = w*own_draw(one_pre) : 1 (summed)",
        on_pre="v_post += 0.001*own_draw(one_post)",
        on_post="w = own_draw(one_pre)",
        delay={"pre": 0.2 * ms, "post": 0 * ms},
        name="s",
        namespace={"own_draw": own_draw},
    )
    s.connect(condition="(i + j) % 9 == 0")
    state = StateMonitor(a, "seen", record=[0, 3], dt=1 * ms, name="state")
    events = EventMonitor(a, "at_random", variables="seen", name="events")
    events.namespace = state.namespace = {"own_draw": own_draw}
    return Network(a, s, spikes(a), events, state)


GUARDED = """
#ifndef HELPER
#define HELPER
inline double helper(double x) {{ return x*(1 - x); }}
#endif
double {name}(double x) {{ return {scale}*helper(x); }}
"""


def guarded_functions():
    """Two functions, and each has a copy of a third that may stand but once in a file."""
    functions = {}
    for name, scale in (("once", 0.1), ("twice", 0.2)):
        function = Function(lambda x: x, arg_units=[1], return_unit=1)
        code = GUARDED.format(name=name, scale=scale)
        function.implementations.add_implementation("cpp", code, name=name)
        function.pure = True
        functions[name] = function
    a = group(50, "x : 1\n", reset="v = once(x)", namespace=functions)
    a.x = "0.01*i"
    a.run_regularly("x = twice(x)/0.2*4")
    return Network(a, spikes(a))
