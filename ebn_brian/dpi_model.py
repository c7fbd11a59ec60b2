"""The parameters of a learning circuit of DPI neurons and synapses, and their nominal values.

`Circuit` holds all of one circuit: neuron, synaptic branches, DAC, pulse, comparators and counter.
How they follow from transistors: `ebn_brian.transistors`.
"""

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, amp, get_dimensions, ms, nA, pA, second
from scipy.optimize import brentq

from .plasticity import DiscreteRule
from .transistors import (
    KAPPA_N,
    KAPPA_P,
    check,
    dac_code,
    dac_unit,
    early_voltage,
    gain,
    leak,
    moderate,
    specific_current,
    thermal_voltage,
    time_constant,
    weak,
)

__all__ = [
    "IDEAL",
    "KAPPA_N",
    "KAPPA_P",
    "RANGES",
    "SYNONYMS",
    "Circuit",
    "dac_code",
    "dac_unit",
    "early_voltage",
    "experiment_1",
    "experiment_2",
    "gain",
    "leak",
    "moderate",
    "specific_current",
    "thermal_voltage",
    "time_constant",
    "weak",
    "whole_chip",
]

#: The same quantity in other tools: teili, DynapSim (rockpool), Chicca et al. 2014.
SYNONYMS = {
    "I_mem": {"teili": "Isoma_mem", "DynapSim": "Imem", "Chicca 2014": "I_mem"},
    "I_tau": {"teili": "Isoma_dpi_tau", "DynapSim": "Itau_mem", "Chicca 2014": "I_tau"},
    "I_th": {"teili": "Isoma_dpi_g", "DynapSim": "Igain_mem", "Chicca 2014": "I_th"},
    "gain_n": {
        "teili": "alpha_soma",
        "DynapSim": "Igain_mem/Itau_mem",
        "Chicca 2014": "I_th/I_tau",
    },
    "I_dc": {"teili": "Isoma_const", "DynapSim": "Idc", "Chicca 2014": "I_in"},
    "I_spk": {"teili": "Isoma_th", "DynapSim": "Ispkthr", "Chicca 2014": "-"},
    "I_reset": {"teili": "Isoma_reset", "DynapSim": "-", "Chicca 2014": "-"},
    "t_ref": {"teili": "soma_refP", "DynapSim": "t_ref", "Chicca 2014": "-"},
    "I_0": {"teili": "I0", "DynapSim": "Io", "Chicca 2014": "I_0"},
    "C_mem": {"teili": "Csoma_mem", "DynapSim": "C_mem", "Chicca 2014": "C_mem"},
    "kappa": {"teili": "(kn + kp)/2", "DynapSim": "(kappa_n + kappa_p)/2", "Chicca 2014": "kappa"},
    "width": {"teili": "-", "DynapSim": "t_pulse", "Chicca 2014": "-"},
}


INFINITE = np.inf * amp

#: What the parameters of `equations.dpi.TERMS` are in an ideal circuit.
IDEAL = {
    **dict.fromkeys(("slope", "slope_e", "slope_i"), 1.0),
    **dict.fromkeys(("I_s_in", "I_s_mem", "I_s_e", "I_s_i"), INFINITE),
    **dict.fromkeys(("leak", "eps"), 0.0),
    "t_start": 0 * second,
}


