"""Fit the parameters of a learning circuit to recorded traces, and say which are identifiable.

``python -m studies.calibrate --experiment 1 --reference DIR --out DIR`` drives the model with the
recorded counter (open loop), so that no decision can hide a misfit, and adjusts the parameters by
least squares until I_mem agrees. All trial circuits of a Jacobian are one Brian2 group, compiled
once: what is fitted is the very model that `studies.circuit` runs. The comparators follow from the
recorded decisions. Standard errors are those of the least-squares fit; since the remaining error is
not white, take them as a scale of identifiability, not as a claim of accuracy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from brian2 import Network, TimedArray, amp, second
from scipy.optimize import least_squares

from ebn_brian import devices
from ebn_brian.checks import Floats
from ebn_brian.chips.circuit import DT, SAMPLE, learning_circuit
from ebn_brian.dpi_model import Circuit

from .circuit import reference as recorded
from .circuit.experiment import circuit_option
from .lab.cli import check_before_start, finite, study_options
from .lab.results import provenance, save, show, whole

#: Fitted by default. Gains of neuron and synapses act only as products, so one of each is enough.
FREE = (
    *("tau", "I_th", "slope", "I_dc", "t_start"),
    *("gain_e", "tau_e", "gain_i", "tau_i", "I_th_i", "early"),
)
CANDIDATES = (*FREE, "slope_syn", "I_0", "I_0_i")
#: Errors count relative to the current, but below this part of its largest value absolutely.
FLOOR = 0.03
#: Half the step of the central differences, in the logarithm of a parameter.
STEP = 1e-4


@dataclass(frozen=True)
class Fit:
    """A fitted circuit and how well each parameter is determined."""

    circuit: Circuit
    free: tuple[str, ...]
    relative_error: Floats  # standard error over value, (n_free,)
    correlation: Floats  # (n_free, n_free)
    nrmse: float  # open loop
    evaluations: int


def sampling(reference: recorded.Reference) -> int:
    """Steps of the recording's grid in units of 50 us; ValueError if it is no whole number."""
    ratio = (reference.t[1] - reference.t[0]) / float(SAMPLE)
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 0.02:
        raise ValueError(f"t_s has steps of {ratio * 50:.4g} us: calibration needs multiples of 50")
    return round(ratio)


class OpenLoop:
    """Circuits that follow the recorded counter, one per trial set of parameters.

    Parameters
    ----------
    circuit
        Where the parameters that are not free come from.
    free
        Names of the free parameters.
    reference
        The recording.
    device
        Target of Brian2.
    """

    def __init__(
        self, circuit: Circuit, free: Sequence[str], reference: recorded.Reference, device: str
    ):
        self.circuit, self.free, self.reference = circuit, tuple(free), reference
        self.n = 2 * len(self.free) + 1
        self.every = sampling(reference)
        steps = self.every * round(float(SAMPLE / DT))

        def make_network() -> Network:
            counter = TimedArray(np.repeat(reference.weight, steps), dt=DT, name="recorded")
            return learning_circuit(circuit, reference.onsets, self.n, recorded=counter)

        self.program = devices.build(make_network, device)

    def run(self, parameters: Floats) -> Floats:
        """``I_mem`` (A) on the recording's grid, (n_samples, n), for `parameters` (n, n_free)."""
        values = {f"neurons.{name}": parameters[:, k] for k, name in enumerate(self.free)}
        end = (self.reference.t[-1] + 1e-6) * second
        run = self.program.run(values, duration=end, read=["sampled.I_mem"])
        samples = run["sampled.I_mem"].reshape(-1, self.n)
        return samples[:: self.every][: len(self.reference.t)]

    def weights(self) -> Floats:
        """Weights (1/A) of the samples' errors; none before the input is switched on."""
        current = self.reference.I_mem
        scale = 1 / (current + FLOOR * current.max())
        return np.where(current > 3e-3 * current.max(), scale, 0)

    def fit(self, max_evaluations: int = 30) -> Fit:
        """Least squares in the logarithms of the free parameters."""
        start = np.array([self.circuit.values()[name] for name in self.free])
        weights, measured = self.weights(), self.reference.I_mem
        shifts = np.vstack([np.zeros(len(start)), *(s * np.eye(len(start)) for s in (STEP, -STEP))])
        cache: dict[bytes, tuple[Floats, Floats]] = {}

        def both(x: Floats) -> tuple[Floats, Floats]:
            """Trace and Jacobian."""
            if x.tobytes() not in cache:
                traces = self.run(start * np.exp(x + shifts))
                ahead, behind = traces[:, 1 : len(x) + 1], traces[:, len(x) + 1 :]
                jacobian = (ahead - behind) / (2 * STEP)
                cache.clear()
                cache[x.tobytes()] = traces[:, 0], jacobian
            return cache[x.tobytes()]

        solution = least_squares(
            lambda x: (both(x)[0] - measured) * weights,
            np.zeros(len(start)),
            jac=lambda x: both(x)[1] * weights[:, None],
            x_scale="jac",
            ftol=1e-8,
            max_nfev=max_evaluations,
            bounds=(-3.0, 3.0),
        )
        degrees = np.count_nonzero(weights) - len(start)
        covariance = np.linalg.pinv(solution.jac.T @ solution.jac) * 2 * solution.cost / degrees
        errors = np.sqrt(np.diag(covariance))
        residual = both(solution.x)[0] - measured
        fitted = dict(zip(self.free, start * np.exp(solution.x), strict=True))
        return Fit(
            self.circuit.with_values(**fitted),
            self.free,
            errors,
            covariance / np.outer(errors, errors),
            float(np.sqrt(np.mean(residual**2)) / np.ptp(measured)),
            solution.nfev,
        )


