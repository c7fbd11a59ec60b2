"""Panels of figures: signals and spikes, weights, training, unlike chips."""

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from ebn_brian.checks import Floats
from ebn_brian.gradient import Batch, Weights

from ..palette import BLACK, BLUE, GREEN, GREY, PURPLE, RED
from .chips import Response
from .numbers import ARMS
from .task import DT

ARM_COLORS = dict(zip(ARMS, (BLUE, PURPLE, GREEN, GREY), strict=True))


@dataclass(frozen=True)
class Example:
    """The first network on the first trial, spiking, with recurrence and without."""

    weights: Weights
    batch: Batch
    on: Response
    off: Response


def outer_rows(data: xr.Dataset, example: Example) -> tuple[Figure, GridSpec]:
    """A figure of three rows by four: signals and spikes above, unlike chips below."""
    sns.set_theme(context="paper", style="ticks")
    fig = plt.figure(figsize=(11, 8), layout="constrained")
    grid = fig.add_gridspec(3, 4, height_ratios=(1, 1, 1.2))
    signals(fig.add_subplot(grid[0, :2]), example)
    raster(fig.add_subplot(grid[0, 2]), example.on, "spikes, with recurrence")
    raster(fig.add_subplot(grid[0, 3]), example.off, "spikes, without")
    labels = {
        "spikes": "spikes a neuron in 1.2 s",
        "rel_rmse": "error, trained readout",
        "rel_rmse_refit": "error, refitted readout",
    }
    for k, (name, label) in enumerate(labels.items()):
        arms(fig.add_subplot(grid[2, k]), data, name, label)
    plane(fig.add_subplot(grid[2, 3]), data)
    return fig, grid


def signals(ax: Axes, example: Example) -> None:
    """The two signals, and what is read out of the spikes."""
    t = np.arange(example.on.s.shape[1]) * float(DT)
    o = example.on.s[0] @ example.weights.O.T
    for j, color in enumerate((RED, BLUE)):
        ax.plot(t, example.batch.target[0, :, j], color=color, lw=2.5, alpha=0.35)
        ax.plot(t, o[:, j], color=color, lw=0.8)
    ax.set(xlabel="time / s", title="signals (broad) and readout of the spikes")
    sns.despine(ax=ax)


def raster(ax: Axes, response: Response, title: str) -> None:
    """Spikes of the first chip."""
    step, neuron = response.steps.T
    ax.plot(step * float(DT), neuron, "|", color=BLACK, ms=2, mew=0.5)
    ax.set(xlabel="time / s", ylabel="neuron", title=title)
    sns.despine(ax=ax)


def matched(ax: Axes, x: Floats, y: Floats, xlabel: str, ylabel: str) -> None:
    """One against the other."""
    ax.plot(np.ravel(x), np.ravel(y), "o", ms=3, mew=0, alpha=0.5, color=BLUE)
    correlation = np.corrcoef(np.ravel(x), np.ravel(y))[0, 1]
    ax.set(xlabel=xlabel, ylabel=ylabel, title=f"correlation {correlation:.3f}")
    sns.despine(ax=ax)


def descent(ax: Axes, data: xr.Dataset, theory: Mapping[str, str], note: str) -> None:
    """Cost against updates; costs of theory on the test, by name, with their line styles."""
    ax.plot(data["training_cost"].values.T, color=BLUE, lw=0.7, alpha=0.6)
    for name, style in theory.items():
        ax.axhline(float(data[name].sel(when="held").median()), color=GREY, ls=style, lw=1)
    ax.text(1, 0.97, note, ha="right", va="top", transform=ax.transAxes, fontsize=8)
    ax.set(xlabel="update", ylabel="cost of training trials", yscale="log")
    sns.despine(ax=ax)


def arms(ax: Axes, data: xr.Dataset, name: str, label: str) -> None:
    """Every unlike chip, by where its fast weights come from."""
    for k, arm in enumerate(ARMS):
        values = data[f"mismatch_{name}"].sel(arm=arm).values.ravel()
        x = k + np.linspace(-0.25, 0.25, values.size)
        ax.plot(x, values, "o", ms=3, mew=0, alpha=0.6, color=ARM_COLORS[arm])
        ax.plot([k - 0.35, k + 0.35], [np.median(values)] * 2, color=BLACK, lw=1.5)
    ax.set_xticks(range(len(ARMS)), ARMS, rotation=25)
    ax.set_title(label)
    if name == "rel_rmse":
        ax.set_yscale("log")
        ax.set_yticks([0.3, 1, 3], ["0.3", "1", "3"])
        ax.minorticks_off()
    else:
        ax.set_ylim(bottom=0)
    sns.despine(ax=ax)


def plane(ax: Axes, data: xr.Dataset) -> None:
    """Error against spikes."""
    for arm in ARMS:
        own = data.sel(arm=arm)
        x, y = (own[f"mismatch_{name}"].values.ravel() for name in ("spikes", "rel_rmse_refit"))
        ax.plot(x, y, "o", ms=3, mew=0, alpha=0.6, color=ARM_COLORS[arm], label=arm)
    ax.set(xlabel="spikes a neuron in 1.2 s", title="error, refitted, against spikes")
    ax.legend(frameon=False)
    sns.despine(ax=ax)
