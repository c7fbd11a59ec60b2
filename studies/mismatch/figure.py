"""Figures of the study of mismatch: what a designer asks first, and all arms in all sets."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..lab.palette import ARMS
from .measures import cost
from .numbers import clean

LABELS = {
    "pretrained": "pretrained: optimal weights",
    "pretrained_scaled": "pretrained, best scale",
    "transfer": "transfer: learned on ideal chip",
    "learned": "learned on the chip",
    "homeostatic": "homeostasis, then learned",
    "homeostatic_fine": "the same, slow and fine",
    "homeostatic_scaled": "homeostasis, best-scaled weights",
    "oracle": "oracle: theory for the true weights",
    "pretrained_learned": "pretrained, then learned",
    "random": "random",
    "uncoupled": "uncoupled",
}
ROWS = {
    "error_refit": "error, readout fitted",
    "error_nominal": "error, nominal readout",
    "rate_hz": "rate / Hz",
    "in_specification": "share of chips in spec",
}
TITLES = {"all": "all parameters", "gain": "synaptic gain", "threshold": "threshold"}
TITLES |= {"tau": "membrane time constant", "F": "feed-forward weights", "reset": "reset"}


#: Arms of the main figure.
MAIN = ("pretrained", "learned", "homeostatic", "homeostatic_fine", "oracle")
#: Readouts, and what they are marked with.
READOUTS = {"error_nominal": ("nominal", ":"), "error_decoder": ("learned by counters", "-")}
READOUTS |= {"error_refit": ("fitted", "--")}


def figure(data: xr.Dataset) -> Figure:
    """Yield and cost against CV; below, rate, error by readout, and the rate-error plane."""
    sns.set_theme(context="paper", style="ticks")
    set_name = data["set"].values[0]
    main = data.sel(arm=[arm for arm in MAIN if arm in data["arm"]])
    at, reference = main.sel(set=set_name), clean(data)
    fig = plt.figure(figsize=(9.5, 7.5), layout="constrained")
    grid = fig.add_gridspec(2, 6, height_ratios=(1.25, 1))
    top = [fig.add_subplot(grid[0, :3]), fig.add_subplot(grid[0, 3:])]
    foot = [fig.add_subplot(grid[1, k : k + 2]) for k in (0, 2, 4)]
    panel(top[0], at, "in_specification")
    top[0].set(ylabel="yield: share of chips in specification")
    at = at.assign(
        cost=cost(at["rate_hz"], at["error_refit"])
        / cost(reference["rate_hz"], reference["error_refit"]),
        rate=at["rate_hz"] / reference["rate_hz"],
    )
    panel(top[1], at, "cost", points=False)
    top[1].set(ylabel="cost over clean: rate times root of error")
    panel(foot[0], at, "rate", points=False)
    foot[0].set(ylabel="rate over clean")
    readouts(foot[1], at)
    plane(foot[2], main, main["swept"].values[:2][-1])
    for ax in (*top, *foot[:2]):
        ax.set_xlabel(f"CV of {TITLES[set_name]} / %")
    for ax in (top[1], foot[0]):
        ax.axhline(1, color="k", ls=":", lw=0.8)
    handles = [
        plt.Line2D([], [], color=ARMS[arm], marker="o", ms=4, label=LABELS[arm])
        for arm in main["arm"].values
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
    return fig


def readouts(ax: Axes, data: xr.Dataset) -> None:
    """Median error of each readout, of the arms that learn."""
    for arm in data["arm"].values:
        if arm not in ("learned", "homeostatic_fine"):
            continue
        for name, (_, line) in READOUTS.items():
            ax.plot(100 * data["cv"], data[name].sel(arm=arm).median("chip"), line, color=ARMS[arm])
    handles = [
        plt.Line2D([], [], color="k", ls=line, label=what) for what, line in READOUTS.values()
    ]
    ax.legend(handles=handles, title="readout", frameon=False, fontsize="small")
    ax.set(yscale="log", ylabel="error", xticks=100 * data["cv"].values)
    sns.despine(ax=ax)


def all_arms(data: xr.Dataset) -> Figure:
    """Columns: sets. Rows: errors, rate, yield; at the foot the rate-error planes."""
    sns.set_theme(context="paper", style="ticks")
    sets, planes = list(data["set"].values), list(data["swept"].values[1:])
    n = max(len(sets), 3)
    fig = plt.figure(figsize=(2.5 * n + 0.8, 12.5))
    grid = fig.add_gridspec(len(ROWS), len(sets), top=0.93, bottom=0.38, hspace=0.18, wspace=0.12)
    for r, (name, label) in enumerate(ROWS.items()):
        first = None
        for s, set_name in enumerate(sets):
            ax = first = fig.add_subplot(grid[r, s], sharey=first)
            panel(ax, data.sel(set=set_name), name)
            ax.tick_params(labelleft=s == 0, labelbottom=r == len(ROWS) - 1)
            if s == 0:
                ax.set_ylabel(label)
            if r == 0:
                ax.set_title(TITLES[set_name])
            if r == len(ROWS) - 1:
                ax.set_xlabel("CV / %")
    if planes:
        foot = fig.add_gridspec(1, len(planes), top=0.31, bottom=0.05, wspace=0.25)
        for k, set_name in enumerate(planes):
            plane(fig.add_subplot(foot[0, k]), data, set_name)
    handles = [
        plt.Line2D([], [], color=ARMS[arm], marker="o", ms=4, label=LABELS[arm])
        for arm in data["arm"].values
    ]
    handles.append(plt.Line2D([], [], color="k", ls=":", label="pretrained, no mismatch"))
    fig.legend(handles=handles, loc="upper center", ncols=4, frameon=False)
    return fig


def panel(ax: Axes, data: xr.Dataset, name: str, points: bool = True) -> None:
    """Medians with the range of 80 % of the chips, and single chips; or the yield."""
    arms, cvs = list(data["arm"].values), 100 * data["cv"].values
    width = min(np.diff(cvs), default=1.0)
    for k, arm in enumerate(arms):
        x = cvs + min(width, 5) * 0.7 * ((k + 0.5) / len(arms) - 0.5)
        values = data[name].sel(arm=arm)
        style: dict[str, Any] = {
            "color": ARMS[arm],
            "lw": 1,
            "marker": "o",
            "ms": 3,
            "mew": 0,
            "capsize": 0,
        }
        if name == "in_specification":
            low, high = data[f"{name}_low"].sel(arm=arm), data[f"{name}_high"].sel(arm=arm)
            ax.errorbar(x, values, [values - low, high - values], **style)
            continue
        if points:
            ax.plot(
                x, values.transpose("cv", "chip"), ".", color=ARMS[arm], alpha=0.12, ms=3, mew=0
            )
        middle = values.median("chip")
        low, high = (values.quantile(q, "chip") for q in (0.1, 0.9))
        ax.errorbar(x, middle, [middle - low, high - middle], **style)
    if name == "in_specification":
        ax.set(ylim=(-0.03, 1.03))
    else:
        ax.set(yscale="log")
    ax.set_xticks(cvs)
    sns.despine(ax=ax)


def plane(ax: Axes, data: xr.Dataset, set_name: str) -> None:
    """Median error against median rate along the threshold; dotted without mismatch, ring at 1."""
    low, high = data["threshold"].values[[0, -1]]
    for arm in data["arm"].values:
        for swept, line in (("none", ":"), (set_name, "-")):
            at = data.sel(arm=arm, swept=swept)
            rate, error = at["rate_hz_sweep"].median("chip"), at["error_refit_sweep"].median("chip")
            ax.plot(rate, error, line, marker=".", ms=5, lw=1.2, color=ARMS[arm])
            ax.plot(
                rate.sel(threshold=1), error.sel(threshold=1), "o", ms=6, mfc="w", color=ARMS[arm]
            )
    ax.set(xscale="log", yscale="log", xlabel="rate / Hz", ylabel="error, readout fitted")
    ax.set_title(f"{TITLES[set_name]}, CV {100 * data.attrs['sweep_cv']:g} %")
    ax.annotate(
        f"thresholds x {low:g} to {high:g}\n(ring: 1)", (0.97, 0.97), xycoords="axes fraction",
        ha="right", va="top", fontsize="small",
    )  # fmt: skip
    sns.despine(ax=ax)
