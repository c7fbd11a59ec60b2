"""How fine must the weights be? Distance and error against the weight step and the counter's bits.

The paper states the trade-off between granularity and accuracy; this study measures it. A step is
varied with a free counter; a number of bits sets both the rails, ``+-(2**(bits - 1) - 1)`` steps,
and the step, so that the rails stand at ``+-|D|**2``. Every point learns on the same chips.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from brian2 import second
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from tqdm import tqdm

from ebn_brian.checks import Floats
from ebn_brian.chips import lif_blueprint, lif_chips
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.training import Training

from .lab.cli import check_before_start, finite, study_options
from .lab.palette import BLUE, RED
from .lab.results import provenance, save, show
from .learning.task import Task, initial_weights, random_task

STEPS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
BITS = (3, 4, 5, 6, 7, 8)
DEAD_ZONE = 0.25
MEASURES = ("distance", "error", "error_effective", "rate_hz")
N_NEURONS = 20
COLORS = {"random": RED, "even": BLUE}  # by decoder

#: Axis, ``'step'``, ``'bits'`` or ``'optimal'``, and value.
Point = tuple[str, float]
Measures = Mapping[str, Floats]


def rule(step: float, bits: int | None = None) -> DiscreteRule:
    """The rule at `step`, with a dead zone that holds at least half a step of the comparison."""
    zone = max(DEAD_ZONE, DiscreteRule.kappa * step / 2)
    return DiscreteRule.calm(step, dead_zone=zone, n_bits=bits)


def points() -> dict[Point, DiscreteRule]:
    """Rules of the study."""
    by_step = {("step", step): rule(step) for step in STEPS}
    return by_step | {("bits", b): rule(1 / (2 ** (b - 1) - 1), b) for b in BITS}


def run_point(
    training: Training, task: Task, rule: DiscreteRule, seconds: float, seed: int
) -> Measures:
    """Measures of all chips after learning with `rule`, (n_chips,) each."""
    training = training.using(lif_blueprint(task.D, rule=rule))
    n_chips, _, n_neurons = task.D.shape
    initial = initial_weights(n_chips, n_neurons, rule, seed)
    state = training.trained(initial, task.training, seconds * second)
    return training.evaluate(training.weights(state), task.test).measures


def run_decoder(
    training: Training, task: Task, seconds: float, seed: int, bar: tqdm
) -> dict[Point, Measures]:
    """Measures, (n_chips,) each, of every point and of the optimal weights."""
    chips = lif_blueprint(task.D, rule=rule(0.04))
    training = training.using(chips)
    measures: dict[Point, Measures] = {
        ("optimal", 0): training.evaluate(chips.optimal, task.test).measures
    }
    for point, chosen in points().items():
        measures[point] = run_point(training, task, chosen, seconds, seed)
        bar.update()
    return measures


def dataset(measures: Mapping[str, Mapping[Point, Measures]], training: float) -> xr.Dataset:
    """Measures with dimensions decoder, step or bits, and chip."""
    data = xr.Dataset(
        coords={"decoder": list(measures), "step": list(STEPS), "bits": list(BITS)},
        attrs={"training_s": training},
    )
    data["step"].attrs["units"] = "|D|^2"
    for name in MEASURES:
        units = {"units": "Hz" if name == "rate_hz" else "1"}
        for axis, values in (("optimal", (0,)), ("step", STEPS), ("bits", BITS)):
            table = np.array([[m[axis, v][name] for v in values] for m in measures.values()])
            if axis == "optimal":
                data[f"{name}_{axis}"] = ("decoder", "chip"), table[:, 0], units
            else:
                data[f"{name}_{axis}"] = ("decoder", axis, "chip"), table, units
    return data


def figure(data: xr.Dataset) -> Figure:
    """Rows distance and error; columns step and bits; single chips, medians, and the optimum."""
    sns.set_theme(context="paper", style="ticks")
    fig, axes = plt.subplots(2, 2, figsize=(8.5, 5.8), sharex="col", sharey="row")
    labels = {"distance": "distance to optimal", "error": "decoding error"}
    for row, (name, label) in zip(axes, labels.items(), strict=True):
        for ax, axis in zip(row, ("step", "bits"), strict=True):
            for decoder, color in COLORS.items():
                values = data[f"{name}_{axis}"].sel(decoder=decoder)
                x = data[axis].values
                ax.plot(x, values.values, ".", color=color, alpha=0.25, ms=4, mew=0)
                ax.plot(x, values.median("chip"), "o-", color=color, ms=5, label=decoder)
                if name == "error":
                    optimal = float(data["error_optimal"].sel(decoder=decoder).median())
                    ax.axhline(optimal, color=color, ls="--", lw=1, label=f"{decoder}, optimal")
            ax.set(yscale="log")
            sns.despine(ax=ax)
        row[0].set_ylabel(label)
    axes[0, 0].legend(title="decoder", frameon=False)
    axes[1, 0].legend(frameon=False)
    axes[1, 0].set(xscale="log", xlabel="weight step / |D|²")
    axes[1, 0].xaxis.set_major_locator(FixedLocator(STEPS))
    axes[1, 0].xaxis.set_minor_locator(NullLocator())
    axes[1, 0].set_xticklabels(map(str, STEPS))
    axes[1, 1].set(xlabel="bits of the counter, sign included", xticks=BITS)
    fig.suptitle(f"{data.sizes['chip']} chips after {data.attrs['training_s']:g} s of learning")
    fig.tight_layout()
    return fig


def rows(data: xr.Dataset) -> dict[str, dict[str, float]]:
    """Median and worst over chips, by decoder and point."""
    table: dict[str, dict[str, float]] = {}
    for decoder in data["decoder"].values:
        for axis, values in (("step", STEPS), ("bits", BITS)):
            for value in values:
                chips = {
                    n: data[f"{n}_{axis}"].sel({"decoder": decoder, axis: value}) for n in MEASURES
                }
                table[f"{decoder}_{axis}_{value:g}"] = {
                    f"{name}_{of}": float(reduce(chips[name]))
                    for name in MEASURES
                    for of, reduce in (("median", np.median), ("worst", np.max))
                }
    return table


def summarise(data: xr.Dataset, table: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Flat numbers, ``MEASURE_POINT_median`` and ``_worst``, and the optimal error."""
    summary = {
        f"{name}_{point}_{of}": row[f"{name}_{of}"]
        for point, row in table.items()
        for name in MEASURES
        for of in ("median", "worst")
    }
    for decoder in COLORS:
        optimal = data["error_optimal"].sel(decoder=decoder)
        summary[f"error_{decoder}_optimal_median"] = float(optimal.median())
    return summary


