"""The numbers of the study: what theory says, and how far the simulation is from it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from brian2 import amp, second
from numpy.typing import NDArray

from ebn_brian.checks import Floats, Integers
from ebn_brian.dpi_model import Circuit
from ebn_brian.dpi_theory import firing_rate, relaxation_time, resting_current, rise_time

from .network import CODES, COPY, READ_AFTER, SPIKING, STEPS, Grid, dark, ideal, neuron_of, without

#: Steps of the membrane, with ideal transistors and with the circuit's.
IDEAL_RESPONSE, RESPONSE = "ideal_response", "response"


def rates(i: Integers, t: Floats, n: int) -> Floats:
    """Inverse of the mean interval (Hz) of each neuron; 0 with fewer than two spikes."""
    trains = [np.sort(t[i == k]) for k in range(n)]
    return np.array([1 / np.mean(np.diff(s)) if len(s) > 1 else 0.0 for s in trains])


def postsynaptic_step(circuit: Circuit, code: int, width: Floats) -> Floats:
    """Step (A) that a pulse leaves behind after `READ_AFTER`, ideal transistors: closed form."""
    sign = "e" if code > 0 else "i"
    a, gain = float(getattr(circuit, f"tau_{sign}")), getattr(circuit, f"gain_{sign}")
    b, late = float(circuit.tau), float(READ_AFTER)

    def response(t):  # of branch and membrane to a step of 1
        return 1 - (b * np.exp(-t / b) - a * np.exp(-t / a)) / (b - a)

    unit = float(circuit.I_lsb) * gain * float(circuit.gain_n)
    return code * unit * (response(late) - response(late - width))


def step_times(circuit: Circuit, I_in: float, currents: Floats) -> Floats:
    """Times (s) at which the response to a step of `I_in` (A) is at `currents` (A): quadrature."""
    neuron, start = neuron_of(circuit), dark(circuit)
    return np.array(
        [float(rise_time(start, I_to * amp, I_in * amp, **neuron)) for I_to in currents]
    )


def step_theory(circuit: Circuit, steps: Floats) -> tuple[Floats, Floats, Floats]:
    """Resting currents (A), points (A) on the way there and times (s) when they are passed."""
    neuron, start = without(neuron_of(circuit), "tau"), float(dark(circuit))
    still = np.array([float(resting_current(I_in * amp, **neuron)) for I_in in steps])
    points = still[:, None] - (still[:, None] - start) * np.geomspace(1, 1e-4, 100)
    points[:, 0] = start  # which rounding may have missed
    times = [step_times(circuit, *at) for at in zip(steps, points, strict=True)]
    return still, points, np.stack(times)


def dataset(circuit: Circuit, grid: Grid, arrays: Mapping[str, NDArray[Any]]) -> xr.Dataset:
    """Simulated arrays and the theory beside them."""
    steps = len(STEPS), len(grid.times)
    pulses = len(CODES), len(grid.widths)
    map_shape = len(grid.counters), len(grid.currents)
    data = xr.Dataset(
        coords={
            "input": ("input", grid.inputs, {"units": "A"}),
            "step": ("step", np.array(STEPS) * 1e-9, {"units": "A"}),
            "time": ("time", grid.times, {"units": "s"}),
            "code": ("code", list(CODES), {"units": "LSB"}),
            "width": ("width", grid.widths, {"units": "s"}),
            "pulses": np.arange(grid.pulses + 1),
            "counter": ("counter", grid.counters, {"units": "LSB"}),
            "current": ("current", grid.currents, {"units": "A"}),
        }
    )
    in_hz, in_amp = {"units": "Hz"}, {"units": "A"}
    measured = rates(arrays["spikes.i"], arrays["spikes.t"], len(grid.inputs))
    parameters = neuron_of(circuit) | SPIKING
    theory = [float(firing_rate(I_in * amp, **parameters) * second) for I_in in grid.inputs]
    data["rate"], data["rate_theory"] = ("input", measured, in_hz), ("input", theory, in_hz)
    for name, responding in ((IDEAL_RESPONSE, ideal(circuit)), (RESPONSE, circuit)):
        data[name] = ("step", "time"), arrays[f"{name}.I_mem"].reshape(steps), in_amp
        still, points, times = step_theory(responding, data.step.values)
        data[f"{name}_rest"] = "step", still, in_amp
        data[f"{name}_theory"] = ("step", "point"), points, in_amp
        data[f"{name}_theory_time"] = ("step", "point"), times, {"units": "s"}
    for name, at_rest in (("ideal_pulse", 9e-9), ("pulse", float(circuit.I_rest))):
        moved = arrays[f"{name}.I_mem"].reshape(pulses) - at_rest
        data[name] = ("code", "width"), moved, in_amp
    area = np.stack([postsynaptic_step(circuit, code, grid.widths) for code in CODES])
    data["pulse_theory"] = ("code", "width"), area, in_amp
    data.attrs["end_s"] = grid.end
    data["counters"] = ("way", "pulses"), arrays["counters.w"].reshape(2, -1), {"units": "LSB"}
    for name in ("blind", "seeing"):
        decision = arrays[f"{name}_synapses.d"].reshape(map_shape).astype(int)
        data[f"decision_{name}"] = ("counter", "current"), decision
    return data


def step_error(circuit: Circuit, data: xr.Dataset, name: str) -> float:
    """Largest difference in time (in tau) of the rise to 99.9 % of the last current."""
    apart = []
    for I_in, row in zip(data.step.values, data[name].values, strict=True):
        part = row < 0.999 * row[-1]
        apart += list(data.time.values[part] - step_times(circuit, I_in, row[part]))
    return float(np.max(np.abs(apart)) / float(circuit.tau))


def membrane_errors(circuit: Circuit, data: xr.Dataset, name: str) -> tuple[float, float]:
    """Largest relative errors of the resting current and of the time constant near it."""
    still = data[f"{name}_rest"].values
    gap = still[:, None] - data[name].values[:, -2:]  # after 12 and 15 tau
    tau = np.diff(data.time.values[-2:]) / np.log(gap[:, 0] / gap[:, 1])
    neuron = without(neuron_of(circuit), "I_s_mem")
    exact = [float(relaxation_time(I_in * amp, **neuron)) for I_in in data.step.values]
    return float(np.max(np.abs(gap[:, 1] / still))), float(np.max(np.abs(tau / exact - 1)))


def decisions_wrong(circuit: Circuit, data: xr.Dataset) -> int:
    """Decisions that are not those of equation (4) of the paper."""
    wrong = 0
    for name, gain in (("blind", 0.0), ("seeing", COPY)):
        copied = gain * data.counter.values[:, None] * float(circuit.I_lsb)
        err = 2 * (data.current.values - float(circuit.I_ref)) + copied
        zone = 2 * float(circuit.I_SL)
        expected = (err < -zone).astype(int) - (err > zone)
        clear = np.abs(np.abs(err) - zone) > 1e-9 * zone  # on the bound itself rounding decides
        wrong += int(np.sum((expected != data[f"decision_{name}"].values) & clear))
    return wrong


def counters_wrong(circuit: Circuit, data: xr.Dataset) -> int:
    """Counters that are not where so many steps up or down, and the rails, put them."""
    w_max, pulses = circuit.rule().w_max, data.pulses.values
    climbs = np.minimum(w_max - len(pulses) // 2 + pulses, w_max)
    return int(np.sum(data.counters.values != np.stack([climbs, -climbs])))


def measures(circuit: Circuit, data: xr.Dataset) -> dict[str, float]:
    """How far simulation and theory are apart; relative where the name says nothing else."""
    fires = data.rate.values > 0
    rest_ideal, tau_ideal = membrane_errors(ideal(circuit), data, IDEAL_RESPONSE)
    rest_circuit, tau_circuit = membrane_errors(circuit, data, RESPONSE)
    return {
        "rate_error_max": float(np.max(np.abs(data.rate / data.rate_theory - 1).values[fires])),
        "rates_missed": int(np.sum(data.rate_theory.values[~fires] * data.attrs["end_s"] > 2)),
        "step_time_error_max_in_tau": step_error(circuit, data, RESPONSE),
        "step_time_error_max_in_tau_ideal": step_error(ideal(circuit), data, IDEAL_RESPONSE),
        "rest_error_max": rest_ideal,
        "time_constant_error_max": tau_ideal,
        "rest_error_max_circuit": rest_circuit,
        "time_constant_error_max_circuit": tau_circuit,
        "pulse_error_max": float(np.max(np.abs(data.ideal_pulse / data.pulse_theory - 1))),
        "counters_wrong": counters_wrong(circuit, data),
        "decisions_wrong": decisions_wrong(circuit, data),
        "decisions_total": 2 * data.decision_blind.size,
    }
