"""Closed loop, and how well what some recordings tell predicts the others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ebn_brian.dpi_model import Circuit

from ..circuit.experiment import N_TRIED, fitted_strength
from ..circuit.reference import compare
from .fit import Free, OpenLoop, nrmse
from .procedure import Calibration
from .recordings import Recording, compiled

#: A strength that the fitted recordings do not have is fitted to so much of the predicted one (s).
FIRST = 0.05
Measures = dict[str, float]


class ClosedLoop:
    """Circuits with decisions of their own on the pulses of recordings, compiled once."""

    def __init__(self, circuit: Circuit, recordings: Sequence[Recording], device: str):
        self.recordings = {recording.number: recording for recording in recordings}
        self.programs = compiled(circuit, recordings, device, N_TRIED, follow=False)

    def measures(self, circuit: Circuit, number: int, strength_known: bool = True) -> Measures:
        """How `circuit` compares with a recording; with a strength fitted first if need be."""
        experiment, recording = self.programs[number], self.recordings[number]
        reference = recording.reference
        if recording.fixed and not strength_known:
            first = reference.until(reference.t[0] + FIRST)
            circuit = replace(circuit, fixed_w=fitted_strength(experiment, circuit, first)[0])
        samples, _ = experiment.run(reference.end, [circuit])
        traces = samples["I_mem"][:, 0], samples["code"][:, 0]
        decision = experiment.decisions(samples)
        numbers = compare(reference, samples["t"], *traces, decision)
        return numbers | ({"fixed_synapse_lsb": circuit.fixed_w} if recording.fixed else {})


def cross_validation(
    closed: ClosedLoop, calibrations: Mapping[str, Calibration]
) -> dict[tuple[str, int], Measures]:
    """Measures of every calibration (by what it was fitted to) on every recording."""
    return {
        (label, number): closed.measures(
            found.best.circuit, number, strength_known="fixed_w" in found.best.free
        )
        for label, found in calibrations.items()
        for number in closed.recordings
    }


def left_out(loop: OpenLoop, found: Calibration, free: Free) -> dict[tuple[int, int], float]:
    """Open-loop error over each segment (number, k) of a fit without it, over the whole range."""
    errors = {}
    for number, recording in loop.recordings.items():
        for k, segment in enumerate(recording.segments):
            fit = loop.fit(found.best.circuit, free, without=(number, segment))
            errors[number, k] = nrmse(recording, fit.traces[number], recording.within(segment))
    return errors
