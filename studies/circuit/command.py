"""The command of the study of the learning circuit, and its data set."""

from dataclasses import replace
from pathlib import Path

import click
import xarray as xr

from ebn_brian import devices
from ebn_brian.checks import Floats, Integers
from ebn_brian.dpi_model import Circuit

from ..lab.cli import check_before_start, finite, study_options
from ..lab.results import provenance, save, show
from . import reference as recorded
from .agreement import check
from .experiment import (
    END,
    N_TRIED,
    ONSETS,
    STRENGTHS,
    Experiment,
    as_recorded,
    circuit_option,
    fitted_strength,
)
from .figure import figure

QUICK_END = 0.1
#: What ``--experiment`` stands for.
EXPERIMENTS = {"1": (1,), "2": (2,), "both": (1, 2)}


def dataset(
    samples: dict[str, Floats],
    decision: Integers,
    onsets: Floats,
    reference: recorded.Reference | None,
) -> xr.Dataset:
    """I_mem(time), weight(time), decision(pulse), and the reference's where given."""
    data = xr.Dataset(
        {
            "I_mem": ("time", samples["I_mem"][:, 0], {"units": "A"}),
            "weight": ("time", samples["code"][:, 0], {"units": "LSB"}),
            "decision": ("pulse", decision, {"units": "LSB"}),
        },
        coords={
            "time": ("time", samples["t"], {"units": "s"}),
            "onset": ("pulse", onsets, {"units": "s"}),
        },
    )
    if reference is not None:
        grid = ("time_reference", reference.t, {"units": "s"})
        data = data.assign_coords(time_reference=grid).assign(
            I_mem_reference=("time_reference", reference.I_mem, {"units": "A"}),
            weight_reference=("time_reference", reference.weight, {"units": "LSB"}),
            decision_reference=("pulse", reference.decision, {"units": "LSB"}),
        )
    return data


def read(folder: Path, experiment: int, *ends: float | None) -> recorded.Reference:
    """The reference, until each of `ends` (s) that is given."""
    try:
        reference = check(recorded.read(folder, experiment))
        for end in ends:
            reference = reference if end is None else reference.until(end + 1e-9)
        return reference
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reference") from error


def one_experiment(
    experiment: int, folder: Path | None, circuit: Circuit, options: dict
) -> tuple[dict[str, object], xr.Dataset]:
    """Numbers and data of an experiment in closed loop."""
    cut = QUICK_END if options["quick"] else None
    recording, onsets, end = None, ONSETS[: 20 if cut else None], cut or END
    first, ms = None, options["fit_fixed_synapse"]
    if folder is not None:
        recording = read(folder, experiment, cut)
        onsets, end = recording.onsets, recording.end
        circuit = as_recorded(circuit, recording)
        if experiment == 2 and ms is not None:
            first = read(folder, experiment, cut, ms * 1e-3)
    fixed, n = experiment == 2, N_TRIED if first else options["circuits"]
    click.echo(f"Building the program, experiment {experiment} ({options['device']})")
    compiled = Experiment(
        circuit,
        onsets,
        options["device"],
        fixed=fixed,
        n_circuits=n,
        n_sampled=n if first else 1,
        precision=options["precision"],
    )
    summary: dict[str, object] = {}
    strength = options["fixed_synapse"] or circuit.fixed_w
    if first:
        strength, summary["fit_rmse_A"] = fitted_strength(compiled, circuit, first)
    if fixed:
        summary["fixed_synapse_lsb"] = strength
    samples, summary["cpu_s"] = compiled.run(end, [replace(circuit, fixed_w=strength)])
    decision = compiled.decisions(samples)
    I_mem, weight = samples["I_mem"][:, 0], samples["code"][:, 0]
    summary["final_weight"] = int(weight[-1])
    if recording is not None:
        summary |= recorded.compare(recording, samples["t"], I_mem, weight, decision)
    if first and not 1.01 * STRENGTHS[0] < strength < 0.99 * STRENGTHS[1]:
        click.echo(f"the fitted strength is at the end of what is tried, {STRENGTHS} LSB", err=True)
    return summary, dataset(samples, decision, onsets, recording)


