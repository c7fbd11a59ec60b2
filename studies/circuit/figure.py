"""The figure of `studies.circuit`, in the manner of the paper's Figures 5 and 6."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebn_brian.dpi_model import Circuit

from ..lab.palette import BLACK, BLUE, RED, YELLOW, ZONES

MODEL, RECORDED, DIFFERS = BLUE, YELLOW, RED
TITLES = {1: "1: one plastic synapse", 2: "2: a plastic and a fixed exciting synapse"}


def figure(experiments: Mapping[int, xr.Dataset], circuit: Circuit) -> Figure:
    """A column an experiment: current, what remains, counter, and a zoom on the bounds."""
    n = len(experiments)
    heights = {"height_ratios": [3, 1.1, 2, 2.4]}
    with sns.axes_style("ticks"), plt.rc_context({"font.size": 9}):
        fig, axes = plt.subplots(
            4,
            n,
            figsize=(7.5 if n == 1 else 12, 8.5),
            layout="constrained",
            gridspec_kw=heights,
            squeeze=False,
        )
    bounds = [float(circuit.I_ref + s * circuit.I_SL) * 1e9 for s in (-1, 1)]
    for (number, data), column in zip(experiments.items(), axes.T, strict=True):
        _column(column, data, bounds, float(circuit.width))
        column[0].set_title(TITLES[number], loc="left")
    for ax in axes.flat:
        sns.despine(ax=ax)
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    return fig


def _column(axes: np.ndarray, data: xr.Dataset, bounds: list[float], width: float) -> None:
    """One experiment, from above to below."""
    current, error, counter, zoom = axes
    end = float(data.time[-1]) * 1e3
    top = 1.08 * max(float(data.I_mem.max()) * 1e9, bounds[1])
    _current(current, data, bounds)
    current.set(xlim=(0, end), ylim=(0, top), ylabel="I_mem (nA)")
    current.legend(loc="lower right", frameon=True)
    _error(error, data)
    error.set(xlim=(0, end))
    _counter(counter, data)
    counter.set(xlim=(0, end), xlabel="time (ms)", ylabel="counter (LSB)")
    _current(zoom, data, bounds)
    for onset in data.onset.values:
        zoom.axvspan(onset * 1e3, (onset + width) * 1e3, color="0.2", alpha=0.10, lw=0)
    zoom.set(xlim=_window(data, bounds), ylim=(bounds[0] - 0.7, bounds[1] + 0.7))
    zoom.set(xlabel="time (ms); pulses in grey", ylabel="I_mem (nA)")
    _zones(zoom, bounds)


def _differ(data: xr.Dataset) -> np.ndarray:
    """Onsets (ms) of the pulses whose decisions differ from the recorded ones."""
    if "decision_reference" not in data:
        return np.array([])
    return data.onset.values[data.decision.values != data.decision_reference.values] * 1e3


def _current(ax: Axes, data: xr.Dataset, bounds: list[float]) -> None:
    """Membrane currents over the comparators' three zones."""
    edges = [-1, *bounds, 1e4]
    for name, low, high in zip(reversed(ZONES), edges, edges[1:], strict=False):
        ax.axhspan(low, high, color=ZONES[name], lw=0, zorder=0)
    for bound in bounds:
        ax.axhline(bound, color="0.45", lw=0.7, ls="--", zorder=1)
    if "I_mem_reference" in data:
        x, y = data.time_reference * 1e3, data.I_mem_reference * 1e9
        ax.plot(x, y, color=RECORDED, lw=3.2, label="recorded")
    ax.plot(data.time * 1e3, data.I_mem * 1e9, color=MODEL, lw=1, label="model")


def _zones(ax: Axes, bounds: list[float]) -> None:
    """Names of the zones, at the left."""
    x = ax.get_xlim()[0] + 0.6
    places = {"count down": bounds[1] + 0.35, "hold": np.mean(bounds), "count up": bounds[0] - 0.35}
    for name, y in places.items():
        ax.text(x, y, name, va="center", color="0.25")


def _window(data: xr.Dataset, bounds: list[float]) -> tuple[float, float]:
    """60 ms (ms) about the second crossing of the upper bound, or the middle of the run."""
    above = data.I_mem.values * 1e9 > bounds[1]
    down = np.flatnonzero(above[:-1] & ~above[1:])
    centre = float(data.time[down[0]] if len(down) else data.time.mean()) * 1e3
    return centre - 20, centre + 40


def _counter(ax: Axes, data: xr.Dataset) -> None:
    """Counters, and marks where a decision differs."""
    if "weight_reference" in data:
        x = data.time_reference * 1e3
        ax.step(x, data.weight_reference, color=RECORDED, lw=3.2, where="post")
    ax.step(data.time * 1e3, data.weight, color=MODEL, lw=1, where="post")
    ax.axhline(0, color="0.7", lw=0.6, zorder=0)
    if "weight_reference" in data:
        different = _differ(data)
        y = np.interp(different, data.time * 1e3, data.weight)
        ax.plot(different, y, "x", color=DIFFERS, ms=6, mew=1.5)
        text = f"{len(different)} of {data.sizes['pulse']} decisions differ"
        ax.set_title(text + (", marked" if len(different) else ""), loc="right", fontsize=9)


def _error(ax: Axes, data: xr.Dataset) -> None:
    """What remains between model and recording, or without one the decisions."""
    if "I_mem_reference" in data:
        t = data.time_reference.values
        model = np.interp(t, data.time.values, data.I_mem.values)
        error = (model - data.I_mem_reference.values) * 1e12
        ax.plot(t * 1e3, error, color=BLACK, lw=0.7)
        ax.axhline(0, color="0.7", lw=0.6, zorder=0)
        nrmse = np.sqrt(np.mean(error**2)) / np.ptp(data.I_mem_reference.values * 1e12)
        ax.set_title(f"NRMSE {100 * nrmse:.3g} %", loc="right", fontsize=9)
        ax.set(ylabel="model -\nrecorded (pA)")
    else:
        ax.stem(data.onset * 1e3, data.decision, basefmt=" ", markerfmt=".", linefmt=MODEL)
        ax.set(ylabel="decision", yticks=[-1, 0, 1])
