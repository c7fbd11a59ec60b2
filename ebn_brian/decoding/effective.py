"""What a network codes for, from its weights alone."""

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats


def effective_decoder(Omega: ArrayLike, F: ArrayLike) -> Floats:
    """``D_eff = -pinv(F) Omega``: the decoder for which recurrent and feed-forward weights fit.

    Without its leak a neuron's voltage is ``F_n . x + Omega_n . r``. In a balanced network it stays
    small in every neuron, so ``x`` is close to ``-pinv(F) Omega r``, whatever decoder was meant.
    Optimal weights ``Omega = -D^T D`` with ``F = D^T`` give back ``D``; learned ones give the
    signal that a spike stands for as the network learned it. It needs no data.

    Parameters
    ----------
    Omega
        Recurrent weights, (..., n_neurons, n_neurons), row = target, in units of ``|D|**2``. The
        diagonal is the reset: fill it in where chips have no autapses (`Blueprint.acting`).
    F
        Feed-forward weights, (..., n_neurons, n_signals), in units of ``|D|``.

    Returns
    -------
    array
        (..., n_signals, n_neurons). Signals that no neuron receives have a row of zeros.

    Raises
    ------
    ValueError
        If shapes do not fit, or values are not finite.
    """
    Omega, F = checks.finite("Omega", Omega), checks.finite("F", F)
    n = Omega.shape[-1] if Omega.ndim else 0
    if Omega.ndim < 2 or F.ndim < 2 or Omega.shape[-2] != n or F.shape[-2] != n:
        raise ValueError(
            f"Omega has shape {Omega.shape}, F {F.shape}: must end in (n_neurons, n_neurons) and "
            "(n_neurons, n_signals)"
        )
    return np.asarray(-np.linalg.pinv(F) @ Omega)
