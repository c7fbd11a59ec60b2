"""The figure of the study of neuron loss."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..lab.palette import ARMS as COLORS
from ..lab.palette import BLACK, BLUE, RED, YELLOW

CURVES = {
    "optimal": (YELLOW, "optimal weights"),
    "learned": (COLORS["learned"], "learned weights"),
    "uncoupled": (BLACK, "no weights but the reset"),
    "random": (COLORS["random"], "random weights"),
}
READOUTS = {
    "kept": "readout kept",
    "effective": "effective decoder",
    "refit": "readout refitted",
    "again_kept": "more learning, readout kept",
    "again_refit": "more learning, readout refitted",
}
#: Seconds between two samples of the traces, and when the neurons die.
SAMPLE, DEATH = 1e-3, 0.5


def figure(data: xr.Dataset, example: Mapping[str, Any]) -> Figure:
    """One network in mid-run, coupled and not; below, errors against the share that is lost."""
    sns.set_theme(context="paper", style="ticks")
    share = 100 * float(data["lost"].values[-1])
    fig = plt.figure(figsize=(11, 8), layout="constrained")
    grid = fig.add_gridspec(3, 2, height_ratios=(1, 1, 1.5))
    for column, (arm, words) in enumerate(
        (("optimal", "balanced"), ("uncoupled", "no recurrent weights"))
    ):
        top = fig.add_subplot(grid[0, column])
        traces(top, example, arm)
        top.set_title(f"{words}: {share:g} % die at {DEATH:g} s", loc="left")
        raster(fig.add_subplot(grid[1, column]), example, arm)
    shares(fig.add_subplot(grid[2, 0]), data)
    readouts(fig.add_subplot(grid[2, 1]), data)
    return fig


def traces(ax: Axes, example: Mapping[str, Any], arm: str) -> None:
    """Signals, and the readout that was fitted before the loss."""
    t = SAMPLE * np.arange(1, len(example["x"]) + 1)
    for j, color in enumerate((RED, BLUE)):
        ax.plot(t, example["x"][:, j], color=color, lw=3, alpha=0.3, label=f"signal {j + 1}")
        ax.plot(t, example[f"x_hat_{arm}"][:, j], color=color, lw=0.9, label="readout")
    ax.axvline(DEATH, color=BLACK, ls=":", lw=1)
    ax.set(xlim=(0, 1), ylabel="signal")
    if arm == "optimal":
        ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97), fontsize=7)
    sns.despine(ax=ax)


def raster(ax: Axes, example: Mapping[str, Any], arm: str) -> None:
    """Spikes; those that die lie above."""
    lost = example["lost"].astype(bool)
    row = np.empty(len(lost), int)
    row[np.argsort(lost, kind="stable")] = np.arange(len(lost))
    i = example[f"i_{arm}"]
    for mine, color in ((~lost[i], BLACK), (lost[i], RED)):
        ax.plot(example[f"t_{arm}"][mine], row[i[mine]], "|", color=color, ms=4)
    ax.axvline(DEATH, color=BLACK, ls=":", lw=1)
    ax.set(xlim=(0, 1), xlabel="time / s", ylabel="neuron (red: die)", ylim=(-1, len(lost)))
    sns.despine(ax=ax)


def shares(ax: Axes, data: xr.Dataset) -> None:
    """Errors of all arms against the share that is lost."""
    x = 100 * data["lost"].values
    for arm, (color, label) in CURVES.items():
        own = data["error"].sel(arm=arm)
        ax.plot(x, own.median("network"), "-o", color=color, label=label, ms=5)
        ax.fill_between(x, own.min("network"), own.max("network"), color=color, alpha=0.12, lw=0)
    ax.set(yscale="log", xlabel="neurons lost / %", ylabel="error, readout of before", xticks=x)
    ax.set_title("median, and best to worst")
    ax.legend(frameon=False)
    sns.despine(ax=ax)


def readouts(ax: Axes, data: xr.Dataset) -> None:
    """What refitting and more learning do for the learned networks, at the largest share."""
    at = data["error_readout"].isel(lost=-1)
    for k, name in enumerate(READOUTS):
        values = at.sel(readout=name).values
        place = k + (np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1))
        ax.plot(values, place, "o", ms=4, mew=0, alpha=0.6, color=BLUE)
        ax.plot([np.median(values)] * 2, [k - 0.3, k + 0.3], color=BLACK, lw=1.2)
    ax.set_yticks(range(len(READOUTS)), list(READOUTS.values()))
    ax.set(xscale="log", xlabel="error")
    ax.invert_yaxis()
    share = 100 * float(data["lost"].values[-1])
    ax.set_title(f"learned weights, {share:g} % lost; bar: median")
    sns.despine(ax=ax)
