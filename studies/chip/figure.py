"""The figure of the study of whole chips."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebn_brian.training import DT

from ..lab.palette import ARMS as COLORS
from ..lab.palette import BLACK, BLUE, GREEN, GREY, RED

#: Arms of the curves: colour, line and what they are called.
CURVES = {
    "learned": (BLUE, "-", "learned on the chip"),
    "homeostatic": (GREEN, "-", "thresholds first, then learned"),
    "transfer": (COLORS["transfer"], "-", "learned on an ideal chip, copied"),
    "homeostatic_transfer": (COLORS["transfer"], "--", "thresholds first, then copied"),
    "scaled": (COLORS["pretrained_scaled"], "-", "best-scaled optimum"),
    "homeostatic_scaled": (COLORS["pretrained_scaled"], "--", "thresholds first, scaled"),
    "random": (GREY, "-", "random counters"),
    "uncoupled": (BLACK, "-", "autapses alone"),
}


def figure(data: xr.Dataset, example: Mapping[str, Any], main: float) -> Figure:
    """One chip before and after; below, yield, cost, error against CV, and the rate-error plane."""
    sns.set_theme(context="paper", style="ticks")
    fig = plt.figure(figsize=(12, 9), layout="constrained")
    grid = fig.add_gridspec(4, 4, height_ratios=(1, 0.8, 0.8, 1.6))
    for k, when in enumerate(("before", "after")):
        membranes(fig.add_subplot(grid[0, k]), example, when)
        raster(fig.add_subplot(grid[1, k]), example, when)
        readout(fig.add_subplot(grid[2, k]), example, when)
    counters(fig.add_subplot(grid[0:3, 2:4]), example)
    panels = [fig.add_subplot(grid[3, k]) for k in range(4)]
    curves(panels[0], data, "yield", "yield: share in specification")
    curves(panels[1], data, "cost", "cost over clean")
    curves(panels[2], data, "error_refit", "error, readout fitted")
    plane(panels[3], data, main)
    handles = [
        plt.Line2D([], [], color=color, ls=line, marker="o", ms=4, label=label)
        for color, line, label in curves_of(data).values()
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return fig


def curves_of(data: xr.Dataset) -> dict[str, tuple[str, str, str]]:
    """Those of `CURVES` that there are."""
    return {arm: style for arm, style in CURVES.items() if arm in data["arm"]}


def membranes(ax: Axes, example: Mapping[str, Any], when: str) -> None:
    """Membrane currents of a few neurons."""
    traces = example[f"I_mem_{when}"] * 1e9
    n = round(0.3 / float(DT))
    t = np.arange(n) * float(DT)
    for k, trace in enumerate(traces):
        ax.plot(t, trace[-n:], lw=0.7, color=(RED, BLUE, GREEN)[k % 3])
    ax.set(ylabel="I_mem / nA", xlabel="time / s", xlim=(0, 0.3))
    titles = {"before": "random counters, as made", "after": "thresholds set, then learned"}
    ax.set_title(titles[when], loc="left")
    sns.despine(ax=ax)


def raster(ax: Axes, example: Mapping[str, Any], when: str) -> None:
    """Spikes of the chip."""
    ax.plot(
        example[f"spike_time_{when}"], example[f"spike_neuron_{when}"], "|", color=BLACK, ms=2.5
    )
    ax.set(ylabel="neuron", xlim=(0, 1))
    ax.tick_params(labelbottom=False)
    sns.despine(ax=ax)


def readout(ax: Axes, example: Mapping[str, Any], when: str) -> None:
    """Signals, and what a fitted readout makes of the spikes."""
    t = np.arange(len(example["x"])) * float(DT)
    for j, color in enumerate((RED, BLUE)):
        if j < example["x"].shape[1]:
            ax.plot(t, example["x"][:, j], color=color, lw=1.4, alpha=0.45)
            ax.plot(t, example[f"x_hat_{when}"][:, j], color=color, lw=0.6)
    ax.set(ylabel="x (broad), readout", xlabel="time / s", xlim=(0, 1))
    sns.despine(ax=ax)


def counters(ax: Axes, example: Mapping[str, Any]) -> None:
    """Learned weights beside the optimal ones."""
    off = ~np.eye(len(example["optimal"]), dtype=bool)
    ax.plot(
        example["optimal"][off], example["learned"][off], "o", ms=3, mew=0, alpha=0.5, color=GREEN
    )
    ax.plot(
        np.diag(example["optimal"]), np.diag(example["learned"]), "s", ms=4, color=BLUE,
        label="autapses",
    )  # fmt: skip
    low, high = ax.get_xlim()
    ax.plot([low, high], [low, high], ":", color=BLACK, lw=0.8)
    ax.set(xlabel="optimal weight, $-D_n \\cdot D_k$", ylabel="learned counter, in $|D|^2$")
    ax.legend(frameon=False)
    sns.despine(ax=ax)


def curves(ax: Axes, data: xr.Dataset, name: str, label: str) -> None:
    """Medians against CV, or the yield with its interval."""
    cvs = 100 * data["cv"].values
    shown = curves_of(data)
    for k, (arm, (color, line, _)) in enumerate(shown.items()):
        values = data[name].sel(arm=arm)
        x = cvs + 0.25 * (k - (len(shown) - 1) / 2)
        if name == "yield":
            bars = [
                values - data["yield_low"].sel(arm=arm),
                data["yield_high"].sel(arm=arm) - values,
            ]
            ax.errorbar(
                x, values, np.maximum(bars, 0), color=color, ls=line, marker="o", ms=3, lw=1
            )
        else:
            ax.plot(x, values.median("chip"), color=color, ls=line, marker="o", ms=3, lw=1)
    ax.set(xlabel="CV of all parameters / %", ylabel=label, xticks=cvs)
    if name != "yield":
        ax.set_yscale("log")
    sns.despine(ax=ax)


def plane(ax: Axes, data: xr.Dataset, main: float) -> None:
    """Error against rate of every chip, at the CV `main`."""
    at = data.sel(cv=main)
    for arm, (color, line, _) in curves_of(data).items():
        fill = color if line == "-" else "none"
        own = at.sel(arm=arm)
        ax.plot(
            own["rate_hz"], own["error_refit"], "o", ms=3, mec=color, mfc=fill, mew=0.6, alpha=0.7
        )
    clean = at.sel(arm="clean")
    ax.plot(clean["rate_hz"], clean["error_refit"], "k+", ms=4, mew=0.7)
    ax.set(xscale="log", yscale="log", xlabel="rate / Hz", ylabel="error, readout fitted")
    ax.set_title(f"CV {100 * main:g} % (+: clean)", loc="left")
    sns.despine(ax=ax)
