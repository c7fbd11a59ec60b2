"""What every kind of chip is: a blueprint of plain values, and the Brian2 objects made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from brian2 import BrianObject, Hz, NeuronGroup, Quantity, Synapses
from numpy.typing import ArrayLike

from .. import balance, checks
from ..checks import Floats
from ..devices import Run
from ..equations import drive, homeostasis
from ..rule import Rule
from .layout import Layout


@dataclass(frozen=True)
class Blueprint:
    """What chips are before there is any Brian2 object. It can be pickled.

    `parameters` holds the nominal values, for each neuron, synapse or group, under names such as
    ``neurons.v_th``; `rest` the variables of a neuron that change, and where they start.
    """

    name: str
    """Prefix of the names of the groups, with ``_`` after it; none if empty."""
    D: Floats
    """Decoders, (n_chips, n_signals, n_neurons)."""
    rule: Rule
    layout: Layout
    unit: Quantity
    """Voltage or current that ``|D|**2 = 1`` stands for."""
    tau: Quantity
    """Time constant of the membrane, which is also that of the readout."""
    parameters: Mapping[str, Any]
    rest: Mapping[str, Any]
    adapts: str = field(default="", kw_only=True)
    """Name of the threshold that neurons set themselves, if they do."""
    F_unit: Quantity | None = field(default=None, kw_only=True)
    """What a feed-forward weight of 1 is; `unit` by default."""

    @property
    def states(self) -> list[str]:
        """Full names of the variables of neurons that change: all that a chip remembers of them."""
        names = [*self.rest, self.adapts] if self.adapts else [*self.rest]
        return [self.called(_owned(name)) for name in names]

    def at_rest(self) -> dict[str, Floats]:
        """States of chips at rest by full name, flat arrays."""
        n = self.layout.n_chips * self.layout.n_neurons
        states = {self.called(_owned(name)): np.asarray(v, float) for name, v in self.rest.items()}
        return {name: np.full(v.size if v.ndim else n, v) for name, v in states.items()}

    def with_rule(self, rule: Rule) -> "Blueprint":
        """The same chips with other parameters of their rule; synapses store what they stored.

        Raises
        ------
        ValueError
            If weights of the other rule have another grid.
        """
        alike = type(rule) is type(self.rule) and rule.lsb == self.rule.lsb
        if not alike or rule.decide("V") != self.rule.decide("V"):
            raise ValueError(
                f"rule={rule}: must differ from {self.rule} in what it decides alone, so that "
                "stored weights stay what they are"
            )
        own = {f"recurrent.{name}": value for name, value in rule.values(self.unit).items()}
        return replace(self, rule=rule, parameters={**self.parameters, **own})

    @property
    def optimal(self) -> Floats:
        """``-D^T D``, (n_chips, n_neurons, n_neurons)."""
        return balance.optimal_weights(self.D)

    def called(self, name: str) -> str:
        """Full name of a group (``neurons``, ``recurrent``) or of a variable (``neurons.v``)."""
        return f"{self.name}_{name}" if self.name else name

    def values(self) -> dict[str, Any]:
        """Nominal values by full name, ``recurrent.w`` excepted: what a program's run takes."""
        return {self.called(name): value for name, value in self.parameters.items()}

    def encode(self, Omega: ArrayLike) -> Floats:
        """What synapses store, in their order, for weights (n_chips, n_neurons, n_neurons)."""
        return self.rule.encode(self.layout.to_synapses(Omega))

    def weights(self, source: Any) -> Floats:
        """Weights (n_chips, target, source) in units of ``|D|**2``.

        `source` is a finished run that has read ``recurrent.w``, or what synapses store.
        """
        held = isinstance(source, Run | Mapping)
        w = source[self.called("recurrent.w")] if held else np.asarray(source)
        return self.layout.to_matrices(self.rule.decode(w))

    @property
    def nominal(self) -> dict[str, Any]:
        """`parameters`, and under names such as ``neurons.v`` also the states at rest."""
        return {**{_owned(name): v for name, v in self.rest.items()}, **self.parameters}

    def feedforward(self, values: Mapping[str, Any] | None = None) -> Floats:
        """Feed-forward weights F, (n_chips, n_neurons, n_signals), in units of ``|D|``.

        Those of `values`, by full name, where it has them, else the nominal ones, ``D^T``.
        """
        n_chips, n_signals, n_neurons = self.D.shape
        given = {self.called(name): v for name, v in self.nominal.items()} | dict(values or {})
        F = [given[self.called(f"neurons.F_{j}")] for j in range(n_signals)]
        unit = float(self.unit if self.F_unit is None else self.F_unit)
        shape = (n_signals, n_chips, n_neurons)
        return np.moveaxis(np.array(F, float).reshape(shape) / unit, 0, -1)

    def acting(self, Omega: ArrayLike, values: Mapping[str, Any] | None = None) -> Floats:
        """Weights as they act: times the gains of the synapses, the reset on the diagonal.

        `values` as in `feedforward`; a reset that is the neuron's own counts as ``|D_n|**2``.
        """
        gain = {**self.values(), **(values or {})}[self.called("recurrent.gain")]
        gains = self.layout.to_matrices(np.broadcast_to(gain, self.layout.n_synapses))
        acting = np.asarray(Omega, float) * gains
        return acting if self.layout.autapses else acting + balance.uncoupled(self.D)


def _owned(name: str) -> str:
    """A variable with its group: `neurons`, unless another is named."""
    return name if "." in name else f"neurons.{name}"


