"""The experiments of the paper's section IV: their pulses and their circuits, compiled."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from brian2 import TimedArray, second

from ebn_brian import devices
from ebn_brian.checks import Floats, Integers
from ebn_brian.chips.circuit import DT, SAMPLE, SAMPLED, circuit_values, learning_circuit, sampled
from ebn_brian.dpi_model import Circuit, experiment_2

from .reference import Reference, rmse

#: Pulses (s) of the published simulations, and their end (s).
ONSETS: Floats = 4.005e-3 + 5e-3 * np.arange(100, dtype=np.float64)
END = 0.5
#: Circuits in the group: the fit of the fixed synapse tries so many strengths at once.
N_TRIED = 32
#: Least and largest strength of the fixed synapse (LSB) that the fit considers.
STRENGTHS = (0.1, 100.0)


class Experiment:
    """Compiled circuits on the same pulses, to be run with any parameters.

    Parameters
    ----------
    circuit
        Which terms the circuits have, their pulses' width and first counter; and their parameters,
        where no others are given.
    onsets
        Onsets of the pulses (s).
    device
        Target of Brian2.
    fixed
        Whether there is a fixed synapse.
    n_circuits
        Number of circuits; `n_sampled` of them, all by default, are recorded.
    precision
        See `devices.build`.
    follow
        A recording whose counter the circuits follow, instead of their own decisions (open loop).
    """

    def __init__(
        self,
        circuit: Circuit,
        onsets: Floats,
        device: str,
        *,
        fixed: bool = False,
        n_circuits: int = 1,
        n_sampled: int | None = None,
        precision: str = "double",
        follow: Reference | None = None,
    ):
        self.circuit, self.onsets, self.fixed = circuit, onsets, fixed
        self.n_circuits, self.n_sampled = n_circuits, n_sampled or n_circuits

        def make_network():
            counter = None if follow is None else recorded_counter(follow)
            return learning_circuit(
                circuit,
                onsets,
                n_circuits,
                fixed=fixed,
                recorded=counter,
                n_sampled=self.n_sampled,
            )

        self.program = devices.build(make_network, device, precision=precision)

    def values(self, circuits: Sequence[Circuit]) -> dict[str, Floats]:
        """Parameters of the program; `circuits` must have the terms, and one I_SL."""
        each = [circuit_values(circuit, self.fixed) for circuit in circuits]
        values = {f"neurons.{name}": [float(one[name]) for one in each] for name in each[0]}
        values["plastic.eps"] = [circuit.eps for circuit in circuits]
        if self.fixed:
            values["fixed.w"] = [circuit.fixed_w for circuit in circuits]
        more = self.n_circuits - len(circuits)
        arrays = {name: np.pad(np.array(v), (0, more), "edge") for name, v in values.items()}
        if "eps" not in self.circuit.terms:
            del arrays["plastic.eps"]
        return arrays | {"plastic.dead_zone": np.array([2 * float(circuits[0].I_SL)])}

    def run(self, end: float, circuits: Sequence[Circuit] = ()) -> tuple[dict[str, Floats], float]:
        """Samples (n_samples, n_sampled) until `end` (s), and the CPU time (s).

        The first of the circuits have the parameters of `circuits`, and the others the last one's.
        """
        values = self.values(circuits or [self.circuit])
        run = self.program.run(values, duration=(end + 1e-6) * second, read=list(SAMPLED.values()))
        return sampled(run, self.n_sampled), run.cpu_seconds

    def decisions(self, samples: dict[str, Floats]) -> Integers:
        """The decision latched at each pulse, (n_pulses,), of the first circuit."""
        middle = np.searchsorted(samples["t"], self.onsets + float(self.circuit.width) / 2)
        return samples["decision"][middle, 0].astype(int)


def fitted_strength(
    experiment: Experiment, circuit: Circuit, reference: Reference
) -> tuple[float, float]:
    """Strength (LSB) of the fixed synapse that fits all of `reference` best, and the RMSE (A).

    In closed loop and over the whole range of `STRENGTHS`: the error has steps where a decision
    changes. Each round looks more closely between the neighbours of the best strength.
    """
    low, high = STRENGTHS
    for _ in range(4):
        strengths = np.geomspace(low, high, experiment.n_circuits)
        tried = [replace(circuit, fixed_w=float(strength)) for strength in strengths]
        samples, _ = experiment.run(reference.end, tried)
        errors = [rmse(reference, samples["t"], trace) for trace in samples["I_mem"].T]
        best = int(np.argmin(errors))
        low, high = strengths[max(best - 1, 0)], strengths[min(best + 1, len(errors) - 1)]
    return float(strengths[best]), errors[best]


def recorded_counter(reference: Reference) -> TimedArray:
    """The counter of a recording, for circuits that follow it."""
    steps = sampling(reference) * round(float(SAMPLE / DT))
    return TimedArray(np.repeat(reference.weight, steps), dt=DT, name="recorded")


def sampling(reference: Reference) -> int:
    """Steps of the recording's grid in units of 50 us; ValueError if it is no whole number."""
    ratio = (reference.t[1] - reference.t[0]) / float(SAMPLE)
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 0.02:
        raise ValueError(f"t_s has steps of {ratio * 50:.4g} us: calibration needs multiples of 50")
    return round(ratio)


def as_recorded(circuit: Circuit, reference: Reference) -> Circuit:
    """`circuit` with the recording's pulse width and first counter."""
    return replace(circuit, width=reference.width * second, w_initial=reference.w_initial)


def _circuit(_context, _parameter, file: Path | None) -> Circuit:
    try:
        return experiment_2() if file is None else Circuit.load(file)
    except (ValueError, OSError) as error:
        raise click.BadParameter(str(error)) from error


#: The option ``--parameters`` of all studies of circuits; gives a command its `circuit`.
circuit_option = click.option(
    "--parameters",
    "circuit",
    type=click.Path(path_type=Path),
    callback=_circuit,
    help="Parameters of the circuit, a file of studies.calibrate  [default: the published ones]",
)
