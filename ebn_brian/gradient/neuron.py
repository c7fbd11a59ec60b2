"""Neurons that gradients go through: an equation, a threshold, and the gate of the synapse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import Equations, Quantity, ms

from .. import checks
from ..equations import nif as nif_text
from ..equations import qif as qif_text
from . import text

#: Of each gate: its integral G, 0 before the threshold and 1 beyond it, and G's derivative g.
GATES = {
    "below": (
        "clip((v - v_th)/Delta + 1, 0, 1)",
        "int(v > v_th - Delta and v < v_th)/Delta",
    ),
    "both": (
        "clip((v - v_th)/Delta + 1, 0, 1) - clip((-v - v_th)/Delta + 1, 0, 1)",
        "int(abs(v) > v_th - Delta and abs(v) < v_th)/Delta",
    ),
    "circle": (
        "floor((v - v_th)/v_jump + 0.5) + 0.5"
        " + clip((v - v_th - v_jump*floor((v - v_th)/v_jump + 0.5))/Delta, -0.5, 0.5)"
        " + sin(2*pi*clip((v - v_th - v_jump*floor((v - v_th)/v_jump + 0.5))/Delta, -0.5, 0.5))"
        "/(2*pi)",
        "(1 + cos(2*pi*clip((v - v_th - v_jump*floor((v - v_th)/v_jump + 0.5))/Delta, -0.5, 0.5)))"
        "/Delta",
    ),
}


@dataclass(frozen=True)
class Neuron:
    """``dv/dt = f(v, I)``, its threshold, and the gate through which it charges its synapses.

    Parameters
    ----------
    equations
        Brian2 text with one differential equation, of ``v``, and the line ``I : unit``; other
        names are subexpressions or `parameters`.
    v_th
        Threshold, in the unit of ``v``.
    v_jump
        Step back at a spike; on the circle one turn, after which all is as it was.
    Delta
        Width of the gate, within which a neuron gives its charge.
    gate
        ``'below'``: uniform, ends at ``v_th``. ``'both'``: the same, and mirrored, with negative
        charge, at ``-v_th``. ``'circle'``: a raised cosine around ``v_th``, for ``f`` of period
        ``v_jump``.
    parameters
        Values of other names in the equations, with units.

    Raises
    ------
    ValueError
        If the equations have another state than ``v``, no input, or units that do not fit; if
        there is no threshold, the gate is unknown, or it does not fit between two spikes.
    """

    equations: str
    v_th: Any = None
    v_jump: Any = 1.0
    Delta: Any = 0.1
    gate: str = "below"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.v_th is None:
            raise ValueError("Neuron.v_th=None: there must be a threshold, in the unit of v")
        text.check_units(self.parsed, self.parameters)
        unit = Quantity.with_dimensions(1, self.parsed["v"].dim)
        for name in ("v_th", "v_jump", "Delta"):
            value = checks.quantity(f"Neuron.{name}", getattr(self, name), unit)
            if np.shape(value):
                raise ValueError(f"Neuron.{name}={value}: must be one value for all neurons")
        checks.choice("Neuron.gate", self.gate, GATES)
        if float(self.Delta) >= float(self.v_jump):
            raise ValueError(
                f"Neuron.Delta={self.Delta}: must be smaller than v_jump={self.v_jump}"
            )
        text.derivatives(self.parsed)

    @cached_property
    def parsed(self) -> Equations:
        """The equations, read."""
        return text.one_state(self.equations)

    @property
    def input_unit(self) -> Quantity:
        """Unit of ``I``."""
        return Quantity.with_dimensions(1, self.parsed["I"].dim)

    @property
    def constants(self) -> dict[str, float]:
        """Numbers, in base units, for all names in the equations and gates."""
        numbers = {name: float(unit.value) for name, unit in text.units().items()}
        own = {name: float(getattr(self, name)) for name in ("v_th", "v_jump", "Delta")}
        return {**numbers, **own, **{name: float(v) for name, v in self.parameters.items()}}

    @property
    def v_spike(self) -> Any:
        """Threshold of the spiking form, to which the gate shrinks: its centre."""
        return self.v_th if self.gate == "circle" else self.v_th - self.Delta / 2


def nif(Delta: float = 0.1) -> Neuron:
    """The non-leaky neuron of `equations.nif`, thresholds at +-1."""
    return Neuron(nif_text.MODEL, v_th=1.0, v_jump=1.0, Delta=Delta, gate="both")


def qif(tau_v: Quantity = 25 * ms, Delta: float = 0.9) -> Neuron:
    """The quadratic neuron on the circle, of `equations.qif`."""
    checks.seconds("tau_v", tau_v)
    return Neuron(
        qif_text.MODEL,
        v_th=1.0,
        v_jump=1.0,
        Delta=Delta,
        gate="circle",
        parameters={"tau_v": tau_v},
    )