def with_comparators(circuit: Circuit, reference: recorded.Reference) -> Circuit:
    """`circuit` with the recording's pulse width, first weight and comparators.

    The comparators stay as they are if they give all recorded decisions already: a recording fixes
    each bound only between two of its currents.
    """
    circuit = replace(circuit, width=reference.width * second, w_initial=reference.w_initial)
    pair = float(circuit.I_ref), float(circuit.I_SL)
    if (recorded.decide(reference.I_before, *pair) == reference.decision).all():
        return circuit
    I_ref, I_SL = recorded.comparators(reference)
    return replace(circuit, I_ref=I_ref * amp, I_SL=I_SL * amp)


def figure(fit: Fit, I_model: Floats, reference: recorded.Reference) -> plt.Figure:
    """What remains, and the correlations of the parameters."""
    with sns.axes_style("ticks"), plt.rc_context({"font.size": 9}):
        fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    left.plot(reference.t * 1e3, (I_model - reference.I_mem) * 1e12, color="0.3", lw=0.7)
    left.axhline(0, color="0.7", lw=0.6, zorder=0)
    left.set(xlabel="time (ms)", ylabel="model - recorded, open loop (pA)")
    left.set_title(f"NRMSE {100 * fit.nrmse:.3f} %", loc="left")
    sns.despine(ax=left)
    sns.heatmap(
        fit.correlation,
        vmin=-1,
        vmax=1,
        cmap="RdBu_r",
        annot=True,
        fmt=".1f",
        annot_kws={"size": 7},
        square=True,
        ax=right,
        xticklabels=fit.free,
        yticklabels=fit.free,
        cbar_kws={"label": "correlation"},
    )
    return fig


def dataset(fit: Fit, I_model: Floats, reference: recorded.Reference) -> xr.Dataset:
    """Correlation(parameter, parameter_2), and I_mem(time) of model and recording."""
    return xr.Dataset(
        {
            "correlation": (("parameter", "parameter_2"), fit.correlation),
            "I_mem": ("time", I_model, {"units": "A"}),
            "I_mem_reference": ("time", reference.I_mem, {"units": "A"}),
        },
        coords={
            "parameter": list(fit.free),
            "parameter_2": list(fit.free),
            "time": ("time", reference.t, {"units": "s"}),
        },
    )


def table(fit: Fit, errors: Mapping[str, float]) -> dict[str, dict[str, object]]:
    """Rows to show: how well each parameter is determined."""
    values = fit.circuit.values()
    return {
        name: {
            "value": values[name],
            "standard error": errors[name],
            "relative": f"{100 * relative:.2g} %",
            "strongest correlation": _strongest(fit, k),
        }
        for k, (name, relative) in enumerate(zip(fit.free, fit.relative_error, strict=True))
    }


def _strongest(fit: Fit, k: int) -> str:
    others = np.where(np.arange(len(fit.free)) == k, 0, fit.correlation[k])
    other = int(np.argmax(abs(others)))
    return f"{others[other]:+.2f} with {fit.free[other]}"


@click.command(help=f"{__doc__}\n\n{recorded.HELP}")
@click.option(
    "--reference", type=click.Path(path_type=Path), required=True, help="Folder of the recording."
)
@click.option("--experiment", type=click.IntRange(1), default=1, show_default=True)
@circuit_option
@click.option(
    "--until",
    type=click.FloatRange(10),
    callback=finite,
    metavar="MS",
    help="Fit the first MS milliseconds only.",
)
@click.option(
    "--free",
    default=",".join(FREE),
    show_default=True,
    help=f"Parameters to fit, of {', '.join(CANDIDATES)}.",
)
@study_options("calibrate")
def main(
    reference: Path, experiment: int, circuit: Circuit, until: float | None, free: str, **common
) -> None:
    out, device, names = common["out"], common["device"], tuple(free.split(","))
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise click.UsageError(f"--free {', '.join(unknown)}: must be of {', '.join(CANDIDATES)}")
    if len(set(names)) < len(names):
        raise click.UsageError(f"--free {free}: names a parameter twice")
    try:
        recording = recorded.read(reference, experiment)
        circuit = with_comparators(circuit, recording)
        sampling(recording)
        part = recording if until is None else recording.until(until * 1e-3)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reference") from error
    check_before_start(out, device)
    click.echo(f"Building the program, {len(names)} free parameters ({device})")
    loop = OpenLoop(circuit, names, part, device)
    fit = loop.fit(5 if common["quick"] else 30)
    values = fit.circuit.values()
    I_model = loop.run(np.tile([values[n] for n in names], (loop.n, 1)))[:, 0]
    errors = {n: float(values[n] * e) for n, e in zip(names, fit.relative_error, strict=True)}
    summary = {
        "nrmse_open_loop": fit.nrmse,
        "evaluations": fit.evaluations,
        **{name: values[name] for name in (*names, "I_ref", "I_SL")},
        **{f"standard_error_{name}": error for name, error in errors.items()},
        "provenance": provenance(
            {"reference": reference, "experiment": experiment, "until_ms": until, **common}
        ),
    }
    data = dataset(fit, I_model, part)
    save(out, summary, data, figure(fit, I_model, part))
    more = {"standard_errors": errors, "nrmse_open_loop": fit.nrmse}
    whole(out / "parameters.json", lambda path: fit.circuit.save(path, **more))
    show(table(fit, errors), f"fitted in SI units, NRMSE in open loop {100 * fit.nrmse:.4f} %")
    click.echo(f"parameters for studies.circuit --parameters: {out / 'parameters.json'}")


if __name__ == "__main__":
    main()
