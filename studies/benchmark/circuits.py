"""Circuits of section IV beside a loop of the same equations, written by hand for numba."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import click
import numpy as np
from brian2 import second

from ebn_brian import devices
from ebn_brian.checks import Floats
from ebn_brian.chips.circuit import DT, circuit_values, extended, learning_circuit, pulse_steps
from ebn_brian.dpi_model import Circuit, experiment_1

from .dpi import PRECISIONS, compared

#: Onsets of the pulses (s), and the end.
ONSETS: Floats = 4.005e-3 + 5e-3 * np.arange(40, dtype=np.float64)
END = 0.2
#: What differs between circuits, by so much.
SPREAD = ("tau", "I_th", "I_dc", "tau_e", "gain_e", "tau_i", "gain_i", "I_ref")
CV = 0.05
#: The rest of what the loop takes, in its order.
ALIKE = ("I_s_mem", "I_0", "slope", "leak", "I_leak", "t_start", "I_s_in")
BRANCHES = ("I_lsb", "slope_e", "I_s_e", "slope_i")


def circuit_loop() -> Callable[..., None]:
    """A loop over circuits, time inside; it moves the counters.

    In double precision, by the midpoint method. `own` are the parameters of `SPREAD`, (n, 8).
    """
    from numba import njit

    @njit(cache=False, fastmath=True, error_model="numpy")
    def rate(x, y, z, bias, pulse, n_e, n_i, p, alike, branches):
        tau, I_th, I_dc, tau_e, gain_e, tau_i, gain_i, _ = p
        _, I_0, slope, leak, I_leak, _, I_s_in = alike
        I_lsb, slope_e, I_s_e, slope_i = branches
        one_e, one_i = gain_e * I_lsb, gain_i * I_lsb
        y_e = one_e * max(y / one_e - 1e-9, 0.0) ** (1 / slope_e)
        I_e = I_s_e * np.log(1 + np.sqrt(y_e / I_s_e)) ** 2
        I_i = one_i * max(z / one_i - 1e-9, 0.0) ** (1 / slope_i)
        I_sum = max(I_dc * bias + I_e - I_i, 0.0)
        I_in = I_s_in * (np.exp(np.sqrt(I_sum / I_s_in)) - 1) ** 2
        grown, lost = max(x / I_th, 0.0) ** slope, max(x / I_leak, 0.0) ** leak
        dx = (x * (I_in / I_th / (1 + grown) - lost) + I_0) / tau
        dy = slope_e * (one_e * (n_e * pulse + 1e-12) - y) / tau_e
        dz = slope_i * (one_i * (n_i * pulse + 1e-12) - z) / tau_i
        return dx, dy, dz

    @njit(cache=False, fastmath=True, error_model="numpy")
    def loop(counters, own, alike, branches, rule, pulse, steps, width, dt):
        w_max, dead_zone, eps = rule
        for circuit in range(len(own)):
            p = own[circuit]
            I_ref, I_s_mem = p[7], alike[0]
            x, y, z, n_e, n_i = alike[1], 0.0, 0.0, 0.0, 0.0
            w, d, n_dac, k, until = counters[circuit], 0.0, 0.0, 0, -1
            for step in range(len(pulse)):
                bias = min(max((step * dt - alike[5]) / dt + 1, 0.0), 1.0)
                on, h = pulse[step], 0.5 * dt
                dx, dy, dz = rate(x, y, z, bias, on, n_e, n_i, p, alike, branches)
                x_2, y_2, z_2 = x + h * dx, y + h * dy, z + h * dz
                dx, dy, dz = rate(x_2, y_2, z_2, bias, on, n_e, n_i, p, alike, branches)
                x, y, z = x + dt * dx, y + dt * dy, z + dt * dz
                if step == until:
                    n_e, n_i = 0.0, 0.0
                    w = min(max(w + d, -w_max), w_max)
                if k < len(steps) and step == steps[k] - 1:
                    I_mem = I_s_mem * np.log(1 + np.sqrt(x / I_s_mem)) ** 2
                    err = 2 * (I_mem - I_ref)
                    d = (1.0 if err < -dead_zone else 0.0) - (1.0 if err > dead_zone else 0.0)
                    size, n_dac = int(abs(w)), 0.0
                    for bit in range(4, -1, -1):
                        n_dac = (size >> bit & 1) + 2 * (1 - eps) * n_dac
                    n_e, n_i = (n_dac, 0.0) if w > 0 else (0.0, n_dac)
                    until, k = step + width, k + 1
            counters[circuit] = w

    return loop


def parameters(circuit: Circuit, n: int) -> dict[str, Floats]:
    """Values of `n` circuits that differ in `SPREAD`."""
    rng = np.random.default_rng(7)
    values = circuit_values(circuit)
    return {name: float(values[name]) * np.exp(CV * rng.standard_normal(n)) for name in SPREAD}


def arguments(circuit: Circuit, own: Mapping[str, Floats]) -> tuple[Any, ...]:
    """What the loop needs to do what the network does, but for the counters."""
    steps, width = pulse_steps(ONSETS, circuit, DT)
    pulse = np.zeros(round(END / float(DT)))
    given = np.ravel(extended(ONSETS, circuit, DT).values)[: len(pulse)]
    pulse[: len(given)] = given
    values = circuit.values()
    return (
        np.stack([own[name] for name in SPREAD], axis=1),
        tuple(values[name] for name in ALIKE),
        tuple(values[name] for name in BRANCHES),
        (float(circuit.rule().w_max), 2 * values["I_SL"], values["eps"]),
        *(pulse, steps, width, float(DT)),
    )


def compare(n_circuits: int, repeats: int) -> Mapping[str, float]:
    """CPU-seconds of the package over those of the loop, best of `repeats`, and the throughputs.

    Throughputs are circuit-seconds per CPU-second.

    Raises
    ------
    click.ClickException
        If they did not do the same work.
    """
    circuit = experiment_1()
    own = parameters(circuit, n_circuits)
    given, loop = arguments(circuit, own), circuit_loop()

    def by_loop() -> tuple[float, Floats]:
        counters = np.full(n_circuits, float(circuit.w_initial))
        begin = time.process_time()
        loop(counters, *given)
        return time.process_time() - begin, counters

    by_loop()  # compiles
    runs = [by_loop() for _ in range(repeats)]
    cost = {"loop": [seconds for seconds, _ in runs]}
    for name, precision in PRECISIONS.items():
        program = devices.build(
            lambda: learning_circuit(circuit, ONSETS, n_circuits, n_sampled=1), precision=precision
        )
        values = {f"neurons.{parameter}": array for parameter, array in own.items()}
        done = [
            program.run(values, duration=END * second, read=["plastic.w"]) for _ in range(repeats)
        ]
        check_same(name, done[0]["plastic.w"], runs[0][1])
        cost[name] = [run.cpu_seconds for run in done]
    return compared("circuits", n_circuits * END, cost)


def check_same(name: str, counters: Floats, expected: Floats) -> None:
    """ClickException unless nearly all circuits have the loop's counter at the end."""
    share = float(np.mean(counters == expected))
    if share < 0.95 or np.ptp(expected) == 0:
        raise click.ClickException(
            f"{name} did not do the same work: {share:.1%} of the counters are the loop's"
        )
