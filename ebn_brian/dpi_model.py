"""From transistors to the model's parameters and back, for DPI neurons and synapses.

A DPI with capacitor C and leak I_tau has ``tau = C*Ut/(kappa*I_tau)`` and ``gain = I_th/I_tau``,
with the thermal voltage ``Ut = k*T/q`` (Bartolozzi and Indiveri 2007, Neural Comput. 19; Chicca et
al. 2014, Proc. IEEE 102). `Circuit` holds all parameters of one learning circuit: neuron, two
synaptic branches, DAC, pulse, comparators and counter.
"""

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, amp, get_dimensions, have_same_dimensions, kelvin, ms, nA, pA, second
from brian2.units.allunits import coulomb, farad, joule, volt

from .plasticity import DiscreteRule

BOLTZMANN = 1.380649e-23 * joule / kelvin
CHARGE = 1.602176634e-19 * coulomb
ROOM = 300 * kelvin

#: Slope factors of n- and p-type transistors, as DynapSim and teili have them (estimates).
KAPPA_N, KAPPA_P = 0.75, 0.66

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


def thermal_voltage(temperature: Quantity = ROOM) -> Quantity:
    """Ut = k*T/q: 25.9 mV at 300 K."""
    _check("temperature", temperature, kelvin, 200 * kelvin, 450 * kelvin)
    return BOLTZMANN * temperature / CHARGE


def time_constant(
    C: Quantity, I_tau: Quantity, kappa: float = 0.7, temperature: Quantity = ROOM
) -> Quantity:
    """Time constant ``C*Ut/(kappa*I_tau)`` of a DPI with capacitor `C` and leak `I_tau`."""
    _check("C", C, farad, 1e-16 * farad, 1e-8 * farad)
    _check("I_tau", I_tau, amp, 1e-17 * amp, 1e-6 * amp)
    _check("kappa", kappa, 1, 0.3, 1)
    return C * thermal_voltage(temperature) / (kappa * I_tau)


def leak(C: Quantity, tau: Quantity, kappa: float = 0.7, temperature: Quantity = ROOM) -> Quantity:
    """Leak current I_tau that gives a DPI with capacitor `C` the time constant `tau`."""
    _check("C", C, farad, 1e-16 * farad, 1e-8 * farad)
    _check("tau", tau, second, 1e-8 * second, 1e3 * second)
    _check("kappa", kappa, 1, 0.3, 1)
    return C * thermal_voltage(temperature) / (kappa * tau)


def gain(I_th: Quantity, I_tau: Quantity) -> float:
    """Gain ``I_th/I_tau`` of a DPI."""
    _check("I_th", I_th, amp, 1e-17 * amp, 1e-6 * amp)
    _check("I_tau", I_tau, amp, 1e-17 * amp, 1e-6 * amp)
    return float(I_th / I_tau)


def early_per_efold(V_early: Quantity, kappa: float = 0.7, temperature: Quantity = ROOM) -> float:
    """Loss of current per e-fold of I_mem, ``Ut/(kappa*V_early)``, at a node that follows V_mem."""
    _check("V_early", V_early, volt, 0.01 * volt, 1e3 * volt)
    return float(thermal_voltage(temperature) / (kappa * V_early))


def dac_unit(full_scale: Quantity, n_bits: int) -> Quantity:
    """DAC unit current of a sign-and-magnitude counter of `n_bits` whose rail is `full_scale`."""
    _check("full_scale", full_scale, amp, 1e-17 * amp, 1e-4 * amp)
    if not 2 <= n_bits <= 24:
        raise ValueError(f"n_bits={n_bits}: must be from 2 to 24")
    return full_scale / (2 ** (n_bits - 1) - 1)


