"""The figure of the main study: the paper's Figure 1, with the learning curves beside it."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ebn_brian.training import DT

from ..lab.palette import BLUE, GREEN, PURPLE, RED

COLORS = (BLUE, RED, GREEN, PURPLE)
LEARNED, OPTIMAL = RED, "0.35"


def figure(result) -> Figure:
    """Columns initial, optimal, learned of the median chip; learning curves of all chips."""
    sns.set_theme(context="paper", style="ticks", rc={"axes.titleweight": "bold"})
    stages = result.evaluations
    chip = _median_chip(stages["learned"].measures["error"])
    fig = plt.figure(figsize=(12.5, 7.2), layout="constrained")
    left, right = np.asarray(fig.subfigures(1, 2, width_ratios=(3, 1.15)))
    order = _by_direction(stages["learned"].chips.D[chip])
    axes = left.subplots(3, 3, height_ratios=(1, 1, 1.35))
    span = _span(len(stages["learned"].c))
    for column, (name, evaluation) in enumerate(stages.items()):
        _signals(axes[0, column], evaluation, chip, span)
        _raster(axes[1, column], evaluation, chip, span, order)
        image = _weights(axes[2, column], evaluation, chip, order)
        axes[0, column].set_title(f"{name}\nerror {evaluation.measures['error'][chip]:.3f}")
    _same_scale(axes[0], "x (solid), decoded (dots)")
    _same_scale(axes[1], "neuron")
    axes[2, 0].set_ylabel("target neuron, by direction")
    left.colorbar(image, ax=axes[2, :], shrink=0.8, label="weight / |D|²", aspect=15)
    left.suptitle(f"chip {chip}, unseen input, weights held", x=0.01, ha="left", fontsize=9)
    _curves(right.subplots(3, 1, sharex=True), result)
    return fig


def _median_chip(values: np.ndarray) -> int:
    return int(np.argsort(values)[(len(values) - 1) // 2])


def _span(n_steps: int) -> slice:
    """One second to look at, away from the start where there is room."""
    length = round(1 / float(DT))
    first = length if n_steps >= 2 * length else 0
    return slice(first, min(first + length, n_steps))


def _signals(ax, evaluation, chip: int, span: slice) -> None:
    x, x_hat = evaluation.signals()
    x, x_hat = x - x.mean(0), x_hat[chip] - x_hat[chip].mean(0)
    fitted = x_hat @ np.linalg.lstsq(x_hat, x, rcond=None)[0]
    time = np.arange(span.start, span.stop) * float(DT)
    for k in range(min(x.shape[1], len(COLORS))):
        ax.plot(time, x[span, k], color=COLORS[k], lw=1)
        ax.plot(time[::40], fitted[span, k][::40], ".", color=COLORS[k], ms=2.5)
    sns.despine(ax=ax)
    ax.tick_params(labelbottom=False)


def _by_direction(D: np.ndarray) -> np.ndarray:
    """Neurons in the order of the direction they code, so that good weights show as bands."""
    if len(D) == 1:
        return np.argsort(D[0])
    principal = np.linalg.svd(D, full_matrices=False)[0].T @ D if len(D) > 2 else D
    return np.argsort(np.arctan2(principal[1], principal[0]))


def _raster(ax, evaluation, chip: int, span: slice, order: np.ndarray) -> None:
    n = evaluation.chips.layout.n_neurons
    shown = (evaluation.i // n == chip) & (evaluation.step >= span.start)
    shown &= evaluation.step < span.stop
    time = evaluation.step[shown] * float(DT)
    ax.plot(time, np.argsort(order)[evaluation.i[shown] % n], "|", color="k", ms=3, mew=0.6)
    ax.set(xlim=(span.start * float(DT), span.stop * float(DT)), ylim=(-1, n))
    ax.set(xlabel="time (s)", title=f"{shown.sum()} spikes")
    ax.title.set(fontsize=8, fontweight="normal")
    sns.despine(ax=ax)


def _weights(ax, evaluation, chip: int, order: np.ndarray):
    limit = np.abs(evaluation.chips.optimal).max()
    Omega = evaluation.Omega[chip][np.ix_(order, order)]
    np.fill_diagonal(Omega, np.nan)
    ax.set(xlabel="source neuron, by direction", xticks=[], yticks=[])
    return ax.imshow(Omega, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")


def _same_scale(axes, label: str) -> None:
    """One scale for all columns."""
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
        ax.tick_params(labelleft=ax is axes[0])
    axes[0].set_ylabel(label)


def _curves(axes, result) -> None:
    labels = {"distance": "distance to optimal", "error": "decoding error", "rate_hz": "rate (Hz)"}
    optimal = result.evaluations["optimal"].measures
    for ax, (name, label) in zip(axes, labels.items(), strict=True):
        values = result.curves[name]
        ax.fill_between(result.times, values.min(1), values.max(1), color=LEARNED, alpha=0.2, lw=0)
        ax.plot(result.times, np.median(values, 1), "o-", color=LEARNED, ms=3, lw=1.2)
        if name != "distance":
            ax.axhline(np.median(optimal[name]), color=OPTIMAL, ls="--", lw=1, label="optimal")
            ax.legend(frameon=False)
        ax.set(ylabel=label, yscale="log")
        sns.despine(ax=ax)
    n_chips = result.curves["error"].shape[1]
    axes[0].set_title(f"learning, {n_chips} chips:\nmedian and range")
    axes[-1].set_xlabel("training (s)")
    axes[-1].set_xscale("symlog", linthresh=1)
    axes[-1].set_xlim(-0.05, result.times[-1] * 1.1)
    ticks = [t for t in (0, 1, 3, 10, 30, 100, 300, 1000) if t <= result.times[-1]]
    axes[-1].set_xticks(ticks, map(str, ticks))
    axes[-1].xaxis.set_minor_locator(NullLocator())
