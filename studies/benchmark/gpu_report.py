"""What to check on a GPU, unattended, in ten minutes: ``studies.benchmark --gpu-report DIR``.

Phases: equality with C++ of networks of every kind, whole DPI chips, throughput at several
sizes, that of Brian2CUDA's kernels and their profile, the tests of the devices, and throughput of
very many chips. Each begins if there is time for it and writes its file as soon as it is done; one
that fails or is late leaves the others alone and keeps what it has. A rehearsal does all that can
be done without a GPU: programs for CUDA are built, not run.
"""

import json
import time
import traceback
from pathlib import Path

import click

from ebn_brian.devices.toolkit import find_gpu, find_toolkit

from .gpu_phases import (
    Clock,
    Results,
    Session,
    brian2cuda,
    profile,
    same_systems,
    tests,
    throughput,
    whole_dpi_chips,
)

#: Seconds for everything.
BUDGET = 570.0
#: Numbers of chips, and seconds that they simulate.
SIZES = {100: 2.0, 1000: 2.0, 10_000: 2.0}
LARGEST = {100_000: 0.2}
QUICK_SIZES = {100: 0.5}
#: What Brian2CUDA's kernels do, and if quick: number of chips, seconds.
BESIDE = {False: (10_000, 2.0), True: (100, 0.5)}


def report(folder: Path, rehearse: bool, quick: bool) -> None:
    """Do all phases, write their results to `folder` and ``report.md`` over all.

    Raises
    ------
    click.UsageError
        If there is no GPU and it is no rehearsal, or CUDA is not complete.
    """
    try:
        toolkit = find_toolkit()
    except RuntimeError as error:
        raise click.UsageError(str(error)) from error
    gpu = None if rehearse else find_gpu()
    if gpu is None and not rehearse:
        raise click.UsageError("--gpu-report: there is no GPU here; --rehearse does the rest")
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(time.monotonic() + BUDGET)
    lines = [
        "# GPU report" if gpu else "# Rehearsal of the GPU report: nothing ran on a GPU",
        f"{gpu.name if gpu else 'no GPU'}; {toolkit.describe()}",
    ]
    for name, needed, results in phases(Session(folder, gpu is not None, clock, quick)):
        result = outcome(clock, needed, results)
        (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
        shown = {key: value for key, value in result.items() if key != "traceback"}
        section = [f"\n## {name}", *(f"- {key}: {value}" for key, value in shown.items())]
        lines += section
        (folder / "report.md").write_text("\n".join(lines) + "\n")
        click.echo("\n".join(section))
    click.echo(f"report: {folder}/report.md")


def phases(session: Session) -> list[tuple[str, float, Results]]:
    """Name of each phase, seconds that it may need, and what it finds out."""

    def sizes(lengths: dict[int, float], needed: float) -> list[tuple[str, float, Results]]:
        return [
            (f"throughput_{n_chips}", needed, throughput(session, n_chips, length))
            for n_chips, length in lengths.items()
        ]

    return [
        ("same_systems", 120.0, same_systems(session)),
        ("whole_dpi_chips", 60.0, whole_dpi_chips(session)),
        *sizes(QUICK_SIZES if session.quick else SIZES, 60.0),
        ("brian2cuda", 60.0, brian2cuda(session, *BESIDE[session.quick])),
        ("profile", 45.0, profile(session)),
        ("tests", 90.0, tests(session)),
        *sizes({} if session.quick else LARGEST, 180.0),
    ]


def outcome(clock: Clock, needed: float, results: Results) -> dict[str, object]:
    """All results of a phase, or those before it failed; none if there is no time for it."""
    begin, result = time.monotonic(), dict[str, object]()
    if clock.left < needed:
        return {"left_out": f"{max(clock.left, 0):.0f} s were left, it may need {needed:.0f} s"}
    try:
        for name, value in results:
            result[name] = value
    except Exception as error:  # the other phases are worth having
        result |= {"failed": repr(error), "traceback": traceback.format_exc()}
    return result | {"elapsed_s": round(time.monotonic() - begin, 1)}