def numbered(data: xr.Dataset, number: int) -> xr.Dataset:
    """`data` with the experiment's number at the end of all its names."""
    return data.rename({name: f"{name}_{number}" for name in {*data.variables, *data.dims}})


def check_options(numbers: tuple[int, ...], reference: Path | None, circuit: Circuit, o: dict):
    """Refuse options that do not go together, before anything is built."""
    fitting = o["fit_fixed_synapse"] is not None
    if fitting and (2 not in numbers or reference is None):
        raise click.UsageError("--fit-fixed-synapse needs --experiment 2 and --reference")
    if fitting and o["circuits"] > 1:
        raise click.UsageError("--fit-fixed-synapse runs many circuits: leave --circuits out")
    if 2 in numbers and not (fitting or o["fixed_synapse"] or circuit.fixed_w):
        raise click.UsageError(
            "--experiment 2: the parameters have no fixed synapse (fixed_w), so it needs "
            "--fixed-synapse or --fit-fixed-synapse"
        )
    if o["precision"] in devices.FAST and o["device"] != "cpp_fused":
        raise click.UsageError(f"--precision {o['precision']}: needs --device cpp_fused")


@click.command()
@click.option("--experiment", type=click.Choice(list(EXPERIMENTS)), default="1", show_default=True)
@click.option("--reference", type=click.Path(path_type=Path), help=recorded.HELP)
@circuit_option
@click.option(
    "--fixed-synapse",
    type=click.FloatRange(0, STRENGTHS[1], min_open=True),
    callback=finite,
    help="Experiment 2: strength of the fixed synapse in LSB  [default: that of the parameters]",
)
@click.option(
    "--fit-fixed-synapse",
    type=click.FloatRange(5),
    callback=finite,
    metavar="MS",
    help="Experiment 2: fit that one strength, and nothing else, on the reference's first MS "
    "milliseconds; the rest is predicted.",
)
@click.option(
    "--circuits",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="So many of these circuits in one group, to see what many cost; the first is reported.",
)
@click.option(
    "--precision", type=click.Choice(devices.PRECISIONS), default="double", show_default=True
)
@study_options("circuit")
def main(experiment: str, reference: Path | None, circuit: Circuit, **options) -> None:
    """The learning circuit alone: the two experiments of the paper's section IV, in closed loop.

    A silent DPI neuron is driven through one plastic synapse; comparators and counter hold its
    current at rest. Experiment 2 adds a fixed exciting synapse on the same pulses. With --reference
    the model starts from the pulse times alone and is held against recorded traces. With
    --experiment both the numbers of each have its number at their end.
    """
    out, numbers = options["out"], EXPERIMENTS[experiment]
    check_options(numbers, reference, circuit, options)
    if reference is not None:
        for number in numbers:
            read(reference, number)
    check_before_start(out, options["device"])
    results = {n: one_experiment(n, reference, circuit, options) for n in numbers}
    parts = {n: data for n, (_, data) in results.items()}
    if len(numbers) == 1:
        ((summary, data),) = results.values()
    else:
        summary = {f"{name}_{n}": v for n, (part, _) in results.items() for name, v in part.items()}
        data = xr.merge([numbered(data, n) for n, data in parts.items()])
    given = {"experiment": experiment, "reference": reference, **options, **circuit.values()}
    save(out, summary | {"provenance": provenance(given)}, data, figure(parts, circuit))
    names = dict.fromkeys(name for part, _ in results.values() for name in part)
    show(
        {name: {str(n): part.get(name, "") for n, (part, _) in results.items()} for name in names},
        "experiment",
    )
    click.echo(f"figure, numbers and data: {out}/")
