"""The ratio of the DAC's bits, read off the steps of the pulses' charges.

Where the counter passes from 7 to 8 three bits of the DAC go off and one comes on. If neighbouring
bits are in the ratio ``2*(1 - eps)``, that step of the charge is smaller by 14 eps than its
neighbours, and the one from 15 to 16 by 34 eps.
"""

from collections.abc import Sequence

import numpy as np

from ebn_brian.checks import Floats, Integers
from ebn_brian.dpi_model import Circuit
from ebn_brian.dpi_theory import relaxation_time

from .recordings import Recording

#: Steps that are compared with their neighbours, so many on either side.
STEPS = (7.5, 15.5)
NEIGHBOURS = 4
#: The current at the onset of a pulse is a mean over so much time before it (s).
BEFORE = 0.5e-3


def charges(recording: Recording, tau: float) -> tuple[Integers, Floats]:
    """Counter (LSB) and charge at the membrane (A s, up to a constant) of all pulses but the last.

    A leaky integrator of time constant `tau` (s) gets ``tau*(I_after - I_before)`` and what leaks
    away meanwhile, the area under the current.
    """
    ref = recording.reference
    dt = ref.t[1] - ref.t[0]
    area = np.concatenate([[0], np.cumsum((ref.I_mem[1:] + ref.I_mem[:-1]) / 2) * dt])
    onsets = ref.onsets[ref.onsets <= ref.t[-1]]
    before = np.searchsorted(ref.t, onsets)[:, None] - np.arange(1, round(BEFORE / dt) + 1)
    current = ref.I_mem[np.clip(before, 0, None)].mean(axis=1)
    middle = np.searchsorted(ref.t, onsets + ref.width / 2)
    between = np.diff(np.interp(onsets, ref.t, area)) / np.diff(onsets)
    period = float(np.median(np.diff(onsets)))
    counter = np.rint(ref.weight[np.clip(middle, None, len(ref.t) - 1)]).astype(int)
    return counter[:-1], tau * np.diff(current) + period * between


def bit_ratio(recordings: Sequence[Recording], circuit: Circuit) -> tuple[float, float] | None:
    """eps and its standard error; None if no counter passes one of `STEPS` steadily.

    `circuit` tells how fast the membrane relaxes near rest. In each window the charge is a parabola
    in the counter and, by least squares, so much of what an eps would change.
    """
    names = ("tau", "I_th", "gain_n", "I_0", "slope", "leak", "I_leak", "I_s_in")
    tau = float(relaxation_time(circuit.I_dc, **{name: getattr(circuit, name) for name in names}))
    found = [
        _window(sign * w[part], sign * q[part], step)
        for recording in recordings
        for w, q in [charges(recording, tau)]
        for sign in (1, -1)
        for step in STEPS
        for part in _passages(sign * w, step)
    ]
    if not found:
        return None
    eps, variance, squares, degrees = np.array(found).T
    weight = 1 / variance
    mean = float(np.sum(weight * eps) / np.sum(weight))
    scatter = np.sum(weight * (eps - mean) ** 2) / max(len(eps) - 1, 1)
    noise = np.sum(squares) / np.sum(degrees)
    return mean, float(np.sqrt(max(scatter, noise) / np.sum(weight)))


def _passages(w: Integers, step: float) -> list[slice]:
    """Stretches of pulses in which the counter goes by ones through `step` and its neighbours."""
    n, low = 2 * NEIGHBOURS, round(step - NEIGHBOURS + 0.5)
    ways = low + np.arange(n), low + np.arange(n)[::-1]
    starts = range(len(w) - n + 1)
    return [slice(k, k + n) for k in starts if any((w[k : k + n] == way).all() for way in ways)]


def _window(w: Integers, q: Floats, step: float) -> tuple[float, float, float, int]:
    """eps of one window, its variance per unit of noise, squares of what remains, and degrees."""
    x = w - step
    lost = sum(k * 2**k * (w >> k & 1) for k in range(24))  # by which a code falls, per eps
    design = np.stack([np.ones_like(x), x, x**2, -lost], axis=1)
    solution, *_ = np.linalg.lstsq(design, q, rcond=None)
    rest = q - design @ solution
    lsb = solution[1]
    variance = np.linalg.inv(design.T @ design)[-1, -1] / lsb**2
    return solution[-1] / lsb, variance, float(rest @ rest) * 1.0, len(q) - 4
