"""Can a network learn dynamics of its own, and on chips with mismatch?

Networks with learned fast weights are taught a system by a teacher that holds them near its signal,
and are then left alone. The same on chips with mismatch: taught on the chip, or taught once and
copied.
"""

import time
from dataclasses import replace

import click
from brian2 import TimedArray

from ebn_brian import devices
from ebn_brian.chips.dynamics import dynamics_chips
from ebn_brian.training import DT, Training

from ..lab.cli import check_before_start, finite, repeatable, study_options
from ..lab.engine import alone, engine_options, report, run, time_limit, workers
from ..lab.results import provenance, save, show
from ..learning.input import recording_options
from .arms import PHASES, Bench, decoders, features_of, run_block
from .figure import figure
from .numbers import assemble, summarise
from .systems import System, open_system

CVS = (0.1, 0.2, 0.3)
#: Networks of one task; they share the input, which is another one in each task.
BLOCK = 5
#: Seconds of slow learning.
SECONDS = {"spring": 600.0}


def make_program(system: System, options: dict, block: int, folder) -> Training:
    """The program of all tasks."""
    D = decoders(system, options["neurons"], options["seed"], range(block))
    features = features_of(system, D, options["seed"], range(block))
    rule = PHASES[options["rule"]][0][0]

    def make_chips(drive: TimedArray):
        return dynamics_chips(
            D, drive=drive, taught=True, features=features, rule=rule, tau_m=system.tau_m, dt=DT
        )

    return Training(
        make_chips, 2 * system.n_signals, device=options["device"], directory=folder,
        timeout=time_limit(options),
    )  # fmt: skip


@click.command(help=__doc__)
@click.option(
    "--system",
    default="oscillator",
    show_default=True,
    help="oscillator, bistable, spring, or a file: a matrix A in 1/s (text, CSV, NPY), or a "
    "recording of at least 12 s.",
)
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=50, show_default=True, type=click.IntRange(4))
@repeatable("--cv", "cvs", click.FloatRange(0, 1), "Mismatch", ", ".join(map("{:g}".format, CVS)))
@click.option(
    "--rule",
    default="continuous",
    show_default=True,
    type=click.Choice(list(PHASES)),
    help="Of the fast weights; without effect with one signal, where they are those of theory.",
)
@click.option(
    "--training",
    type=click.FloatRange(0.1),
    callback=finite,
    help="Seconds of slow learning  [default: 120, spring 600]",
)
@recording_options
@engine_options
@study_options("dynamics")
def main(**options) -> None:
    begin = time.perf_counter()
    out, device, quick = options["out"], options["device"], options["quick"]
    n = min(options["chips"], 2) if quick else options["chips"]
    given = options["cvs"] or ((0.2,) if quick else CVS)
    cvs = sorted({0.0, *given}) if any(given) else []
    check_before_start(out, device)
    try:
        system = open_system(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    seconds = options["training"] or SECONDS.get(system.name, 120.0)
    shorter = 0.1 if quick else 1.0
    block = min(n, BLOCK)
    tasks = {f"{first}": (cvs, first) for first in range(0, n, block)}
    keys = ("seed", "neurons", "rule", "system", "columns", "time_column", "sampling_rate")
    settings = {key: str(options[key]) for key in keys} | {"device": device, "block": block}
    settings |= {"training": seconds, "shorter": shorter, "flags": devices.STRICT_FLAGS}
    settings["A"] = str(system.A)
    with alone(out) as programs:
        click.echo(f"Building the program, {block} networks ({device})")
        program = make_program(system, options, block, programs / "chips")
        bench = Bench(
            program, system, options["rule"], block, options["neurons"], options["seed"],
            seconds * shorter, shorter,
        )  # fmt: skip
        if system.nonlinear:
            other = replace(system, linear_weights=True)
            bench = replace(bench, linear=make_program(other, options, block, programs / "linear"))
        results, logs = run(
            run_block, tasks, out / "tasks", settings=settings, shared=(bench,), **workers(options)
        )
        if results:
            data = assemble(results, cvs, n)
            summary, rows = summarise(data)
            summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
            summary["provenance"] = provenance(options)
            example = next(iter(results.values()))
            save(out, summary, data, figure(data, example, system))
            show(rows, f"{system.name}: {n} networks, taught for {bench.seconds:g} s")
            click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")
