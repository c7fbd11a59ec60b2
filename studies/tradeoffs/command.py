"""What does each shortcut of a circuit cost in yield?

Chips set their thresholds, learn, and are judged, with mismatch of one CV in all parameters. Then
one thing at a time is made worse or other: bits of the weights, steps of the thresholds, the
homeostats' target rates, offsets and copies of the comparators, neurons, signals, noise, and drift
of the thresholds afterwards, with what mends it.
"""

import time
from collections.abc import Mapping
from typing import Any

import click

from ebn_brian import devices

from ..design.plan import BLOCK, thinned
from ..lab.cli import check_before_start, finite, repeatable, study_options
from ..lab.engine import alone, engine_options, report, run, time_limit, workers
from ..lab.results import provenance, save, show
from ..lab.store import Arrays
from .chips import Bench, build_bench, run_clean, run_point, run_rate
from .figure import figure
from .knobs import KNOBS, Point, all_points, base_design, label, reference
from .numbers import assemble, summarise

QUICK_CHIPS = 8


@click.command(help=__doc__)
@click.option("--chips", default=100, show_default=True, type=click.IntRange(1))
@click.option(
    "--cv", default=0.2, show_default=True, type=click.FloatRange(0, 1), callback=finite,
    help="Of gains, thresholds, resets, time constants and input weights.",
)  # fmt: skip
@repeatable("--knob", "knobs", click.Choice(list(KNOBS)), "What is turned", "all")
@engine_options
@study_options("tradeoffs")
def main(**options: Any) -> None:
    begin = time.perf_counter()
    out, quick, device = options["out"], options["quick"], options["device"]
    chips = min(options["chips"], QUICK_CHIPS) if quick else options["chips"]
    block = -(-chips // -(-chips // BLOCK))
    names = [name for name in KNOBS if name in (options["knobs"] or KNOBS)]
    values = {
        name: thinned(KNOBS[name].all_values) if quick else KNOBS[name].all_values for name in names
    }
    points, base = all_points(values), base_design(options["cv"])
    check_before_start(out, device)
    with alone(out) as programs:
        click.echo(f"Building the programs, {block} chips each ({device})")
        bench = build_bench(
            *(base, points, block, options["seed"], device, programs), time_limit(options)
        )
        results, logs = simulate(bench, points, range(0, chips, block), options)
        data = assemble(points, results, chips, block, base)
        data.attrs |= {"cv": options["cv"]}
        summary, rows = summarise(data)
        if not rows:
            report(logs, out / "tasks")
        summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
        summary["provenance"] = provenance(options)
        save(out, summary, data, figure(data, values, title(summary, options["cv"])))
    show(rows, f"{chips} chips a point, CV {100 * options['cv']:g} %; medians on unseen input")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")


def simulate(
    bench: Bench, points: list[Point], firsts: range, options: Mapping[str, Any]
) -> tuple[dict[str, Arrays], dict[str, str]]:
    """Results by task, and the logs of tasks without one."""
    folder = options["out"] / "tasks"
    settings = {key: options[key] for key in ("seed", "cv", "device")}
    settings |= {"block": firsts.step, "flags": devices.STRICT_FLAGS}
    common = {"settings": settings, "shared": (bench,), **workers(options)}
    kinds = list(dict.fromkeys(map(reference, points)))
    rates, logs = run(run_rate, {f"rate-{label(p)}": (p,) for p in kinds}, folder, **common)
    if logs:
        report(logs, folder)
    clean = {f"clean-{label(p)}-{first}": (p, first) for p in kinds for first in firsts}
    results, logs = run(run_clean, clean, folder, **common)
    tasks = {
        f"{label(p)}-{first}": (p, float(rates[f"rate-{label(reference(p))}"]["rate_hz"]), first)
        for p in points
        for first in firsts
    }
    others, other_logs = run(run_point, tasks, folder, **common)
    return {**results, **others}, {**logs, **other_logs}


def title(summary: Mapping[str, Any], cv: float) -> str:
    """What the figure shows."""
    return (
        f"All parameters have a CV of {100 * cv:g} %. Yield with 95 % interval; cost over clean, "
        "median and range of 80 % of the chips. Grey: the design as it is.\n"
        "Targets off by 20 %, 5-bit thresholds and offsets of 20 % together: yield "
        f"{summary['yield_stress']:.2f}, cost {summary['cost_stress']:.2f}."
    )
