"""Current-mode neuron and synapse of the differential pair integrator (DPI), as Brian2 text.

All states are currents in ampere. Currents enter as ratios, so that single precision does not
underflow. Nothing here depends on the order in which spikes are handled.

Neuron (Chicca et al. 2014, Proc. IEEE 102; no adaptation, no positive feedback)::

    (1 + I_th/I_mem) tau dI_mem/dt = gain_n*I_in - I_th - I_mem,   gain_n = I_th/I_tau

Synapse (Bartolozzi and Indiveri 2007, Neural Comput. 19) far above its gain current, one branch for
excitation and one for inhibition, each driven by the DAC codes that flow now::

    tau_b dJ_b/dt = gain_b*n_b*I_lsb - J_b

Comparators, counter and pulse: Büchel et al. 2020 (arXiv:2010.14353), section III and eq. 4. The
decision is taken and latched at the onset of the extended pulse; the DAC's current flows until its
end, one fixed delay later, and then the counter moves.

That is the ideal circuit. What its transistors do besides are the `TERMS`; each bears the name of
its parameter and has the ideal circuit as its limit. None is there unless asked for.

============ ======= ========== ==============================================================
symbol       unit    default    meaning
============ ======= ========== ==============================================================
``I_mem``    amp     I_0        membrane current; the state, unless there is ``I_s_mem``
``J_mem``    amp     I_0        the state with ``I_s_mem``: the read-out if weakly inverted
``I_in``     amp                what the neuron's pair steers
``I_sum``    amp                what flows into it; it ends at zero where ``rectified``
``I_dc``     amp     0 A        constant input; it sets the resting current
``I_ext``    amp     0 A        further input: to be set, or the signals' with ``n_signals``
``I_syn``    amp                output of the synapses
``F_j``      coulomb            feed-forward weight of signal j, charge for each unit of x
``drive(t, j)`` hertz           drive c of signal j, a TimedArray with one column a signal
``t_start``  second  0 s        when the constant input is switched on
``tau``      second             C_mem*Ut/(kappa*I_tau)
``gain_n``   1       1          I_th/I_tau of the neuron
``I_th``     amp                gain current of the neuron's DPI
``I_0``      amp                dark current: the floor of the state
``slope``    1       1          slope ratio of the neuron's pair
``leak``     1       0          exponent by which the neuron's leak grows with the state
``I_leak``   amp                the state at which the leak is I_tau
``I_s_mem``  amp     infinite   specific current of the membrane's read-out
``I_s_in``   amp     infinite   specific current of the reference of the neuron's pair
``J_b``      amp     0 A        linear state of branch b: ``e`` excites, ``i`` inhibits, ``f`` too
``I_b``      amp                output current of branch b
``n_b``      1       0          sum of the DAC codes that flow into branch b now, in LSB
``I_lsb``    amp                DAC unit current: one LSB of the counter
``tau_b``    second             C_syn*Ut/(kappa*I_tau) of branch b
``gain_b``   1       1          I_th/I_tau of branch b
``slope_b``  1       1          slope ratio of the pair of branch b
``I_s_b``    amp     infinite   specific current of the read-out of branch b
``eps``      1       0          of the synapse: two bits of its DAC differ by ``2*(1 - eps)``
``I_spk``    amp                spike threshold
``I_reset``  amp                reset
``t_ref``    second             refractory time; must exceed the pulse width
``I_ref``    amp                comparators' reference, I_rest in eq. 4
``I_off``    amp     0 A        comparators' offset, added to ``I_mem``
============ ======= ========== ==============================================================

The counter ``w``, its rails, ``kappa`` and the tolerance ``dead_zone = 2*I_SL`` are those of
`ebn_brian.plasticity.DiscreteRule`, with ``step`` in ampere and ``state = STATE``.
"""

from collections.abc import Collection

from brian2 import Quantity

from .. import checks
from ..rule import UNBOUNDED, Rule
from . import drive, homeostasis