@click.command()
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1))
@click.option(
    "--training",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0.1, 1e6),
    callback=finite,
)
@study_options("granularity")
def main(chips: int, training: float, out: Path, seed: int, quick: bool, device: str) -> None:
    """Distance to the optimal weights and decoding error against step and number of bits."""
    if quick:
        chips, training = min(chips, 4), min(training, 10.0)
    parameters = click.get_current_context().params | {"chips": chips, "training": training}
    check_before_start(out, device)
    tasks = {d: random_task(chips, N_NEURONS, d, rule(0.04), seed) for d in COLORS}
    click.echo(f"Building the program, {chips} chips ({device})")
    D = tasks["random"].D
    built = Training(
        lambda drive: lif_chips(D, drive=drive, rule=rule(0.04)), D.shape[1], device=device
    )
    with tqdm(total=len(COLORS) * len(points()), desc="points") as bar:
        measures = {d: run_decoder(built, t, training, seed, bar) for d, t in tasks.items()}
    data = dataset(measures, training)
    table = rows(data)
    summary = summarise(data, table) | {"provenance": provenance(parameters)}
    save(out, summary, data, figure(data))
    show(table, f"{chips} chips, {training:g} s of learning")
    click.echo(f"figure, numbers and data: {out}/")


if __name__ == "__main__":
    main()
