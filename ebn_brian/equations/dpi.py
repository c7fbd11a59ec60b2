"""Current-mode neuron and synapse of the differential pair integrator (DPI), as Brian2 text.

All states are currents in ampere. Currents enter as ratios, so that single precision does not
underflow. Nothing here depends on the order in which spikes are handled.

Neuron (Chicca et al. 2014, Proc. IEEE 102; no adaptation, no positive feedback)::

    (1 + I_th/I_mem) tau dI_mem/dt = gain_n*I_in - I_th - I_mem,   gain_n = I_th/I_tau

Synapse (Bartolozzi and Indiveri 2007, Neural Comput. 19), one branch for excitation and one for
inhibition, each driven by the DAC codes that flow now::

    (1 + I_th/J) tau dJ/dt = gain*n*I_lsb - I_th - J
    tau dJ/dt = gain*n*I_lsb - J                              (linear limit)

Comparators, counter and pulse: Büchel et al. 2020 (arXiv:2010.14353), section III and eq. 4. The
decision is taken and latched at the onset of the extended pulse; the DAC's current flows until its
end, one fixed delay later, and then the counter moves.

Terms that an ideal circuit lacks, off by default:

- *slopes*: the pair that steers a current and the transistor that reads the capacitor out differ in
  subthreshold slope. With their ratio m (of n- and p-type transistors, kappa_n/kappa_p) a DPI
  integrates the m-th power of its output: ``I ~ J**(1/m)``, ``dJ/dt = m*(gain*n*I_lsb - J)/tau``.
- *conductance*: the synapses' output current falls with the membrane's voltage, ``log(I_mem)``,
  by the fraction ``early`` per e-fold (finite output conductance).
- comparator offset ``I_off``.

============ ======= ========== ==============================================================
symbol       unit    default    meaning
============ ======= ========== ==============================================================
``I_mem``    amp     I_0        membrane current
``I_in``     amp                input current of the neuron; never below zero where ``rectified``
``I_dc``     amp     0 A        constant input; it sets the resting current
``I_ext``    amp     0 A        further input: to be set, or the signals' with ``n_signals``
``F_j``      coulomb            feed-forward weight of signal j, charge for each unit of x
``drive(t, j)`` hertz           drive c of signal j, a TimedArray with one column a signal
``t_start``  second             when the constant input is switched on (``switched`` only)
``tau``      second             C_mem*Ut/(kappa*I_tau)
``gain_n``   1       1          I_th/I_tau of the neuron
``I_th``     amp                gain current of the neuron's DPI; with ``slope``, where it bends
``I_0``      amp                dark current: the floor of ``I_mem``
``slope``    1       1          slope ratio m of the neuron's DPI
``J_b``      amp     0 A        linear state of branch b (``e`` exciting, ``i`` inhibiting)
``I_b``      amp                output current of branch b
``n_b``      1       0          sum of the DAC codes that flow into branch b now, in LSB
``I_lsb``    amp                DAC unit current: one LSB of the counter
``tau_b``    second             C_syn*Ut/(kappa*I_tau) of branch b
``gain_b``   1       1          I_th/I_tau of branch b
``I_th_b``   amp                gain current of branch b (full form only)
``I_0_b``    amp                floor of ``J_b`` (full form only)
``slope_syn`` 1      1          slope ratio m of the synapses' DPIs
``early``    1       0          loss of synaptic current per e-fold of ``I_mem``
``I_early``  amp     I_rest     membrane current at which that loss is zero
``I_spk``    amp                spike threshold
``I_reset``  amp                reset
``t_ref``    second             refractory time; must exceed the pulse width
``I_ref``    amp                comparators' reference, I_rest in eq. 4
``I_off``    amp     0 A        comparators' offset, added to ``I_mem``
============ ======= ========== ==============================================================

The counter ``w``, its rails, ``kappa`` and the tolerance ``dead_zone = 2*I_SL`` are those of
`ebn_brian.plasticity.DiscreteRule`, with ``step`` in ampere and ``state = STATE``.
"""