#: What an ideal circuit lacks, by the parameter that brings it in: the transistor it stands for.
TERMS = {
    "slope": "the neuron's pair: it steers by another subthreshold slope than the read-out's",
    "leak": "the neuron's leak: it grows with the membrane's voltage",
    "I_s_mem": "the membrane's read-out: moderately inverted",
    "I_s_in": "the reference of the neuron's pair, which carries all input: moderately inverted",
    **{f"slope_{b}": f"the pair of branch {b}: as slope" for b in "eif"},
    **{f"I_s_{b}": f"the read-out of branch {b}: as I_s_mem" for b in "eif"},
    "eps": "the DAC: its transistors are not quite in the ratio of two",
    "t_start": "the bias of the constant input: it comes on late",
}
Terms = Collection[str]

#: The neuron far above ``I_th``, in place of `neuron`: a leaky integrator.
LINEAR = "dI_mem/dt = (gain_n*I_in - I_mem)/tau : amp\ntau : second\ngain_n : 1\n"

#: A spiking neuron: pass it to `NeuronGroup`, with ``refractory='t_ref'``, and `reset`.
THRESHOLD = "I_mem > I_spk"
#: How a spike ends: by a `reset`, which holds while the neuron is refractory, or by its autapse.
SPIKES = {"reset": " (unless refractory)", "autapse": ""}

#: Inputs of the comparators, beside the membrane, and what they see, for `Rule.decide`.
COMPARATORS = "I_ref : amp\nI_off : amp\n"
STATE = "I_mem_post - I_ref_post + I_off_post"

#: The latched decision, beside `Rule.model`.
LATCH = "d : 1\n"

#: A synapse of fixed strength ``w`` (LSB); its pathways: `on_pre_fixed`.
FIXED = "w : 1\n"


def moderate(J: str, I_s: str) -> str:
    """Current of a transistor whose gate would drive `J` through it in weak inversion.

    ``I_s*log(1 + sqrt(J/I_s))**2``, the interpolation of Enz, Krummenacher and Vittoz (EKV) 1995,
    Analog Integr. Circuits Signal Process. 8; `I_s` is the specific current, at which inversion is
    moderate. It is `J` where `I_s` is infinite.
    """
    return f"{I_s}*log(1 + sqrt({J}/{I_s}))**2"


def weak(I: str, I_s: str) -> str:  # noqa: E741
    """The inverse of `moderate`: what a weakly inverted transistor carries beside one with `I`."""
    return f"{I_s}*(exp(sqrt({I}/{I_s})) - 1)**2"


def known(terms: Terms) -> frozenset[str]:
    """The `terms`, if all of them are of `TERMS`; ValueError if not."""
    return frozenset(checks.choice("term", term, TERMS) for term in terms)


def neuron(terms: Terms = (), spikes: str | None = None, homeostatic: bool = False) -> str:
    """Equations of the neuron's membrane.

    Parameters
    ----------
    terms
        Those of `TERMS` that it has.
    spikes
        None: it does not spike. Otherwise one of `SPIKES`: whether ``I_reset`` or an autapse, which
        needs the membrane to move while it is refractory, ends the spike.
    homeostatic
        Whether a spiking neuron sets its own threshold (see `equations.homeostasis`).

    Raises
    ------
    ValueError
        If a term or `spikes` is unknown.
    """
    terms = known(terms)
    flag = "" if spikes is None else SPIKES[checks.choice("spikes", spikes, SPIKES)]
    state = "J_mem" if "I_s_mem" in terms else "I_mem"
    threshold = homeostasis.model("I_spk") if homeostatic else "I_spk : amp\n"
    return (
        f"d{state}/dt = {_rate(state, terms)}/tau : amp{flag}\n"
        + (f"I_mem = {moderate('J_mem', 'I_s_mem')} : amp\nI_s_mem : amp\n" if "J" in state else "")
        + "tau : second\ngain_n : 1\nI_th : amp\nI_0 : amp\n"
        + ("slope : 1\n" if "slope" in terms else "")
        + ("leak : 1\nI_leak : amp\n" if "leak" in terms else "")
        + (f"{threshold}I_reset : amp\nt_ref : second\n" if spikes else "")
    )


