"""How far may chips spread, does learning repair it, and which parameter is to blame?

Weights come to a mismatched chip in seven ways (`--arm`), a set of parameters has mismatch
(`--set`) of some CV, and rate and error on unseen input are compared with those of the same chip
without mismatch and with optimal weights. Each arm has the reset that serves it better, by the
median over chips of rate*sqrt(error). One number does not tell: thresholds trade rate for error,
so the arms are also compared along a sweep of the threshold of all neurons.
"""

import time
from collections.abc import Mapping

import click
import numpy as np
import xarray as xr
from brian2 import second
from scipy.stats import binomtest

from ebn_brian import devices

from .common import check_before_start, provenance, save, show, study_options
from .engine import Arrays, alone, collect, engine_options, report, run
from .mismatch_arms import ARMS, MEASURES, RESETS, SETS, bench, cost, run_points
from .mismatch_figure import figure

CVS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
#: Chips of one task. More would save little.
BLOCK = 25
#: All thresholds and the comparators' gain times these, before the weights are found ...
THRESHOLDS = (0.7, 0.85, 1.0, 1.3, 1.7, 2.3, 3.0)
QUICK_THRESHOLDS = (0.85, 1.0, 1.7)
#: ... for chips without mismatch and with these sets, at one CV.
SWEEP_SETS = ("all", "gain")
SWEEP_CV = 0.2

UNITS = dict.fromkeys(MEASURES, "1") | {"rate_hz": "Hz"}
NAMES = {
    "rate_hz": "mean firing rate of a neuron",
    "error_nominal": "variance ratio of the nominal readout",
    "error_refit": "variance ratio of a readout fitted to the chip on other data",
    "distance": "distance of weights times gains to the optimal ones",
    "spikes_per_step": "most spikes of a chip in one time step",
}

Tasks = dict[str, tuple]


def make_tasks(arms, resets, sets, cvs, thresholds, chips: int, block: int) -> Tasks:
    """Arguments of `run_points` after the bench, by name."""
    points = [(which, cv) for cv in cvs for which in sets if cv or which == sets[0]]
    tasks: Tasks = {}
    for first in range(0, chips, block):
        for arm in arms:
            for reset in resets:
                for which, cv in points:
                    own = thresholds if swept(arm, which, cv) else (1.0,)
                    name = f"{arm}-{reset}-{which}-{cv:g}-{first}"
                    tasks[name] = (arm, reset, first, tuple((which, cv, t) for t in own))
    return tasks


def swept(arm: str, which: str, cv: float) -> bool:
    """Whether the threshold is swept at this point."""
    return (cv == SWEEP_CV and which in SWEEP_SETS) or (cv == 0 and arm == "pretrained")


def assemble(
    tasks: Tasks, results: Mapping[str, Arrays], arms, resets, sets, cvs, thresholds, chips: int
) -> xr.Dataset:
    """All results: measures by reset, and along the sweep of the threshold."""
    single, sweep = {}, {}
    where: dict[str, dict] = {}
    for name, arrays in results.items():
        arm, reset, first, points = tasks[name]
        n = min(len(arrays["rate_hz"][0]), chips - first)
        for k, (which, cv, threshold) in enumerate(points):
            part = {m: values[k, :n] for m, values in arrays.items()}
            at = {"reset": reset, "arm": arm, "chip": list(range(first, first + n))}
            if threshold == 1:
                single[f"{name}/{k}"] = part
                where[f"{name}/{k}"] = at | {"cv": cv, "set": which if cv else list(sets)}
            if swept(arm, which, cv):
                sweep[f"{name}/{k}/sweep"] = {f"{m}_sweep": v for m, v in part.items()}
                where[f"{name}/{k}/sweep"] = at | {
                    "swept": which if cv else "none",
                    "threshold": threshold,
                }
    coords = {"reset": resets, "arm": arms, "set": sets, "cv": cvs, "chip": range(chips)}
    coords |= {"swept": ["none", *(s for s in SWEEP_SETS if s in sets)], "threshold": thresholds}
    attributes = {m: {"units": UNITS[m], "long_name": NAMES[m]} for m in MEASURES}
    variables = {m: (("reset", "arm", "set", "cv", "chip"), attributes[m]) for m in MEASURES}
    dims = ("reset", "arm", "swept", "threshold", "chip")
    variables |= {f"{m}_sweep": (dims, attributes[m]) for m in ("rate_hz", "error_refit")}
    return collect(single | sweep, where, coords, variables, ("chip",))


