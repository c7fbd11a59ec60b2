"""Made-up recordings of circuits with known parameters: does the procedure find what is there?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from ebn_brian.checks import Floats
from ebn_brian.dpi_model import Circuit
from ebn_brian.seeds import generator

from ..circuit.experiment import Experiment
from ..circuit.reference import Reference
from .fit import Free, OpenLoop
from .procedure import calibrate
from .recordings import Recording

#: Coefficient of variation of the gains of made-up circuits, and noise (A) of every sample.
SPREAD = {"gain_e": 0.05, "gain_i": 0.05}
NOISE = 5e-12


def unlike(
    circuit: Circuit, cvs: Mapping[str, float], seed: int, tied: Mapping[str, Sequence[str]] = {}
) -> Circuit:
    """`circuit` with lognormal factors on some parameters; `tied` ones get the same factor."""
    values = circuit.values()
    rng = generator(seed, "made up")
    factors = {name: float(np.exp(rng.normal(0, cv))) for name, cv in cvs.items()}
    changes = {t: values[t] * f for name, f in factors.items() for t in tied.get(name, (name,))}
    return circuit.with_values(**changes)


def record(
    circuits: Sequence[Circuit],
    onsets: Floats,
    device: str,
    *,
    fixed: bool,
    noise: float,
    seed: int,
) -> list[Reference]:
    """One recording of each circuit, with white `noise` (A) on every sample, 50 us apart."""
    compiled = Experiment(circuits[0], onsets, device, fixed=fixed, n_circuits=len(circuits))
    samples, _ = compiled.run(float(onsets[-1]) + 5e-3, circuits)
    before = np.searchsorted(samples["t"], onsets)
    middle = np.searchsorted(samples["t"], onsets + 0.5e-3)
    recordings = []
    for k, current in enumerate(samples["I_mem"].T):
        measured = current + generator(seed, "noise", k).normal(0, noise, len(current))
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


def made_up(
    circuit: Circuit, used: Sequence[Recording], n: int, seed: int, device: str
) -> tuple[list[Circuit], list[list[Recording]]]:
    """`n` circuits like `circuit`, and recordings of each on the pulses of those `used`."""
    truths = [unlike(circuit, SPREAD, seed + k) for k in range(n)]
    by_number = []
    for r in used:
        own = [truth if r.fixed else replace(truth, fixed_w=0.0) for truth in truths]
        references = record(
            own, r.reference.onsets, device, fixed=r.fixed, noise=NOISE, seed=seed + r.number
        )
        by_number.append([Recording(r.number, reference, r.fixed) for reference in references])
    return truths, [list(each) for each in zip(*by_number, strict=True)]


def recovered(
    circuit: Circuit,
    start: Circuit,
    free: Free,
    used: Sequence[Recording],
    *,
    n: int,
    seed: int,
    device: str,
) -> dict[str, Floats]:
    """Deviations of what is found from what is there, in standard errors, by parameter, (n,).

    Each is calibrated from `start` as the user's recordings are, without other starts.
    """
    truths, recordings = made_up(circuit, used, n, seed, device)
    apart: dict[str, list[float]] = {}
    for truth, own in tqdm(zip(truths, recordings, strict=True), "made up", n, leave=False):
        loop = OpenLoop(start, own, len(free), device)
        found = calibrate(loop, start, free, [r.number for r in own])
        values, errors, true = found.best.values, found.best.errors, truth.values()
        for name, members in free.items():
            apart.setdefault(name, []).append((values[name] - true[members[0]]) / errors[name])
        if found.eps is not None:
            apart.setdefault("eps", []).append((found.eps[0] - truth.eps) / found.eps[1])
    return {name: np.array(deviations) for name, deviations in apart.items()}
