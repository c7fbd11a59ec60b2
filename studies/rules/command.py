"""Rules side by side, from the same first weights on the same input.

The continuous rule, the discrete one with one step and with steps that become fine, and the
gradient rule as it is written, on chips without and with mismatch: ``python -m studies.rules``.
Beside them stands the authors' example in which feed-forward weights are learned too.
"""

import time

import click

from ..lab.cli import check_before_start, finite, study_options, threads_option
from ..lab.results import provenance, save, show
from ..learning.task import DECODERS, random_task
from ..mismatch.bench import spread
from . import both
from .arms import LEARNING, OPTIMAL, Discrete, build
from .bench import Bench, Curve
from .figure import figure
from .numbers import dataset, summarise, table

QUICK = {"chips": 3, "training": 3.0, "both": 60}
#: At most so many chips learn feed-forward weights too.
EXAMPLE_CHIPS = 10


@click.command()
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(2))
@click.option("--decoder", default="random", show_default=True, type=click.Choice(list(DECODERS)))
@click.option(
    "--training",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.3),
    callback=finite,
    help="Seconds, for all phases together.",
)
@click.option(
    "--cv",
    default=0.2,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    callback=finite,
    help="Of the chips with mismatch, in all their parameters.",
)
@click.option(
    "--both",
    "both_seconds",
    default=3000,
    show_default=True,
    type=click.IntRange(1),
    help="Seconds of the example in which feed-forward weights are learned too.",
)
@threads_option
@study_options("rules")
def main(**options) -> None:
    """Which rule learns the balanced code best, and what does it cost?

    Writes figure.png, summary.json and data.nc, and prints the summary.
    """
    begin = time.perf_counter()
    if options["quick"]:
        options["chips"] = min(options["chips"], QUICK["chips"])
        options["training"] = min(options["training"], QUICK["training"])
        options["both_seconds"] = min(options["both_seconds"], QUICK["both"])
    n_chips, seed, device = options["chips"], options["seed"], options["device"]
    check_before_start(options["out"], device, options["threads"])
    click.echo(f"Building {n_chips} chips of {options['neurons']} neurons ({device})")
    task = random_task(n_chips, options["neurons"], options["decoder"], Discrete.calm(), seed)
    programs = build(task.D, device, options["threads"])
    n_examples = min(n_chips, EXAMPLE_CHIPS)
    example = both.build(n_examples, seed, device)

    mismatched = spread("all", options["cv"], range(n_chips), seed)
    curves: dict[tuple[float, str], Curve] = {}
    for cv, bench in (
        (0.0, Bench(programs, task, options["training"], seed)),
        (options["cv"], Bench(programs, task, options["training"], seed, mismatched)),
    ):
        for rule, phases in LEARNING.items():
            click.echo(f"CV {cv:g}: {rule}")
            curves[cv, rule] = bench.learned(phases)
        curves |= {(cv, name): bench.optimal(rule) for name, rule in OPTIMAL.items()}
    click.echo("Feed-forward weights too")
    examples = both.both(example, n_examples, options["both_seconds"], seed)

    summary = summarise(curves, examples)
    summary["wall_s"] = time.perf_counter() - begin
    summary["provenance"] = provenance(options)
    data = dataset(curves, examples)
    save(options["out"], summary, data, figure(curves, examples))
    for suffix, chips in (("", "without mismatch"), ("_mismatch", f"CV {options['cv']:g}")):
        show(table(summary, suffix), f"{n_chips} chips, {chips}: median and worst on unseen input")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {options['out']}/")
