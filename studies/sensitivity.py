"""Which parameter's mismatch is to blame? Sobol' indices of rate and error.

The CVs of all parameters vary independently and evenly from 0 to `--max-cv`. The first-order index
of a parameter is the share of the variance that its CV alone explains; the total index adds what it
explains together with others. Variance is that of the logarithms of the median rate and of the
median refitted error over the same few chips at every point.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from zlib import crc32

import click
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure
from scipy.stats import bootstrap, sobol_indices, uniform

from ebn_brian import devices, mismatch
from ebn_brian.checks import Floats
from ebn_brian.chips import Blueprint
from ebn_brian.seeds import generator

from .lab.cli import check_before_start, finite, study_options
from .lab.engine import alone, engine_options, report, run, time_limit, workers
from .lab.palette import BLUE, YELLOW
from .lab.results import provenance, save, show
from .mismatch.arms import Population
from .mismatch.bench import ARMS, CHOICE, OWN_RESET, PARAMETERS, Bench, build_bench
from .mismatch.figure import LABELS, TITLES
from .mismatch.measures import measures

OUTPUTS = {
    "rate_hz": "rate",
    "error_refit": "error, readout fitted",
    "error_effective": "error, effective decoder",
}
#: Points of one task.
ROWS = 4


def spread_rows(
    rows: Sequence[tuple[float, ...]], n_chips: int, seed: int, chips: Blueprint
) -> dict[str, Any]:
    """Values of the same `n_chips` chips for every row, which has the CV of each parameter."""
    nominal = chips.values()
    parts = []
    for k, row in enumerate(rows):
        cvs = {
            name: cv
            for names, cv in zip(PARAMETERS.values(), row, strict=True)
            for name in names
            if name in nominal
        }
        own = {name: np.split(np.asarray(nominal[name]), len(rows))[k] for name in cvs}
        parts.append(mismatch.spread(own, cvs, seed=seed, chips=n_chips))
    return nominal | {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def run_rows(
    bench: Bench, arm: str, reset: str, n_chips: int, *rows: tuple[float, ...]
) -> dict[str, Floats]:
    """Medians of `OUTPUTS` over chips, (n_rows,) each; a row has the CV of each parameter."""
    chips = Population(bench, list(range(n_chips)) * len(rows))
    spreading = partial(spread_rows, rows, n_chips, bench.seed)
    training = chips.prepared(arm, reset, spreading)
    values = measures(training, chips.weights(arm, reset, training), bench.seed)
    return {name: np.median(values[name].reshape(len(rows), -1), axis=1) for name in OUTPUTS}


def estimates(f_A: Floats, f_B: Floats, f_AB: Floats) -> tuple[Floats, Floats]:
    """First-order and total indices, (s, d) each, of outputs (s, n), (s, n) and (d, s, n).

    Saltelli et al. 2010, Computer Physics Communications 181, 259, table 2 (b) and (f).
    """
    variance = np.var([f_A, f_B], axis=(0, -1))
    first_order = np.mean(f_B * (f_AB - f_A), axis=-1) / variance
    total_order = 0.5 * np.mean((f_A - f_AB) ** 2, axis=-1) / variance
    return first_order.T, total_order.T


def indices(
    evaluate: Callable, n: int, max_cv: float, seed: int, resamples: int = 200
) -> xr.Dataset:
    """Sobol' indices with 95 % bootstrap intervals of ``evaluate(x)``, (d, m) -> (s, m)."""
    outputs: list[Floats] = []  # less their mean, to resample: SciPy's own resampling has no seed

    def method(f_A: Floats, f_B: Floats, f_AB: Floats) -> tuple[Floats, Floats]:
        outputs[:] = f_A, f_B, f_AB
        return estimates(f_A, f_B, f_AB)

    result = sobol_indices(
        func=evaluate,
        n=n,
        dists=[uniform(0, max_cv)] * len(PARAMETERS),
        method=method,
        rng=generator(seed, "sensitivity"),
    )
    low, high = bootstrap(
        (np.arange(n),),
        lambda points: estimates(*(f[..., points] for f in outputs)),
        n_resamples=resamples,
        method="BCa",
        rng=generator(seed, "sensitivity bootstrap"),
    ).confidence_interval
    data = xr.Dataset(coords={"output": list(OUTPUTS), "parameter": list(PARAMETERS)})
    for k, order in enumerate(("first_order", "total_order")):
        values = (getattr(result, order), low[k], high[k])
        for suffix, value in zip(("", "_low", "_high"), values, strict=True):
            data[f"{order}{suffix}"] = ("output", "parameter"), value
    return data


