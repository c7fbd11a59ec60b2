"""Chips of spiking DPI neurons in current mode, many in one group.

A neuron has no reset of its own: its autapse, plastic like all synapses, takes that part while the
neuron is refractory. Nothing depends on the order of spikes: at the onset of a pulse the decision
is latched and the DAC's current begins to flow; at its end both are undone, and the weight changes.
"""

from dataclasses import fields
from typing import Any

import numpy as np
from brian2 import NeuronGroup, Quantity, TimedArray, us
from numpy.typing import ArrayLike

from .. import balance, checks
from ..dpi_model import Circuit, whole_chip
from ..equations import dpi, homeostasis
from ..plasticity import Fixed
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


def neuron_values(circuit: Circuit, text: str) -> dict[str, Any]:
    """Values of the parameters of `circuit` that the equations `text` declare.

    Branch ``f`` is as branch ``e``.
    """
    own = {parameter.name: getattr(circuit, parameter.name) for parameter in fields(circuit)}
    own |= {f"{name[:-1]}f": value for name, value in own.items() if name.endswith("_e")}
    declared = {line.partition(":")[0].strip() for line in text.splitlines()}
    return {name: value for name, value in own.items() if name in declared}


def chip_model(circuit: Circuit, n_signals: int, rectified: bool, homeostatic: bool = False) -> str:
    """Equations of a chip's neurons."""
    terms = circuit.terms
    return (
        dpi.neuron(terms, spikes="autapse", homeostatic=homeostatic)
        + dpi.pair(terms, rectified)
        + dpi.external(n_signals)
        + dpi.synapses(terms)
        + dpi.COMPARATORS
    )


