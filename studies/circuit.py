"""The learning circuit alone: the two experiments of the paper's section IV, in closed loop.

``python -m studies.circuit --experiment 1`` drives a silent DPI neuron through one plastic synapse
and lets comparators and counter hold its current at rest; experiment 2 adds a fixed exciting
synapse on the same pulses. With ``--reference DIR`` the model starts from the pulse times alone and
is held against recorded traces.
"""

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import xarray as xr
from brian2 import second

from ebn_brian import devices
from ebn_brian.dpi_model import Circuit, experiment_1
from ebn_brian.dpi_network import SAMPLED, learning_circuit, sampled

from . import circuit_reference as recorded
from .circuit_figure import figure
from .common import check_before_start, provenance, save, show, study_options

#: Pulses of the published simulations.
ONSETS = 4.005e-3 + 5e-3 * np.arange(100)
END = 0.5
#: Circuits in the group: the fit of the fixed synapse tries so many strengths at once.
N_TRIED = 32
STRENGTHS = (0.5, 40.0)


class Experiment:
    """The compiled circuits, to be run with fixed synapses of any strength.

    Parameters
    ----------
    circuit
        Parameters of the circuit.
    onsets
        Onsets of the pulses (s).
    device
        Target of Brian2.
    """

    def __init__(self, circuit: Circuit, onsets: np.ndarray, device: str):
        self.onsets, self.width = onsets, float(circuit.width)
        self.program = devices.build(
            lambda: learning_circuit(circuit, onsets, N_TRIED, fixed=True), device
        )

    def run(self, strengths, shared: bool, end: float) -> dict[str, np.ndarray]:
        """Samples (n_samples, N_TRIED) until `end` (s), with fixed synapses of `strengths` LSB."""
        values = {
            "fixed.w": np.broadcast_to(strengths, N_TRIED),
            "fixed.shared": np.full(N_TRIED, float(shared)),
        }
        run = self.program.run(values, duration=(end + 1e-6) * second, read=list(SAMPLED.values()))
        return sampled(run, N_TRIED)

    def fit(self, reference: recorded.Reference, shared: bool) -> tuple[float, float]:
        """Strength (LSB) that fits all of `reference`, and the RMSE (A) that remains."""
        low, high = STRENGTHS
        for _ in range(4):
            tried = np.geomspace(low, high, N_TRIED)
            I_mem = self.run(tried, shared, reference.t[-1])["I_mem"][: len(reference.t)]
            rmse = np.sqrt(np.mean((I_mem - reference.I_mem[: len(I_mem), None]) ** 2, axis=0))
            best = int(np.argmin(rmse))
            low, high = tried[max(best - 1, 0)], tried[min(best + 1, N_TRIED - 1)]
        return float(tried[best]), float(rmse[best])

    def decisions(self, samples: dict[str, np.ndarray]) -> np.ndarray:
        """The decision latched at each pulse, (n_pulses,), of the first circuit."""
        middle = np.searchsorted(samples["t"], self.onsets + self.width / 2)
        return samples["decision"][np.minimum(middle, len(samples["t"]) - 1), 0].astype(int)


def fit_fixed(experiment: Experiment, reference: recorded.Reference, dpi: str) -> dict:
    """Fit the fixed synapse's strength; with `dpi` 'auto' also through which DPI it acts."""
    found = {}
    for name in ("own", "shared") if dpi == "auto" else (dpi,):
        strength, rmse = experiment.fit(reference, name == "shared")
        found[name] = strength
        found[f"rmse_{name}"] = rmse
    chosen = min((n for n in ("own", "shared") if n in found), key=lambda n: found[f"rmse_{n}"])
    return {
        "fixed_synapse_lsb": found[chosen],
        "fixed_synapse_dpi": chosen,
        **{f"fit_{name}_A": value for name, value in found.items() if name.startswith("rmse")},
    }


def dataset(samples: dict, decision: np.ndarray, onsets: np.ndarray, reference) -> xr.Dataset:
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


def load(parameters: Path | None) -> Circuit:
    """The circuit of a parameter file, or the one fitted to the published experiment 1."""
    try:
        return experiment_1() if parameters is None else Circuit.load(parameters)
    except (ValueError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--parameters") from error


def read(folder: Path | None, experiment: int, end: float) -> recorded.Reference | None:
    """The reference until `end` (s), if there is one."""
    if folder is None:
        return None
    try:
        return recorded.read(folder, experiment).until(end)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reference") from error


@click.command(help=__doc__)
@click.option("--experiment", type=click.IntRange(1, 2), default=1, show_default=True)
@click.option("--reference", type=click.Path(path_type=Path), help=recorded.HELP)
@click.option("--parameters", type=click.Path(path_type=Path), help="File of studies.calibrate.")
@click.option(
    "--fixed-synapse",
    type=click.FloatRange(0, 100),
    default=8.0,
    show_default=True,
    help="Experiment 2: strength of the fixed synapse in LSB, where it is not fitted.",
)
@click.option(
    "--fit-fixed-synapse",
    type=click.FloatRange(5),
    metavar="MS",
    help="Experiment 2: fit the strength on the reference's first MS milliseconds.",
)
@click.option(
    "--fixed-dpi",
    type=click.Choice(["auto", "own", "shared"]),
    default="auto",
    show_default=True,
    help="Whether the fixed synapse has a DPI of its own or shares the plastic one's; auto: what "
    "fits those milliseconds better, or else its own.",
)
@study_options("circuit")
def main(
    experiment, reference, parameters, fixed_synapse, fit_fixed_synapse, fixed_dpi, **common
) -> None:
    out, device = common["out"], common["device"]
    if fit_fixed_synapse is not None and (experiment == 1 or reference is None):
        raise click.UsageError("--fit-fixed-synapse needs --experiment 2 and --reference")
    circuit, end = load(parameters), 0.1 if common["quick"] else END
    recording = read(reference, experiment, end + 1e-9)
    onsets = np.array([t for t in ONSETS if t < end])
    if recording is not None:
        onsets, end = recording.onsets, float(recording.t[-1])
        circuit = replace(circuit, width=recording.width * second)
    check_before_start(out, device)
    compiled = Experiment(circuit, onsets, device)
    summary: dict = {}
    if experiment == 2:
        summary = {"fixed_synapse_lsb": fixed_synapse}
        summary["fixed_synapse_dpi"] = "own" if fixed_dpi == "auto" else fixed_dpi
        if fit_fixed_synapse is not None and recording is not None:
            first = recording.until(fit_fixed_synapse * 1e-3)
            summary = fit_fixed(compiled, first, fixed_dpi)
    strength = summary.get("fixed_synapse_lsb", 0.0)
    samples = compiled.run(strength, summary.get("fixed_synapse_dpi") == "shared", end)
    decision = compiled.decisions(samples)
    I_mem, weight = samples["I_mem"][:, 0], samples["code"][:, 0]
    summary["final_weight"] = int(weight[-1])
    if recording is not None:
        summary |= recorded.compare(recording, I_mem, weight, decision)
    summary["provenance"] = provenance(
        {
            "experiment": experiment,
            "reference": reference,
            "fit_fixed_synapse_ms": fit_fixed_synapse,
            **common,
            **circuit.values(),
        }
    )
    data = dataset(samples, decision, onsets, recording)
    save(out, summary, data, figure(data, circuit, experiment))
    table = {name: {"": value} for name, value in summary.items() if name != "provenance"}
    show(table, f"experiment {experiment}")


if __name__ == "__main__":
    main()