def choose_reset(by_reset: xr.Dataset) -> xr.Dataset:
    """Each arm with the reset that serves it better, at each set and CV; all data beside it."""
    data = by_reset.copy()
    for suffix in ("", "_sweep"):
        costs = cost(by_reset[f"rate_hz{suffix}"], by_reset[f"error_refit{suffix}"]).median("chip")
        if suffix:
            costs = costs.sel(threshold=1, drop=True)
        better = costs.fillna(np.inf).argmin("reset")
        for name in [n for n in by_reset if str(n).endswith("_sweep") == bool(suffix)]:
            data[name] = by_reset[name].isel(reset=better).drop_vars("reset")
            if not suffix:
                data[f"{name}_by_reset"] = by_reset[name]
        data[f"reset_used{suffix}"] = better.dims, by_reset["reset"].values[better.values]
    return data


def clean(data: xr.Dataset) -> xr.Dataset:
    """Each chip without mismatch and with optimal weights."""
    return data.sel(arm="pretrained", cv=0).isel(set=0, drop=True)


def add_yield(data: xr.Dataset, rate_limit: float, error_limit: float) -> xr.Dataset:
    """Share of chips within the specification, with its 95 % interval (Wilson)."""
    reference = clean(data)
    known = data["rate_hz"].notnull()
    good = (
        (data["rate_hz"] <= rate_limit * reference["rate_hz"])
        & (data["error_refit"] <= error_limit * reference["error_refit"])
        & known
    )
    k, n = good.sum("chip"), known.sum("chip")
    limits = np.full((2, *k.shape), np.nan)
    for place in np.ndindex(k.shape):
        if n.values[place]:
            test = binomtest(int(k.values[place]), int(n.values[place]))
            limits[(slice(None), *place)] = test.proportion_ci(method="wilson")
    data["in_specification"] = (k / n).where(n > 0)
    data["in_specification_low"], data["in_specification_high"] = (
        (k.dims, limits[0]),
        (k.dims, limits[1]),
    )
    data["in_specification"].attrs["long_name"] = (
        f"share of chips with rate at most {rate_limit:g} x and refitted error at most "
        f"{error_limit:g} x those of the same chip without mismatch and with optimal weights"
    )
    return data


def summarise(data: xr.Dataset) -> tuple[dict, dict]:
    """Flat numbers, ``MEASURE_ARM_SET_CV``, and rows for the terminal."""
    reference = clean(data)
    summary: dict = {f"{m}_clean_median": float(reference[m].median()) for m in MEASURES}
    rows = {}
    for which in data["set"].values:
        for cv in data["cv"].values:
            for arm in data["arm"].values:
                at = data.sel(arm=arm, set=which, cv=cv)
                n = int(at["rate_hz"].notnull().sum())
                if not n:
                    continue
                row: dict = {
                    "Hz": float(at["rate_hz"].median()),
                    "nominal": float(at["error_nominal"].median()),
                    "refit": float(at["error_refit"].median()),
                    "worst Hz": float(at["rate_hz"].max()),
                    "worst refit": float(at["error_refit"].max()),
                    "in spec": float(at["in_specification"]),
                    "chips": n,
                    "reset": str(at["reset_used"].values),
                }
                point = f"{arm}_{which}_{cv:g}"
                keys = ("rate_hz", "error_nominal", "error_refit")
                summary |= {
                    f"{k}_{point}_median": row[column]
                    for k, column in zip(keys, ("Hz", "nominal", "refit"), strict=True)
                }
                for k in ("rate_hz", "error_refit"):
                    summary[f"{k}_{point}_worst"] = float(at[k].max())
                    summary[f"{k}_{point}_to_clean"] = (
                        summary[f"{k}_{point}_median"] / summary[f"{k}_clean_median"]
                    )
                summary[f"distance_{point}_median"] = float(at["distance"].median())
                for k in ("in_specification", "in_specification_low", "in_specification_high"):
                    summary[f"{k}_{point}"] = float(at[k])
                summary[f"reset_{point}"] = row["reset"]
                summary[f"n_chips_{point}"] = n
                if cv or which == data["set"].values[0]:
                    rows[f"{which if cv else 'none'} {100 * cv:g} % {arm}"] = row
    summary["spikes_per_step_max"] = float(data["spikes_per_step_by_reset"].max())
    return summary, rows


