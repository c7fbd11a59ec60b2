"""Least squares in open loop, and what it says of each parameter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from ebn_brian.checks import Floats
from ebn_brian.dpi_model import RANGES, Circuit

from ..circuit.experiment import sampling
from .parameters import changed
from .recordings import Recording, compiled

#: Half the step of the central differences, in the logarithm of a parameter.
STEP = 1e-4
#: Singular values (of columns of length 1) below which the samples do not notice a direction.
NULL = 1e-6
#: A parameter whose relative standard error is above this is not fixed by the recordings.
LOOSE = 1.0
Free = Mapping[str, Sequence[str]]
#: Number of a recording, and a span of time (s) in it.
Segment = tuple[int, tuple[float, float]]


@dataclass(frozen=True)
class Fit:
    """A fitted circuit and how well each parameter is determined."""

    circuit: Circuit
    free: tuple[str, ...]
    value: Floats  # SI, (n_free,)
    error: Floats  # standard error over value, (n_free,); infinite: not fixed by the recordings
    correlation: Floats  # (n_free, n_free); nan with what is not fixed
    traces: dict[int, Floats]  # I_mem (A) of each recording, open loop
    nrmse: dict[int, float]  # the same against the recording
    cost: float
    evaluations: int

    @property
    def values(self) -> dict[str, float]:
        """Fitted values (SI) by name."""
        return dict(zip(self.free, self.value.tolist(), strict=True))

    @property
    def errors(self) -> dict[str, float]:
        """Standard errors (SI) by name."""
        return dict(zip(self.free, (self.value * self.error).tolist(), strict=True))


class OpenLoop:
    """Circuits that follow the recorded counters, compiled once for each recording.

    Parameters
    ----------
    circuit
        Which terms they have.
    recordings
        What they follow.
    n_free
        Most parameters that a fit may have.
    device
        Target of Brian2.
    """

    def __init__(self, circuit: Circuit, recordings: Sequence[Recording], n_free: int, device: str):
        self.recordings = {recording.number: recording for recording in recordings}
        self.programs = compiled(circuit, recordings, device, 2 * (n_free + 1) + 1, follow=True)

    def traces(self, number: int, circuits: Sequence[Circuit]) -> Floats:
        """``I_mem`` (A) on the grid of a recording, (n_samples, n_circuits)."""
        reference = self.recordings[number].reference
        samples, _ = self.programs[number].run(float(reference.t[-1]), circuits)
        every = sampling(reference)
        return samples["I_mem"][::every][: len(reference.t), : len(circuits)]

    def fit(
        self,
        circuit: Circuit,
        free: Free,
        *,
        numbers: Sequence[int] | None = None,
        without: Segment | None = None,
        eps_error: float = 0.0,
        max_evaluations: int = 40,
    ) -> Fit:
        """Least squares in the logarithms of the `free` parameters, from `circuit`.

        Parameters
        ----------
        circuit
            Where the fit begins, and all that is not free.
        free
            The names to fit, and the parameters of `Circuit` that each sets.
        numbers
            The recordings to fit; all by default.
        without
            A segment that does not count.
        eps_error
            Standard error of ``circuit.eps``, which adds to those of the free parameters.
        """
        used = [self.recordings[n] for n in (self.recordings if numbers is None else numbers)]
        problem = _Problem(self, circuit, free, used, without)
        solution = least_squares(
            problem.residual,
            np.zeros(len(free)),
            jac=problem.jacobian,
            x_scale="jac",
            ftol=1e-8,
            xtol=1e-7,
            max_nfev=max_evaluations,
            bounds=problem.bounds(),
        )
        covariance = problem.covariance(solution.x, eps_error)
        error = np.sqrt(np.diag(covariance))
        error = np.where(error < LOOSE, error, np.inf)
        with np.errstate(invalid="ignore"):
            correlation = covariance / np.outer(error, error)
        traces = {r.number: problem.at(solution.x)[r.number][:, 0] for r in used}
        return Fit(
            problem.circuit(solution.x),
            tuple(free),
            problem.start * np.exp(solution.x),
            error,
            correlation + np.where(np.isinf(error), np.nan, 0),
            traces,
            {r.number: nrmse(r, traces[r.number]) for r in used},
            float(solution.cost),
            int(solution.nfev),
        )


def nrmse(recording: Recording, trace: Floats, within: np.ndarray | None = None) -> float:
    """Root-mean-square error over the recording's range, of the samples `within`."""
    measured = recording.reference.I_mem
    error = (trace - measured)[slice(None) if within is None else within]
    return float(np.sqrt(np.mean(error**2)) / np.ptp(measured))


