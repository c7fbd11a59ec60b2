"""The figure of `studies.characterise`: lines are theory, dots the simulation."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ebn_brian.dpi_model import Circuit

from ..lab.palette import BLUE, GREEN, RED, ZONES
from .network import COPY, SPIKING

THEORY: dict[str, Any] = {"color": "0.25", "lw": 1.2, "zorder": 1}


def figure(data: xr.Dataset, circuit: Circuit) -> Figure:
    """Six panels: f-I curve, step response, pulse width; rails, and two maps of decisions."""
    with sns.axes_style("ticks"), plt.rc_context({"font.size": 9, "axes.titlesize": 10}):
        fig, axes = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    _rates(axes[0, 0], data)
    _steps(axes[0, 1], data, circuit)
    _pulses(axes[0, 2], data)
    _rails(axes[1, 0], data, circuit)
    _decisions(axes[1, 1], data, circuit, "blind", 0.0)
    _decisions(axes[1, 2], data, circuit, "seeing", COPY)
    for ax in axes.flat:
        sns.despine(ax=ax)
    return fig


def _rates(ax: Axes, data: xr.Dataset) -> None:
    x = data.input * 1e9
    ax.plot(x, data.rate_theory, label="quadrature", **THEORY)
    ax.plot(x, data.rate, "o", color=BLUE, ms=4, label="simulated")
    spk, ref = SPIKING["I_spk"], SPIKING["t_ref"]
    ax.axhline(1 / float(ref), color="0.6", lw=0.8, ls=":")
    ax.text(x[0], 1 / float(ref), "1/t_ref", va="bottom", color="0.4")
    ax.set(xscale="log", xlabel="input I_in (nA)", ylabel="rate (Hz)")
    ax.set_xticks([2, 5, 10, 20, 50, 100, 200], ["2", "5", "10", "20", "50", "100", "200"])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_title(f"f-I curve, I_spk = {float(spk) * 1e9:g} nA", loc="left")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.9))


def _steps(ax: Axes, data: xr.Dataset, circuit: Circuit) -> None:
    tau = float(circuit.tau)
    colors = sns.color_palette("crest", data.sizes["step"])
    for k, (I_in, color) in enumerate(zip(data.step.values, colors, strict=True)):
        x, label = data.time / tau, f"step of {I_in * 1e9:g} nA"
        for name, marker, size in (("ideal_response", "o", 3.5), ("response", "+", 5)):
            theory = data[f"{name}_theory_time"][k] / tau, data[f"{name}_theory"][k] * 1e9
            ax.plot(*theory, **THEORY)
            shown = label if marker == "o" else None
            ax.plot(x, data[name][k] * 1e9, marker, color=color, ms=size, label=shown)
            ax.axhline(float(data[f"{name}_rest"][k]) * 1e9, color="0.6", lw=0.8, ls=":")
    ax.plot([], [], "+", color="0.3", label="not ideal")
    ax.set(xlabel="time since the step (tau)", ylabel="I_mem (nA)")
    ax.set(xlim=(4e-3, 12), xscale="log", yscale="log")
    ax.set_title("step response; dotted: at rest", loc="left")
    ax.legend(frameon=False, loc="lower right")


def _pulses(ax: Axes, data: xr.Dataset) -> None:
    x = data.width * 1e3
    colors = sns.color_palette("vlag", data.sizes["code"] + 1)
    colors = [*colors[: data.sizes["code"] // 2], *colors[-(data.sizes["code"] // 2) :]]
    for k, (code, color) in enumerate(zip(data.code.values, colors, strict=True)):
        ax.plot(x, data.pulse_theory[k] * 1e9, **THEORY)
        ax.plot(x, data.ideal_pulse[k] * 1e9, "o", color=color, ms=4, label=f"{code:+d} LSB")
        ax.plot(x, data.pulse[k] * 1e9, color=color, ls="--", lw=1)
    ax.axhline(0, color="0.7", lw=0.6, zorder=0)
    ax.plot([], [], color="0.3", ls="--", lw=1, label="this circuit, not ideal")
    ax.set(xlabel="pulse width (ms)", ylabel="I_mem less rest, 20 ms on (nA)")
    ax.set_title("postsynaptic step against pulse width", loc="left")
    ax.legend(frameon=False, ncols=2, loc="upper left", fontsize=8)


def _rails(ax: Axes, data: xr.Dataset, circuit: Circuit) -> None:
    w_max = int(circuit.rule().w_max)
    for way, (color, marker) in enumerate(((GREEN, "o"), (RED, "x"))):
        label = ("counting up", "counting down")[way]
        room = w_max - np.abs(data.counters[way])
        ax.step(data.pulses, room, where="post", color=color, lw=1)
        ax.plot(data.pulses, room, marker, color=color, ms=6, label=label)
    ax.axhline(0, color="0.4", lw=0.8, ls="--")
    ax.set(xlabel="pulses", ylabel="LSB left to the rail", ylim=(-0.5, float(room.max()) + 0.5))
    ax.set_title(f"counters at their rails, {-w_max} and {w_max}", loc="left")
    ax.legend(frameon=False)


def _decisions(ax: Axes, data: xr.Dataset, circuit: Circuit, name: str, gain: float) -> None:
    x, y = data.current.values * 1e9, data.counter.values
    colors = ListedColormap(list(ZONES.values()))
    decided = data[f"decision_{name}"].values
    ax.pcolormesh(x, y, decided, cmap=colors, vmin=-1.5, vmax=1.5, shading="nearest")
    line = np.linspace(y[0], y[-1], 50)
    centre = float(circuit.I_ref) - gain * line * float(circuit.I_lsb) / 2
    for sign in (-1, 1):
        ax.plot((centre + sign * float(circuit.I_SL)) * 1e9, line, **THEORY)
    for at, text in ((-2, "up"), (0, "hold"), (2, "down")):
        here = float(circuit.I_ref + at * 0.95 * circuit.I_SL) * 1e9
        ax.text(here, 0, text, ha="center", va="center", color="0.25")
    ax.set(xlabel="I_mem at the onset (nA)", ylabel="counter (LSB)", xlim=(x[0], x[-1]))
    copy = f"weight copied x {gain:g}" if gain else "no copy of the weight"
    ax.set_title(f"decision, {copy}; line: eq. 4", loc="left")
