"""Made-up recordings of circuits with known parameters, as an oscilloscope would give them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ebn_brian.dpi_model import Circuit
from studies.calibrate import made_up
from studies.circuit.reference import Reference

#: Pulses (s) of the recordings.
ONSETS = 4e-3 + 5e-3 * np.arange(100)
NAMES = {1: "INC", 0: "HOLD", -1: "DEC"}


def record(
    circuits: list[Circuit], noise: float, fixed: bool, seed: int, onsets: np.ndarray = ONSETS
) -> list[Reference]:
    """As the study makes them up."""
    return made_up.record(circuits, onsets, "cpp_fused", fixed=fixed, noise=noise, seed=seed)


def write(folder: Path, number: int, recording: Reference, unit: float = 1.0) -> None:
    """The recording as files; times of the trace in `unit` (s)."""
    rows = zip(recording.t / unit, recording.I_mem, recording.weight, strict=True)
    lines = [f"{t:.8g},{current:.6e},{weight:.0f},0" for t, current, weight in rows]
    head = "t_s,I_mem_A,bit_value,input"
    (folder / f"sim{number}_50us.csv").write_text("\n".join([head, *lines]) + "\n")
    rows = zip(recording.onsets, recording.I_before, recording.decision, strict=True)
    lines = [
        f"{on:.7f},{on + recording.width:.7f},{before:.6e},{NAMES[d]}" for on, before, d in rows
    ]
    head = "t_on_s,t_off_s,I_before_A,decision"
    (folder / f"events_sim{number}.csv").write_text("\n".join([head, *lines]) + "\n")


def constant(recording: Reference, current: float = 1e-9) -> Reference:
    """The same with a flat trace."""
    flat = np.full(len(recording.t), current)
    return replace(recording, I_mem=flat, I_before=np.full(len(recording.onsets), current))
