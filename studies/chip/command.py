"""Do whole chips of DPI neurons learn, and do they come out right?

Chips of spiking current-mode neurons with mismatch of every current get their counters in five
ways, with thresholds as they are made or set by the neurons themselves, and are compared with the
same chips clean and learned.
"""

import time
from collections.abc import Mapping
from typing import Any

import click
from brian2 import second

from ebn_brian import devices, signals
from ebn_brian.chips import dpi_chips, random_decoder
from ebn_brian.training import Training, steps

from ..lab.cli import check_before_start, finite, repeatable, study_options
from ..lab.engine import alone, engine_options, report, run, time_limit, workers
from ..lab.results import provenance, save, show
from ..learning.input import open_recording, recording_options
from .arms import ARMS, TERMS, Bench, Input, circuit, rule_of, run_block
from .example import run_example
from .figure import figure
from .numbers import add_yield, assemble, summarise

CVS = (0.1, 0.2, 0.3)
#: The CV of the numbers without one in their name, if it is there.
MAIN_CV = 0.2
#: Chips of one task.
BLOCK = 12
FIT = TEST = 40 * second


def open_input(options: Mapping[str, Any]) -> tuple[Input, int]:
    """What chips learn and are judged on, and its number of signals."""
    if not options["signal"]:
        seed = options["seed"]
        return Input(
            signals.noise_drive(2, seed),
            signals.noise_drive(2, seed, stream="readout signal")(0, steps(FIT)),
            signals.noise_drive(2, seed, stream="test signal")(0, steps(TEST)),
        ), 2
    recording = open_recording(options)
    end = signals.training_steps(recording.n_steps)
    half = min((recording.n_steps - end) // 2, steps(TEST))
    return Input(
        signals.repeated_drive(recording.drive, end),
        recording.drive(end, half),
        recording.drive(end + half, half),
    ), recording.n_signals


@click.command(help=__doc__)
@click.option("--chips", default=24, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(2))
@repeatable("--cv", "cvs", click.FloatRange(0, 1), "Mismatch", ", ".join(map("{:g}".format, CVS)))
@repeatable("--arm", "arms", click.Choice(ARMS), "Where counters come from", "all; clean is there")
@repeatable(
    "--term", "terms", click.Choice([*TERMS]), "What the fitted circuit has besides", "none"
)
@click.option("--bits", default=6, show_default=True, type=click.IntRange(3, 16))
@click.option(
    "--training", default=80.0, show_default=True, type=click.FloatRange(0.1), callback=finite
)
@click.option("--rate-limit", default=2.0, show_default=True, type=click.FloatRange(0.01))
@click.option("--error-limit", default=1.5, show_default=True, type=click.FloatRange(0.01))
@click.option("--signal", type=click.Path(), help="A recording (CSV, NPY, WAV, ...) to encode.")
@recording_options
@engine_options
@study_options("chip")
def main(**options) -> None:
    begin = time.perf_counter()
    out, device, quick = options["out"], options["device"], options["quick"]
    n = min(options["chips"], 4) if quick else options["chips"]
    seconds = min(options["training"], 10.0) if quick else options["training"]
    cvs = sorted(set(options["cvs"] or ((MAIN_CV,) if quick else CVS)))
    check_before_start(out, device)
    try:
        given, n_signals = open_input(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    main_cv = min(cvs, key=lambda cv: abs(cv - MAIN_CV))
    block, rule = min(n, BLOCK), rule_of(options["bits"])
    arms = tuple(arm for arm in ARMS if arm in ("clean", *(options["arms"] or ARMS)))
    chip = circuit(options["terms"])
    tasks = {f"{cv:g}-{first}": (cv, first, *arms) for cv in cvs for first in range(0, n, block)}
    keys = ("seed", "neurons", "bits", "terms", "signal", "columns", "time_column", "sampling_rate")
    settings = {key: str(options[key]) for key in keys} | {"device": device, "block": block}
    settings |= {"training": seconds, "flags": devices.STRICT_FLAGS}
    with alone(out) as programs:
        click.echo(f"Building the program, {block} chips ({device})")
        D = random_decoder(n_signals, options["neurons"], options["seed"], n_chips=block)
        program = Training(
            lambda drive: dpi_chips(D, drive=drive, rule=rule, circuit=chip, homeostatic=True),
            n_signals,
            device=device,
            directory=programs / "chips",
            timeout=time_limit(options),
        )
        bench = Bench(program, block, options["neurons"], options["seed"], seconds, given, chip)
        common = {"settings": settings, "shared": (bench,), **workers(options)}
        results, logs = run(run_block, tasks, out / "tasks", **common)
        if not results:
            report(logs, out / "tasks")
        examples, more = run(run_example, {"example": (main_cv,)}, out / "example", **common)
        data = add_yield(
            assemble(results, tasks, n, arms), options["rate_limit"], options["error_limit"]
        )
        summary, rows = summarise(data, main_cv)
        summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
        summary["provenance"] = provenance(options)
        if not more:
            save(out, summary, data, figure(data, examples["example"], main_cv))
    show(rows, f"{n} chips, {seconds:g} s of learning; medians and worst on unseen input")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")
    report(more, out / "example")
