"""The figure of the delayed exclusive or."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from brian2 import ms
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebn_brian.checks import Floats
from ebn_brian.gradient import Traces, Weights
from ebn_brian.seeds import generator

from ..lab.palette import BLACK, BLUE, GREY, PURPLE, RED, YELLOW
from .numbers import ARMS, DELAYS, FORMS
from .task import ANSWERS, FIRST, GO, LAST, REACTION, Group, network, trials

#: Delay of the trials that are shown, and width of the gate of the network that is: it spikes.
SHOWN, NARROW = 300 * ms, 1e-6
#: One a trial type.
COLORS = (GREY, BLACK, BLUE, RED, YELLOW, PURPLE)
NAMES = {
    "trained": "trained",
    "control": "untrained",
    "control_own": "untrained, readout by delay",
}
ARM_COLORS = dict(zip(ARMS, (BLUE, RED, YELLOW), strict=True))


def figure(data: xr.Dataset, seed: int, own: Weights) -> Figure:
    """Trials of all types; what the network holds, and its spikes; accuracy; training."""
    (group,) = trials(generator(seed, "shown trials"), len(ANSWERS), SHOWN, SHOWN, len(ANSWERS))
    traces = network(NARROW).simulate(own, group.batch.x, group.batch.v_0)
    sns.set_theme(context="paper", style="ticks")
    fig = plt.figure(figsize=(11, 8.5), layout="constrained")
    grid = fig.add_gridspec(3, 6, height_ratios=(0.9, 1, 1.3))
    shared = None
    for k in np.argsort(group.kind):
        place = int(group.kind[k])
        ax = fig.add_subplot(grid[0, place], sharey=shared)
        shared = shared or ax
        trial(ax, group, traces.s[k] @ own.O[0], int(k))
    memory(fig.add_subplot(grid[1, :3]), group, traces, own)
    raster(fig.add_subplot(grid[1, 3:]), group, traces, own)
    accuracy(fig.add_subplot(grid[2, :4]), data)
    training(fig.add_subplot(grid[2, 4:]), data)
    return fig


def time(group: Group) -> Floats:
    """Seconds after the onset of the go-cue."""
    n_steps = group.batch.x.shape[1]
    return np.asarray((np.arange(n_steps) - (n_steps - GO)) / 1000)


def trial(ax: Axes, group: Group, o: Floats, k: int) -> None:
    """Input, go-cue, readout of one trial, and its mean while the answer is asked."""
    t, kind = time(group), int(group.kind[k])
    ax.axvspan(0, t[-1], color=YELLOW, alpha=0.3, lw=0)
    ax.plot(t, group.batch.x[k, :, 0] * 0.5 + 3, color=BLACK, lw=1)
    ax.plot(t, group.batch.target[k, :, 0], color=GREY, lw=2.5, alpha=0.5)
    ax.plot(t, o, color=COLORS[kind], lw=0.6)
    asked = t >= REACTION / 1000
    ax.plot(t[asked], np.full(asked.sum(), o[asked].mean()), color=BLACK, lw=2)
    pulses = "".join({1: "+", -1: "−", 0: ""}[int(sign[kind])] for sign in (FIRST, LAST))
    ax.set(title=f"{pulses}   answer {ANSWERS[kind]:+d}".replace("+0", "0"), xlabel="time / s")
    ax.set_yticks([-1, 0, 1, 3], ["-1", "0", "1", "pulses"])
    if ax.get_subplotspec().colspan.start:  # type: ignore[union-attr]
        ax.tick_params(labelleft=False)
    sns.despine(ax=ax)


def memory(ax: Axes, group: Group, traces: Traces, own: Weights) -> None:
    """Mean of ``s`` along the pulses' weights, in all trials."""
    along = np.sign(own.U[:, 0])
    for k, kind in enumerate(group.kind):
        ax.plot(time(group), traces.s[k] @ along / len(along), color=COLORS[kind], lw=1)
    ax.axvspan(0, time(group)[-1], color=YELLOW, alpha=0.3, lw=0)
    ax.set(
        xlabel="time after the go-cue / s",
        ylabel="Hz",
        title="what is held: mean rate of cells excited by + less that of the others",
    )
    sns.despine(ax=ax)


def raster(ax: Axes, group: Group, traces: Traces, own: Weights) -> None:
    """Spikes of a trial with two pulses; neurons by their weight from pulses."""
    k = int(np.flatnonzero(group.kind == np.flatnonzero(FIRST == LAST)[0])[0])
    v = np.vstack([group.batch.v_0[k], traces.v[k]])
    step, neuron = np.nonzero(np.diff((v < 0.5) & (v >= 0), axis=0) & (np.diff(v, axis=0) < -0.5))
    place = np.argsort(np.argsort(own.U[:, 0]))
    ax.axvspan(0, time(group)[-1], color=YELLOW, alpha=0.3, lw=0)
    ax.plot(time(group)[step], place[neuron], "|", color=BLACK, ms=2, mew=0.5)
    ax.set(
        xlabel="time after the go-cue / s",
        ylabel="neuron, by its weight from pulses",
        title="spikes in trial ++",
    )
    sns.despine(ax=ax)


def accuracy(ax: Axes, data: xr.Dataset) -> None:
    """Against delay: a line a seed, gated full and spiking dashed."""
    for arm in ARMS:
        for form, style in zip(FORMS, ("-", "--"), strict=True):
            own = data["accuracy"].sel(arm=arm, form=form)
            mean = own.mean("seed")
            label = f"{NAMES[arm]}, {form}"
            color = ARM_COLORS[arm]
            ax.plot(DELAYS, own.values.T, style, color=color, lw=0.6, alpha=0.5)
            ax.plot(DELAYS, mean, style, color=color, lw=2, marker="o", ms=3, label=label)
    ax.axhline(1 / 3, color=GREY, lw=1, ls=":")
    ax.text(DELAYS[-1], 0.32, "chance", ha="right", va="top", color=GREY)
    ax.set_xscale("log")
    ax.set_xticks(DELAYS, [str(delay) for delay in DELAYS])
    ax.minorticks_off()
    ax.set(
        xlabel="delay between the pulses and before the go-cue / ms",
        ylabel="share of right answers",
        ylim=(0, 1.03),
        title="fresh trials: mean of the networks (thick) and each (thin)",
    )
    ax.legend(frameon=False, loc="lower left", fontsize=7, ncol=3, columnspacing=1)
    sns.despine(ax=ax)


def training(ax: Axes, data: xr.Dataset) -> None:
    """Cost against generations."""
    ax.plot(data["training_cost"].values.T, color=BLUE, lw=0.8, alpha=0.7)
    ax.set(
        xlabel="generation",
        title="training: error of the median candidate,\nof that without a readout",
        yscale="log",
    )
    sns.despine(ax=ax)
