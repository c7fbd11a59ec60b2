"""The command of the benchmark: which targets do how much work, and their numbers.

Chip-seconds (simulated seconds times chips) per CPU-second of one core, all from one run:
``package_f32`` (``cpp_fused``, single precision throughout), ``package_f32_mixed`` (states in
single, as Brian2 computes), ``package_f64``, ``package_f64_fast`` (``double_fast``), ``brian2_cpp``
(plain C++ standalone with Brian2's own compiler flags), ``brian2_cython``, ``numba`` (a loop of our
own) and, where there is a GPU, ``cuda`` (per second elapsed). All do equal work before their speeds
are compared.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import xarray as xr

from ebn_brian import devices
from ebn_brian.checks import Floats

from ..lab.cli import check_before_start, compiling_only, study_options
from ..lab.results import provenance, save, save_numbers, show, show_numbers
from .circuits import compare as compare_circuits
from .dpi import compare as compare_dpi
from .examples.timing import compare as compare_examples
from .figure import figure
from .gpu_report import report
from .timing import (
    PROGRAMS,
    TARGETS,
    Timing,
    build,
    check_agreed,
    check_equal_work,
    measure,
    two_processes,
)
from .work import Work, numba_loop

#: Chip-seconds that a target is given at most: slow ones do less of the same work.
LIMIT = {"brian2_cython": 1000.0}
#: No CPU-time of less than so many steps is worth anything.
SHORTEST = 0.1
#: What is compared in place of targets on chips.
COMPARISONS = {
    "dpi": "Whole DPI chips: chip-seconds per CPU-second, and times of the loop's",
    "circuits": "Circuits of section IV: circuit-seconds per CPU-second, and times of the loop's",
    "examples": "Brian2's examples: CPU of cpp_standalone over that of cpp_fused",
}
#: What is missing where numba is.
NUMBA = "needs the extra, pip install 'ebn_brian[benchmark]'"
#: Chips of more than 20 neurons: so many that they have the synapses of 1000 chips of 20.
SYNAPSES = 1000 * 20**2


def simulated(target: str, chips: int, seconds: float) -> float:
    """Seconds that a target simulates: fewer where it is slow."""
    longest = LIMIT.get(target, np.inf) / chips
    return round(min(seconds, max(SHORTEST, longest)), 4)


def summarise(timings: list[Timing]) -> dict:
    """Flat numbers; those of chips of 20 neurons do not name the neurons."""
    summary: dict = {}
    reference = {(t.chips, t.neurons): t.throughput for t in timings if t.target == "numba"}
    for t in timings:
        name = f"{t.target}_{t.chips}" + (f"_n{t.neurons}" if t.neurons != 20 else "")
        summary |= {
            f"throughput_{name}": t.throughput,
            f"throughput_stepping_{name}": t.throughput_stepping,
            f"ratio_to_numba_{name}": t.throughput / reference[t.chips, t.neurons],
            f"start_up_s_{name}": t.start_up,
            f"build_s_{name}": t.build,
            f"peak_bytes_{name}": t.peak_bytes,
            f"spikes_{name}": t.spikes,
        }
    return summary


def dataset(timings: list[Timing]) -> xr.Dataset:
    """All timings, one a row."""
    columns = {name: [asdict(t)[name] for t in timings] for name in asdict(timings[0])}
    columns["peak_bytes"] = [np.nan if t.peak_bytes is None else t.peak_bytes for t in timings]
    columns["throughput"] = [t.throughput for t in timings]
    columns["throughput_stepping"] = [t.throughput_stepping for t in timings]
    units = {"whole": "s", "stepping": "s", "build": "s", "simulated": "s", "peak_bytes": "byte"}
    data = xr.Dataset({name: ("case", values) for name, values in columns.items()})
    for name in data:
        data[name].attrs["units"] = units.get(str(name), "1")
    return data


def table(timings: list[Timing]) -> Mapping[str, Mapping]:
    """Rows to show."""
    return {
        f"{t.target}, {t.chips} chips of {t.neurons}": {
            "chip-s/s": t.throughput,
            "stepping alone": t.throughput_stepping,
            "simulated s": t.simulated,
            "start-up s": np.nan if t.start_up is None else t.start_up,
            "build s": t.build,
            "peak MB": np.nan if t.peak_bytes is None else t.peak_bytes / 1e6,
            "spikes": t.spikes,
        }
        for t in timings
    }


def cases(chips: tuple[int, ...], neurons: tuple[int, ...]) -> list[tuple[int, int]]:
    """Pairs (chips, neurons); larger chips are as many as have the synapses of 1000 of 20."""
    return [(c, 20) for c in chips if 20 in neurons] + [
        (max(1, min(max(chips), SYNAPSES // n**2)), n) for n in neurons if n != 20
    ]


@click.command()
@click.option(
    "--chips",
    multiple=True,
    default=(1, 100, 1000, 10000),
    show_default=True,
    type=click.IntRange(1),
    help="Number of chips of 20 neurons; may be given several times.",
)
@click.option(
    "--neurons",
    multiple=True,
    default=(20, 100, 400),
    show_default=True,
    type=click.IntRange(2),
    help="Neurons a chip; may be given several times.",
)
@click.option(
    "--seconds", default=5.0, show_default=True, type=click.FloatRange(SHORTEST), help="Simulated."
)
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1))
@click.option(
    "--target", "targets", multiple=True, type=click.Choice(TARGETS), help="Only these, and numba."
)
@click.option(
    "--dpi", is_flag=True, help="Instead: whole chips of DPI neurons beside a loop by hand."
)
@click.option("--circuits", is_flag=True, help="Instead: circuits of section IV beside a loop.")
@click.option("--examples", is_flag=True, help="Instead: Brian2's examples, beside cpp_standalone.")
@click.option(
    "--gpu-report",
    type=click.Path(file_okay=False, path_type=Path),
    help="Check and measure the GPU instead, unattended, within ten minutes; results go there.",
)
@click.option("--rehearse", is_flag=True, help="With --gpu-report: all that can be without a GPU.")
@study_options("benchmark", device=None)
def main(
    chips: tuple[int, ...],
    neurons: tuple[int, ...],
    seconds: float,
    repeats: int,
    targets: tuple[str, ...],
    dpi: bool,
    circuits: bool,
    examples: bool,
    gpu_report: Path | None,
    rehearse: bool,
    out: Path,
    seed: int,
    quick: bool,
    device: str | None,
):
    """Chip-seconds per CPU-second of the package, plain Brian2 and numba on equal work.

    The work comes from fixed seeds, so --seed is not used. With --device, only the targets (and
    numba) that run on it.
    """
    if gpu_report is not None:
        if compiling_only():
            raise click.UsageError(
                "--gpu-report --rehearse builds without a GPU; leave --compile-only out"
            )
        report(gpu_report, rehearse, quick)
        return
    parameters = click.get_current_context().params
    n = 20 if quick else 1000
    if dpi:
        compare_only("dpi", out, lambda: compare_dpi(n, repeats))
        return
    if circuits:
        compare_only("circuits", out, lambda: compare_circuits(n, repeats))
        return
    if examples:
        compare_only("examples", out, lambda: compare_examples(1 if quick else repeats, quick))
        return
    if quick:
        chips, neurons, seconds, repeats = tuple(sorted({1, min(chips)} | {20})), (20,), 0.5, 1
    chosen = choose(targets, device, out)
    check_before_start(out, "cpp_fused")
    todo = works(chosen, cases(chips, neurons), seconds)
    if compiling_only():
        build_all(todo)
        return
    try:
        loop = numba_loop()
    except ImportError:
        raise click.UsageError(NUMBA) from None
    check_agreed(loop)
    timings = run_all(todo, seconds, repeats, loop)
    summary = summarise(timings)
    pair = Work(min(max(chips), 1000), 20, seconds)
    summary["two_process_ratio"] = two_processes(pair)
    summary["seconds"], summary["provenance"] = seconds, provenance(parameters)
    data = dataset(timings)
    save(out, summary, data, figure(data))
    show(table(timings), "chip-seconds per CPU-second of one core (cuda: per second)")
    click.echo(f"two processes at once: {summary['two_process_ratio']:.2f} times one")
    click.echo(f"figure, numbers and data: {out}/")


def compare_only(name: str, out: Path, compare: Callable[[], Mapping[str, float]]) -> None:
    """Do one of `COMPARISONS` in place of the benchmark; its numbers go to ``NAME.json``."""
    check_before_start(out, "cpp_fused")
    try:
        numbers = compare()
    except ImportError:
        raise click.UsageError(NUMBA) from None
    parameters = click.get_current_context().params
    save_numbers(out / f"{name}.json", {**numbers, "provenance": provenance(parameters)})
    show_numbers(numbers, COMPARISONS[name])


def choose(targets: tuple[str, ...], device: str | None, out: Path) -> list[str]:
    """The targets asked for by name and device, and numba.

    Raises
    ------
    click.UsageError
        If there are none, or CUDA is asked for and cannot be used; else it is left out.
    """
    chosen = [
        target
        for target, (on, _) in PROGRAMS.items()
        if target in (targets or PROGRAMS) and device in (None, on)
    ]
    if device and not chosen:
        raise click.UsageError(f"--device {device}: no target runs on it, see --target")
    if "cuda" in chosen:
        try:
            check_before_start(out, devices.CUDA)
        except click.UsageError as error:
            if targets or device:
                raise
            click.echo(f"cuda: left out, {error.message}")
            chosen.remove("cuda")
    return [*chosen, "numba"]


def works(
    targets: Sequence[str], sizes: Iterable[tuple[int, int]], seconds: float
) -> Iterator[tuple[str, Work]]:
    """What each target does, size by size."""
    for n_chips, n_neurons in sizes:
        for target in targets:
            yield target, Work(n_chips, n_neurons, simulated(target, n_chips, seconds))


def build_all(todo: Iterable[tuple[str, Work]]) -> None:
    """Build all programs, and run none; numba and cython compile when they run."""
    for target, work in todo:
        if target not in ("brian2_cython", "numba"):
            click.echo(f"Building {target}, {work.n_chips} chips of {work.n_neurons}")
            build(target, work)


def run_all(
    todo: Iterable[tuple[str, Work]],
    seconds: float,
    repeats: int,
    loop: Callable[[Work], tuple[int, Floats]],
) -> list[Timing]:
    """Time all targets at all sizes, and check that they did the same."""
    timings, done = [], dict[Work, tuple[int, float]]()

    def expected(work: Work) -> tuple[int, float]:
        if work not in done:
            spikes, w = loop(work)
            done[work] = spikes, work.change(w)
        return done[work]

    for target, work in todo:
        note = "" if work.seconds == seconds else f" (only {work.seconds:g} s: it is slow)"
        timing = measure(target, work, repeats)
        check_equal_work([timing], expected)
        timings.append(timing)
        click.echo(
            f"{target}, {work.n_chips} chips of {work.n_neurons}: "
            f"{timing.throughput:.0f} chip-s/s{note}"
        )
    return timings
