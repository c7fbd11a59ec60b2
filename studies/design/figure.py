"""The figure of a design: yield by size and by bits, what each parameter costs, rate and error."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator, NullLocator

from ..lab.palette import ARMS, BLACK, LIGHT_GREY, RED
from .file import Design
from .numbers import KINDS, at, limits
from .plan import Plan
from .schema import PARAMETERS

COLORS = {True: ARMS["homeostatic"], False: ARMS["learned"]}
LABELS = {True: "with homeostasis", False: "without homeostasis"}


def figure(data: xr.Dataset, summary: Mapping[str, Any], design: Design, plan: Plan) -> Figure:
    """All four panels."""
    sns.set_theme(context="paper", style="ticks")
    fig = Figure(figsize=(9.5, 7.2), layout="constrained")
    panels(fig, data, summary, design, plan)
    fig.suptitle(design[""]["title"], x=0.01, ha="left", fontsize=11, fontweight="bold")
    return fig


def panels(
    fig: Figure | SubFigure,
    data: xr.Dataset,
    summary: Mapping[str, Any],
    design: Design,
    plan: Plan,
) -> None:
    """Draw them into `fig`."""
    axes = fig.subplots(2, 2)
    by_area(axes[0, 0], data, plan)
    by_bits(axes[0, 1], data, plan)
    for ax in axes[0]:
        ax.axhline(design["specification"]["wanted_yield"], color=BLACK, ls="--", lw=0.8, zorder=0)
        ax.annotate(
            "wanted", (0.01, design["specification"]["wanted_yield"]), (0, 2),
            xycoords=("axes fraction", "data"), textcoords="offset points",
            ha="left", va="bottom", fontsize="x-small",
        )  # fmt: skip
    by_parameter(axes[1, 0], summary, plan)
    plane(axes[1, 1], data, design, plan)
    for ax in axes.flat:
        sns.despine(ax=ax)


def _curve(ax: Axes, data: xr.Dataset, x: Any, variants: list, homeostatic: bool) -> None:
    """Yields with their intervals."""
    chips = [at(data, variant) for variant in variants]
    middle, low, high = (
        np.array([float(c[f"yield{s}"]) for c in chips]) for s in ("", "_low", "_high")
    )
    color = COLORS[homeostatic]
    ax.errorbar(
        x, middle, [np.maximum(middle - low, 0), np.maximum(high - middle, 0)],
        color=color, marker="o", ms=4, lw=1.2, label=LABELS[homeostatic],
    )  # fmt: skip


def by_area(ax: Axes, data: xr.Dataset, plan: Plan) -> None:
    """Yield against the area of all devices."""
    for homeostatic, factor in ((True, 1.02), (False, 1 / 1.02)):  # so that intervals lie apart
        x = np.array(plan.areas) * factor
        _curve(ax, data, x, [plan.at_area(a, homeostatic) for a in plan.areas], homeostatic)
    ax.axvline(1, color=LIGHT_GREY, lw=6, alpha=0.4, zorder=0)
    ax.set(xscale="log", ylim=(-0.03, 1.06), xlabel="area of all devices, times the file's")
    ax.set(ylabel="yield: share of chips in specification", title="size")
    ax.set_xticks(plan.areas, [f"{a:g}" for a in plan.areas])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.legend(frameon=False, fontsize="x-small", loc="upper left", bbox_to_anchor=(0, 0.9))


def by_bits(ax: Axes, data: xr.Dataset, plan: Plan) -> None:
    """Yield against the bits of the counters."""
    _curve(ax, data, plan.bits, [plan.at_bits(b) for b in plan.bits], plan.given.homeostatic)
    ax.axvline(plan.given.bits, color=LIGHT_GREY, lw=6, alpha=0.4, zorder=0)
    ax.set(ylim=(-0.03, 1.06), xlabel="bits of a weight's counter", title="bits")
    ax.set_xticks(plan.bits)


def by_parameter(ax: Axes, summary: Mapping[str, Any], plan: Plan) -> None:
    """What each parameter's mismatch multiplies the cost by; yields without it beside."""
    names = summary["ranked"].split(", ")
    y = np.arange(len(names))
    for key, place, color, label in (
        ("cost_of", y - 0.14, RED, "mismatch beside all others"),
        ("cost_alone", y + 0.14, LIGHT_GREY, "alone"),
    ):
        middle, low, high = (
            np.array([summary[f"{key}_{name}{s}"] for name in names]) for s in ("", "_low", "_high")
        )
        ax.errorbar(
            100 * (middle - 1), place, xerr=[100 * (middle - low), 100 * (high - middle)],
            fmt="o", ms=4, lw=1.2, color=color, label=label,
        )  # fmt: skip
    ax.axvline(0, color=BLACK, lw=0.8, ls=":")
    ax.set_yticks(y, [_labelled(name, summary[f"cv_{name}"]) for name in names])
    ax.invert_yaxis()
    ax.set(xlabel="adds to the cost, rate times root of error / %")
    ax.tick_params(axis="y", labelsize="small")
    ax.annotate("yield\nwithout", (1.0, 1.0), xycoords="axes fraction", fontsize="x-small",
                ha="right", va="bottom")  # fmt: skip
    for k, name in enumerate(names):
        ax.annotate(
            f"{summary[f'yield_without_{name}']:.2f}", (1.0, k), fontsize="x-small",
            xycoords=("axes fraction", "data"), ha="right", va="center",
        )  # fmt: skip
    ax.margins(x=0.12)
    ax.legend(
        frameon=False, fontsize="small", ncols=2, loc="lower left", bbox_to_anchor=(-0.3, 0.99)
    )


def _labelled(name: str, cv: float) -> str:
    """Name of a parameter, and how it is spread."""
    spread = f"SD {cv:.2g} |D|²" if name == "offset" else f"CV {100 * cv:.3g} %"
    return f"{PARAMETERS[name][0]}\n{spread}"


def plane(ax: Axes, data: xr.Dataset, design: Design, plan: Plan) -> None:
    """Every chip by its rate and error, over the largest that the specification lets pass."""
    rate_max, error_max = limits(data, design)
    error = f"error_{design['specification']['error_of']}"
    for homeostatic in KINDS:
        chips = at(data, plan.kind(homeostatic))
        ax.plot(
            chips["rate_hz"] / rate_max, chips[error] / error_max, ".", ms=5, alpha=0.7, mew=0,
            color=COLORS[homeostatic], label=LABELS[homeostatic],
        )  # fmt: skip
    clean = data["rate_hz_clean"] / rate_max, data[f"{error}_clean"] / error_max
    ax.plot(*np.broadcast_arrays(*clean), "+", ms=5, color=BLACK, label="clean", mew=0.8)
    ax.set(xscale="log", yscale="log", title="chips")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    (left, _), (bottom, _) = ax.get_xlim(), ax.get_ylim()
    if bottom <= 0:  # there is no clean chip to compare with
        return
    ax.fill([left, 1, 1, left], [bottom, bottom, 1, 1], color=LIGHT_GREY, alpha=0.25, zorder=0)
    ax.set(xlim=(left, None), ylim=(bottom, None))
    ax.annotate("in specification", (1, bottom), (-3, 3), textcoords="offset points",
                ha="right", va="bottom", fontsize="x-small")  # fmt: skip
    ax.set(xlabel="rate, over its limit", ylabel=f"{error.replace('_', ', ')}, over its limit")
    ax.legend(frameon=False, fontsize="x-small")
