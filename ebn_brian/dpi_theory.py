"""What DPI neurons do at constant input, by quadrature: the truth that simulations are held to.

All functions take the parameters of the neuron by their names in `ebn_brian.equations.dpi`; those
of its terms may be left out, as in the ideal circuit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Quantity, amp, second
from scipy.integrate import quad
from scipy.optimize import brentq

from .transistors import moderate, weak

INFINITE = np.inf * amp
#: Logarithms of the currents (A) between which a neuron rests.
LOWEST, HIGHEST = np.log(1e-18), np.log(1e-3)


def growth(
    I_in: Quantity,
    *,
    I_th: Quantity,
    gain_n: float = 1.0,
    I_0: Quantity = 0 * amp,
    slope: float = 1.0,
    leak: float = 0.0,
    I_leak: Quantity = 1e-9 * amp,
    I_s_in: Quantity = INFINITE,
) -> Callable[[float], float]:
    """``tau*d(log J)/dt`` of the membrane's state J, as a function of ``log(J/A)``.

    It is smooth over all decades, and falls.
    """
    th, dark, ref = float(I_th), float(I_0), float(I_leak)
    steered = float(gain_n * weak(I_in, I_s_in)) / th

    def rate(u: float) -> float:
        bend = 1 + np.exp(slope * (u - np.log(th)))
        return float(steered / bend - np.exp(leak * (u - np.log(ref))) + dark * np.exp(-u))

    return rate


def rise_time(
    I_from: Quantity,
    I_to: Quantity,
    I_in: Quantity,
    *,
    tau: Quantity,
    I_s_mem: Quantity = INFINITE,
    **neuron: Any,
) -> Quantity:
    """Time that ``I_mem`` takes between two currents at constant `I_in`, by quadrature.

    `neuron` are the parameters of `growth`; `I_from` may lie above `I_to`. Infinite where it never
    gets there.
    """
    rate = growth(I_in, **neuron)
    low, high = (np.log(float(weak(current, I_s_mem))) for current in (I_from, I_to))
    # the rate falls with u, so it does not change its sign between the ends if it has one at both
    if low != high and not (rate(low) * (high - low) > 0 and rate(high) * (high - low) > 0):
        return np.inf * second
    per_tau, _ = quad(lambda u: 1 / rate(u), low, high, limit=200)
    return per_tau * tau


def firing_rate(
    I_in: Quantity,
    *,
    I_spk: Quantity,
    I_reset: Quantity,
    t_ref: Quantity = 0 * second,
    **neuron: Any,
) -> Quantity:
    """Rate of the spiking neuron at constant `I_in`, by quadrature.

    `neuron` are the parameters of `rise_time`. Zero where the input does not reach the threshold.
    """
    return 1 / (rise_time(I_reset, I_spk, I_in, **neuron) + t_ref)


def resting_current(I_in: Quantity, *, I_s_mem: Quantity = INFINITE, **neuron: Any) -> Quantity:
    """``I_mem`` at which nothing moves, dark current included; `neuron` as in `growth`."""
    return moderate(np.exp(_rest(growth(I_in, **neuron))) * amp, I_s_mem)


def relaxation_time(I_in: Quantity, *, tau: Quantity, **neuron: Any) -> Quantity:
    """Time constant with which small deviations from rest decay; `neuron` as in `growth`.

    ``tau*(1 + I_th/I_rest)`` of an ideal neuron far above its dark current.
    """
    rate = growth(I_in, **neuron)
    rest, h = _rest(rate), 1e-4
    return tau * 2 * h / (rate(rest - h) - rate(rest + h))


def _rest(rate: Callable[[float], float]) -> float:
    """Where `rate` is zero."""
    return float(brentq(rate, LOWEST, HIGHEST, xtol=1e-14))
