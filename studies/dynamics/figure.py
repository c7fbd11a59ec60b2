"""The figure of the study of dynamics."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..lab.palette import BLACK, BLUE, GREEN, GREY, PURPLE, RED
from .systems import DRIVEN, HELD, System

#: Seconds between two samples of the traces, and colours of as many signals as there is room for.
SAMPLE, COLORS = 1e-3, (RED, BLUE, GREEN, PURPLE)
TITLES = {
    "before": "before: fast weights alone",
    "after": "after slow learning",
    "on_chip": "chip with mismatch {cv:.0f} %, taught on the chip",
    "copied": "the same chip, weights copied from the clean network",
    "linear": "after slow learning without features",
    "optimal_slow": "slow weights by theory or least squares",
}


def figure(data: xr.Dataset, example: Mapping[str, Any], system: System) -> Figure:
    """Traces of one network; below, errors of all, and against mismatch."""
    sns.set_theme(context="paper", style="ticks")
    cv = min(data["cv"].values, key=lambda cv: abs(cv - 0.2), default=0)
    keys = {"before": "before", "after": "after"}
    if cv:
        keys |= {"on_chip": f"on_chip_{cv:g}", "copied": f"copied_{cv:g}"}
    else:
        keys |= {k: k for k in ("linear", "optimal_slow") if k in data["stage"].values}
    fig = plt.figure(figsize=(11, 2.1 * len(keys) + 3.2), layout="constrained")
    grid = fig.add_gridspec(len(keys) + 1, 2, height_ratios=[1] * len(keys) + [1.7])
    axes = [fig.add_subplot(grid[row, :]) for row in range(len(keys))]
    for row, (ax, (kind, name)) in enumerate(zip(axes, keys.items(), strict=True)):
        traces(ax, example, name, system, legend=row == 0)
        ax.set_title(TITLES[kind].format(cv=100 * cv), loc="left")
    axes[-1].set_xlabel("time / s")
    if system.n_signals > len(COLORS):
        fig.suptitle(f"signals 1 to {len(COLORS)} of {system.n_signals}")
    errors(fig.add_subplot(grid[-1, 0] if cv else grid[-1, :]), data)
    if cv:
        deployed(fig.add_subplot(grid[-1, 1]), data)
    return fig


def traces(ax: Axes, example: Mapping[str, Any], name: str, system: System, legend: bool) -> None:
    """The signal, and what the network makes of its command alone."""
    x, x_hat = example["x"] * system.resolution, example[f"x_hat_{name}"] * system.resolution
    t = np.arange(len(x)) * SAMPLE
    for j, color in enumerate(COLORS[: x.shape[1]]):
        which = f" {j + 1}" if x.shape[1] > 1 else ""
        ax.plot(t, x[:, j], color=color, lw=3, alpha=0.3, label=f"system, signal{which}")
        ax.plot(t, x_hat[:, j], color=color, lw=0.9, label=f"network, signal{which}")
    limit = 1.25 * float(np.abs(x).max())
    ax.set(xlim=(0, t[-1]), ylim=(-limit, limit), ylabel="signal")
    if system.nonlinear is None:
        end = float(HELD if system.recording else DRIVEN)
        ax.axvspan(0, end, color=GREY, alpha=0.12, lw=0)
        words = ("held by the teacher", "let go") if system.recording else ("driven", "left alone")
        ax.text(end - 0.05, 0.97 * limit, words[0], ha="right", va="top", color=BLACK)
        ax.text(end + 0.05, 0.97 * limit, words[1], ha="left", va="top", color=BLACK)
    if legend:
        ax.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 0.98))
    sns.despine(ax=ax)


def errors(ax: Axes, data: xr.Dataset) -> None:
    """Errors of all networks, stage by stage."""
    labels = {
        "before": "before",
        "after": "after\nlearning",
        "linear": "the same,\nno features",
        "linear_fit": "linear fit,\nno features",
        "optimal_slow": "theory or\nleast squares",
    }
    labels = {stage: labels[stage] for stage in data["stage"].values}
    for k, stage in enumerate(labels):
        values = data["rmse"].sel(stage=stage).values
        spread = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else [0.0]
        ax.plot(k + np.array(spread), values, "o", ms=4, mew=0, alpha=0.6, color=BLUE)
        ax.plot([k - 0.25, k + 0.25], [np.median(values)] * 2, color=BLACK, lw=1.2)
    ax.set_yscale("log")
    ax.set_xticks(range(len(labels)), list(labels.values()))
    ax.set(ylabel="error, relative RMS", title="clean networks; bar: median")
    sns.despine(ax=ax)


def deployed(ax: Axes, data: xr.Dataset) -> None:
    """Error against mismatch, taught on the chip and copied."""
    arms = {"on_chip": (BLUE, "taught on the chip"), "copied": (PURPLE, "taught once and copied")}
    x = 100 * data["cv"].values
    for arm, (color, label) in arms.items():
        own = data["rmse_deployed"].sel(arm=arm)
        ax.plot(x, own.median("network"), "-o", color=color, label=label, ms=5)
        ax.fill_between(x, own.min("network"), own.max("network"), color=color, alpha=0.15, lw=0)
    before = float(np.median(data["rmse"].sel(stage="before")))
    ax.axhline(before, color=GREY, ls=":", lw=1)
    ax.text(0, before, "before learning", color=GREY, va="bottom")
    ax.set(yscale="log", xlabel="CV of all parameters / %", ylabel="error, relative RMS")
    ax.set_title("mismatch; median, and best to worst")
    ax.legend(frameon=True, edgecolor="none", framealpha=0.8)
    sns.despine(ax=ax)
