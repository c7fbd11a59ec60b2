"""The readout learned by counters, so that nobody has to fit one on a computer."""

import numpy as np
from brian2 import ms
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats

#: How often the counters move.
EVERY = 10 * ms
#: What they move by, and the coding error below which they stay; both where ``|D_n| = 1``.
STEP, DEAD_ZONE = 0.002, 0.1


def learn_decoder(
    r: ArrayLike, x: ArrayLike, D: ArrayLike, step: float = STEP, dead_zone: float = DEAD_ZONE
) -> Floats:
    """The decoder that counters find, from `D` on: one comparison a signal, one a neuron.

    At each sample, with the coding error ``u = x - D r``, of the neurons with ``r_k > 1`` (that
    have just spiked, or do so often)::

        D_jk += step*(int(u_j > dead_zone) - int(u_j < -dead_zone))

    Parameters
    ----------
    r
        Filtered spikes, (n_chips, n, n_neurons), as from `filtered_spikes`, every 10 ms, say
        (`EVERY`); 40 s are enough.
    x
        Signal at the same times, (n, n_signals), in the same units as `dead_zone`.
    D
        Decoders to begin with, (n_signals, n_neurons) or (n_chips, n_signals, n_neurons).

    Returns
    -------
    array
        (n_chips, n_signals, n_neurons).

    Raises
    ------
    ValueError
        If shapes do not match, or a number is not finite or not positive.
    """
    r, x, D = checks.finite("r", r), checks.signal("x", x), checks.decoder(D)
    checks.positive("step", step)
    checks.positive("dead_zone", dead_zone, zero=True)
    expected = (len(x), D.shape[-1]), (len(x), D.shape[-2])
    if r.ndim != 3 or (r.shape[1:], x.shape) != expected:
        raise ValueError(
            f"r has shape {r.shape}, x {x.shape}, D {D.shape}: must be (n_chips, n, n_neurons), "
            "(n, n_signals) and (n_signals, n_neurons)"
        )
    D = np.array(np.broadcast_to(D, (len(r), x.shape[1], D.shape[-1])))
    for own, signal in zip(np.swapaxes(r, 0, 1), x, strict=True):
        u = signal - np.einsum("csn,cn->cs", D, own)
        sign = (u > dead_zone).astype(int) - (u < -dead_zone)
        D += step * sign[:, :, None] * (own > 1)[:, None, :]
    return D
