"""The command of the study of the learning circuit, and its data set."""

from dataclasses import replace
from pathlib import Path

import click
import xarray as xr
from brian2 import second

from ebn_brian.checks import Floats, Integers
from ebn_brian.chips.circuit import FIXED_DPIS
from ebn_brian.dpi_model import Circuit

from ..lab.cli import check_before_start, finite, study_options
from ..lab.results import provenance, save, show_numbers
from . import reference as recorded
from .experiment import END, N_TRIED, ONSETS, STRENGTHS, Experiment, circuit_option
from .figure import figure

QUICK_END = 0.1


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
        reference = recorded.read(folder, experiment)
        for end in ends:
            reference = reference if end is None else reference.until(end + 1e-9)
        return reference
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reference") from error


@click.command()
@click.option("--experiment", type=click.IntRange(1, 2), default=1, show_default=True)
@click.option("--reference", type=click.Path(path_type=Path), help=recorded.HELP)
@circuit_option
@click.option(
    "--fixed-synapse",
    type=click.FloatRange(0, STRENGTHS[1]),
    callback=finite,
    default=8.0,
    show_default=True,
    help="Experiment 2: strength of the fixed synapse in LSB, where it is not fitted.",
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
    "--fixed-dpi",
    type=click.Choice(FIXED_DPIS),
    default="own",
    show_default=True,
    help="Whether the fixed synapse has a DPI of its own, biased like the plastic one's, or shares "
    "that one. They differ only in how two currents at once are compressed.",
)
@click.option(
    "--circuits",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="So many of these circuits in one group, to see what many cost; the first is reported.",
)
@study_options("circuit")
def main(
    experiment: int,
    reference: Path | None,
    circuit: Circuit,
    fixed_synapse: float,
    fit_fixed_synapse: float | None,
    fixed_dpi: str,
    circuits: int,
    **common,
) -> None:
    """The learning circuit alone: the two experiments of the paper's section IV, in closed loop.

    A silent DPI neuron is driven through one plastic synapse; comparators and counter hold its
    current at rest. Experiment 2 adds a fixed exciting synapse on the same pulses. With --reference
    the model starts from the pulse times alone and is held against recorded traces.
    """
    out, device = common["out"], common["device"]
    fitting = fit_fixed_synapse is not None
    if fitting and (experiment == 1 or reference is None):
        raise click.UsageError("--fit-fixed-synapse needs --experiment 2 and --reference")
    if fitting and circuits > 1:
        raise click.UsageError("--fit-fixed-synapse runs many circuits: leave --circuits out")
    fixed = fixed_dpi if experiment == 2 else None
    cut = QUICK_END if common["quick"] else None
    recording, first, onsets, end = None, None, ONSETS[: 20 if cut else None], cut or END
    if reference is not None:
        recording = read(reference, experiment, cut)
        onsets, end = recording.onsets, recording.end
        circuit = replace(circuit, width=recording.width * second, w_initial=recording.w_initial)
        if fit_fixed_synapse is not None:
            first = read(reference, experiment, cut, fit_fixed_synapse * 1e-3)
    check_before_start(out, device)
    click.echo(f"Building the program, experiment {experiment} ({device})")
    n, n_sampled = (N_TRIED, N_TRIED) if first else (circuits, 1)
    compiled = Experiment(circuit, onsets, device, fixed, n, n_sampled)
    summary: dict[str, object] = {}
    strength = fixed_synapse
    if first:
        strength, summary["fit_rmse_A"] = compiled.fit(first)
    if fixed:
        summary["fixed_synapse_lsb"] = strength
    samples, summary["cpu_s"] = compiled.run(end, strength)
    decision = compiled.decisions(samples)
    I_mem, weight = samples["I_mem"][:, 0], samples["code"][:, 0]
    summary["final_weight"] = int(weight[-1])
    if recording is not None:
        summary |= recorded.compare(recording, samples["t"], I_mem, weight, decision)
    options: dict[str, object] = {"experiment": experiment, "reference": reference}
    options |= {"fixed_dpi": fixed, "fit_fixed_synapse_ms": fit_fixed_synapse}
    options["circuits"] = circuits
    summary["provenance"] = provenance({**options, **common, **circuit.values()})
    data = dataset(samples, decision, onsets, recording)
    save(out, summary, data, figure(data, circuit, experiment))
    show_numbers(summary, f"experiment {experiment}")
    if first and not 1.01 * STRENGTHS[0] < strength < 0.99 * STRENGTHS[1]:
        click.echo(f"the fitted strength is at the end of what is tried, {STRENGTHS} LSB", err=True)
    click.echo(f"figure, numbers and data: {out}/")
