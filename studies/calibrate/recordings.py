"""The recordings that a circuit is fitted to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from re import fullmatch

import numpy as np
from brian2 import amp, second

from ebn_brian.checks import Floats
from ebn_brian.dpi_model import Circuit

from ..circuit import reference as recorded
from ..circuit.agreement import check
from ..circuit.experiment import Experiment, as_recorded, sampling

#: Errors count relative to the current, but below this part of its largest value absolutely.
FLOOR = 0.03
#: The bias is off while the current is below this part of its largest value.
DARK = 3e-3


@dataclass(frozen=True)
class Recording:
    """A recorded experiment, and whether a fixed synapse takes part in it."""

    number: int
    reference: recorded.Reference
    fixed: bool

    @property
    def weights(self) -> Floats:
        """Weights (1/A) of the samples' errors; none before the input is switched on."""
        current = self.reference.I_mem
        scale = 1 / (current + FLOOR * current.max())
        return np.where(current > DARK * current.max(), scale, 0)

    @property
    def pulse(self) -> np.ndarray:
        """For each sample the number of the last pulse before it; -1 before the first."""
        return np.searchsorted(self.reference.onsets, self.reference.t, side="right") - 1

    @property
    def segments(self) -> list[tuple[float, float]]:
        """Four quarters (s) of the time from the first pulse on."""
        bounds = np.linspace(self.reference.onsets[0], self.reference.t[-1], 5)
        return list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))

    def within(self, segment: tuple[float, float]) -> np.ndarray:
        """Which samples lie in a segment (s)."""
        return (self.reference.t >= segment[0]) & (self.reference.t <= segment[1])


def compiled(
    circuit: Circuit, recordings: Sequence[Recording], device: str, n_circuits: int, follow: bool
) -> dict[int, Experiment]:
    """`n_circuits` circuits on the pulses of each recording; they may `follow` its counter."""
    return {
        r.number: Experiment(
            to_compile(circuit, r),
            r.reference.onsets,
            device,
            fixed=r.fixed,
            n_circuits=n_circuits,
            follow=r.reference if follow else None,
        )
        for r in recordings
    }


def found(folder: Path) -> list[int]:
    """Numbers of the recordings in a folder; ValueError if there are none."""
    names = (fullmatch(r"sim(\d+)_50us\.csv", path.name) for path in folder.glob("sim*_50us.csv"))
    numbers = sorted(int(match[1]) for match in names if match)
    if not numbers:
        raise ValueError(f"{folder}: no recording there, simN_50us.csv cannot be read")
    return numbers


def read(
    folder: Path, numbers: Sequence[int], fixed: Collection[int], until: float | None
) -> list[Recording]:
    """The recordings, each until `until` (s) where that is given.

    Raises
    ------
    ValueError
        If a file is missing, or is none to fit a circuit to.
    """
    recordings = []
    for number in numbers:
        reference = check(recorded.read(folder, number))
        sampling(reference)
        reference = reference if until is None else reference.until(until)
        recordings.append(Recording(number, reference, number in fixed))
    return recordings


def with_comparators(
    circuit: Circuit, recordings: Sequence[Recording], traces: Mapping[int, Floats] | None = None
) -> Circuit:
    """`circuit` with the comparators of the recorded decisions.

    A recording fixes each bound only between two of its currents. The `traces` of a model that
    followed the recordings narrow that down, to where the model would have decided so as well. The
    comparators stay as they are if they give all these decisions already, or if the recordings fix
    none, for lack of a decision.
    """
    before = [r.reference.I_before for r in recordings]
    if traces is not None:
        before += [_before(r.reference, traces[r.number]) for r in recordings]
    currents = np.concatenate(before)
    decision = np.tile(
        np.concatenate([r.reference.decision for r in recordings]), 1 if traces is None else 2
    )
    pair = float(circuit.I_ref), float(circuit.I_SL)
    kept = (recorded.decide(currents, *pair) == decision).all()
    if kept or set(decision) != set(recorded.DECISIONS.values()):
        return circuit
    I_ref, I_SL = recorded.comparators(currents, decision)
    return replace(circuit, I_ref=I_ref * amp, I_SL=I_SL * amp)


def _before(reference: recorded.Reference, trace: Floats) -> Floats:
    """What a trace (A) holds just before each pulse."""
    return np.interp(reference.onsets, reference.t, trace)


def to_compile(circuit: Circuit, recording: Recording) -> Circuit:
    """`circuit` with the recording's pulses, and with a DAC whose eps can be set at run time."""
    return replace(as_recorded(circuit, recording.reference), eps=circuit.eps or 1e-3)


def with_start(circuit: Circuit, recordings: Sequence[Recording]) -> Circuit:
    """`circuit` whose input is switched on when the recorded currents begin to rise."""
    rises = [r.reference.t[np.argmax(r.weights > 0)] for r in recordings]
    return replace(circuit, t_start=max(float(np.median(rises)), 1e-6) * second)
