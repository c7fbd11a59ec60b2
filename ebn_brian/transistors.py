"""What one transistor does, and what currents, capacitors and counters make of it.

A DPI with capacitor C and leak I_tau has ``tau = C*Ut/(kappa*I_tau)`` and ``gain = I_th/I_tau``,
with the thermal voltage ``Ut = k*T/q`` (Bartolozzi and Indiveri 2007, Neural Comput. 19; Chicca et
al. 2014, Proc. IEEE 102). Between weak and strong inversion a transistor follows the interpolation
of Enz, Krummenacher and Vittoz (EKV) 1995, Analog Integr. Circuits Signal Process. 8.
"""

from typing import Any

import numpy as np
from brian2 import Quantity, amp, have_same_dimensions, kelvin, second
from brian2.units.allunits import coulomb, farad, joule, volt

BOLTZMANN = 1.380649e-23 * joule / kelvin
CHARGE = 1.602176634e-19 * coulomb
ROOM = 300 * kelvin

#: Slope factors of n- and p-type transistors, as DynapSim and teili have them (estimates).
KAPPA_N, KAPPA_P = 0.75, 0.66


def thermal_voltage(temperature: Quantity = ROOM) -> Quantity:
    """Ut = k*T/q: 25.9 mV at 300 K."""
    check("temperature", temperature, kelvin, 200 * kelvin, 450 * kelvin)
    return BOLTZMANN * temperature / CHARGE


def time_constant(
    C: Quantity, I_tau: Quantity, kappa: float = 0.7, temperature: Quantity = ROOM
) -> Quantity:
    """Time constant ``C*Ut/(kappa*I_tau)`` of a DPI with capacitor `C` and leak `I_tau`."""
    check("C", C, farad, 1e-16 * farad, 1e-8 * farad)
    check("I_tau", I_tau, amp, 1e-17 * amp, 1e-6 * amp)
    check("kappa", kappa, 1, 0.3, 1)
    return C * thermal_voltage(temperature) / (kappa * I_tau)


def leak(C: Quantity, tau: Quantity, kappa: float = 0.7, temperature: Quantity = ROOM) -> Quantity:
    """Leak current I_tau that gives a DPI with capacitor `C` the time constant `tau`."""
    check("C", C, farad, 1e-16 * farad, 1e-8 * farad)
    check("tau", tau, second, 1e-8 * second, 1e3 * second)
    check("kappa", kappa, 1, 0.3, 1)
    return C * thermal_voltage(temperature) / (kappa * tau)


def gain(I_th: Quantity, I_tau: Quantity) -> float:
    """Gain ``I_th/I_tau`` of a DPI."""
    check("I_th", I_th, amp, 1e-17 * amp, 1e-6 * amp)
    check("I_tau", I_tau, amp, 1e-17 * amp, 1e-6 * amp)
    return float(I_th / I_tau)


def early_voltage(exponent: float, kappa: float = 0.7, temperature: Quantity = ROOM) -> Quantity:
    """Early voltage of a leak that grows as ``J**exponent``: ``Ut/(kappa*exponent)``.

    The membrane's voltage is the logarithm of J: an e-fold of J is Ut/kappa. Long transistors have
    several volt, so an exponent of 0.01 or less.
    """
    check("exponent", exponent, 1, 1e-6, 10)
    return thermal_voltage(temperature) / (kappa * exponent)


def specific_current(
    transconductance: Quantity,
    W_over_L: float = 1.0,
    kappa: float = 0.7,
    temperature: Quantity = ROOM,
) -> Quantity:
    """Specific current ``2*mu*C_ox*W/L*Ut**2/kappa`` of a transistor (EKV).

    `transconductance` is mu*C_ox; a square n-type one of a 180 nm process, some 300 uA/V^2, has
    0.5 to 0.6 uA.
    """
    check("transconductance", transconductance, amp / volt**2, 1e-6, 1e-2)
    check("W_over_L", W_over_L, 1, 1e-3, 1e3)
    check("kappa", kappa, 1, 0.3, 1)
    return 2 * transconductance * W_over_L * thermal_voltage(temperature) ** 2 / kappa


def moderate(J: Any, I_s: Any) -> Any:
    """Current of a transistor whose gate would drive `J` through it in weak inversion (EKV).

    ``I_s*log(1 + sqrt(J/I_s))**2``, with the specific current `I_s`; `J` where that is infinite.
    """
    if np.isinf(np.asarray(I_s, float)).all():
        return J
    return I_s * np.log1p(np.sqrt(np.asarray(J / I_s, float))) ** 2


def weak(current: Any, I_s: Any) -> Any:
    """The inverse of `moderate`: what a weakly inverted transistor carries beside this one."""
    if np.isinf(float(I_s)):
        return current
    return I_s * np.expm1(np.sqrt(np.asarray(current / I_s, float))) ** 2


def dac_unit(full_scale: Quantity, n_bits: int) -> Quantity:
    """DAC unit current of a sign-and-magnitude counter of `n_bits` whose rail is `full_scale`."""
    check("full_scale", full_scale, amp, 1e-17 * amp, 1e-4 * amp)
    if not 2 <= n_bits <= 24:
        raise ValueError(f"n_bits={n_bits}: must be from 2 to 24")
    return full_scale / (2 ** (n_bits - 1) - 1)


def dac_code(w: Any, eps: float) -> Any:
    """What a DAC whose bits are in the ratio ``2*(1 - eps)`` makes of counters `w`, in LSB."""
    counter = np.abs(np.asarray(w, int))
    bits = ((counter >> k & 1) * (2 * (1 - eps)) ** k for k in range(24))
    return np.sign(w) * sum(bits)


def check(name: str, value: Any, unit: Any, low: Any, high: Any) -> None:
    """ValueError unless `value` has the dimensions of `unit` and lies from `low` to `high`."""
    if not have_same_dimensions(value, unit):
        raise ValueError(f"{name}={value}: must have the unit of {high}")
    if not float(low) <= float(value) <= float(high):
        raise ValueError(f"{name}={value}: must be from {low} to {high}")
