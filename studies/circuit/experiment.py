"""The experiments of the paper's section IV: their pulses and their circuits, compiled."""

from pathlib import Path

import click
import numpy as np
from brian2 import second
from numpy.typing import ArrayLike

from ebn_brian import devices
from ebn_brian.checks import Floats, Integers
from ebn_brian.chips.circuit import SAMPLED, learning_circuit, sampled
from ebn_brian.dpi_model import Circuit, experiment_1

from .reference import Reference, rmse

#: Pulses (s) of the published simulations, and their end (s).
ONSETS: Floats = 4.005e-3 + 5e-3 * np.arange(100, dtype=np.float64)
END = 0.5
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
    n_circuits
        Number of circuits; `n_sampled` of them, all by default, are recorded.
    """

    def __init__(
        self,
        circuit: Circuit,
        onsets: Floats,
        device: str,
        fixed: str | None = None,
        n_circuits: int = 1,
        n_sampled: int | None = None,
    ):
        self.onsets, self.width, self.fixed = onsets, float(circuit.width), fixed
        self.n_circuits, self.n_sampled = n_circuits, n_sampled or n_circuits
        self.program = devices.build(
            lambda: learning_circuit(
                circuit, onsets, n_circuits, fixed=fixed, n_sampled=self.n_sampled
            ),
            device,
        )

    def run(self, end: float, strengths: ArrayLike = 0.0) -> tuple[dict[str, Floats], float]:
        """Samples (n_samples, n_sampled) until `end` (s) with fixed synapses of `strengths` (LSB),
        and the CPU time (s)."""
        values = {"fixed.w": np.broadcast_to(strengths, self.n_circuits)} if self.fixed else {}
        run = self.program.run(values, duration=(end + 1e-6) * second, read=list(SAMPLED.values()))
        return sampled(run, self.n_sampled), run.cpu_seconds

    def fit(self, reference: Reference) -> tuple[float, float]:
        """Strength (LSB) that fits all of `reference` best, and the RMSE (A) that remains.

        In closed loop and over the whole range of `STRENGTHS`: the error has steps where a decision
        changes. Each round looks more closely between the neighbours of the best strength.
        """
        low, high = STRENGTHS
        for _ in range(4):
            strengths = np.geomspace(low, high, self.n_circuits)
            samples, _ = self.run(reference.end, strengths)
            errors = [rmse(reference, samples["t"], trace) for trace in samples["I_mem"].T]
            best = int(np.argmin(errors))
            low, high = strengths[max(best - 1, 0)], strengths[min(best + 1, len(errors) - 1)]
        return float(strengths[best]), errors[best]

    def decisions(self, samples: dict[str, Floats]) -> Integers:
        """The decision latched at each pulse, (n_pulses,), of the first circuit."""
        middle = np.searchsorted(samples["t"], self.onsets + self.width / 2)
        return samples["decision"][middle, 0].astype(int)


def _circuit(_context, _parameter, file: Path | None) -> Circuit:
    try:
        return experiment_1() if file is None else Circuit.load(file)
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
