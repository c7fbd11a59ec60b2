"""The figure: rules without and with mismatch, and feed-forward weights learned too."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ebn_brian import balance

from ..lab.palette import BLACK, BLUE, GREY, LIGHT_GREY, PURPLE, RED, YELLOW
from .arms import LEARNING
from .bench import Curve
from .both import ALPHAS, Both
from .numbers import Curves

COLORS = {"continuous": BLUE, "discrete": RED, "discrete_fine": YELLOW, "gradient2012": GREY}
NAMES = {
    "continuous": "continuous",
    "discrete": "discrete, one step",
    "discrete_fine": "discrete, steps become fine",
    "gradient2012": "2 V + Ω as written",
}
READOUTS = {"error": "nominal", "error_effective": "effective", "error_refit": "refitted"}
STAGES = {"initial": LIGHT_GREY, "learned": PURPLE}


def figure(curves: Curves, both: Mapping[str, Both]) -> Figure:
    """A row without and one with mismatch; below, feed-forward weights learned too."""
    sns.set_theme(context="paper", style="ticks", rc={"axes.titleweight": "bold"})
    fig = plt.figure(figsize=(13, 9.6), layout="constrained")
    rows = np.asarray(fig.subfigures(3, 1))
    cvs = sorted({cv for cv, _ in curves})
    n_chips = curves[cvs[0], "optimal"].measures["error"].shape[1]
    for part, cv in zip(rows, cvs, strict=False):
        title = f"mismatch of {100 * cv:g} %" if cv else f"{n_chips} chips without mismatch"
        part.suptitle(f"{title}: median and range", x=0.01, ha="left", weight="bold")
        axes = part.subplots(1, 4)
        _against_time(axes[0], curves, cv, "distance", "distance to optimal weights")
        _against_changes(axes[1], curves, cv)
        _errors(axes[2], curves, cv)
        _against_time(axes[3], curves, cv, "rate_hz", "rate of a neuron (Hz)")
        axes[0].legend(frameon=False, fontsize=7)
    rows[2].suptitle(
        "feed-forward weights learned too (Brendel et al. 2020, 2-D example)",
        x=0.01,
        ha="left",
        weight="bold",
    )
    _example(rows[2].subplots(1, 4), both)
    return fig


def _against_time(ax: Axes, curves: Curves, cv: float, name: str, label: str) -> None:
    for rule in LEARNING:
        curve = curves[cv, rule]
        _band(ax, curve.times, curve.measures[name], COLORS[rule], NAMES[rule])
    if name == "rate_hz":
        _optimal(ax, curves[cv, "optimal"], name)
    ax.set_xscale("symlog", linthresh=1)
    ax.set(xlabel="training (s)", ylabel=label, yscale="log", xlim=(0, None))
    ticks = [t for t in (0, 1, 3, 10, 30, 100) if t <= curves[cv, "discrete"].times[-1]]
    ax.set_xticks(ticks, map(str, ticks))
    _plain(ax.yaxis)
    sns.despine(ax=ax)


def _plain(axis: Axis, subs: Sequence[int] = (1, 2, 5)) -> None:
    """Numbers on a logarithmic axis as one reads them, `subs` in each decade."""
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _band(ax: Axes, x: np.ndarray, values: np.ndarray, color: str, label: str | None) -> None:
    ax.fill_between(x, values.min(1), values.max(1), color=color, alpha=0.15, lw=0)
    ax.plot(x, np.median(values, 1), "o-", color=color, ms=2.5, lw=1.3, label=label)


def _optimal(ax: Axes, curve: Curve, name: str) -> None:
    value = np.median(curve.measures[name])
    ax.axhline(value, color=BLACK, ls="--", lw=1, label="optimal weights")
    ax.legend(frameon=False, fontsize=7, loc="best")
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[-1:], labels[-1:], frameon=False, fontsize=7)


def _against_changes(ax: Axes, curves: Curves, cv: float) -> None:
    for rule in LEARNING:
        measures = curves[cv, rule].measures
        changes, distance = (np.median(measures[n], 1) for n in ("changes", "distance"))
        ax.plot(changes[1:], distance[1:], "o-", color=COLORS[rule], ms=2.5, lw=1.3)
    ax.set(xscale="log", yscale="log", xlabel="changes of one weight, mean")
    ax.set_ylabel("distance to optimal weights")
    _plain(ax.yaxis)
    _plain(ax.xaxis, subs=(1,))
    sns.despine(ax=ax)


def _errors(ax: Axes, curves: Curves, cv: float) -> None:
    x = np.arange(len(READOUTS))
    for k, rule in enumerate((*LEARNING, "optimal")):
        values = np.array([curves[cv, rule].measures[name][-1] for name in READOUTS])
        middle = np.median(values, 1)
        reach = np.abs(np.array([values.min(1), values.max(1)]) - middle)
        color = COLORS.get(rule, BLACK)
        shift = 0.15 * (k - 2)
        ax.errorbar(x + shift, middle, reach, fmt="o", color=color, ms=4, lw=1.2, label=rule)
    ax.set_xticks(x, READOUTS.values())
    ax.set(yscale="log", xlabel="decoder", ylabel="decoding error after learning")
    _plain(ax.yaxis)
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(handles[-1:], ["optimal weights"], frameon=False, fontsize=7)
    sns.despine(ax=ax)


def _example(axes: np.ndarray, both: Mapping[str, Both]) -> None:
    published = both["brendel2020"]
    first, last = published.stages[0], published.stages[-1]
    for (name, color), stage in zip(STAGES.items(), (first, last), strict=True):
        axes[0].plot(*stage.F[0].T, "o", color=color, ms=5, label=name)
        wanted = balance.optimal_weights(stage.F[0].T)
        axes[1].plot(wanted.ravel(), stage.Omega[0].ravel(), ".", color=color, ms=4)
    axes[0].set(xlabel="feed-forward weight of signal 1", ylabel="of signal 2", aspect="equal")
    axes[0].legend(frameon=False, fontsize=7, loc="center")
    axes[1].axline((0, 0), slope=1, color=BLACK, ls="--", lw=1)
    axes[1].set(xlabel="optimal for these, −F F$^T$", ylabel="recurrent weight Ω")
    seconds = np.array([stage.seconds for stage in published.stages])
    for (arm, alpha), color in zip(ALPHAS.items(), (PURPLE, YELLOW), strict=True):
        for ax, name in zip(axes[2:], ("distance", "slope"), strict=True):
            _band(ax, seconds[1:], both[arm].measures[name][1:], color, f"α {alpha:g}")
    axes[2].set(ylabel="distance of Ω to −F F$^T$, up to scale", yscale="log")
    _plain(axes[2].yaxis)
    axes[3].set(ylabel="scale: slope of Ω against −F F$^T$")
    axes[3].axhline(1, color=BLACK, ls="--", lw=1)
    for ax in axes[2:]:
        ax.set(xscale="log", xlabel="training (s)")
        _plain(ax.xaxis)
        ax.legend(frameon=False, fontsize=7)
    for ax in axes:
        sns.despine(ax=ax)
