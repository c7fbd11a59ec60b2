"""What DPI neurons do at constant input, by quadrature: the truth that simulations are held to."""

from typing import Any

import numpy as np
from brian2 import Quantity, amp, second
from scipy.integrate import quad


def rise_time(
    I_from: Quantity,
    I_to: Quantity,
    I_in: Quantity,
    *,
    tau: Quantity,
    I_th: Quantity,
    gain_n: float = 1.0,
    I_0: Quantity = 0 * amp,
    slope: float = 1.0,
) -> Quantity:
    """Time that ``I_mem`` takes between two currents at constant `I_in`, by quadrature.

    Of the neuron's full form, see `ebn_brian.equations.dpi`; `I_from` may lie above `I_to`.
    Infinite where it never gets there.
    """
    drive, th, dark = float(gain_n * I_in / I_th), float(I_th), float(I_0)

    def rate(
        x: float,
    ) -> float:  # d log(I_mem)/dt in units of 1/tau: smooth over all the decades between the two
        return float(drive / (1 + (np.exp(x) / th) ** slope) - 1 + dark * np.exp(-x))

    low, high = np.log(float(I_from)), np.log(float(I_to))
    # the rate falls with x, so it does not change its sign between the ends if it has one at both
    if low != high and not (rate(low) * (high - low) > 0 and rate(high) * (high - low) > 0):
        return np.inf * second
    per_tau, _ = quad(lambda x: 1 / rate(x), low, high, limit=200)
    return per_tau * tau


def firing_rate(
    I_in: Quantity,
    *,
    I_spk: Quantity,
    I_reset: Quantity,
    t_ref: Quantity = 0 * second,
    **neuron: Any,
) -> Quantity:
    """Rate of the spiking neuron in its full form at constant `I_in`, by quadrature.

    `neuron` are the parameters of `rise_time`. Zero where the input does not reach the threshold.
    """
    return 1 / (rise_time(I_reset, I_spk, I_in, **neuron) + t_ref)
