"""How far may chips spread, does learning repair it, and which parameter is to blame?

Weights come to a mismatched chip in seven ways (`--arm`), a set of parameters has mismatch
(`--set`) of some CV, and rate and error on unseen input are compared with those of the same chip
without mismatch and with optimal weights. Each arm has the reset that serves it better, by the
geometric mean over (the first 100) chips of rate*sqrt(error). One number does not tell: thresholds
trade rate for error, so the arms are also compared along a sweep of the threshold of all neurons.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import click
import xarray as xr

from ebn_brian import devices

from ..lab.cli import check_before_start, finite, repeatable, study_options
from ..lab.collect import collect
from ..lab.engine import alone, engine_options, report, run, time_limit, workers
from ..lab.results import provenance, save, show
from ..lab.store import Arrays
from .arms import run_points
from .bench import ARMS, CHOICE, RESETS, SETS, build_bench, resets_of
from .figure import all_arms, figure
from .measures import MEASURES, NAMES, UNITS
from .numbers import (
    PILOT,
    add_yield,
    better_reset,
    choose_reset,
    flat_gains,
    gain_of_learning,
    summarise,
    verdict,
)

CVS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
#: Chips of one task. More would save little.
BLOCK = 25
#: All thresholds and the comparators' gain times these, before the weights are found: for these
#: chips without mismatch, and with it in these sets, at the CV that is nearest to the one named.
THRESHOLDS = (0.7, 0.85, 1.0, 1.3, 1.7, 2.3, 3.0)
QUICK_THRESHOLDS = (0.85, 1.0, 1.7)
SWEEP_SETS = ("all", "gain")
SWEEP_CV = 0.2

#: Options that set the specification.
LIMIT: dict[str, Any] = {
    "show_default": True,
    "type": click.FloatRange(0, min_open=True),
    "callback": finite,
    "help": "Specification: x clean.",
}

Tasks = dict[str, tuple]


@dataclass(frozen=True)
class Plan:
    """What is asked for: arms, resets, sets, CVs (0 among them), factors of thresholds, chips."""

    arms: list[str]
    resets: list[str]
    sets: list[str]
    cvs: list[float]
    thresholds: tuple[float, ...]
    chips: int
    block: int

    def all_resets(self) -> list[str]:
        """Those of all arms."""
        used = {reset for arm in self.arms for reset in resets_of(arm, self.resets)}
        return [reset for reset in RESETS if reset in used]

    def swept_sets(self) -> list[str]:
        """Sets with mismatch in which the threshold is swept."""
        return [s for s in self.sets if s in SWEEP_SETS] or self.sets[:1]

    def sweep_cv(self) -> float:
        """The CV at which it is; 0 if there is no other."""
        return min(self.cvs, key=lambda cv: (cv == 0, abs(cv - SWEEP_CV)))

    def swept(self, arm: str, set_name: str, cv: float) -> bool:
        """Whether the threshold is swept at this point."""
        if cv == 0:
            return arm == "pretrained"
        return cv == self.sweep_cv() and set_name in self.swept_sets()

    def tasks(self, better: xr.DataArray | None = None) -> Tasks:
        """Arguments of `run_points` after the bench, by name.

        Without `better` those of the pilot. With it, the reset by arm, set and CV, those of the
        other chips, and the sweeps of the pilot's.
        """
        points = [(s, cv) for cv in self.cvs for s in self.sets if cv or s == self.sets[0]]
        chosen = {} if better is None else better.transpose("arm", "set", "cv").to_series()
        tasks: Tasks = {}
        tried = [(arm, reset) for arm in self.arms for reset in resets_of(arm, self.resets)]
        for first, (arm, reset), (set_name, cv) in product(
            range(0, self.chips, self.block), tried, points
        ):
            name, pilot = f"{arm}-{reset}-{set_name}-{cv:g}-{first}", first < PILOT
            if better is None:
                if pilot:
                    tasks[name] = (arm, reset, first, ((set_name, cv, 1.0),))
            elif chosen[arm, set_name, cv] == reset:
                if not pilot:
                    tasks[name] = (arm, reset, first, ((set_name, cv, 1.0),))
                elif self.swept(arm, set_name, cv):
                    sweep = tuple((set_name, cv, t) for t in self.thresholds)
                    tasks[f"{name}-sweep"] = (arm, reset, first, sweep)
        return tasks


def assemble(plan: Plan, tasks: Tasks, results: Mapping[str, Arrays]) -> xr.Dataset:
    """All results: measures by reset, and along the sweep of the threshold."""
    parts: dict[str, dict] = {}
    where: dict[str, dict] = {}
    for name, arrays in results.items():
        arm, reset, first, points = tasks[name]
        sweep = name.endswith("-sweep")
        n = min(arrays["rate_hz"].shape[1], plan.chips - first)
        for k, (set_name, cv, threshold) in enumerate(points):
            at = {"arm": arm, "chip": list(range(first, first + n))}
            if sweep:
                at |= {"swept": set_name if cv else "none", "threshold": threshold}
            else:
                at |= {"reset": reset, "cv": cv, "set": set_name if cv else plan.sets}
            suffix = "_sweep" if sweep else ""
            parts[f"{name}/{k}"] = {f"{m}{suffix}": v[k, :n] for m, v in arrays.items()}
            where[f"{name}/{k}"] = at
    coords: dict[str, Sequence] = {
        "reset": plan.all_resets(),
        "arm": plan.arms,
        "set": plan.sets,
        "cv": plan.cvs,
    }
    coords |= {"chip": range(plan.chips), "swept": ["none", *plan.swept_sets()]}
    coords |= {"threshold": plan.thresholds}
    attributes = {m: {"units": UNITS[m], "long_name": NAMES[m]} for m in MEASURES}
    variables: dict[str, tuple] = {
        m: (("reset", "arm", "set", "cv", "chip"), attributes[m]) for m in MEASURES
    }
    dims = ("arm", "swept", "threshold", "chip")
    variables |= {f"{m}_sweep": (dims, attributes[m]) for m in ("rate_hz", "error_refit")}
    return collect(parts, where, coords, variables, ("chip",))


def plan_of(options: Mapping) -> Plan:
    """What the command line asks for."""
    quick = options["quick"]
    chips = min(options["chips"], 4) if quick else options["chips"]
    sets = options["sets"] or (("all", "gain") if quick else SETS)
    arms = (*(options["arms"] or ARMS), "pretrained")
    return Plan(
        arms=[a for a in ARMS if a in arms],
        resets=list(CHOICE) if options["reset"] == "better" else [options["reset"]],
        sets=[s for s in SETS if s in sets],
        cvs=sorted({0.0, *(options["cvs"] or ((0.0, SWEEP_CV) if quick else CVS))}),
        thresholds=QUICK_THRESHOLDS if quick else THRESHOLDS,
        chips=chips,
        block=-(-chips // -(-chips // BLOCK)),
    )


@click.command()
@click.option("--chips", default=100, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(2))
@repeatable(
    "--cv",
    "cvs",
    click.FloatRange(0, 2),
    "Strength of the mismatch",
    f"{', '.join(f'{cv:g}' for cv in CVS)}; 0 is always there",
)
@repeatable("--set", "sets", click.Choice(list(SETS)), "Parameters with mismatch", "every set")
@repeatable(
    "--arm",
    "arms",
    click.Choice(ARMS),
    "Where weights come from",
    "all; pretrained is always there",
)
@click.option(
    "--reset",
    default="better",
    show_default=True,
    type=click.Choice(["better", *CHOICE]),
    help="The better for each arm takes both.",
)
@click.option(
    "--training", default=30.0, show_default=True, type=click.FloatRange(0.1), callback=finite
)
@click.option("--rate-limit", default=2.0, **LIMIT)
@click.option("--error-limit", default=1.5, **LIMIT)
@engine_options
@study_options("mismatch")
def main(**options) -> None:
    """Chips with mismatch: pretrained, learned on the chip, and what else there is.

    Writes figure.png, summary.json and data.nc, and prints the summary. A study that was stopped
    goes on when it is started again. Exit code 1 if a task failed.
    """
    begin = time.perf_counter()
    out, device, plan = options["out"], options["device"], plan_of(options)
    training = min(options["training"], 5.0) if options["quick"] else options["training"]
    check_before_start(out, device)
    settings = {"block": plan.block, "neurons": options["neurons"], "training": training}
    settings |= {"seed": options["seed"], "flags": devices.STRICT_FLAGS, "device": device}

    with alone(out) as programs:
        click.echo(f"Building the programs, {plan.block} chips each ({device})")
        built = build_bench(
            plan.block,
            options["neurons"],
            training,
            options["seed"],
            device,
            programs,
            time_limit(options),
            plan.arms,
            plan.resets,
        )

        def run_tasks(tasks: Tasks) -> tuple[dict[str, Arrays], dict[str, str]]:
            common = {"settings": settings, "shared": (built,), **workers(options)}
            return run(run_points, tasks, out / "tasks", **common)

        tasks = plan.tasks()
        results, logs = run_tasks(tasks)
        if not results:
            report(logs, out / "tasks")
        by_reset = assemble(plan, tasks, results)
        if others := plan.tasks(better_reset(by_reset)):
            more_results, more_logs = run_tasks(others)
            tasks, results, logs = tasks | others, results | more_results, logs | more_logs
            by_reset = assemble(plan, tasks, results)
        limits = options["rate_limit"], options["error_limit"]
        data = add_yield(choose_reset(by_reset), *limits)
        data.attrs |= {"training_s": training, "sweep_cv": plan.sweep_cv()}
        data.attrs |= {"n_failed_tasks": len(logs)}
        summary, rows = summarise(data)
        gains = gain_of_learning(data)
        summary |= flat_gains(gains)
        summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
        summary["provenance"] = provenance(options | asdict(plan) | {"training": training})
        save(out, summary, data, figure(data), all_arms=all_arms(data))
    click.echo("\n".join(verdict(gains)))
    show(rows, f"{plan.chips} chips, {training:g} s of learning, medians and worst on unseen input")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")
