"""The command of the study of learning.

Compares every chip before and after learning with its optimal network, on input that it has not
seen: ``python -m studies.learning --chips 20 --seed 3 --out results/learning``.
"""

import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from brian2 import Hz, second

from ebn_brian import signals
from ebn_brian.chips import lif_chips
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.training import Training, steps

from ..lab.cli import check_before_start, study_options, threads_option
from ..lab.results import provenance, save, show
from . import published as paper
from .figure import figure
from .input import open_recording, recording_options
from .numbers import dataset, stage_table, summarise
from .task import DECODERS, Task, learn, make_rule, random_task


@click.command()
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(2))
@click.option("--decoder", default="random", show_default=True, type=click.Choice(list(DECODERS)))
@click.option(
    "--kappa", default=2.5, show_default=True, help="Gain of the comparators' copy of the weight."
)
@click.option("--step", type=float, help="Weight step in units of |D|^2  [default: 0.04]")
@click.option("--dead-zone", default=0.25, show_default=True, help="In units of |D|^2.")
@click.option("--literal", is_flag=True, help="Equation (3) as printed: kappa 1, dead zone step/2.")
@click.option("--bits", type=int, help="Bits of the weight counters  [default: no rails]")
@click.option(
    "--training", type=float, help="Seconds of training  [default: 30; 50 with --published]"
)
@click.option(
    "--synapse", default="delta", show_default=True, type=click.Choice(["delta", "exponential"])
)
@click.option(
    "--reset", default="absolute", show_default=True, type=click.Choice(["absolute", "subtractive"])
)
@click.option(
    "--published",
    type=click.Path(path_type=Path),
    help="Folder with the paper's Figure 1 data: run its case.",
)
@click.option(
    "--signal", type=click.Path(path_type=Path), help="A recording (CSV, NPY, WAV, ...) to encode."
)
@recording_options
@threads_option
@study_options("learning")
def main(**options) -> None:
    """Chips of LIF neurons learn a balanced code with the discrete rule.

    Writes figure.png, summary.json and data.nc, and prints the summary.
    """
    begin = time.perf_counter()
    if options["literal"]:
        options["kappa"], options["dead_zone"] = 1.0, None
    if options["quick"]:
        options["chips"] = min(options["chips"], 4)
    if options["published"]:
        options["chips"] = 1
    if options["training"] is None:
        options["training"] = 5.0 if options["quick"] else 50.0 if options["published"] else 30.0
    out = options["out"]
    try:
        task, rule, published = _prepare(options)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    check_before_start(out, options["device"], options["threads"])

    click.echo(f"Building {len(task.D)} chips of {task.D.shape[-1]} neurons ({options['device']})")
    neuron = {"synapse": options["synapse"], "reset": options["reset"]}
    training = Training(
        lambda drive: lif_chips(task.D, drive=drive, rule=rule, **neuron),
        task.D.shape[1],
        device=options["device"],
        threads=options["threads"],
    )
    result = learn(training, task, options["training"])
    summary = summarise(result)
    if published:
        summary |= paper.comparison(result.evaluations["learned"], published)
    summary["wall_s"] = time.perf_counter() - begin
    summary["provenance"] = provenance(options)
    save(out, summary, dataset(result), figure(result))

    show(stage_table(summary), f"{len(task.D)} chips, median and worst on unseen input")
    if published:
        show(paper.table(summary), "The published second of input")
    click.echo(
        f"spikes per step at most {summary['spikes_per_step_max']}; "
        f"{summary['chip_seconds_per_cpu_second']:.0f} chip-seconds of learning per CPU-second; "
        f"{summary['wall_s']:.0f} s in all"
    )
    click.echo(f"figure, numbers and data: {out}/")


def _prepare(options: dict[str, Any]) -> tuple[Task, DiscreteRule, dict[str, Any] | None]:
    """Everything that can be wrong with the input is found here."""
    if options["published"] and options["signal"]:
        raise ValueError("--published and --signal: one at a time")
    if not 0 < options["training"] < np.inf or steps(options["training"] * second) < 1:
        raise ValueError(f"training={options['training']}: must be positive and finite, in s")
    rule = make_rule(options["step"], options["kappa"], options["dead_zone"], options["bits"])
    seed = options["seed"]
    if options["published"]:
        published = paper.load(options["published"])
        initial = rule.nearest(published["initial"])
        drive, test = signals.noise_drive(2, seed), published["c"] * Hz
        task = Task(published["D"][None], initial[None], drive, test)
        return task, rule, published
    recording = None
    if options["signal"]:
        recording = open_recording(options)
    task = random_task(
        options["chips"], options["neurons"], options["decoder"], rule, seed, recording
    )
    return task, rule, None
