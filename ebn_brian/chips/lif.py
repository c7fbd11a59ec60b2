"""Chips of LIF neurons, many in one group.

One simulation runs them all. The schedule of a time step has no spike order in it, so it means the
same on every target of Brian2::

    before_thresholds 0   candidates: the neurons above threshold      (greedy selection only)
    before_thresholds 1   a candidate forgets what it counted before
    before_thresholds 2   candidates of a chip compare themselves; the best may spike
    thresholds            spikes
    synapses -2           learn: reads the potential, changes the weight
    synapses -1           act: adds the weight to the potential
    resets                absolute or subtractive
"""

from typing import Any

import numpy as np
from brian2 import BrianObject, NeuronGroup, Quantity, Synapses, TimedArray, ms, mV
from numpy.typing import ArrayLike

from .. import balance, checks
from ..checks import Floats
from ..equations import homeostasis, lif, traces
from ..plasticity import FeedforwardRule, Fixed
from ..rule import Rule
from .chips import (
    Blueprint,
    Chips,
    check_learns,
    check_name,
    chips_given,
    feed,
    homeostatic_parameters,
    initial_weights,
    population,
    recurrent_synapses,
    set_values,
)
from .layout import Layout

#: Potential that stands for 1, the squared length of a decoder column.
V_UNIT = 10 * mV
TAU_M = 50 * ms
TAU_FAST = 1 * ms
#: Resets that a user chooses, and the parameter of each; the learned one comes with the rule.
RESETS = {"absolute": "v_reset", "share": "share", "subtractive": "v_jump"}


def lif_blueprint(
    D: ArrayLike,
    *,
    rule: Rule | None = None,
    n_chips: int | None = None,
    kappa: float | None = None,
    name: str = "",
    synapse: str = "delta",
    reset: str = "absolute",
    tau_m: Quantity = TAU_M,
    tau_fast: Quantity = TAU_FAST,
    sigma: Quantity | None = None,
    homeostatic: bool = False,
    feedforward: FeedforwardRule | None = None,
) -> Blueprint:
    """Nominal values of `lif_chips`, and what kind of neuron it is.

    Parameters
    ----------
    D, rule, n_chips, kappa, name
        As in `lif_chips`.
    synapse, reset
        ``'delta'`` or ``'exponential'``; ``'absolute'``, ``'share'`` (absolute, in proportion to
        the threshold) or ``'subtractive'``. With a rule that learns it, the reset is the autapse.
    tau_m, tau_fast
        Time constants of membrane and fast synapse, second.
    sigma
        Standard deviation of the membrane's noise, volt; none by default.
    homeostatic
        Whether neurons can set their own thresholds, and synapses be switched off (see
        `homeostasis`). Both rest until they are asked for.
    feedforward
        How feed-forward weights learn; without it they stay.

    Raises
    ------
    ValueError
        As `lif_chips`.
    """
    rule = check_learns(Fixed() if rule is None else rule, "fast")
    kappa = rule.kappa if kappa is None else kappa
    checks.positive("kappa", kappa)
    checks.choice("synapse", synapse, lif.SYNAPSES)
    checks.choice("reset", reset, RESETS)
    checks.quantity("tau_m", tau_m, ms)
    checks.quantity("tau_fast", tau_fast, ms)
    D = population(D, n_chips)
    if D.shape[-1] == 1 and not rule.learn_reset:
        raise ValueError("D has one column: a network needs at least 2 neurons")
    neurons = _membrane(D, kappa, "learned" if rule.learn_reset else reset)
    neurons["tau_m"] = np.ones(D[:, 0].size) * tau_m
    rest: dict[str, Any] = {"v": 0 * mV}
    if synapse == "exponential":
        neurons["tau_fast"] = tau_fast
        rest["v_fast"] = 0 * mV
    if sigma is not None:
        sigma = checks.quantity("sigma", sigma, mV, zero=True)
        neurons["sigma"] = np.ones(D[:, 0].size) * sigma
    if rule.filtered:
        rest["r"] = 0
    if feedforward is not None:
        neurons |= {"eps_F": feedforward.eps, "alpha": feedforward.alpha * V_UNIT}
        for j in range(D.shape[1]):
            rest |= {f"x_{j}": 0, f"F_{j}": neurons.pop(f"F_{j}")}
    layout = Layout(len(D), D.shape[-1], autapses=rule.learn_reset)
    parameters = {f"neurons.{variable}": value for variable, value in neurons.items()}
    parameters["recurrent.gain"] = np.ones(layout.n_synapses)
    if homeostatic:
        parameters |= homeostatic_parameters("v_th", layout, V_UNIT)
    parameters |= {f"recurrent.{key}": value for key, value in rule.values(V_UNIT).items()}
    return Blueprint(
        *(check_name(name), D, rule, layout, V_UNIT, tau_m, parameters, rest),
        adapts="v_th" if homeostatic else "",
    )


def _membrane(D: Floats, kappa: float, reset: str) -> dict[str, Any]:
    """Thresholds, resets and feed-forward weights of neurons with decoders `D`."""
    values: dict[str, Any] = {
        "v_rest": np.zeros(D[:, 0].size) * mV,
        "v_th": np.ravel(balance.threshold(D, kappa)) * V_UNIT,
    }
    if reset == "absolute":
        values["v_reset"] = np.ravel(balance.reset(D, kappa)) * V_UNIT
    elif reset == "share":
        values["share"] = np.ravel(balance.reset(D, kappa) / balance.threshold(D, kappa))
    elif reset == "subtractive":
        values["v_jump"] = np.ravel(balance.squared_lengths(D)) * V_UNIT
    return values | {f"F_{j}": np.ravel(D[:, j]) * V_UNIT for j in range(D.shape[1])}


