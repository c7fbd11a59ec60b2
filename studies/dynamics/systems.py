"""The systems that networks are taught: an oscillator, nonlinear systems, the user's own.

Signals are in units of the decoders' length. `resolution` says how long that is beside the signal
in its own units, which also sets how many spikes there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, second

from ebn_brian import checks, signals
from ebn_brian.checks import Floats
from ebn_brian.seeds import generator
from ebn_brian.signals import Drive
from ebn_brian.training import DT, steps

from ..learning.input import open_recording

OSCILLATOR = np.array([[-1.0, -8.0], [8.0, -1.0]])
#: Root mean square of a linear system's signal, in its own units.
RMS = 2.7
#: A test: driven, then left to itself; signals of recordings are held, then let go and judged.
DRIVEN, FREE, PULSED = 6 * second, 2 * second, 20 * second
HELD, JUDGED = 2 * second, 1 * second


def bistable(x: Floats) -> Floats:
    """``4 x (1 - x**2)``: at rest at -1 and at 1."""
    return 4 * x * (1 - x**2)


def spring(x: Floats) -> Floats:
    """Place and speed on a spring that hardens, ``5 (x_0/5 + x_0**3)``, with friction of 2/s."""
    place, speed = x[..., 0], x[..., 1]
    return np.stack([5 * speed, -place - 5 * place**3 - 2 * speed], axis=-1)


@dataclass(frozen=True)
class Nonlinear:
    """A flow that is not linear, what pushes it, and how it is taught."""

    flow: Callable[[Floats], Floats]
    pulses: tuple[float, float]
    """Smallest and largest, 1/s; they push the last signal for 150 ms."""
    gain: float
    """Of features ``tanh(Q x_hat + theta)``: standard deviation of Q, for signals in own units."""
    spread: float
    """Thresholds theta are even from minus this to this."""
    K: Quantity
    etas: tuple[float, ...]
    """Feedback and learning rates (1/s**2), equally long."""
    linear_etas: tuple[float, ...]
    """Learning rates where there are no features."""
    wells: bool = False
    """Whether what counts is the sign of the signal."""


BISTABLE = Nonlinear(bistable, (10, 14), 1.5, 2, 50 * Hz, (2.5, 1.0, 0.25), (5.0,), wells=True)
SPRING = Nonlinear(spring, (6, 12), 2, 4, 100 * Hz, (20.0, 5.0, 1.0), (0.5, 0.2, 0.1))


@dataclass(frozen=True)
class System:
    """``dx/dt = f(x) + c``, with ``f(x) = A x`` of a matrix, in 1/s, or the flow of `nonlinear`."""

    name: str
    n_signals: int
    tau_m: Quantity
    resolution: float
    A: Floats | None = None
    nonlinear: Nonlinear | None = None
    strength: float = 8.0
    """Of the command: standard deviation, 1/s."""
    recording: Drive | None = None
    n_steps: int = 0
    linear_weights: bool = False
    """Whether it is to be taught without features although it is nonlinear."""

    @property
    def group(self) -> str:
        """The group that learns slow weights."""
        return "features" if self.nonlinear and not self.linear_weights else "neurons"

    def flow(self, x: Floats) -> Floats:
        """``f(x)`` in the system's own units, (..., n_signals)."""
        return self.nonlinear.flow(x) if self.nonlinear else x @ np.asarray(self.A).T

    def drive(self, duration: Quantity, seed: int, stream: str, driven: Quantity) -> Quantity:
        """Command and drive of the signal to be followed, (n_steps, 2 n_signals).

        The command ends after the time `driven`. A recording has none; the ``test`` is its last
        quarter.
        """
        if self.recording is not None:
            end = signals.training_steps(self.n_steps)
            first, length = (end, self.n_steps - end) if "test" in stream else (0, end)
            n = min(steps(duration), length) if "test" in stream else steps(duration)
            part = signals.window(self.recording(first, length), 0, n)
            return np.hstack([np.zeros(part.shape), np.asarray(part)]) / self.resolution * Hz
        c = self._command(duration, seed, stream)
        c[steps(driven) :] = 0
        x = self._path(c)
        followed = c + self.flow(x) + x / float(self.tau_m)
        return np.hstack([c, followed]) / self.resolution * Hz

    def _command(self, duration: Quantity, seed: int, stream: str) -> Floats:
        if self.nonlinear is None:
            std = self.strength * Hz
            return np.array(
                signals.smoothed_noise(
                    duration, self.n_signals, seed, std=std, sigma=100 * ms, stream=stream
                )
            )
        rng, c = generator(seed, stream), np.zeros((steps(duration), self.n_signals))
        t = 0.2
        while t < float(duration):
            pulse = slice(steps(t * second), steps((t + 0.15) * second))
            c[pulse, -1] = rng.choice([-1, 1]) * rng.uniform(*self.nonlinear.pulses)
            t += rng.uniform(0.6, 1.4)
        return c

    def _path(self, c: Floats) -> Floats:
        """The signal of a command, forward Euler."""
        x, dt = np.zeros(c.shape), float(DT)
        for k in range(len(c) - 1):
            x[k + 1] = x[k] + dt * (self.flow(x[k]) + c[k])
        return x


