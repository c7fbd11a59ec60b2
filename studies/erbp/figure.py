"""The figure of the study of random backpropagation."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from brian2 import ms
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..lab.palette import BLACK, BLUE, GREEN, GREY, LIGHT_GREY, PURPLE, RED, YELLOW
from ..lab.store import Arrays
from .bench import PRESENT
from .data import Task

#: Bars: what each arm is called.
NAMES = {
    "logistic": "logistic regression",
    "mlp": "perceptron, backpropagation",
    "frozen": "hidden layer frozen",
    "float": "random feedback",
    "concordant": "sign-concordant",
    "deep": "two hidden layers",
}
COLORS = {"logistic": GREY, "mlp": GREY, "frozen": YELLOW}
LEGEND = {"frameon": False, "fontsize": 7}
#: Hidden neurons whose weights are shown.
N_FEATURES = 16


def figure(data: xr.Dataset, example: Arrays, task: Task) -> Figure:
    """Above: learning, bits, mismatch, arms; below: features, confusion, traces of one digit."""
    sns.set_theme(context="paper", style="ticks")
    fig = plt.figure(figsize=(13, 8.5), layout="constrained")
    grid = fig.add_gridspec(4, 4, height_ratios=(1.5, 1.5, 1, 1))
    epochs(fig.add_subplot(grid[0:1, 0]), data)
    angle(fig.add_subplot(grid[1:2, 0]), data)
    bits(fig.add_subplot(grid[0:2, 1]), data)
    mismatch(fig.add_subplot(grid[0:2, 2]), data)
    arms(fig.add_subplot(grid[0:2, 3]), data)
    features(fig.add_subplot(grid[2:4, 0]), example, task)
    confusion(fig.add_subplot(grid[2:4, 1]), example, task)
    error_neuron(fig.add_subplot(grid[2, 2:4]), example, task)
    hidden_neuron(fig.add_subplot(grid[3, 2:4]), example)
    return fig


def epochs(ax: Axes, data: xr.Dataset) -> None:
    """Accuracy on the way."""
    for values in data["curve"].values:
        ax.plot(data["epoch"], values, color=BLUE, lw=0.6, alpha=0.5)
    ax.plot(data["epoch"], data["curve"].median("seed"), color=BLUE, marker="o", ms=3)
    ax.set(ylabel="accuracy", title="learning on an ideal device")
    ax.tick_params(labelbottom=False)


def angle(ax: Axes, data: xr.Dataset) -> None:
    """Of the rule's change to the gradient."""
    for layer, color in (("hidden", BLUE), ("output", GREY)):
        values = data["angle"].sel(layer=layer)
        ax.plot(data["epoch"], values.median("seed"), color=color, marker="o", ms=3, label=layer)
        ax.fill_between(
            data["epoch"], values.min("seed"), values.max("seed"), color=color, alpha=0.2, lw=0
        )
    ax.axhline(90, color=BLACK, lw=0.7, ls=":")
    ax.text(data["epoch"].values[-1], 91, "chance", ha="right", va="bottom", fontsize=7)
    ax.set(xlabel="epoch", ylabel="angle to gradient (°)", ylim=(0, 140), yticks=(0, 30, 60, 90))
    ax.legend(title="weights onto", ncols=2, **LEGEND, title_fontsize=7, loc="upper right")


def points(ax: Axes, x: np.ndarray, values: xr.DataArray, color: str, name: str, ls="-") -> None:
    """Every seed as a point, the median as a line."""
    for own in values.values:
        ax.plot(x, own, ".", color=color, ms=4, alpha=0.5)
    ax.plot(x, values.median("seed"), ls, color=color, marker="o", ms=4, label=name)


def bits(ax: Axes, data: xr.Dataset) -> None:
    """Accuracy by number of bits."""
    x = data["bits"].values
    points(ax, x, data["rounded"], RED, "rounded after learning")
    for arm, color, name in (
        ("dac", BLUE, "DAC, fine counter"),
        ("coarse", PURPLE, "levels alone"),
    ):
        held = [b for b in x if f"accuracy_{arm}{b}" in data]
        if held:
            values = xr.concat([data[f"accuracy_{arm}{b}"] for b in held], "bits")
            points(ax, np.array(held), values.transpose("seed", "bits"), color, name)
    reference(ax, data)
    ax.set(xlabel="bits of a weight", ylabel="accuracy", xticks=x, title="weights of few bits")
    ax.legend(**LEGEND, loc="lower right")


def mismatch(ax: Axes, data: xr.Dataset) -> None:
    """Accuracy by CV, learned on the device and copied from an ideal one."""
    x = 100 * data["cv"].values
    points(ax, x, data["learned"], BLUE, "learned on the device")
    points(ax, x, data["copied"], RED, "copied from an ideal one")
    ax.set(xlabel="mismatch, CV (%)", ylabel="accuracy", title="devices that differ")
    ax.legend(**LEGEND, loc="lower left")