def reset(terms: Terms = ()) -> str:
    """Statement that resets a spiking neuron to ``I_reset``."""
    if "I_s_mem" in known(terms):
        return f"J_mem = {weak('I_reset', 'I_s_mem')}"
    return "I_mem = I_reset"


def floor(terms: Terms = ()) -> str:
    """Statement that keeps the state at its dark current, after each step.

    Where the input is not rectified, a strong negative one would carry it below zero within one
    step, where the equation runs away; no current does.
    """
    state = "J_mem" if "I_s_mem" in known(terms) else "I_mem"
    return f"{state} = clip({state}, I_0, 1*amp)"


def _rate(x: str, terms: Terms) -> str:
    """``tau`` times the derivative of the state `x`."""
    if "slope" not in terms and "leak" not in terms:
        return f"({x}/({x} + I_th)*(gain_n*I_in - I_th - {x}) + I_0)"
    # a large negative input takes the middle of a step below zero, which powers do not know
    bend = f"clip({x}/I_th, 0, 1e9)**slope" if "slope" in terms else f"{x}/I_th"
    leak = f"clip({x}/I_leak, 0, 1e9)**leak" if "leak" in terms else "1"
    return f"({x}*(gain_n*I_in/I_th/(1 + {bend}) - {leak}) + I_0)"


def pair(terms: Terms = (), rectified: bool = True) -> str:
    """Equations of the neuron's input pair: all that flows into it, and what it steers.

    Parameters
    ----------
    terms
        Those of `TERMS` that it has.
    rectified
        Whether the sum of the inputs ends at zero, as where one transistor carries it to the pair.
        Otherwise what is below zero discharges the membrane faster than its leak, as through a
        second pair.
    """
    terms = known(terms)
    switched = "t_start" in terms
    text = f"I_sum = I_dc{'*bias_on' if switched else ''} + I_ext + I_syn : amp\nI_dc : amp\n"
    if switched:  # in the right part of its time step
        text += "bias_on = clip((t - t_start)/dt + 1, 0, 1) : 1 (constant over dt)\n"
        text += "t_start : second\n"
    # clip names the sum once, so it is computed once; no current here comes near 1 A
    net = "clip(I_sum, 0*amp, 1*amp)" if rectified else "I_sum"
    if "I_s_in" in terms:
        net = weak(net, "I_s_in") if rectified else f"sign(I_sum)*{weak('abs(I_sum)', 'I_s_in')}"
        text += "I_s_in : amp\n"
    return f"{text}I_in = {net} : amp\n"


#: The signals' current, by name; see `equations.drive`.
EXTERNAL = "I_ext"


def external(n_signals: int = 0) -> str:
    """Equations of ``I_ext``: a parameter, or the current of `n_signals` columns of ``drive``."""
    if n_signals == 0:
        return "I_ext : amp\n"
    return drive.model(EXTERNAL, "amp", "coulomb", n_signals)


def branch(letter: str, terms: Terms = (), pulse: str = "") -> str:
    """Equations of one synaptic DPI: ``J_letter``, ``I_letter`` and the code ``n_letter``.

    With a slope the output is a root of ``J``; both are equal at one LSB. Where `pulse` is given,
    say ``pulse(t)``, that part of the code flows.
    """
    terms = known(terms)
    b, m, I_s = letter, f"slope_{letter}", f"I_s_{letter}"
    one, output, more = f"gain_{b}*I_lsb", f"J_{b}", ""
    flow = f"n_{b}*{pulse}" if pulse else f"n_{b}"
    if m in terms:
        # a branch at rest costs little: neither subnormal numbers, nor powers but those of zero
        flow = f"({flow} + 1e-12)"
        output = f"{one}*clip(J_{b}/({one}) - 1e-9, 0, 1e9)**(1/{m})"
        more += f"{m} : 1\n"
    if I_s in terms:
        more += f"y_{b} = {output if m in terms else f'clip(J_{b}, 0*amp, 1*amp)'} : amp\n"
        output = moderate(f"y_{b}", I_s)
        more += f"{I_s} : amp\n"
    return (
        f"dJ_{b}/dt = {f'{m}*' if m in terms else ''}({one}*{flow} - J_{b})/tau_{b} : amp\n"
        f"I_{b} = {output} : amp\nn_{b} : 1\ntau_{b} : second\ngain_{b} : 1\n{more}"
    )


