"""The command of the study of a design.

A file says what your process, circuit and specification are, ``example.toml`` beside this module
how: ``python -m studies.design studies/design/example.toml --out results/design``.
"""

import time
from pathlib import Path
from typing import Any

import click

from ebn_brian import devices

from ..lab.cli import check_before_start, study_options
from ..lab.engine import alone, engine_options, report, run, time_limit, workers
from ..lab.results import provenance, save
from ..lab.store import Arrays
from .answers import answers
from .circuit import Bench, build
from .figure import figure
from .file import Design, read
from .measures import run_block, run_clean, run_rate
from .numbers import assemble, judged, summarise
from .plan import Plan, plan_of
from .report import write


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--chips", default=100, show_default=True, type=click.IntRange(1))
@engine_options
@study_options("design")
def main(**options: Any) -> None:
    """Yield of your own process: how many chips come out right, what costs most, what it takes.

    FILE is a design in TOML; studies/design/example.toml is one, with comments. Writes report.pdf,
    report.html, figure.png, summary.json and data.nc, and prints the answers. A study that was
    stopped goes on when it is started again. Exit code 1 if a task failed.
    """
    begin = time.perf_counter()
    out, file = options["out"], options.pop("file")
    try:
        design = read(file)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    check_before_start(out, options["device"])
    plan = plan_of(design, options["chips"], options["quick"])
    with alone(out) as programs:
        click.echo(f"Building {plan.block} chips ({options['device']})")
        try:
            bench = build(
                *(design, plan.block, options["seed"], options["device"], programs),
                time_limit(options),
            )
        except ValueError as error:
            raise click.UsageError(f"{file.name}: {error}") from error
        results, logs = simulate(bench, plan, options)
        if not any(name.startswith(plan.given.label) for name in results):
            report(logs, out / "tasks")
        data = assemble(plan, results)
        data.attrs |= {"n_signals": bench.input.n_signals, "design": design.text}
        data = judged(data, design)
        summary = summarise(data, design, plan)
        summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
        summary["provenance"] = provenance(options | {"file": file, "design": design.text})
        fig = figure(data, summary, design, plan)
        write(out, data, summary, design, plan, fig)
        save(out, summary, data, fig)
    for question, answer in answers(summary, design, plan).items():
        click.echo(f"{question}: {answer}")
    click.echo(f"{summary['wall_s']:.0f} s; report, figure, numbers and data: {out}/")
    report(logs, out / "tasks")


def simulate(
    bench: Bench, plan: Plan, options: dict[str, Any]
) -> tuple[dict[str, Arrays], dict[str, str]]:
    """Results by task, and the logs of tasks without one."""
    folder = options["out"] / "tasks"
    settings = settings_of(bench.design) | {
        "block": plan.block,
        "seed": options["seed"],
        "device": options["device"],
        "flags": devices.STRICT_FLAGS,
    }
    common = {"settings": settings, "shared": (bench,), **workers(options)}
    firsts = range(0, plan.chips, plan.block)
    target, logs = run(run_rate, {"design-rate": ()}, folder, **common)
    if logs:
        report(logs, folder)
    rate = float(target["design-rate"]["rate_hz"])
    clean = {f"clean-{first}": (first,) for first in firsts}
    results, logs = run(run_clean, clean, folder, **common)
    tasks = {
        f"{variant.label}-{first}": (rate, first, *variant)
        for variant in plan.variants()
        for first in firsts
    }
    others, other_logs = run(run_block, tasks, folder, **common)
    return {**results, **others}, {**logs, **other_logs}


def settings_of(design: Design) -> dict[str, Any]:
    """What results depend on: neither the specification, nor energies, nor the search."""
    tables = {
        name: sorted((key, repr(value)) for key, value in design[name].items())
        for name in ("circuit", "signal", "training")
    }
    if design["signal"]["recording"]:
        stat = Path(design["signal"]["recording"]).stat()
        tables["recording"] = [("size", str(stat.st_size)), ("modified", str(stat.st_mtime_ns))]
    return {**tables, "parameters": repr(design.parameters)}
