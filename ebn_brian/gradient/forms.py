"""A trained network as Brian2 text, in two forms.

``'gated'`` is what was trained: a neuron charges its synapses while it crosses the gate, so all
neurons act in all time steps. ``'spiking'`` is its limit for a narrow gate about the same centre:
a neuron acts by spikes, and only spikes cost work. On a neuron with a negative threshold they have
the sign of its potential.
"""

from dataclasses import dataclass

from brian2 import Quantity, get_dimensions, second
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SingleEquation

from .. import checks
from ..rule import Rule, unit_name
from .neuron import GATES, Neuron

FORMS = ("gated", "spiking")


@dataclass(frozen=True)
class Text:
    """What a `NeuronGroup`, its synapses and its readout are made from."""

    neurons: str
    threshold: str
    reset: str
    start: str
    """Statements at the start of a step, none in the spiking form."""
    charge: str
    """Statements after the groups, none in the spiking form."""
    synapses: dict[str, tuple[str, str]]
    """Model and statements at a presynaptic spike of the ``slow`` and ``fast`` synapses."""
    readout: tuple[str, str, str]
    """Equations of the readout, and model and statements of the synapses that lead there."""


def text(neuron: Neuron, n_inputs: int, form: str = "spiking") -> Text:
    """The text of one form; names are those of `network.Network`.

    ``signal(t, j)`` is a `TimedArray` whose columns from ``column`` on are a neuron's inputs.
    """
    checks.choice("form", form, FORMS)
    n_inputs = checks.count("n_inputs", n_inputs)
    sign = "sign(v)*" if neuron.gate == "both" else ""
    above = "abs(v)" if neuron.gate == "both" else "v"
    common = _membrane(neuron, n_inputs)
    jump = f"v -= {sign}v_jump"
    if form == "gated":
        return _gated(neuron, common, f"{above} > v_th", jump)
    return _spiking(neuron, common, f"{above} > v_spike", jump, sign.replace("v", "v_pre"))


def _line(equation: SingleEquation) -> str:
    """An equation as it was typed. (Brian2's own text calls a plain number a radian.)"""
    name, unit = equation.varname, unit_name(equation.dim)
    if equation.type == PARAMETER:
        return f"{name} : {unit}"
    left = f"d{name}/dt" if equation.type == DIFFERENTIAL_EQUATION else name
    return f"{left} = {equation.expr.code} : {unit}"


def _membrane(neuron: Neuron, n_inputs: int) -> str:
    """The user's own equations, their parameters, and the input."""
    unit, v_unit = unit_name(neuron.parsed["I"].dim), unit_name(neuron.parsed["v"].dim)
    own = [_line(equation) for name, equation in neuron.parsed.items() if name != "I"]
    own += [
        f"{name} : {unit_name(get_dimensions(value))}"
        for name, value in neuron.parameters.items()
        if name not in neuron.parsed
    ]
    external = " + ".join(f"U_{j}*signal(t, column + {j})" for j in range(n_inputs))
    lines = [
        *own,
        f"I = I_slow + I_fast + I_in + I_o : {unit}",
        f"I_in = {external} : {unit}",
        *(f"U_{j} : {unit}" for j in range(n_inputs)),
        f"I_o : {unit}",
        "column : integer",
        f"v_jump : {v_unit}",
        "tau : second",
        "tau_f : second",
    ]
    return "\n".join(lines) + "\n"


def _weights(neuron: Neuron) -> str:
    """Model of a synapse: weight, and factor of its own."""
    unit = unit_name(neuron.parsed["I"].dim * second.dim)
    return f"w : {unit}\ngain : 1\n"


def learning_synapses(neuron: Neuron, rule: Rule) -> tuple[str, str]:
    """Model and statements of fast synapses in the spiking form that learn by a `rule`."""
    sign = "sign(v_pre)*" if neuron.gate == "both" else ""
    unit = Quantity.with_dimensions(1, neuron.parsed["v"].dim)
    act = f"I_fast_post += {sign}gain*w*step/tau_f_post"
    return rule.model(unit), rule.on_pre(f"{sign}v_post") + act


def _gated(neuron: Neuron, common: str, threshold: str, reset: str) -> Text:
    unit, v_unit = unit_name(neuron.parsed["I"].dim), unit_name(neuron.parsed["v"].dim)
    model = common + (
        f"I_slow : {unit}\nI_fast : {unit}\nds/dt = -s/tau : Hz\nds_f/dt = -s_f/tau_f : Hz\n"
        f"G : 1\nv_th : {v_unit}\nDelta : {v_unit}\n"
    )
    G = GATES[neuron.gate][0]
    charge = f"charge = {G} - G\ns += charge/tau\ns_f += charge/tau_f"
    synapses = {
        kind: (_weights(neuron) + f"I_{kind}_post = gain*w*{s}_pre : {unit} (summed)\n", "")
        for kind, s in (("slow", "s"), ("fast", "s_f"))
    }
    readout = ("o : 1\n", "w : second\no_post = w*s_pre : 1 (summed)\n", "")
    return Text(model, threshold, reset, f"G = {G}", charge, synapses, readout)


def _spiking(neuron: Neuron, common: str, threshold: str, reset: str, sign: str) -> Text:
    unit, v_unit = unit_name(neuron.parsed["I"].dim), unit_name(neuron.parsed["v"].dim)
    model = common + (
        f"dI_slow/dt = -I_slow/tau : {unit}\ndI_fast/dt = -I_fast/tau_f : {unit}\n"
        f"v_spike : {v_unit}\n"
    )
    synapses = {
        kind: (_weights(neuron), f"I_{kind}_post += {sign}gain*w/{tau}_post")
        for kind, tau in (("slow", "tau"), ("fast", "tau_f"))
    }
    readout = ("do/dt = -o/tau : 1\ntau : second\n", "w : second\n", f"o_post += {sign}w/tau_post")
    return Text(model, threshold, reset, "", "", synapses, readout)
