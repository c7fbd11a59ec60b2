"""The figure of `studies.circuit`, in the manner of the paper's Figures 5 and 6."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebn_brian.dpi_model import Circuit

from ..lab.palette import BLUE, RED, ZONES

MODEL, RECORDED = BLUE, RED


def figure(data: xr.Dataset, circuit: Circuit, experiment: int) -> Figure:
    """Current with the comparators' three zones, counter, and a zoom on the bounds."""
    with sns.axes_style("ticks"), plt.rc_context({"font.size": 9}):
        fig, axes = plt.subplot_mosaic(
            [["current", "zoom"], ["current", "zoom"], ["counter", "error"]],
            figsize=(10, 6),
            layout="constrained",
        )
    bounds = [float(circuit.I_ref + s * circuit.I_SL) * 1e9 for s in (-1, 1)]
    top = 1.08 * max(float(data.I_mem.max()) * 1e9, bounds[1])
    _current(axes["current"], data, bounds)
    end = float(data.time[-1]) * 1e3
    axes["current"].set(xlim=(0, end), ylim=(0, top), ylabel="I_mem (nA)")
    axes["current"].set_title(_title(experiment), loc="left")
    axes["current"].legend(loc="lower right", frameon=True)
    _current(axes["zoom"], data, bounds)
    _pulses(axes["zoom"], data, float(circuit.width))
    axes["zoom"].set(xlim=_window(data, bounds), ylim=(bounds[0] - 0.7, bounds[1] + 0.7))
    _names(axes["zoom"], bounds)
    axes["zoom"].set_title("zoom on the bounds, pulses in grey", loc="left")
    _counter(axes["counter"], data)
    axes["counter"].sharex(axes["current"])
    _error(axes["error"], data)
    for name in ("current", "zoom"):
        axes[name].set_xlabel("")
    for ax in axes.values():
        sns.despine(ax=ax)
    return fig


def _title(experiment: int) -> str:
    return {1: "one plastic synapse", 2: "a plastic and a fixed exciting synapse"}[experiment]


def _current(ax: Axes, data: xr.Dataset, bounds: list[float]) -> None:
    edges = [-1, *bounds, 1e4]
    for name, low, high in zip(reversed(ZONES), edges, edges[1:], strict=False):
        ax.axhspan(low, high, color=ZONES[name], lw=0, zorder=0)
    for bound in bounds:
        ax.axhline(bound, color="0.45", lw=0.7, ls="--", zorder=1)
    ax.axhline(np.mean(bounds), color="0.45", lw=0.7, ls=":", zorder=1)
    if "I_mem_reference" in data:
        x, y = data.time_reference * 1e3, data.I_mem_reference * 1e9
        ax.plot(x, y, color=RECORDED, lw=2.6, alpha=0.55, label="recorded")
    ax.plot(data.time * 1e3, data.I_mem * 1e9, color=MODEL, lw=1.1, label="model")


def _names(ax: Axes, bounds: list[float]) -> None:
    x = ax.get_xlim()[0] + 1
    middle = 0.75 * bounds[0] + 0.25 * bounds[1]
    places = {"count down": bounds[1] + 0.05, "hold": middle, "count up": bounds[0] - 0.15}
    for name, y in places.items():
        ax.text(x, y, name, va="bottom" if name == "count down" else "center", color="0.25")


def _pulses(ax: Axes, data: xr.Dataset, width: float) -> None:
    for onset in data.onset.values:
        ax.axvspan(onset * 1e3, (onset + width) * 1e3, color="0.2", alpha=0.10, lw=0)


def _window(data: xr.Dataset, bounds: list[float]) -> tuple[float, float]:
    """60 ms (ms) about the second crossing of the upper bound, or the middle of the run."""
    above = data.I_mem.values * 1e9 > bounds[1]
    down = np.flatnonzero(above[:-1] & ~above[1:])
    centre = float(data.time[down[0]] if len(down) else data.time.mean()) * 1e3
    return centre - 20, centre + 40


def _counter(ax: Axes, data: xr.Dataset) -> None:
    if "weight_reference" in data:
        x = data.time_reference * 1e3
        ax.step(x, data.weight_reference, color=RECORDED, lw=2.6, alpha=0.55, where="post")
    ax.step(data.time * 1e3, data.weight, color=MODEL, lw=1.1, where="post")
    ax.axhline(0, color="0.7", lw=0.6, zorder=0)
    ax.set(xlabel="time (ms)", ylabel="counter (LSB)")


def _error(ax: Axes, data: xr.Dataset) -> None:
    """What remains between model and recording, or without one the decisions."""
    if "I_mem_reference" in data:
        t = data.time_reference.values
        model = np.interp(t, data.time.values, data.I_mem.values)
        error = (model - data.I_mem_reference.values) * 1e12
        ax.plot(t * 1e3, error, color="0.3", lw=0.7)
        ax.axhline(0, color="0.7", lw=0.6, zorder=0)
        ax.set(xlabel="time (ms)", ylabel="model - recorded (pA)")
    else:
        ax.stem(data.onset * 1e3, data.decision, basefmt=" ", markerfmt=".", linefmt=MODEL)
        ax.set(xlabel="time (ms)", ylabel="decision", yticks=[-1, 0, 1])
