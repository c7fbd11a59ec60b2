"""A panel a knob: the yield with its interval, and below it the cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from ebn_brian.checks import Floats

from ..lab.palette import DARK_GREEN, DARK_GREY, LIGHT_GREY, PURPLE, RED
from .knobs import KNOBS, label, points_of

#: Curves by remedy: colour, and what they are called where there are several.
REMEDIES = {
    "": (DARK_GREEN, "nothing done"),
    "learning": (PURPLE, "learning goes on"),
    "rest": (RED, "homeostasis in a rest period"),
}
COLUMNS = 3


def figure(data: xr.Dataset, values: Mapping[str, Sequence[float]], title: str) -> Figure:
    """All knobs."""
    sns.set_theme(context="paper", style="ticks")
    n_rows = -(-len(values) // COLUMNS)
    fig = plt.figure(figsize=(10.5, 0.6 + 3.1 * n_rows))
    grid = fig.add_gridspec(
        n_rows, COLUMNS, hspace=0.42, wspace=0.24, left=0.07, right=0.98,
        top=1 - 0.6 / (0.6 + 3.1 * n_rows), bottom=0.5 / (0.6 + 3.1 * n_rows),
    )  # fmt: skip
    for k, name in enumerate(values):
        panel(fig, grid[divmod(k, COLUMNS)], data, name, values[name])
    fig.suptitle(title, x=0.01, ha="left", fontsize=10)
    return fig


def panel(
    fig: Figure, place: SubplotSpec, data: xr.Dataset, name: str, values: Sequence[float]
) -> None:
    """One knob; what the design has is grey, a line where it is no point of the curve."""
    knob = KNOBS[name]
    rows = place.subgridspec(2, 1, height_ratios=(1.7, 1), hspace=0.12)
    shares = fig.add_subplot(rows[0])
    costs = fig.add_subplot(rows[1], sharex=shares)
    unit = 100 if knob.percent else 1
    x = np.array(values, float) * unit
    shift = 0.012 * np.ptp(x)  # so that intervals lie apart
    for k, remedy in enumerate(knob.remedies):
        at = data.sel(point=[label(p) for p in points_of(name, values, remedy)])
        shares_at = [at[f"yield{s}"].values for s in ("", "_low", "_high")]
        costs_at = [at["cost"].quantile(q, "chip").values for q in (0.5, 0.1, 0.9)]
        for ax, levels in ((shares, shares_at), (costs, costs_at)):
            _bars(ax, x + shift * k, levels, *REMEDIES[remedy])
    base = data.sel(point="base")
    grey: dict[str, Any] = {"color": LIGHT_GREY, "alpha": 0.5, "zorder": 0}
    for ax, level in ((shares, float(base["yield"])), (costs, float(base["cost"].median()))):
        if knob.base is None:
            ax.axhline(level, lw=4, **grey)
        else:
            ax.axvline(knob.base * unit, lw=6, **grey)
        sns.despine(ax=ax)
    shares.set(ylim=(-0.04, 1.05), ylabel="yield")
    shares.tick_params(labelbottom=False)
    costs.set(ylabel="cost", xlabel=knob.label, xticks=x, yscale="log", ylim=(0.8, 5))
    costs.set_yticks([1, 2, 4], ["1", "2", "4"])
    costs.minorticks_off()
    costs.axhline(1, color=DARK_GREY, lw=0.7, ls=":")
    if len(knob.remedies) > 1:
        where: dict[str, Any] = {
            "loc": "upper right",
            "bbox_to_anchor": (1, 0.9),
            "handlelength": 1,
        }
        shares.legend(frameon=False, fontsize="x-small", **where)


def _bars(ax: Axes, x: Floats, levels: Sequence[Floats], color: str, words: str) -> None:
    """Middles, lower and upper ends."""
    middle, low, high = levels
    ends = np.maximum([middle - low, high - middle], 0)
    ax.errorbar(x, middle, ends, color=color, marker="o", ms=4, lw=1.2, label=words)
