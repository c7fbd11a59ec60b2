"""The figure of `studies.calibrate`: what remains, what is known together, what carries over."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..lab.palette import BLACK, BLUE, RED, YELLOW
from .fit import OpenLoop
from .procedure import Calibration


def figure(loop: OpenLoop, calibrations: Mapping[str, Calibration]) -> Figure:
    """Residuals in open loop, correlations, and each parameter by what it was fitted to."""
    best = next(iter(calibrations.values())).best
    n = len(best.traces)
    with sns.axes_style("ticks"), plt.rc_context({"font.size": 9}):
        fig = plt.figure(figsize=(12, 5 + 1.2 * n), layout="constrained")
        grid = fig.add_gridspec(n + 1, 2, height_ratios=[1] * n + [1.6], width_ratios=[1.2, 1])
        residuals = [fig.add_subplot(grid[k, 0]) for k in range(n)]
        correlations, values = fig.add_subplot(grid[:n, 1]), fig.add_subplot(grid[n, :])
    for ax, (number, trace) in zip(residuals, best.traces.items(), strict=True):
        reference = loop.recordings[number].reference
        ax.plot(reference.t * 1e3, (trace - reference.I_mem) * 1e12, color=BLACK, lw=0.7)
        ax.axhline(0, color="0.7", lw=0.6, zorder=0)
        ax.set(xlabel="time (ms)", ylabel="model - recorded (pA)")
        title = f"recording {number}, open loop, NRMSE {100 * best.nrmse[number]:.3f} %"
        ax.set_title(title, loc="left")
    sns.heatmap(
        best.correlation,
        **{"vmin": -1, "vmax": 1, "cmap": "RdBu_r", "annot": True, "fmt": ".1f", "square": True},
        annot_kws={"size": 7},
        ax=correlations,
        xticklabels=best.free,
        yticklabels=best.free,
        cbar_kws={"label": "correlation"},
    )
    _values(values, calibrations)
    for ax in (*residuals, values):
        sns.despine(ax=ax)
    return fig


def _values(ax: Axes, calibrations: Mapping[str, Calibration]) -> None:
    """Values relative to those of the first calibration, with their standard errors."""
    first = next(iter(calibrations.values())).best
    colors = (BLACK, BLUE, RED, YELLOW)
    for k, (label, found) in enumerate(calibrations.items()):
        at = [first.free.index(name) for name in found.best.free]
        ratio = found.best.value / first.value[at]
        known = np.isfinite(found.best.error)
        x = np.array(at) + 0.18 * (k - (len(calibrations) - 1) / 2)
        error, color = 100 * (ratio * found.best.error)[known], colors[k % len(colors)]
        shown = x[known], 100 * (ratio - 1)[known], error
        ax.errorbar(*shown, fmt="o", ms=4, color=color, label=f"fitted to {label}")
    ax.axhline(0, color="0.7", lw=0.6, zorder=0)
    ax.set_xticks(range(len(first.free)), first.free)
    ax.set(ylabel="difference (%), standard error")
    ax.legend(frameon=False)
