"""Whole chips of DPI neurons beside a loop of the same equations, written by hand for numba."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import click
import numpy as np
from brian2 import Quantity, second

from ebn_brian import devices
from ebn_brian.checks import Floats
from ebn_brian.dpi_model import whole_chip

from .systems import DT, LENGTH, N_NEURONS, dpi, drive

#: Precisions of the package that are timed; the loop computes in double.
PRECISIONS = {
    "package_f64": "double",
    "package_f64_fast": "double_fast",
    "package_f32": "single_arithmetic",
}
#: Parameters of neurons that differ, that are alike, and of the rule.
OWN = ("F_0", "F_1", "I_ref", "I_spk")
ALIKE = ("I_dc", "tau", "tau_e", "tau_i", "I_lsb", "I_th", "I_0", "t_ref")
RULE = ("kappa", "step", "dead_zone", "w_max")


def dpi_loop() -> Callable[..., int]:
    """A loop over chips with time inside; it changes the weights, and returns the spikes' number.

    All is in double precision, parameters are (n_chips, n_neurons) or numbers, the midpoint method
    is that of the package, and pulses end `width` steps after they begin.
    """
    from numba import njit

    @njit(cache=False, fastmath=True, error_model="numpy")
    def loop(w, F, c, I_dc, rate, rate_e, rate_i, I_lsb, I_th, I_0, I_ref, I_spk, rule, steps):
        n_chips, n = I_spk.shape
        copy, zone, w_max = rule
        width, t_ref = steps
        n_spikes = 0
        d = np.zeros((n, n))
        spiking = np.empty(n, np.int64)
        for chip in range(n_chips):
            I_mem, J_e, J_i = I_ref[chip].copy(), np.zeros(n), np.zeros(n)
            n_e, n_i = np.zeros(n), np.zeros(n)
            last = np.full(n, -(10**9))
            weights, F_0, F_1 = w[chip], F[chip, 0], F[chip, 1]
            for step in range(len(c)):
                c_0, c_1 = c[step, 0], c[step, 1]
                for k in range(n):
                    given = I_dc + F_0[k] * c_0 + F_1[k] * c_1
                    x, y, z = I_mem[k], J_e[k], J_i[k]
                    full_e, full_i = I_lsb * n_e[k], I_lsb * n_i[k]
                    dx = 0.5 * rate * (x / (x + I_th) * (given + y - z - I_th - x) + I_0)
                    dy, dz = 0.5 * rate_e * (full_e - y), 0.5 * rate_i * (full_i - z)
                    x, y, z = x + dx, y + dy, z + dz
                    I = I_mem[k] + rate * (x / (x + I_th) * (given + y - z - I_th - x) + I_0)  # noqa: E741
                    I_mem[k] = max(I, I_0)
                    J_e[k] += rate_e * (full_e - y)
                    J_i[k] += rate_i * (full_i - z)
                n_spiking = 0
                for k in range(n):
                    if I_mem[k] > I_spk[chip, k] and step - last[k] >= t_ref:
                        spiking[n_spiking] = k
                        n_spiking += 1
                for s in range(n_spiking):
                    k = spiking[s]
                    last[k] = step
                    for post in range(n):
                        weight = weights[k, post]
                        err = 2.0 * (I_mem[post] - I_ref[chip, post]) + copy * weight
                        d[k, post] = (1.0 if err < -zone else 0.0) - (1.0 if err > zone else 0.0)
                        n_e[post] += max(weight, 0.0)
                        n_i[post] += max(-weight, 0.0)
                for k in range(n):
                    if step - last[k] == width:
                        for post in range(n):
                            weight = weights[k, post]
                            n_e[post] -= max(weight, 0.0)
                            n_i[post] -= max(-weight, 0.0)
                            weights[k, post] = min(max(weight + d[k, post], -w_max), w_max)
                n_spikes += n_spiking
        return n_spikes

    return loop


def arguments(n_chips: int, length: Quantity) -> tuple[Any, ...]:
    """What the loop needs to do what the system `dpi` does in `length`."""
    network = dpi(n_chips, length)
    neurons, recurrent = network["neurons"], network["recurrent"]

    def of(group: Any, name: str) -> Floats:
        return np.array(getattr(group, name), float)

    own = {name: of(neurons, name).reshape(n_chips, -1) for name in OWN}
    one = {name: of(neurons, name)[0] for name in ALIKE}
    rule = {name: of(recurrent, name).ravel()[0] for name in RULE}
    dt = float(DT)
    return (
        of(recurrent, "w").reshape(n_chips, N_NEURONS, N_NEURONS),
        np.stack([own["F_0"], own["F_1"]], axis=1),
        np.array(drive(length).values, float),
        *(one["I_dc"], dt / one["tau"], dt / one["tau_e"], dt / one["tau_i"]),
        *(one["I_lsb"], one["I_th"], one["I_0"], own["I_ref"], own["I_spk"]),
        (rule["kappa"] * rule["step"], rule["dead_zone"], rule["w_max"]),
        tuple(round(t / dt) for t in (float(whole_chip().width), one["t_ref"])),
    )


def compare(n_chips: int, repeats: int, length: Quantity = LENGTH) -> Mapping[str, float]:
    """CPU-seconds of the package over those of the loop, best of `repeats`, and the throughputs.

    Raises
    ------
    click.ClickException
        If they did not do the same work.
    """
    loop = dpi_loop()
    loop(*arguments(1, 0.01 * second))  # compiles
    given = arguments(n_chips, length)
    cost: dict[str, list[float]] = {"loop": []}
    for _ in range(repeats):
        w = given[0].copy()
        begin = time.process_time()
        spikes = loop(w, *given[1:])
        cost["loop"].append(time.process_time() - begin)
    for name, precision in PRECISIONS.items():
        program = devices.build(lambda: dpi(n_chips, length), precision=precision)
        runs = [
            program.run(duration=length, read=["spikes.N", "recurrent.w"]) for _ in range(repeats)
        ]
        check_same(name, runs[0], spikes, w)
        cost[name] = [run.cpu_seconds for run in runs]
    return compared("dpi", n_chips * float(length), cost)


def compared(kind: str, work: float, cost: Mapping[str, list[float]]) -> dict[str, float]:
    """Throughputs, and times over that of the ``loop``, of the least CPU-seconds of each."""
    best = {name: min(values) for name, values in cost.items()}
    return {
        **{f"throughput_{kind}_{name}": work / seconds for name, seconds in best.items()},
        **{f"ratio_{kind}_{name}": best[name] / best["loop"] for name in PRECISIONS},
    }


def check_same(name: str, run: devices.Run, spikes: int, w: Floats) -> None:
    """ClickException unless a run has the loop's spikes, nearly, and moved its weights so far."""
    n, change = int(run["spikes.N"][0]), np.abs(run["recurrent.w"] - w.ravel()).mean()
    if abs(n - spikes) > 0.01 * spikes or change > 0.1 * np.abs(w).mean():
        raise click.ClickException(
            f"{name} did not do the same work: {n} spikes, weights {change:.3g} off; the loop has "
            f"{spikes}, and weights of {np.abs(w).mean():.3g}"
        )