def lif_chips(
    D: ArrayLike,
    Omega: ArrayLike | None = None,
    drive: TimedArray | None = None,
    *,
    rule: Rule | None = None,
    n_chips: int | None = None,
    kappa: float | None = None,
    dt: Quantity | None = None,
    name: str = "",
    greedy: bool = True,
    **neuron: Any,
) -> Chips:
    """Networks of LIF neurons that code ``x`` (``dx/dt = -x/tau_m + c``) as ``D @ r``.

    Thresholds and resets are those of `balance.threshold` and `balance.reset`, so columns of `D`
    may have any length.

    Parameters
    ----------
    D
        Decoders, (n_signals, n_neurons) for all chips or (n_chips, n_signals, n_neurons).
    Omega
        Recurrent weights in units of ``|D|**2``, row = target: (n_neurons, n_neurons) for all
        chips or (n_chips, n_neurons, n_neurons); with a `DiscreteRule`, whole steps. By default the
        optimal ones, or with a `rule` none.
    drive
        The drive c, a `TimedArray` (n_steps, n_signals) in hertz, shared by all chips.
    rule
        The learning rule; without one the weights stay.
    n_chips
        Number of chips, where neither `D` nor `Omega` tells it.
    kappa
        Sets the threshold, ``kappa/2*|D_n|**2``; by default that of the rule, or 2.5.
    dt, name
        Time step (default: Brian2's own), and prefix of the groups' names, for several populations.
    greedy
        Whether at most one neuron of a chip spikes in a time step, the furthest above threshold.
    neuron
        `synapse`, `reset`, `tau_m`, `tau_fast`, `sigma`, `homeostatic` and
        `feedforward` of `lif_blueprint`.

    Raises
    ------
    ValueError
        If a parameter has a wrong shape or unit, is not finite or not positive, or weights are
        off the grid or beyond the rails of the rule.
    """
    n_chips = chips_given(D, Omega, n_chips)
    blueprint = lif_blueprint(D, rule=rule, n_chips=n_chips, kappa=kappa, name=name, **neuron)
    Omega = initial_weights(blueprint, Omega)
    neurons = membranes(blueprint, checks.drive(drive, blueprint.D.shape[1]), greedy, dt)
    recurrent = fast_synapses(blueprint, neurons, Omega, greedy)
    others = feed(lif.FEEDFORWARD, neurons, blueprint.D.shape[1])
    if greedy:
        others += (forget(neurons),)
    return Chips(**vars(blueprint), neurons=neurons, recurrent=recurrent, others=others)


def membranes(
    blueprint: Blueprint,
    drive: TimedArray | None,
    greedy: bool,
    dt: Quantity | None,
    *,
    inputs: str = "",
    equations: str = "",
) -> NeuronGroup:
    """The neurons; further `inputs` of the membrane, and the `equations` that these need."""
    n_signals, parameters = blueprint.D.shape[1], blueprint.parameters
    held = (kind for kind, variable in RESETS.items() if f"neurons.{variable}" in parameters)
    reset, homeostatic = next(held, "learned"), bool(blueprint.adapts)
    noise = "neurons.sigma" in parameters
    model = lif.model(n_signals, _synapse(blueprint), reset, greedy, noise, homeostatic, inputs)
    model += equations
    at_spike = [lif.at_spike(reset, homeostatic)]
    if "r" in blueprint.rest:
        model += traces.SPIKES[0]
        at_spike.append(traces.SPIKES[1])
    if "x_0" in blueprint.rest:
        model += traces.signals(n_signals)
        at_spike.append(traces.learn_feedforward(n_signals))
    neurons = NeuronGroup(
        blueprint.D[:, 0].size,
        model,
        method="euler",
        threshold=lif.THRESHOLD[greedy],
        reset="\n".join(filter(None, at_spike)),
        events={"candidate": lif.CANDIDATE} if greedy else {},
        namespace={"drive": drive},
        dt=dt,
        name=blueprint.called("neurons"),
    )
    set_values(blueprint, neurons, "neurons")
    return neurons


def _synapse(blueprint: Blueprint) -> str:
    return "exponential" if "v_fast" in blueprint.rest else "delta"


def fast_synapses(
    blueprint: Blueprint, neurons: NeuronGroup, Omega: Floats, greedy: bool
) -> Synapses:
    """Synapses with the pathways compare, learn and act."""
    rule, homeostatic = blueprint.rule, bool(blueprint.adapts)
    on_pre, on_event = {}, {}
    if greedy:
        on_pre["compare"], on_event["compare"] = lif.COMPARE, "candidate"
    if rule.modifies != "none":
        on_pre["learn"], on_event["learn"] = rule.on_pre(lif.STATE, homeostatic), "spike"
    act = lif.ON_PRE_COUPLED if homeostatic else lif.ON_PRE
    on_pre["act"], on_event["act"] = act[_synapse(blueprint)], "spike"
    synapses = recurrent_synapses(
        blueprint,
        neurons,
        Omega,
        rule.model(blueprint.unit) + homeostasis.SWITCH * homeostatic,
        on_pre=on_pre,
        on_event=on_event,
        delay=dict.fromkeys(on_pre, 0 * ms),
    )
    if greedy:
        synapses.compare.when, synapses.compare.order = "before_thresholds", 2
    if rule.modifies != "none":
        synapses.learn.order = -2
    synapses.act.order = -1
    return synapses


def forget(neurons: NeuronGroup) -> BrianObject:
    """What lets a candidate forget how many were better than it in an earlier step."""
    neurons.set_event_schedule("candidate", when="before_thresholds", order=0)
    return neurons.run_on_event("candidate", "n_better = 0", when="before_thresholds", order=1)