def dpi_blueprint(
    D: ArrayLike,
    *,
    rule: Rule | None = None,
    n_chips: int | None = None,
    kappa: float | None = None,
    name: str = "",
    circuit: Circuit | None = None,
    homeostatic: bool = False,
) -> Blueprint:
    """Nominal values of `dpi_chips`.

    Parameters
    ----------
    D, rule, n_chips, kappa, name
        As in `dpi_chips`.
    circuit
        Neurons and synapses, `dpi_model.whole_chip` by default, with all that an ideal one lacks.
        Comparators and counters (``I_SL``, ``copy_gain``, ``n_bits``, ``w_initial``) are those of
        `rule` and of the weights; `Circuit.rule` makes a rule of the circuit's own.
    homeostatic
        As in `lif_blueprint`; the threshold is ``I_spk``.

    Raises
    ------
    ValueError
        As `dpi_chips`.
    """
    circuit = whole_chip() if circuit is None else circuit
    rule = check_learns(Fixed() if rule is None else rule, "fast")
    if rule.filtered:
        raise ValueError(f"rule={rule}: reads r_post, and circuits do not filter their spikes")
    kappa = rule.kappa if kappa is None else kappa
    checks.positive("kappa", kappa)
    if not circuit.width < circuit.t_ref:
        raise ValueError(
            f"circuit.t_ref={circuit.t_ref}: must exceed the pulse width, {circuit.width}"
        )
    if circuit.fixed_w:
        raise ValueError(
            f"circuit.fixed_w={circuit.fixed_w}: must be 0, chips have no fixed synapse"
        )
    D, unit = population(D, n_chips), circuit.I_unit
    n, every = D[:, 0].size, np.ones(D[:, 0].size)
    values = neuron_values(circuit, chip_model(circuit, D.shape[1], True))
    # what is stored as 1 flows as a current that makes a step of `lsb`
    values["I_lsb"] = circuit.full_weight * circuit.I_lsb * rule.lsb
    neurons = {variable: every * value for variable, value in values.items()}
    neurons["I_spk"] = circuit.I_ref + np.ravel(balance.threshold(D, kappa)) * unit
    if neurons["I_spk"].min() <= circuit.I_rest:
        raise ValueError(
            f"circuit rests at {circuit.I_rest}: must be below its threshold, "
            f"{neurons['I_spk'].min()}"
        )
    charge = circuit.unit_charge
    neurons |= {f"F_{j}": np.ravel(D[:, j]) * charge for j in range(D.shape[1])}
    layout = Layout(len(D), n // len(D), autapses=True)
    parameters = {f"neurons.{variable}": value for variable, value in neurons.items()}
    parameters["recurrent.gain"] = np.ones(layout.n_synapses)
    parameters |= {f"recurrent.{key}": value for key, value in rule.values(unit).items()}
    if "eps" in circuit.terms:
        dpi.dac(rule, circuit.terms)  # has bits?
        parameters["recurrent.eps"] = np.full(layout.n_synapses, circuit.eps)
    state = "J_mem" if "I_s_mem" in circuit.terms else "I_mem"
    rest = {state: circuit.J_rest, "J_e": 0 * unit, "J_i": 0 * unit}
    if homeostatic:
        parameters |= homeostatic_parameters("I_spk", layout, unit)
    return Blueprint(
        *(check_name(name), D, rule, layout, unit, circuit.tau, parameters, rest),
        adapts="I_spk" if homeostatic else "",
        F_unit=charge,
    )


def dpi_chips(
    D: ArrayLike,
    Omega: ArrayLike | None = None,
    drive: TimedArray | None = None,
    *,
    rule: Rule | None = None,
    n_chips: int | None = None,
    kappa: float | None = None,
    dt: Quantity | None = None,
    name: str = "",
    circuit: Circuit | None = None,
    rectified: bool = False,
    homeostatic: bool = False,
) -> Chips:
    """Networks of spiking DPI neurons that code ``x`` as `lif_chips` do.

    One pulse of a weight of 1 moves ``I_mem`` by ``circuit.I_unit``; the threshold lies
    ``kappa/2*|D_n|**2`` times that above the comparators' reference. All parameters can be spread
    by `mismatch`; ``recurrent.gain`` is that of a synapse's DAC and of its copy at the comparators.

    Parameters
    ----------
    D, Omega, drive, rule, n_chips, kappa, dt, name
        As in `lif_chips`. The diagonal of `Omega` is the reset.
    circuit, rectified, homeostatic
        See `dpi_blueprint`, `equations.dpi.model`. Signals have both signs: chips learn better so.

    Raises
    ------
    ValueError
        As `lif_chips`, and if ``circuit.t_ref`` does not exceed the pulse, or the threshold is not
        above the resting current.
    """
    circuit = whole_chip() if circuit is None else circuit
    n_chips = chips_given(D, Omega, n_chips)
    blueprint = dpi_blueprint(
        D,
        rule=rule,
        n_chips=n_chips,
        kappa=kappa,
        name=name,
        circuit=circuit,
        homeostatic=homeostatic,
    )
    Omega, rule = initial_weights(blueprint, Omega), blueprint.rule
    n_signals = blueprint.D.shape[1]
    neurons = NeuronGroup(
        blueprint.D[:, 0].size,
        chip_model(circuit, n_signals, rectified, homeostatic),
        method="rk2",
        threshold=dpi.THRESHOLD,
        reset=homeostasis.reset("I_spk") if homeostatic else "",
        refractory="t_ref",
        dt=dt,
        namespace={"drive": checks.drive(drive, n_signals)},
        name=blueprint.called("neurons"),
    )
    set_values(blueprint, neurons, "neurons")
    recurrent = recurrent_synapses(
        blueprint,
        neurons,
        Omega,
        dpi.plastic(rule, blueprint.unit, circuit.terms, homeostatic),
        on_pre=dpi.on_pre(rule, circuit.terms, homeostatic),
        delay={"onset": 0 * us, "offset": circuit.width},
    )
    others = feed(dpi.EXTERNAL, neurons, n_signals)
    if not rectified:
        name, text = f"{neurons.name}_floor", dpi.floor(circuit.terms)
        others += (neurons.run_regularly(text, when="after_groups", name=name),)
    return Chips(**vars(blueprint), neurons=neurons, recurrent=recurrent, others=others)