def open_system(options: Mapping[str, Any]) -> System:
    """The system of the command line.

    Raises
    ------
    ValueError
        If a file holds neither a stable matrix nor a recording that is long enough.
    """
    name = options["system"]
    if name == "bistable":
        return System(name, 1, 50 * ms, 0.1, nonlinear=BISTABLE)
    if name == "spring":
        return System(name, 2, 200 * ms, 0.025, nonlinear=SPRING)
    if name == "oscillator":
        return System(name, 2, 100 * ms, 0.1, OSCILLATOR)
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"--system {name}: must be oscillator, bistable, spring or a file")
    A = read_matrix(path)
    if A is None:
        return recorded(path, options)
    return linear(path.name, A)


def recorded(path: Path, options: Mapping[str, Any]) -> System:
    """The system behind a recording."""
    recording = open_recording({**options, "signal": path})
    duration, needed = recording.n_steps * DT, 4 * (HELD + JUDGED)
    if duration < needed:
        raise ValueError(
            f"--system {path}: is {float(duration):.4g} s long: must be at least "
            f"{float(needed):g} s, since a network is held for {float(HELD):g} s and judged for "
            f"{float(JUDGED):g} s in the last quarter"
        )
    return System(
        path.name, recording.n_signals, 50 * ms, 0.25, recording=recording.drive,
        n_steps=recording.n_steps,
    )  # fmt: skip


def linear(name: str, A: Floats) -> System:
    """The system of a matrix, in 1/s, with a command for which its signal is as large as `RMS`."""
    A = checks.finite(f"--system {name}", A)
    fastest, slowest = np.abs(np.linalg.eigvals(A)).max(), np.linalg.eigvals(A).real.max()
    if slowest >= 0:
        raise ValueError(
            f"--system {name}: has an eigenvalue with real part {slowest:.3g} 1/s: all must be "
            "negative, or the signal grows without bound"
        )
    if fastest > 200:
        raise ValueError(
            f"--system {name}: has an eigenvalue of {fastest:.4g} 1/s: must be at most 200, since "
            "the matrix is in 1/s and a neuron spikes at some 10 Hz"
        )
    system = System(name, len(A), 100 * ms, 0.1, A, strength=1.0)
    x = system._path(system._command(20 * second, 1, "scale"))
    return replace(system, strength=RMS / float(np.sqrt(np.mean(x**2))))


def read_matrix(path: Path) -> Floats | None:
    """A square matrix of a NPY file or a table without a head; None if it holds another thing."""
    try:
        if path.suffix == ".npy":
            A = np.load(path, allow_pickle=False)
        else:
            text = path.read_text().replace(",", " ").replace(";", " ")
            A = np.loadtxt(text.splitlines(), ndmin=2)
    except (ValueError, UnicodeDecodeError):
        return None
    square = A.ndim == 2 and A.shape[0] == A.shape[1] and A.shape[0] <= 16
    return A.astype(float) if square else None
