"""Made-up recordings of circuits with known parameters, as an oscilloscope would give them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ebn_brian.dpi_model import Circuit
from ebn_brian.seeds import generator
from studies.circuit.experiment import Experiment
from studies.circuit.reference import Reference

#: Pulses (s) of the recordings.
ONSETS = 4e-3 + 5e-3 * np.arange(100)
NAMES = {1: "INC", 0: "HOLD", -1: "DEC"}


def unlike(circuit: Circuit, cvs: Mapping[str, float], seed: int, tied: Mapping = {}) -> Circuit:
    """`circuit` with lognormal factors on some parameters; `tied` ones get the same factor."""
    values = circuit.values()
    rng = generator(seed, "made up")
    factors = {name: float(np.exp(rng.normal(0, cv))) for name, cv in cvs.items()}
    changes = {t: values[t] * f for name, f in factors.items() for t in tied.get(name, (name,))}
    return circuit.with_values(**changes)


def record(
    circuits: list[Circuit], noise: float, fixed: bool, seed: int, onsets: np.ndarray = ONSETS
) -> list[Reference]:
    """One recording of each circuit, with white `noise` (A) on every sample, 50 us apart."""
    compiled = Experiment(circuits[0], onsets, "cpp_fused", fixed=fixed, n_circuits=len(circuits))
    end = float(onsets[-1]) + 5e-3
    samples, _ = compiled.run(end, circuits)
    before = np.searchsorted(samples["t"], onsets)
    middle = np.searchsorted(samples["t"], onsets + 0.5e-3)
    recordings = []
    for k, current in enumerate(samples["I_mem"].T):
        rng = generator(seed, "noise", k)
        measured = current + rng.normal(0, noise, len(current))
        recordings.append(
            Reference(
                samples["t"],
                measured,
                samples["code"][:, k],
                onsets,
                float(circuits[k].width),
                measured[before],
                samples["decision"][middle, k].astype(int),
            )
        )
    return recordings


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