def reference(ax: Axes, data: xr.Dataset) -> None:
    """The accuracy of unbounded weights."""
    ax.axhline(float(data["accuracy_float"].median()), color=LIGHT_GREY, lw=1, zorder=0)


def arms(ax: Axes, data: xr.Dataset) -> None:
    """Accuracy by way to learn."""
    there = {arm: name for arm, name in NAMES.items() if f"accuracy_{arm}" in data}
    for y, arm in enumerate(there):
        values, color = data[f"accuracy_{arm}"], COLORS.get(arm, BLUE)
        ax.plot(values, np.full(len(values), y), "o", color=color, ms=4, alpha=0.6)
        ax.plot(values.median(), y, "|", color=color, ms=16, mew=2)
    ax.set(yticks=range(len(there)), yticklabels=there.values(), xlabel="accuracy")
    ax.set_title("ways to learn")
    ax.set_ylim(-0.7, len(there) - 0.3)


def features(ax: Axes, example: Arrays, task: Task) -> None:
    """Weights onto hidden neurons, those with the largest."""
    W = np.asarray(example["hidden_weights"])[:, : task.training.pixels.shape[1]]
    order = np.argsort(-np.linalg.norm(W, axis=1))[:N_FEATURES]
    height, width = task.training.shape
    rows = int(np.ceil(np.sqrt(len(order))))
    sheet = np.full((rows * (height + 1), rows * (width + 1)), np.nan)
    for k, neuron in enumerate(order):
        y, x = divmod(k, rows)
        top, left = y * (height + 1), x * (width + 1)
        sheet[top : top + height, left : left + width] = W[neuron].reshape(height, width)
    limit = np.nanmax(np.abs(sheet))
    picture = ax.imshow(sheet, cmap="RdBu_r", vmin=-limit, vmax=limit)
    plt.colorbar(picture, ax=ax, shrink=0.7, label="weight (thresholds)")
    ax.set(xticks=[], yticks=[], title="what hidden neurons look for")
    sns.despine(ax=ax, left=True, bottom=True)


def confusion(ax: Axes, example: Arrays, task: Task) -> None:
    """Which classes are taken for which; only errors have a colour."""
    n = task.test.n_classes
    table = np.zeros((n, n), int)
    np.add.at(table, (task.test.labels, np.asarray(example["predicted"], int)), 1)
    errors = np.where(np.eye(n, dtype=bool), 0, table)
    worst = max(errors.max(), 1)
    ax.imshow(errors, cmap="Reds", vmin=0, vmax=worst)
    if n <= 12:
        for y, x in np.argwhere(table):
            strong = x != y and 2 * table[y, x] > worst
            color = GREY if x == y else "white" if strong else BLACK
            ax.text(x, y, table[y, x], ha="center", va="center", fontsize=7, color=color)
    ax.set(xlabel="answer", ylabel="class", title="images by class and answer")
    if n <= 12:
        ax.set(xticks=range(n), yticks=range(n))


def error_neuron(ax: Axes, example: Arrays, task: Task) -> None:
    """The count of the error neuron of the first image's class, before and after learning."""
    label, n = int(task.training.labels[0]), task.test.n_classes
    for when, color in (("before", LIGHT_GREY), ("after", GREEN)):
        trace = _first_image(example[f"comparators_err_{when}"])[:, n + label]
        ax.step(np.arange(len(trace)), trace, where="post", color=color, label=f"{when} learning")
    ax.set(ylabel="count")
    ax.set_title(f"error neuron of class {label} (label less output) while a {label} is shown")
    ax.tick_params(labelbottom=False)
    ax.set_ylim(-1.2, 2)
    ax.legend(**LEGEND, ncols=2, loc="upper right")


def hidden_neuron(ax: Axes, example: Arrays) -> None:
    """Membrane, spikes and error compartment of a recorded hidden neuron of middling rate."""
    v = _first_image(example["membranes_v_after"]) * 1e3
    u = _first_image(example["membranes_u_after"])
    t = np.asarray(example["hidden_t_after"]) / float(ms)
    shown = (t < len(v)) & (np.asarray(example["hidden_i_after"]) < v.shape[1])
    spikes = np.asarray(example["hidden_i_after"])[shown]
    counts = np.bincount(spikes, minlength=v.shape[1])
    neuron = int(np.abs(counts - np.median(counts[counts > 0])).argmin())
    ax.plot(v[:, neuron], color=BLUE, lw=1)
    above = np.full(counts[neuron], v[:, neuron].max() + 5)
    ax.plot(t[shown][spikes == neuron], above, "|", color=BLACK)
    ax.set(xlabel="time since the image appeared (ms)", ylabel="v (mV)")
    ax.set_title("a hidden neuron after learning, its spikes above")
    ax.yaxis.label.set_color(BLUE)
    twin = ax.twinx()
    twin.plot(u[:, neuron], color=RED, lw=1)
    twin.set_ylabel("u (error compartment)", color=RED)


def _first_image(trace: np.ndarray) -> np.ndarray:
    return np.asarray(trace)[: round(float(PRESENT / ms))]