@dataclass(frozen=True)
class Chips(Blueprint):
    """Ordinary Brian2 objects of `n_chips` networks; ``Network(chips.objects)`` simulates them."""

    neurons: NeuronGroup
    recurrent: Synapses
    others: tuple[BrianObject, ...] = ()

    @property
    def objects(self) -> list[BrianObject]:
        """All of them."""
        return [self.neurons, self.recurrent, *self.others]

    @property
    def n_chips(self) -> int:
        """Number of chips."""
        return self.layout.n_chips

    @property
    def n_neurons(self) -> int:
        """Number of neurons of a chip."""
        return self.layout.n_neurons

    def weights(self, source: Any = None) -> Floats:
        """As `Blueprint.weights`; without `source` the weights as they are now."""
        return super().weights(np.asarray(self.recurrent.w) if source is None else source)

    def blueprint(self) -> Blueprint:
        """What these chips were made from."""
        return Blueprint(**{f.name: getattr(self, f.name) for f in fields(Blueprint)})


def population(D: ArrayLike, n_chips: int | None) -> Floats:
    """Decoders (n_chips, n_signals, n_neurons), from those of one chip or of each.

    Raises
    ------
    ValueError
        If `D` is no decoder, or tells another number of chips.
    """
    D = checks.decoder(D)
    default = len(D) if D.ndim == 3 else 1
    n_chips = checks.count("n_chips", default if n_chips is None else n_chips)
    if D.ndim == 3 and len(D) != n_chips:
        raise ValueError(f"D has shape {D.shape}: its first axis must be n_chips={n_chips}")
    return np.array(np.broadcast_to(D, (n_chips, *D.shape[-2:])))


def chips_given(D: ArrayLike, Omega: ArrayLike | None, n_chips: int | None) -> int | None:
    """`n_chips`, or what `Omega` tells of it where `D` does not."""
    shape = np.shape(np.asarray(Omega, float))
    by_Omega = n_chips is None and np.ndim(D) != 3 and len(shape) == 3
    return shape[0] if by_Omega else n_chips


def initial_weights(blueprint: Blueprint, Omega: ArrayLike | None) -> Floats:
    """`Omega` for each chip, checked; by default optimal, or with a rule only the diagonal.

    Raises
    ------
    ValueError
        If `Omega` has another shape, is not finite, or the rule's synapses cannot hold it.
    """
    rule, n, n_chips = blueprint.rule, blueprint.layout.n_neurons, blueprint.layout.n_chips
    if Omega is None:
        if rule.modifies == "none":
            return blueprint.optimal
        Omega = rule.rounded(balance.uncoupled(blueprint.D))
        return rule.checked(_held(blueprint.layout, Omega))
    Omega = checks.finite("Omega", Omega)
    if Omega.shape not in ((n, n), (n_chips, n, n)):
        raise ValueError(
            f"Omega has shape {Omega.shape}: must be ({n}, {n}) or ({n_chips}, {n}, {n}), "
            f"since D has shape {blueprint.D.shape}"
        )
    return rule.checked(_held(blueprint.layout, Omega))


def _held(layout: Layout, Omega: Floats) -> Floats:
    """`Omega` of each chip where there are synapses, 0 elsewhere."""
    kept = layout.kept.reshape(layout.n_neurons, layout.n_neurons).T
    return np.where(kept, Omega, 0.0) * np.ones((layout.n_chips, 1, 1))


def check_name(name: str) -> str:
    """`name`, if it can begin the name of a group on every target."""
    if name and not (name.isidentifier() and name.islower() and not name.startswith("_")):
        raise ValueError(f"name={name!r}: must be small letters, digits and _, a letter first")
    return name


def check_learns(rule: Rule, weights: str) -> Rule:
    """`rule`, if it learns these weights or none."""
    if rule.modifies not in (weights, "none"):
        raise ValueError(f"rule={rule}: learns {rule.modifies} weights, must learn {weights} ones")
    return rule


def homeostatic_parameters(threshold: str, layout: Layout, unit: Quantity) -> dict[str, Any]:
    """Nominal values of `equations.homeostasis`: thresholds rest, all synapses are switched on."""
    return {
        f"neurons.{homeostasis.STEPS[threshold][0]}": 0 * unit,
        "neurons.rate_target": np.zeros(layout.n_chips * layout.n_neurons) * Hz,
        "recurrent.coupled": np.ones(layout.n_synapses),
    }


def set_values(blueprint: Blueprint, group: Any, kind: str) -> None:
    """Give a group its nominal values, and its neurons their state at rest."""
    for name, value in blueprint.nominal.items():
        owner, _, variable = name.partition(".")
        if owner == kind:
            setattr(group, variable, value)


def feed(name: str, neurons: NeuronGroup, n_signals: int) -> tuple[BrianObject, ...]:
    """What gives the neurons their input `name`, where no equation of theirs does."""
    text = drive.statements(name, n_signals)
    return () if text is None else (neurons.run_regularly(text, name=f"{neurons.name}_input"),)


def recurrent_synapses(
    blueprint: Blueprint, neurons: NeuronGroup, Omega: Floats, model: str, **options: Any
) -> Synapses:
    """All-to-all synapses within every chip, with weights `Omega`; `options` are Brian2's."""
    synapses = Synapses(
        neurons, model=model, clock=neurons.clock, name=blueprint.called("recurrent"), **options
    )
    i, j = blueprint.layout.connections()
    synapses.connect(i=i, j=j)
    set_values(blueprint, synapses, "recurrent")
    synapses.w = blueprint.encode(Omega)
    return synapses
