"""The command of the study of calibration: options, tables, files."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ebn_brian.dpi_model import Circuit

from ..circuit import reference as recorded
from ..lab.cli import check_before_start, finite, study_options
from ..lab.results import provenance, save, whole
from . import __doc__ as DESCRIPTION
from . import recordings, report
from .ablation import MORE, ablation
from .figure import figure
from .fit import OpenLoop
from .made_up import recovered
from .parameters import CANDIDATES, FITTED, ROUND, targets
from .procedure import calibrate, fittable
from .validation import ClosedLoop, cross_validation, left_out


def _names(_context, _parameter, text: str) -> tuple[str, ...]:
    """Names of ``--free``, each once."""
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise click.UsageError(f"--free {', '.join(unknown)}: must be of {', '.join(CANDIDATES)}")
    if len(set(names)) < len(names):
        raise click.UsageError(f"--free {text}: names a parameter twice")
    return names


def _check_start(start: Circuit, free: Mapping[str, Sequence[str]]) -> None:
    """Logarithms are fitted: what is free must be positive and finite at the start."""
    values = start.values()
    for name, members in free.items():
        at = values[members[0]]
        if not 0 < at < math.inf:
            raise click.UsageError(
                f"--free {name}: is {at:g} at the start, must be positive and finite; name a start "
                "with --parameters, or leave it out"
            )


def _start(_context, _parameter, file: Path | None) -> Circuit:
    try:
        return ROUND if file is None else Circuit.load(file)
    except (ValueError, OSError) as error:
        raise click.BadParameter(str(error)) from error


def _read(
    folder: Path, numbers: tuple[int, ...], fixed: tuple[int, ...], until: float | None
) -> list[recordings.Recording]:
    """The recordings of the command line, all of the folder by default."""
    try:
        chosen = sorted(set(numbers)) or recordings.found(folder)
        return recordings.read(folder, chosen, fixed, None if until is None else until * 1e-3)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reference") from error


def label(numbers: list[int]) -> str:
    """What a fit is called after the recordings that it was fitted to."""
    return str(numbers[0]) if len(numbers) == 1 else "both" if len(numbers) == 2 else "all"


@click.command(help=f"{DESCRIPTION}\n\n{recorded.HELP}")
@click.option(
    "--reference", type=click.Path(path_type=Path), required=True, help="Folder of the recordings."
)
@click.option(
    "--experiment",
    "numbers",
    type=click.IntRange(1),
    multiple=True,
    help="Number of a recording to fit; repeatable  [default: all in the folder]",
)
@click.option(
    "--with-fixed",
    "fixed",
    type=click.IntRange(0),
    multiple=True,
    default=(2,),
    show_default=True,
    help="Number of a recording in which a fixed synapse takes part, of one strength in all; "
    "repeatable, 0: in none.",
)
@click.option(
    "--parameters",
    "start",
    type=click.Path(path_type=Path),
    callback=_start,
    help="Where to start, a file of this study  [default: round numbers]",
)
@click.option(
    "--until",
    type=click.FloatRange(10),
    callback=finite,
    metavar="MS",
    help="Fit the first MS milliseconds only.",
)
@click.option(
    "--free",
    callback=_names,
    default=",".join(FITTED),
    show_default=True,
    help=f"Parameters to fit, of {', '.join(CANDIDATES)}.",
)
@click.option("--starts", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--cross-validate/--no-cross-validate",
    default=True,
    help="Fit each recording alone and predict the others; leave each segment out.",
)
@click.option(
    "--ablation", "ablate", is_flag=True, help="Take each term out alone and fit all again."
)
@click.option(
    "--made-up",
    "n_made_up",
    type=click.IntRange(1),
    metavar="N",
    help="Make up recordings of N circuits like the fitted one, and tell how often the procedure "
    "finds their parameters.",
)
@study_options("calibrate")
def main(
    reference: Path,
    numbers: tuple[int, ...],
    fixed: tuple[int, ...],
    start: Circuit,
    until: float | None,
    free: tuple[str, ...],
    starts: int,
    cross_validate: bool,
    ablate: bool,
    n_made_up: int | None,
    **common,
) -> None:
    out, device, quick = common["out"], common["device"], common["quick"]
    used = _read(reference, numbers, fixed, until)
    chosen = fittable(targets(free), used)
    _check_start(start, chosen)
    check_before_start(out, device)
    every = [recording.number for recording in used]
    click.echo(f"Building the programs, {len(chosen)} free parameters ({device})")
    loop = OpenLoop(start, used, len(chosen) + MORE * ablate, device)
    n_starts, limit = (1, 5) if quick else (starts, 40)
    options = {"seed": common["seed"], "max_evaluations": limit}
    best = calibrate(loop, start, chosen, every, n_starts=n_starts, **options)
    report.show_parameters(best)
    found, circuit = {label(every): best}, best.best.circuit
    if cross_validate and len(every) > 1 and not quick:
        found |= {str(n): calibrate(loop, start, chosen, [n], **options) for n in every}
    closed = ClosedLoop(circuit, used, device)
    validated = cross_validation(closed, found)
    report.show_closed_loop(validated, "fitted to ", "cross-validation")
    summary = report.parameters(best) | report.validation(validated)
    if cross_validate and not quick:
        summary |= report.segments(left_out(loop, best, chosen), loop)
    if ablate:
        without = ablation(loop, closed, circuit, chosen)
        report.show_closed_loop(without, "", "all fitted again with one change")
        summary |= report.taken_out(without)
    if n_made_up is not None:
        n_tried = 1 if quick else n_made_up
        tried = {"n": n_tried, "seed": common["seed"], "device": device}
        summary |= report.made_up(recovered(circuit, start, chosen, used, **tried))
    given = {
        "reference": reference,
        "experiments": every,
        "until_ms": until,
        "starts": starts,
        "made_up": n_made_up,
    }
    summary["provenance"] = provenance({**given, "free": list(free), **common})
    save(out, summary, report.dataset(loop, best.best), figure(loop, found))
    known = {name: e if math.isfinite(e) else None for name, e in best.best.errors.items()}
    more = {"standard_errors": known, "nrmse_open_loop": best.best.nrmse}
    whole(out / "parameters.json", lambda path: circuit.save(path, **more))
    click.echo(f"parameters for studies.circuit --parameters: {out / 'parameters.json'}")