def synapses(terms: Terms = (), exciting: str = "e", inhibiting: str = "i", pulse: str = "") -> str:
    """Equations of the neuron's synapses: a `branch` a letter, and the sum of their outputs."""
    plus = " + ".join(f"I_{b}" for b in exciting)
    minus = "".join(f" - I_{b}" for b in inhibiting)
    branches = "".join(branch(b, terms, pulse) for b in exciting + inhibiting)
    return f"I_syn = {plus}{minus} : amp\nI_lsb : amp\n{branches}"


def model(terms: Terms = (), n_signals: int = 0) -> str:
    """Equations of a silent neuron, its synapses and the comparators' inputs, all in one.

    Parameters
    ----------
    terms
        Those of `TERMS` that it has; none: the ideal circuit.
    n_signals
        Columns of the `TimedArray` ``drive`` that make up ``I_ext``; with 0 it is a parameter.
    """
    return neuron(terms) + pair(terms) + external(n_signals) + synapses(terms) + COMPARATORS


def dac(rule: Rule, terms: Terms = (), homeostatic: bool = False) -> tuple[str, str]:
    """Statements that let the DAC's current flow and that stop it, where it is `homeostatic` if
    the synapse is switched on.

    With ``eps`` it is ``sum_k bit_k(|w|)*(2*(1 - eps))**k`` LSB instead of ``|w|``.

    Raises
    ------
    ValueError
        If there is ``eps`` and the rule's counter has no rails, and so no bits.
    """
    gain = "coupled*gain" if homeostatic else "gain"
    if "eps" not in known(terms):
        flow, stop = (
            f"n_e_post {sign}= {gain}*clip(w, 0, w_max)\n"
            f"n_i_post {sign}= {gain}*clip(-w, 0, w_max)\n"
            for sign in "+-"
        )
        return flow, stop
    if rule.w_max >= UNBOUNDED:
        raise ValueError(f"rule={rule}: a DAC of unequal bits (eps) needs a counter of n_bits")
    top = int(rule.w_max).bit_length() - 1
    n = f"n_dac = floor(abs(w)/{2**top})\n" + "".join(
        f"n_dac = floor(abs(w)/{2**k}) - 2*floor(abs(w)/{2 ** (k + 1)}) + 2*(1 - eps)*n_dac\n"
        for k in reversed(range(top))
    )
    flow, stop = (
        f"{n}n_e_post {sign}= {gain}*n_dac*int(w > 0)\nn_i_post {sign}= {gain}*n_dac*int(w < 0)\n"
        for sign in "+-"
    )
    return flow, stop


def on_pre(rule: Rule, terms: Terms = (), homeostatic: bool = False) -> dict[str, str]:
    """Pathways of a plastic synapse: pass ``delay={'offset': width}`` along.

    At onset the decision is latched and the DAC's code flows; at offset it stops and the weight
    changes.
    """
    flow, stop = dac(rule, terms, homeostatic)
    decide = rule.decide(STATE) + homeostasis.LEARN_IF_COUPLED * homeostatic
    return {"onset": decide + flow, "offset": stop + rule.change}


def plastic(rule: Rule, unit: Quantity, terms: Terms = (), homeostatic: bool = False) -> str:
    """Equations of a plastic synapse; `unit` is the current that ``|D|**2 = 1`` stands for."""
    eps = "eps : 1\n" if "eps" in known(terms) else ""
    return rule.model(unit) + LATCH + eps + homeostasis.SWITCH * homeostatic


def on_pre_fixed(letter: str = "e") -> dict[str, str]:
    """Pathways of a synapse of fixed strength through branch `letter`, as in `on_pre`."""
    return {"onset": f"n_{letter}_post += w\n", "offset": f"n_{letter}_post -= w\n"}
