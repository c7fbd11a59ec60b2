"""What is left of a code when neurons die?

Networks with optimal weights, with learned ones, without any and with random ones lose a share of
their neurons in mid-run. Readouts are fitted before the loss; what refitting and further learning
give is told beside them.
"""

import time
from typing import Any

import click

from ebn_brian import devices
from ebn_brian.chips import random_decoder
from ebn_brian.training import Training

from ..lab.cli import check_before_start, finite, repeatable, study_options
from ..lab.engine import alone, engine_options, report, run, time_limit, workers
from ..lab.results import provenance, save, show
from .arms import Bench, example, make_chips, run_block
from .figure import figure
from .loss import lost_neurons
from .numbers import assemble, summarise

SHARES = (0.0, 0.25, 0.5)
#: Networks of one task; they share the input, which is another one in each task.
BLOCK = 5


@click.command(help=__doc__)
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(4))
@repeatable(
    "--lost", "shares", click.FloatRange(0, 1, max_open=True), "Share that dies",
    ", ".join(map("{:g}".format, SHARES)),
)  # fmt: skip
@click.option(
    "--training", default=60.0, show_default=True, type=click.FloatRange(0.1), callback=finite
)
@engine_options
@study_options("neuron_loss")
def main(**options) -> None:
    begin = time.perf_counter()
    out, device, quick = options["out"], options["device"], options["quick"]
    n = min(options["chips"], 2) if quick else options["chips"]
    seconds = min(options["training"], 6.0) if quick else options["training"]
    shares = sorted({0.0, *(options["shares"] or SHARES)})
    try:
        for share in shares:
            lost_neurons([0], options["neurons"], share, options["seed"])
    except ValueError as error:
        raise click.UsageError(f"--lost: {error}") from error
    check_before_start(out, device)
    block = min(n, BLOCK)
    tasks = {f"{first}": (shares, first) for first in range(0, n, block)}
    settings: dict[str, Any] = {k: str(options[k]) for k in ("seed", "neurons", "device")}
    settings |= {"block": block, "training": seconds, "flags": devices.STRICT_FLAGS}
    with alone(out) as programs:
        click.echo(f"Building the program, {block} networks ({device})")
        D = random_decoder(2, options["neurons"], options["seed"], n_chips=block)
        program = Training(
            lambda drive: make_chips(D, drive), 2, device=device, directory=programs / "chips",
            timeout=time_limit(options),
        )  # fmt: skip
        bench = Bench(program, block, options["neurons"], options["seed"], seconds)
        results, logs = run(
            run_block, tasks, out / "tasks", settings=settings, shared=(bench,), **workers(options)
        )
        if results:
            data = assemble(results, shares, n)
            summary, rows = summarise(data)
            summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
            summary["provenance"] = provenance(options)
            save(out, summary, data, figure(data, example(bench, shares[-1])))
            show(rows, f"{n} networks; error with the readout of before, by the share lost")
            click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")