class _Problem:
    """Residuals of some recordings as a function of the logarithms of the parameters."""

    def __init__(
        self,
        loop: OpenLoop,
        circuit: Circuit,
        free: Free,
        recordings: Sequence[Recording],
        without: Segment | None,
    ):
        self.loop, self.begin, self.free, self.recordings = loop, circuit, free, recordings
        values = circuit.values()
        self.start = np.array([values[members[0]] for members in free.values()])
        self.weights = {r.number: r.weights for r in recordings}
        if without is not None and without[0] in self.weights:
            part = loop.recordings[without[0]].within(without[1])
            self.weights[without[0]] = np.where(part, 0, self.weights[without[0]])
        self.cache: tuple[bytes, dict[int, Floats]] | None = None

    def circuit(self, x: Floats) -> Circuit:
        """The circuit at `x`."""
        values = dict(zip(self.free, self.start * np.exp(x), strict=True))
        return changed(self.begin, values, self.free)

    def bounds(self) -> tuple[Floats, Floats]:
        """Least and largest `x`: a factor of 20, and what a circuit may have."""
        members = [RANGES[member] for member, *_ in self.free.values()]
        limits = np.array([[float(low), float(high)] for low, high, _ in members]).T
        with np.errstate(divide="ignore"):
            low, high = np.log(np.maximum(limits, 0) / self.start)
        return np.maximum(low + 2 * STEP, -3.0), np.minimum(high - 2 * STEP, 3.0)

    def at(self, x: Floats) -> dict[int, Floats]:
        """Traces at `x`, and ahead of it and behind it in each direction; with eps as the last."""
        if self.cache is None or self.cache[0] != x.tobytes():
            shifts = STEP * np.eye(len(x))
            circuits = [self.circuit(x + shift) for shift in (0 * x, *shifts, *-shifts)]
            eps = circuits[0].eps
            circuits += [circuits[0].with_values(eps=eps + STEP)]
            circuits += [circuits[0].with_values(eps=eps - STEP)]
            traces = {r.number: self.loop.traces(r.number, circuits) for r in self.recordings}
            self.cache = x.tobytes(), traces
        return self.cache[1]

    def residual(self, x: Floats) -> Floats:
        """Weighted errors of all samples."""
        at = self.at(x)
        return np.concatenate(
            [
                (at[r.number][:, 0] - r.reference.I_mem) * self.weights[r.number]
                for r in self.recordings
            ]
        )

    def jacobian(self, x: Floats, eps: bool = False) -> Floats:
        """Their derivatives; with `eps` that with respect to it."""
        at, n = self.at(x), len(x)
        rows = []
        for r in self.recordings:
            ahead, behind = at[r.number][:, 1 : n + 1], at[r.number][:, n + 1 : 2 * n + 1]
            if eps:
                ahead, behind = at[r.number][:, -2:-1], at[r.number][:, -1:]
            rows.append((ahead - behind) / (2 * STEP) * self.weights[r.number][:, None])
        return np.concatenate(rows)

    def covariance(self, x: Floats, eps_error: float) -> Floats:
        """Of the logarithms of the parameters: a pulse and what follows it is one observation.

        The sandwich of White (1980) and Liang and Zeger (1986) by clusters, which holds whatever
        the correlation of errors within a pulse; and the part that the error of eps brings in.
        """
        J, e = self.jacobian(x), self.residual(x)
        scale = np.linalg.norm(J, axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        _, s, axes = np.linalg.svd(J / scale, full_matrices=False)
        inverse = axes.T / np.maximum(s, NULL) ** 2 @ axes / np.outer(scale, scale)
        clusters, start = [], 0
        for r in self.recordings:
            for pulse in np.unique(r.pulse):
                part = start + np.flatnonzero(r.pulse == pulse)
                clusters.append(J[part].T @ e[part])
            start += len(r.pulse)
        scores = np.array(clusters)
        few = len(scores) / max(len(scores) - len(x), 1)
        covariance = inverse @ (scores.T @ scores) @ inverse * few
        shift = inverse @ (J.T @ self.jacobian(x, eps=True)[:, 0])
        covariance += np.outer(shift, shift) * eps_error**2
        # along such an axis nothing changes, and so there is no error either
        moves_nothing = (np.abs(axes[s < NULL]) > 1e-3).any(axis=0)
        covariance[moves_nothing, moves_nothing] = np.inf
        return covariance