@dataclass(frozen=True)
class Circuit:
    """All parameters of one learning circuit. Symbols as in `ebn_brian.equations.dpi`.

    Only products of DAC current and gains act on ``I_mem``: with ``gain_n = 1`` and a nominal
    ``I_lsb``, all currents are referred to the neuron's output. ``copy_gain`` is the comparators'
    copy of one LSB over ``I_lsb``; ``fixed_w`` is the strength (LSB) of a fixed exciting synapse
    with a DPI of its own like the plastic one's. In a chip, ``full_weight`` LSB stand for
    ``|D|**2``, and a spiking neuron rests for ``t_ref``.
    """

    tau: Quantity
    I_th: Quantity
    I_dc: Quantity
    tau_e: Quantity
    gain_e: float
    tau_i: Quantity
    gain_i: float
    I_ref: Quantity
    I_SL: Quantity
    width: Quantity = field(default_factory=lambda: 1.01 * ms)
    I_lsb: Quantity = field(default_factory=lambda: 1 * nA)
    gain_n: float = 1.0
    I_0: Quantity = field(default_factory=lambda: 4.65 * pA)
    slope: float = 1.0
    slope_e: float = 1.0
    slope_i: float = 1.0
    leak: float = 0.0
    I_leak: Quantity = field(default_factory=lambda: 9 * nA)
    I_s_in: Quantity = field(default_factory=lambda: INFINITE)
    I_s_mem: Quantity = field(default_factory=lambda: INFINITE)
    I_s_e: Quantity = field(default_factory=lambda: INFINITE)
    I_s_i: Quantity = field(default_factory=lambda: INFINITE)
    eps: float = 0.0
    fixed_w: float = 0.0
    I_off: Quantity = field(default_factory=lambda: 0 * pA)
    copy_gain: float = 0.0
    t_start: Quantity = field(default_factory=lambda: 0 * ms)
    n_bits: int = 6
    w_initial: int = 8
    full_weight: int = 25
    t_ref: Quantity = field(default_factory=lambda: 5 * ms)

    def __post_init__(self) -> None:
        for parameter in fields(self):
            low, high, unit = RANGES[parameter.name]
            value = getattr(self, parameter.name)
            check(f"Circuit.{parameter.name}", value, unit, low, high)
        if abs(self.w_initial) > 2 ** (self.n_bits - 1) - 1:
            raise ValueError(
                f"Circuit.w_initial={self.w_initial}: beyond the rails of {self.n_bits} bits"
            )

    @property
    def terms(self) -> frozenset[str]:
        """What it has that an ideal circuit lacks, of `equations.dpi.TERMS`."""
        return frozenset(name for name, ideal in IDEAL.items() if getattr(self, name) != ideal)

    @property
    def J_rest(self) -> Quantity:
        """The membrane's state at rest, without pulses and without the dark current.

        ``(1 + (J/I_th)**slope)*(J/I_leak)**leak = gain_n*I_in/I_th``; the dark current adds about
        ``I_0`` to it.
        """
        drive = float(self.gain_n * weak(self.I_dc, self.I_s_in) / self.I_th)
        if self.leak and drive:
            return np.exp(brentq(lambda u: self._pull(u) - np.log(drive), -60, -5)) * amp
        if drive <= 1:
            return self.I_0
        return self.I_th * (drive - 1) ** (1 / self.slope)

    def _pull(self, u: float) -> float:
        """Logarithm of the left hand side of the equation for `J_rest` at ``log(J/A) = u``."""
        above = self.slope * (u - np.log(float(self.I_th)))
        return float(np.logaddexp(0, above) + self.leak * (u - np.log(float(self.I_leak))))

    @property
    def I_rest(self) -> Quantity:
        """Resting current: what the read-out makes of `J_rest`."""
        return moderate(self.J_rest, self.I_s_mem)

    @property
    def unit_charge(self) -> Quantity:
        """Charge of one pulse of ``|D|**2``."""
        return self.full_weight * self.I_lsb * self.gain_e * self.width

    @property
    def I_unit(self) -> Quantity:
        """Step of ``I_mem`` by that pulse: what ``|D|**2 = 1`` stands for."""
        return self.unit_charge / self.tau

    def rule(self) -> DiscreteRule:
        """Comparators and counter as the learning rule that synapses take."""
        copy = float(self.copy_gain * self.full_weight * self.I_lsb / self.I_unit)
        tolerance = float(2 * self.I_SL / self.I_unit)
        return DiscreteRule(1 / self.full_weight, copy, tolerance, n_bits=int(self.n_bits))

    def resting_at(self, I_rest: Quantity) -> "Circuit":
        """The same circuit with the constant input that makes it rest at `I_rest`."""
        u = np.log(float(weak(I_rest, self.I_s_mem)))
        steered = np.exp(self._pull(u)) * self.I_th / self.gain_n
        return replace(self, I_dc=moderate(steered, self.I_s_in))

    def values(self) -> dict[str, float]:
        """Parameters as plain numbers in SI units."""
        return {parameter.name: float(getattr(self, parameter.name)) for parameter in fields(self)}

    def with_values(self, **values: float) -> "Circuit":
        """A copy with some parameters given as plain numbers in SI units."""
        units = {name: RANGES[name][2] for name in values}
        whole = {"n_bits", "w_initial", "full_weight"}
        own = {k: int(v) if k in whole else float(v) * units[k] for k, v in values.items()}
        return replace(self, **own)

    def save(self, path: Path, **more: Any) -> None:
        """Write the parameters as JSON, null for infinite, and `more` (errors, say) beside them."""
        units = {name: _unit_text(RANGES[name][2]) for name in self.values()}
        values = {name: v if np.isfinite(v) else None for name, v in self.values().items()}
        text = {"model": "dpi", "parameters": values, "units": units, **more}
        Path(path).write_text(json.dumps(text, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Circuit":
        """Read what `save` wrote. ValueError if the file is no such thing."""
        try:
            found = json.loads(Path(path).read_text())
            numbers = found["parameters"].items()
            values = {name: np.inf if value is None else float(value) for name, value in numbers}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: not a parameter file ({error!r})") from error
        unknown = set(values) - set(RANGES)
        if unknown:
            raise ValueError(f"{path}: unknown parameters {', '.join(sorted(unknown))}")
        return experiment_1().with_values(**values)


_CURRENT = (0 * amp, 1e-6 * amp, amp)
_POSITIVE = (1e-18 * amp, 1e-6 * amp, amp)
_SPECIFIC = (1e-12 * amp, INFINITE, amp)
_TIME = (1e-8 * second, 1e3 * second, second)
_SLOPE = (0.6, 1.6, 1)

#: Allowed least and largest value and the unit of every parameter of `Circuit`.
RANGES: dict[str, tuple[Any, Any, Any]] = {
    **dict.fromkeys(("tau", "tau_e", "tau_i", "width", "t_ref"), _TIME),
    **dict.fromkeys(("I_th", "I_ref", "I_lsb", "I_leak"), _POSITIVE),
    **dict.fromkeys(("I_dc", "I_SL"), _CURRENT),
    **dict.fromkeys(("I_s_in", "I_s_mem", "I_s_e", "I_s_i"), _SPECIFIC),
    **dict.fromkeys(("slope", "slope_e", "slope_i"), _SLOPE),
    "gain_e": (1e-9, 1e6, 1),  # the unit of weights is made of it
    "gain_i": (0, 1e6, 1),
    "gain_n": (1e-6, 1e6, 1),
    "I_0": (0 * amp, 1e-9 * amp, amp),
    "leak": (0, 1, 1),
    "eps": (-0.2, 0.2, 1),
    "fixed_w": (0, 1e4, 1),
    "copy_gain": (0, 1e3, 1),
    "I_off": (-1e-6 * amp, 1e-6 * amp, amp),
    "t_start": (0 * second, 1e3 * second, second),
    "n_bits": (2, 24, 1),
    "w_initial": (-(2**23), 2**23, 1),
    "full_weight": (1, 2**23, 1),
}


def experiment_1() -> Circuit:
    """The published circuit (arXiv:2010.14353, section IV), fitted to both its experiments.

    `studies.calibrate` finds these numbers again and gives their standard errors; the comparators
    follow from the decisions and ``eps`` from the steps of the pulses' charges.
    """
    return Circuit(
        tau=40.948 * ms,
        I_th=43.88 * pA,
        I_dc=15.5642 * nA,
        tau_e=0.50491 * ms,
        gain_e=4.7972,
        tau_i=1.09471 * ms,
        gain_i=3.1495,
        I_ref=8.9904 * nA,
        I_SL=0.3961 * nA,
        slope=1.10089,
        slope_e=1.10089,
        slope_i=1.01580,
        leak=0.20064,
        I_leak=9.089 * nA,
        I_s_in=529.9 * nA,
        I_s_mem=529.9 * nA,
        I_s_e=529.9 * nA,
        eps=0.0123,
        t_start=3.1290 * ms,
    )


def experiment_2() -> Circuit:
    """The same with the fixed exciting synapse of experiment 2, whose strength was fitted."""
    return replace(experiment_1(), fixed_w=24.09)


def whole_chip() -> Circuit:
    """A working point at which a whole chip of spiking DPI neurons learns (this project's own).

    It rests at 0.8 nA and spikes at 2.8 nA; 25 LSB make a step of 1.6 nA.
    """
    return Circuit(
        tau=31 * ms,
        I_th=11.5 * pA,
        I_dc=0.8115 * nA,
        tau_e=0.5 * ms,
        gain_e=1.0,
        tau_i=1.4 * ms,
        gain_i=1.0,
        I_ref=0.8 * nA,
        I_SL=0.2 * nA,
        width=1 * ms,
        I_lsb=1.6 * nA / 25 * 31,
        I_0=1 * pA,
        I_leak=0.8 * nA,
        copy_gain=2.5 / 31,
    )


def _unit_text(unit: Any) -> str:
    return "1" if isinstance(unit, int) else str(get_dimensions(unit))