def figure(data: xr.Dataset) -> Figure:
    """A row an arm, a column an output; bars with intervals."""
    sns.set_theme(context="paper", style="ticks")
    arms, names = list(data["arm"].values), list(PARAMETERS)
    fig, axes = plt.subplots(
        *(len(arms), len(OUTPUTS)),
        figsize=(3.75 * len(OUTPUTS), 2.4 * len(arms) + 0.4),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    y = np.arange(len(names))
    for row, arm in zip(axes, arms, strict=True):
        for ax, output in zip(row, OUTPUTS, strict=True):
            at = data.sel(arm=arm, output=output)
            for k, (order, color, label) in enumerate(
                (
                    ("first_order", BLUE, "alone"),
                    ("total_order", YELLOW, "with others"),
                )
            ):
                value, place = at[order], y + 0.4 * (k - 0.5)
                ax.barh(place, value, 0.38, color=color, label=label)
                ax.hlines(place, at[f"{order}_low"], at[f"{order}_high"], color="k", lw=1)
            ax.set(yticks=y, yticklabels=[TITLES[name] for name in names], xlim=(-0.25, 1.25))
            ax.set_title(f"{OUTPUTS[output]}\n{LABELS[arm]}", fontsize=8.5)
            sns.despine(ax=ax)
    axes[0, 0].invert_yaxis()
    axes[0, 1].legend(frameon=False)
    for ax in axes[-1]:
        ax.set_xlabel("share of the variance")
    fig.tight_layout()
    return fig


def evaluate(
    arm: str, x: np.ndarray, options: Mapping[str, Any], built: Bench, settings: Mapping
) -> np.ndarray:
    """Logarithms of `OUTPUTS` at the CVs `x`, (n_parameters, n_points)."""
    rows = [tuple(map(float, row)) for row in x.T]
    first = (arm, options["reset"], options["chips"])
    parts = [(*first, *rows[k : k + ROWS]) for k in range(0, len(rows), ROWS)]
    tasks = {f"{arm}-{crc32(repr(part).encode()):08x}": part for part in parts}
    folder = options["out"] / "tasks"
    more = {"settings": settings, "shared": (built,), **workers(options)}
    results, logs = run(run_rows, tasks, folder, **more)
    report(logs, folder)
    return np.log([np.concatenate([r[n] for r in results.values()]) for n in OUTPUTS])


def table(data: xr.Dataset) -> dict[str, dict[str, float]]:
    """Indices by arm, output and parameter."""
    return {
        f"{arm} {output} {name}": {
            str(k): float(data[k].sel(arm=arm, output=output, parameter=name)) for k in data
        }
        for arm in data["arm"].values
        for output in OUTPUTS
        for name in PARAMETERS
    }


@click.command()
@click.option("--chips", default=4, show_default=True, type=click.IntRange(1), help="Per point.")
@click.option("--points", default=256, show_default=True, help="Of the design; a power of 2.")
@click.option(
    "--max-cv", default=0.3, show_default=True, type=click.FloatRange(0.01, 1), callback=finite
)
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(2))
@click.option(
    "--training", default=30.0, show_default=True, type=click.FloatRange(0.1), callback=finite
)
@click.option(
    "--arm",
    "arms",
    multiple=True,
    default=("pretrained", "learned"),
    show_default=True,
    type=click.Choice([arm for arm in ARMS if arm not in OWN_RESET]),
)
@click.option("--reset", default="absolute", show_default=True, type=click.Choice(CHOICE))
@engine_options
@study_options("sensitivity")
def main(**options) -> None:
    """Sobol' indices of log rate and log error to the mismatch (CV) of each parameter.

    The CV of each parameter is drawn from 0 to --max-cv; rate and error are medians over the same
    chips at every point. Bars: the share of the variance that a parameter makes alone, and with
    all its interactions; lines: 95 % bootstrap intervals.
    """
    begin = time.perf_counter()
    if options["quick"]:
        options |= {"chips": 2, "points": 8, "training": 5.0}
    out, device, points = options["out"], options["device"], options["points"]
    if points < ROWS or points & (points - 1):
        raise click.UsageError(f"--points {points}: must be a power of 2, at least {ROWS}")
    check_before_start(out, device)
    names = ("chips", "neurons", "training", "seed", "device")
    settings = {name: options[name] for name in names} | {"flags": devices.STRICT_FLAGS}

    with alone(out) as programs:
        click.echo(f"Building the program, {ROWS * options['chips']} chips ({device})")
        built = build_bench(
            ROWS * options["chips"],
            options["neurons"],
            options["training"],
            options["seed"],
            device,
            programs,
            time_limit(options),
            options["arms"],
            [options["reset"]],
        )
        by_arm = {
            arm: indices(
                lambda x, arm=arm: evaluate(arm, x, options, built, settings),
                points,
                options["max_cv"],
                options["seed"],
            )
            for arm in options["arms"]
        }
        data = xr.concat(by_arm.values(), xr.DataArray(list(by_arm), dims="arm", name="arm"))
        rows = table(data)
        summary: dict = {
            f"{k}_{point.replace(' ', '_')}": v
            for point, row in rows.items()
            for k, v in row.items()
        }
        summary["wall_s"] = time.perf_counter() - begin
        summary["provenance"] = provenance(options)
        save(out, summary, data, figure(data))
    show(rows, f"CVs to {options['max_cv']:g}, {options['chips']} chips a point")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")


if __name__ == "__main__":
    main()