@click.command()
@click.option("--chips", default=100, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(2))
@click.option(
    "--cv",
    "cvs",
    multiple=True,
    type=click.FloatRange(0, 2),
    help=f"Repeatable  [default: {', '.join(f'{cv:g}' for cv in CVS)}]; 0 is always there.",
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Choice(list(SETS)),
    help="Parameters with mismatch; repeatable  [default: every set]",
)
@click.option(
    "--arm",
    "arms",
    multiple=True,
    type=click.Choice(ARMS),
    help="Where weights come from; repeatable  [default: all; pretrained is always there]",
)
@click.option(
    "--reset",
    default="better",
    show_default=True,
    type=click.Choice(["better", *RESETS]),
    help="The better for each arm takes both.",
)
@click.option("--training", default=30.0, show_default=True, type=click.FloatRange(0.1))
@click.option("--rate-limit", default=2.0, show_default=True, help="Specification: x clean.")
@click.option("--error-limit", default=1.5, show_default=True, help="Specification: x clean.")
@engine_options
@study_options("mismatch")
def main(**options) -> None:
    """Chips with mismatch: pretrained, learned on the chip, and what else there is.

    Writes figure.png, summary.json and data.nc, and prints the summary. A study that was stopped
    goes on when it is started again. Exit code 1 if a task failed.
    """
    begin = time.perf_counter()
    out, quick, device = options["out"], options["quick"], options["device"]
    chips = min(options["chips"], 4) if quick else options["chips"]
    training = min(options["training"], 5.0) if quick else options["training"]
    cvs = sorted({0.0, *(options["cvs"] or ((0.0, 0.2) if quick else CVS))})
    sets = [s for s in SETS if s in (options["sets"] or (("all", "gain") if quick else SETS))]
    arms = [a for a in ARMS if a in (*(options["arms"] or ARMS), "pretrained")]
    resets = list(RESETS) if options["reset"] == "better" else [options["reset"]]
    check_before_start(out, device)
    block = -(-chips // -(-chips // BLOCK))
    thresholds = QUICK_THRESHOLDS if quick else THRESHOLDS
    tasks = make_tasks(arms, resets, sets, cvs, thresholds, chips, block)
    settings = {"block": block, "neurons": options["neurons"], "training": training}
    settings |= {"seed": options["seed"], "flags": devices.STRICT_FLAGS, "device": device}

    with alone(out) as programs:
        click.echo(f"Building the programs, {block} chips each ({device})")
        built = bench(
            block,
            options["neurons"],
            training,
            options["seed"],
            device,
            programs,
            options["timeout"] * second,
            resets,
        )
        results, logs = run(
            run_points,
            tasks,
            out / "tasks",
            settings=settings,
            jobs=1 if device in devices.RUNTIME else options["jobs"],
            dask=options["dask"],
            shared=(built,),
        )
        by_reset = assemble(tasks, results, arms, resets, sets, cvs, thresholds, chips)
        limits = options["rate_limit"], options["error_limit"]
        data = add_yield(choose_reset(by_reset), *limits)
        data.attrs |= {"training_s": training, "n_failed_tasks": len(logs)}
        summary, rows = summarise(data)
        summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
        parameters = options | {"chips": chips, "training": training, "cvs": cvs, "sets": sets}
        summary["provenance"] = provenance(parameters | {"arms": arms, "resets": resets})
        save(out, summary, data, figure(data))
    show(rows, f"{chips} chips, {training:g} s of learning, medians and worst on unseen input")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")


if __name__ == "__main__":
    main()
