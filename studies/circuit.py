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
from ebn_brian.dpi_network import FIXED_DPIS, SAMPLED, learning_circuit, sampled

from . import circuit_reference as recorded
from .circuit_figure import figure
from .common import check_before_start, provenance, save, show, study_options

#: Pulses of the published simulations.
ONSETS = 4.005e-3 + 5e-3 * np.arange(100)
END, QUICK_END = 0.5, 0.1
#: Circuits in the group: the fit of the fixed synapse tries so many strengths at once.
N_TRIED = 32
#: Least and largest strength of the fixed synapse (LSB) that the fit considers.
STRENGTHS = (0.1, 100.0)


class Experiment:
    """Compiled circuits, to be run with fixed synapses of any strength.

    Parameters
    ----------
    circuit
        Parameters of the circuits.
    onsets
        Onsets of the pulses (s).
    device
        Target of Brian2.
    fixed
        Through which DPI a fixed synapse acts, ``'own'`` or ``'shared'``; None: there is none.
    n
        Number of circuits; `sampled` of them, all by default, are recorded.
    """

    def __init__(
        self,
        circuit: Circuit,
        onsets: np.ndarray,
        device: str,
        fixed: str | None = None,
        n: int = 1,
        sampled: int | None = None,
    ):
        self.onsets, self.width, self.fixed, self.n = onsets, float(circuit.width), fixed, n
        self.n_sampled = sampled or n
        self.program = devices.build(
            lambda: learning_circuit(circuit, onsets, n, fixed=fixed, n_sampled=sampled), device
        )

    def run(self, end: float, strengths=0.0) -> tuple[dict[str, np.ndarray], float]:
        """Samples (n_samples, n_sampled) until `end` (s) with fixed synapses of `strengths` (LSB),
        and the CPU time (s)."""
        values = {"fixed.w": np.broadcast_to(strengths, self.n)} if self.fixed else {}
        run = self.program.run(values, duration=(end + 1e-6) * second, read=list(SAMPLED.values()))
        return sampled(run, self.n_sampled), run.cpu_seconds

    def fit(self, reference: recorded.Reference) -> tuple[float, float]:
        """Strength (LSB) that fits all of `reference` best, and the RMSE (A) that remains.

        In closed loop and over the whole range of `STRENGTHS`: the error has steps where a decision
        changes. Each round looks more closely between the neighbours of the best strength.
        """
        low, high = STRENGTHS
        for _ in range(4):
            tried = np.geomspace(low, high, self.n)
            samples, _ = self.run(reference.end, tried)
            traces = samples["I_mem"].T
            measures = [recorded.rmse(reference, samples["t"], trace) for trace in traces]
            best = int(np.argmin(measures))
            low, high = tried[max(best - 1, 0)], tried[min(best + 1, self.n - 1)]
        return float(tried[best]), measures[best]

    def decisions(self, samples: dict[str, np.ndarray]) -> np.ndarray:
        """The decision latched at each pulse, (n_pulses,), of the first circuit."""
        middle = np.searchsorted(samples["t"], self.onsets + self.width / 2)
        return samples["decision"][middle, 0].astype(int)


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


def read(folder: Path, experiment: int, *ends: float | None) -> recorded.Reference:
    """The reference, until each of `ends` (s) that is given."""
    try:
        found = recorded.read(folder, experiment)
        for end in ends:
            found = found if end is None else found.until(end + 1e-9)
        return found
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reference") from error


def finite(_context, _parameter, value: float | None) -> float | None:
    """Refuse what a range of numbers lets through."""
    if value is not None and not np.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number")
    return value


@click.command(help=__doc__)
@click.option("--experiment", type=click.IntRange(1, 2), default=1, show_default=True)
@click.option("--reference", type=click.Path(path_type=Path), help=recorded.HELP)
@click.option("--parameters", type=click.Path(path_type=Path), help="File of studies.calibrate.")
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
    experiment,
    reference,
    parameters,
    fixed_synapse,
    fit_fixed_synapse,
    fixed_dpi,
    circuits,
    **common,
) -> None:
    out, device = common["out"], common["device"]
    fitting = fit_fixed_synapse is not None
    if fitting and (experiment == 1 or reference is None):
        raise click.UsageError("--fit-fixed-synapse needs --experiment 2 and --reference")
    if fitting and circuits > 1:
        raise click.UsageError("--fit-fixed-synapse runs many circuits: leave --circuits out")
    circuit, fixed = load(parameters), fixed_dpi if experiment == 2 else None
    cut = QUICK_END if common["quick"] else None
    recording, onsets, end = None, ONSETS[: 20 if cut else None], cut or END
    if reference is not None:
        recording = read(reference, experiment, cut)
        onsets, end = recording.onsets, recording.end
        circuit = replace(circuit, width=recording.width * second, w_initial=recording.w_initial)
    first = read(reference, experiment, cut, fit_fixed_synapse * 1e-3) if fitting else None
    check_before_start(out, device)
    n = N_TRIED if first else circuits
    click.echo(f"Building the program, experiment {experiment} ({device})")
    compiled = Experiment(circuit, onsets, device, fixed, n, sampled=None if first else 1)
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
    options = {"experiment": experiment, "reference": reference, "fixed_dpi": fixed}
    options |= {"fit_fixed_synapse_ms": fit_fixed_synapse, "circuits": circuits}
    summary["provenance"] = provenance({**options, **common, **circuit.values()})
    data = dataset(samples, decision, onsets, recording)
    save(out, summary, data, figure(data, circuit, experiment))
    table = {name: {"": value} for name, value in summary.items() if name != "provenance"}
    show(table, f"experiment {experiment}")
    if first and not 1.01 * STRENGTHS[0] < strength < 0.99 * STRENGTHS[1]:
        click.echo(f"the fitted strength is at the end of what is tried, {STRENGTHS} LSB", err=True)


if __name__ == "__main__":
    main()