@dataclass(frozen=True)
class Circuit:
    """All parameters of one learning circuit. Symbols as in `ebn_brian.equations.dpi`.

    Only products of DAC current and gains act on ``I_mem``: with ``gain_n = 1`` and a nominal
    ``I_lsb``, all currents are referred to the neuron's output. ``copy_gain`` is the comparators'
    copy of one LSB over ``I_lsb``. In a chip, ``full_weight`` LSB stand for ``|D|**2``, and a
    spiking neuron rests for ``t_ref``.
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
    slope_syn: float = 1.0
    early: float = 0.0
    I_early: Quantity = field(default_factory=lambda: 9 * nA)
    I_th_i: Quantity = field(default_factory=lambda: 0 * pA)
    I_0_i: Quantity = field(default_factory=lambda: 0 * pA)
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
            _check(f"Circuit.{parameter.name}", value, unit, low, high)
        if self.I_th_i > 0 * amp and not 0 * amp < self.I_0_i < self.I_th_i:
            raise ValueError(
                f"Circuit.I_0_i={self.I_0_i}: must lie between 0 A and I_th_i={self.I_th_i}, "
                "or the inhibiting branch never starts"
            )
        if abs(self.w_initial) > 2 ** (self.n_bits - 1) - 1:
            raise ValueError(
                f"Circuit.w_initial={self.w_initial}: beyond the rails of {self.n_bits} bits"
            )

    @property
    def I_rest(self) -> Quantity:
        """Resting current without pulses: ``(I_mem/I_th)**slope = gain_n*I_dc/I_th - 1``.

        Without the dark current, which adds about ``I_0`` to it.
        """
        above = float(self.gain_n * self.I_dc / self.I_th) - 1
        if above <= 0:
            return self.I_0
        return self.I_th * above ** (1 / self.slope)

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
        ratio = float(I_rest / self.I_th)
        return replace(self, I_dc=self.I_th / self.gain_n * (1 + ratio**self.slope))

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
        """Write the parameters as JSON; `more` (standard errors, say) goes beside them."""
        units = {name: _unit_text(RANGES[name][2]) for name in self.values()}
        text = {"model": "dpi", "parameters": self.values(), "units": units, **more}
        Path(path).write_text(json.dumps(text, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Circuit":
        """Read what `save` wrote. ValueError if the file is no such thing."""
        try:
            found = json.loads(Path(path).read_text())
            values = {name: float(value) for name, value in found["parameters"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: not a parameter file ({error!r})") from error
        unknown = set(values) - set(RANGES)
        if unknown:
            raise ValueError(f"{path}: unknown parameters {', '.join(sorted(unknown))}")
        return experiment_1().with_values(**values)


_CURRENT = (0 * amp, 1e-6 * amp, amp)
_POSITIVE = (1e-18 * amp, 1e-6 * amp, amp)
_TIME = (1e-8 * second, 1e3 * second, second)

#: Allowed least and largest value and the unit of every parameter of `Circuit`.
RANGES = {
    "tau": _TIME,
    "I_th": _POSITIVE,
    "I_dc": _CURRENT,
    "tau_e": _TIME,
    "gain_e": (1e-9, 1e6, 1),  # the unit of weights is made of it
    "tau_i": _TIME,
    "gain_i": (0, 1e6, 1),
    "I_ref": _POSITIVE,
    "I_SL": _CURRENT,
    "width": _TIME,
    "I_lsb": _POSITIVE,
    "gain_n": (1e-6, 1e6, 1),
    "I_0": (0 * amp, 1e-9 * amp, amp),
    "slope": (0.6, 1.6, 1),
    "slope_syn": (0.6, 1.6, 1),
    "early": (0, 1, 1),
    "I_early": _POSITIVE,
    "I_th_i": _CURRENT,
    "I_0_i": _CURRENT,
    "copy_gain": (0, 1e3, 1),
    "I_off": (-1e-6 * amp, 1e-6 * amp, amp),
    "t_start": (0 * second, 1e3 * second, second),
    "n_bits": (2, 24, 1),
    "w_initial": (-(2**23), 2**23, 1),
    "full_weight": (1, 2**23, 1),
    "t_ref": _TIME,
}


def experiment_1() -> Circuit:
    """The published circuit (arXiv:2010.14353, section IV), fitted to its experiment 1.

    ``slope_syn`` is KAPPA_N/KAPPA_P and not fitted; the comparators follow from the decisions;
    `studies.calibrate` finds the others again and gives their standard errors.
    """
    return Circuit(
        tau=31.5535 * ms,
        I_th=12.302 * pA,
        I_dc=11.3861 * nA,
        tau_e=0.545507 * ms,
        gain_e=2.53715,
        tau_i=1.32007 * ms,
        gain_i=1.87971,
        I_ref=8.988 * nA,
        I_SL=0.398 * nA,
        slope=1.03403,
        slope_syn=KAPPA_N / KAPPA_P,
        early=0.154991,
        I_early=9.089 * nA,
        I_th_i=53.2128 * pA,
        I_0_i=0.19 * pA,
        t_start=3.26001 * ms,
    )


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
        I_early=0.8 * nA,
        copy_gain=2.5 / 31,
    )


def _check(name: str, value: Any, unit: Any, low: Any, high: Any) -> None:
    if not have_same_dimensions(value, unit):
        raise ValueError(f"{name}={value}: must have the unit of {high}")
    if not (np.isfinite(float(value)) and float(low) <= float(value) <= float(high)):
        raise ValueError(f"{name}={value}: must be finite and from {low} to {high}")


def _unit_text(unit: Any) -> str:
    return "1" if isinstance(unit, int) else str(get_dimensions(unit))
