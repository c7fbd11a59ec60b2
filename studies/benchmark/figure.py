"""Figure of the benchmark: how throughput scales, and where the time goes."""

import matplotlib.pyplot as plt
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..lab.palette import BLACK, BLUE, DARK_GREY, GREEN, LIGHT_BLUE, LIGHT_GREY, LIGHT_RED, RED

COLORS = {
    "package_f32": RED,
    "package_f32_mixed": LIGHT_RED,
    "package_f64": BLUE,
    "package_f64_fast": LIGHT_BLUE,
    "brian2_cpp": DARK_GREY,
    "brian2_cython": LIGHT_GREY,
    "numba": BLACK,
    "cuda": GREEN,
}
LABELS = {
    "package_f32": "package, single",
    "package_f32_mixed": "package, single, mixed",
    "package_f64": "package, double",
    "package_f64_fast": "package, double, fast",
    "brian2_cpp": "Brian2 C++",
    "brian2_cython": "Brian2 cython",
    "numba": "numba loop",
    "cuda": "CUDA (per s elapsed)",
}


def figure(data: xr.Dataset) -> Figure:
    """Throughput against the number of chips and of neurons; start-up against chips.

    Dotted: of the time steps alone, where the start-up of the process makes a difference.
    """
    sns.set_theme(context="paper", style="ticks")
    fig, axes = plt.subplots(1, 3, figsize=(11, 3.6))
    frame = data.to_dataframe()
    frame["start_up"] = (frame.whole - frame.stepping).clip(lower=1e-4)
    for name in ("throughput", "throughput_stepping"):
        frame[f"synapse_{name}"] = frame[name] * frame.neurons * (frame.neurons - 1)
    small = frame[frame.neurons == 20].sort_values("chips")
    # for each size of chip, the case with most chips
    large = frame.sort_values("chips").groupby(["target", "neurons"]).tail(1)
    large = large.sort_values("neurons")
    for target, color in COLORS.items():
        if target not in set(frame.target):
            continue
        style = {"color": color, "ls": "--" if target == "numba" else "-", "marker": "o", "ms": 4}
        here = small[small.target == target]
        axes[0].plot(here.chips, here.throughput, label=LABELS[target], **style)
        axes[0].plot(here.chips, here.throughput_stepping, color=color, ls=":", lw=1)
        if target not in ("numba", "brian2_cython", "cuda"):
            axes[2].plot(here.chips, here.start_up, **style)
        here = large[large.target == target]
        axes[1].plot(here.neurons, here.synapse_throughput, **style)
        axes[1].plot(here.neurons, here.synapse_throughput_stepping, color=color, ls=":", lw=1)
    axes[0].set(xlabel="chips of 20 neurons", ylabel="chip-seconds per CPU-second")
    axes[1].set(xlabel="neurons a chip", ylabel="synapse-seconds per CPU-second")
    axes[2].set(xlabel="chips of 20 neurons", ylabel="start-up and transfer (s)")
    for ax in axes:
        ax.set(xscale="log", yscale="log")
        ax.grid(alpha=0.3)
    sizes = sorted(set(frame.neurons))
    axes[1].set_xticks(sizes, map(str, sizes))
    axes[1].minorticks_off()
    handles, labels = axes[0].get_legend_handles_labels()
    handles.append(Line2D([], [], color="black", ls=":", lw=1))
    labels.append("dotted: time steps alone")
    sns.despine(fig)
    fig.tight_layout(rect=(0, 0.08, 1, 1))
    fig.legend(handles, labels, loc="lower center", ncols=8, frameon=False, columnspacing=1.2)
    return fig