from .. import checks
from ..plasticity import Rule
from . import drive

#: ``dI_mem/dt`` by form: the full one, its limit I_mem >> I_th, and the full one where the pair's
#: slope differs from that of the read-out.
NEURON = {
    "full": "(I_mem/(I_mem + I_th)*(gain_n*I_in - I_th - I_mem) + I_0)/tau",
    "linear": "(gain_n*I_in - I_mem)/tau",
    "slopes": "(I_mem*(gain_n*I_in/I_th/(1 + (I_mem/I_th)**slope) - 1) + I_0)/tau",
}
PARAMETERS = {
    "full": "I_th : amp\nI_0 : amp\n",
    "linear": "",
    "slopes": "I_th : amp\nI_0 : amp\nslope : 1\n",
}

#: Forms of a synaptic branch.
BRANCHES = ("full", "linear")

#: A spiking neuron: pass these to `NeuronGroup`, with ``refractory='t_ref'``.
THRESHOLD = "I_mem > I_spk"
RESET = "I_mem = I_reset"
SPIKING = "I_spk : amp\nI_reset : amp\nt_ref : second\n"

#: What the comparators see of the neuron, for `Rule.decide`.
STATE = "I_mem_post - I_ref_post + I_off_post"

#: The latched decision, beside `Rule.model`.
LATCH = "d : 1\n"

#: The DAC's code flows into the branch of its sign from onset to offset of the pulse.
FLOW = "n_e_post += gain*clip(w, 0, w_max)\nn_i_post += gain*clip(-w, 0, w_max)\n"
STOP = "n_e_post -= gain*clip(w, 0, w_max)\nn_i_post -= gain*clip(-w, 0, w_max)\n"

#: A synapse of fixed strength ``w`` (LSB); its pathways: `on_pre_fixed`.
FIXED = "w : 1\n"


def neuron(
    form: str = "full", slopes: bool = False, spiking: bool = False, held: bool = True
) -> str:
    """Equations of the neuron's membrane.

    Parameters
    ----------
    form
        ``'full'`` (log-domain, with ``I_th``) or ``'linear'`` (its limit I_mem >> I_th).
    slopes
        Whether the slope ratio ``slope`` is a parameter (full form only).
    spiking
        Whether threshold, reset and refractory time are parameters.
    held
        Whether a spiking neuron's membrane stays at its reset while refractory. Where an autapse
        is to be the reset it must not.

    Raises
    ------
    ValueError
        If `form` is unknown, or has no slopes.
    """
    checks.choice("form", form, ("full",) if slopes else ("full", "linear"))
    kind = "slopes" if slopes else form
    flag = " (unless refractory)" if spiking and held else ""
    return (
        f"dI_mem/dt = {NEURON[kind]} : amp{flag}\n{PARAMETERS[kind]}"
        "tau : second\ngain_n : 1\n" + (SPIKING if spiking else "")
    )


def branch(letter: str, form: str = "linear", slopes: bool = False) -> str:
    """Equations of one synaptic DPI: ``J_letter``, ``I_letter`` and the code ``n_letter``.

    With slopes the output is a root of ``J``; both forms of it agree at one LSB.
    """
    b, m = letter, "slope_syn*" if slopes else ""
    if checks.choice("form", form, BRANCHES) == "full":
        equations = (
            f"dJ_{b}/dt = {m}(J_{b}/(J_{b} + I_th_{b})*(gain_{b}*I_lsb*n_{b} - I_th_{b} - J_{b})"
            f" + I_0_{b})/tau_{b} : amp\nI_th_{b} : amp\nI_0_{b} : amp\n"
        )
    else:
        equations = f"dJ_{b}/dt = {m}(gain_{b}*I_lsb*n_{b} - J_{b})/tau_{b} : amp\n"
    one = f"gain_{b}*I_lsb"
    output = f"{one}*clip(J_{b}/({one}), 0, 1e9)**(1/slope_syn)" if slopes else f"J_{b}"
    return f"{equations}I_{b} = {output} : amp\nn_{b} : 1\ntau_{b} : second\ngain_{b} : 1\n"


