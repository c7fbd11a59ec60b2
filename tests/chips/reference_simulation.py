"""One chip in plain numpy, slowly, with loops over steps, spikes and synapses; no Brian2.

Written from the theory (README, docstrings), not from the Brian2 code, to be compared with it.
All quantities are plain numbers in SI units.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rule:
    """Steps and dead zone in volt; `autapse`: the weight onto oneself is learned as well."""

    step: float
    kappa: float = 2.5
    dead_zone: float = 0.0
    rail: float = np.inf
    autapse: bool = False

    def update(self, w: float, v_before: float, gain: float) -> float:
        """The counter after a spike that finds the target neuron at `v_before` from rest."""
        err = 2 * v_before + self.kappa * gain * w * self.step
        if err < -self.dead_zone:
            w += 1
        elif err > self.dead_zone:
            w -= 1
        return min(max(w, -self.rail), self.rail)


@dataclass(frozen=True)
class Outcome:
    """Spikes as (step, neuron) pairs, and the counters (target, source) and potentials after."""

    spikes: list[tuple[int, int]]
    w: np.ndarray
    v: np.ndarray


def furthest_above(v: np.ndarray, v_th: np.ndarray, above: list[int]) -> int:
    """The neuron of `above` with the largest v - v_th; the first of equals."""
    best = above[0]
    for neuron in above[1:]:
        if v[neuron] - v_th[neuron] > v[best] - v_th[best]:
            best = neuron
    return best


def simulate(
    D: np.ndarray,
    w: np.ndarray,
    c: np.ndarray,
    *,
    step: float = 0.01,
    rule: Rule | None = None,
    kappa: float = 2.5,
    reset: str = "absolute",
    synapse: str = "delta",
    greedy: bool = True,
    tau_m: float | np.ndarray = 0.05,
    tau_fast: float = 0.001,
    v_rest: float | np.ndarray = 0.0,
    gain: float | np.ndarray = 1.0,
    v_unit: float = 0.01,
    dt: float = 1e-4,
) -> Outcome:
    """Response of a chip with decoder `D` (n_signals, n_neurons) to the drive `c` (n_steps, ...).

    `w` (target, source) are counters, each worth ``gain*step``; `kappa` sets the thresholds.
    """
    n_neurons = D.shape[1]
    neurons = range(n_neurons)
    w, gain = np.array(w, float), np.broadcast_to(gain, w.shape)
    v_rest = np.broadcast_to(v_rest, (n_neurons,)).astype(float)
    v_th = v_rest + kappa / 2 * v_unit
    v_reset = v_rest + (1 - 2 / kappa) * (kappa / 2 * v_unit)
    v, fast = v_rest.copy(), np.zeros(n_neurons)
    spikes = []
    for k in range(len(c)):
        slope = (v_rest - v) / tau_m + v_unit * (D.T @ c[k]) + fast / tau_fast
        v, fast = v + dt * slope, fast - dt * fast / tau_fast
        firing = [n for n in neurons if v[n] > v_th[n]]
        if greedy and firing:
            firing = [furthest_above(v, v_th, firing)]
        wired = [
            (n, source)
            for source in firing
            for n in neurons
            if n != source or (rule and rule.autapse)
        ]
        if rule:
            before = v - v_rest
            for n, source in wired:
                w[n, source] = rule.update(w[n, source], before[n], gain[n, source])
        for n, source in wired:
            if synapse == "delta":
                v[n] += gain[n, source] * w[n, source] * step
            else:
                fast[n] += gain[n, source] * w[n, source] * step
        for n in firing:
            if rule and rule.autapse:
                continue  # the autapse has acted
            v[n] = v_reset[n] if reset == "absolute" else v[n] - v_unit
        spikes += [(k, n) for n in firing]
    return Outcome(spikes, w, v)