#: The constant input is switched on at ``t_start``, in the right part of its time step.
SWITCH = "bias_on = clip((t - t_start)/dt + 1, 0, 1) : 1 (constant over dt)\nt_start : second\n"


def current(
    plus: str = "e",
    minus: str = "i",
    conductance: bool = False,
    switched: bool = False,
    n_signals: int = 0,
    rectified: bool = True,
) -> str:
    """Equations of the neuron's input: constant, external, branches `plus` less those `minus`.

    The other arguments are those of `model`.
    """
    net = " + ".join(f"I_{b}" for b in plus) + "".join(f" - I_{b}" for b in minus)
    loss = "*clip(1 - early*log(I_mem/I_early), 0, 10)" if conductance else ""
    # clip names the sum once, so it is computed once; no current here comes near 1 A
    net_input = "clip(I_sum, 0*amp, 1*amp)" if rectified else "I_sum"
    return (
        f"I_syn = ({net}){loss} : amp\n"
        f"I_sum = I_dc{'*bias_on' if switched else ''} + I_ext + I_syn : amp\n"
        f"I_in = {net_input} : amp\n"
        "I_dc : amp\nI_lsb : amp\n"
        + external(n_signals)
        + ("early : 1\nI_early : amp\n" if conductance else "")
        + (SWITCH if switched else "")
    )


#: The signals' current, by name; see `equations.drive`.
EXTERNAL = "I_ext"


def external(n_signals: int = 0) -> str:
    """Equations of ``I_ext``: a parameter, or the current of `n_signals` columns of ``drive``."""
    if n_signals == 0:
        return "I_ext : amp\n"
    return drive.model(EXTERNAL, "amp", "coulomb", n_signals)


def model(
    form: str = "full",
    slopes: bool = False,
    conductance: bool = False,
    spiking: bool = False,
    held: bool = True,
    inhibition: str = "linear",
    fixed: bool = False,
    switched: bool = False,
    n_signals: int = 0,
    rectified: bool = True,
) -> str:
    """Equations of neuron, branches and comparator inputs, to print or to hand to a `NeuronGroup`.

    Parameters
    ----------
    form, slopes, spiking, held
        As in `neuron`; `slopes` holds for the synapses too.
    conductance
        Whether the synapses' output has a finite conductance, ``early``.
    inhibition
        Form of the inhibiting branch, ``'linear'`` or ``'full'``. The exciting one is linear.
    fixed
        Whether there is a third branch ``f`` for a fixed exciting synapse with a DPI of its own.
    switched
        Whether the constant input is off until ``t_start``.
    n_signals
        Columns of the `TimedArray` ``drive`` that make up ``I_ext``; with 0 it is a parameter.
    rectified
        Whether the sum of the inputs ends at zero, as where one transistor carries it to the DPI.
        Otherwise what is below zero discharges the membrane faster than its leak.
    """
    text = (
        neuron(form, slopes, spiking, held)
        + current("ef" if fixed else "e", "i", conductance, switched, n_signals, rectified)
        + branch("e", "linear", slopes)
        + branch("i", inhibition, slopes)
    )
    if fixed:
        text += branch("f", "linear", slopes)
    return text + ("slope_syn : 1\n" if slopes else "") + "I_ref : amp\nI_off : amp\n"


def on_pre(rule: Rule) -> dict[str, str]:
    """Pathways of a plastic synapse: pass ``delay={'offset': width}`` along.

    At onset the decision is latched and the DAC's code flows; at offset it stops and the weight
    changes.
    """
    return {"onset": rule.decide(STATE) + FLOW, "offset": STOP + rule.change}


def on_pre_fixed(letter: str = "e") -> dict[str, str]:
    """Pathways of a synapse of fixed strength through branch `letter`, as in `on_pre`."""
    return {"onset": f"n_{letter}_post += w\n", "offset": f"n_{letter}_post -= w\n"}
