"""The phases of the GPU report: what each builds, runs and compares."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from brian2 import Quantity, second

from ebn_brian import devices
from ebn_brian.devices.cuda import build_cuda

from .systems import DT, LENGTH, SYSTEMS, Build, build_all
from .work import Work

#: What a phase finds out, name by name.
Results = Iterator[tuple[str, object]]


@dataclass(frozen=True)
class Clock:
    """How much time is left."""

    end: float

    @property
    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()

    def limit(self, share: float = 1.0) -> Quantity:
        """What is left, or a share of it, as a time for Brian2; TimeoutError if nothing is."""
        if self.left <= 0:
            raise TimeoutError("no time was left for it")
        return self.left * share * second


@dataclass(frozen=True)
class Session:
    """What all phases go by."""

    folder: Path
    on_gpu: bool
    clock: Clock
    quick: bool


def same_systems(session: Session) -> Results:
    """Systems free of noise that learn: C++ and CUDA give the same spikes, or the first difference.

    All are built at once.
    """
    names = ["discrete"] if session.quick else list(SYSTEMS)
    n_chips = 4 if session.quick else 20
    targets = ("cpp_fused", devices.CUDA)
    with TemporaryDirectory(prefix="ebn_brian_") as folder:
        builds = [Build(name, device, n_chips) for name in names for device in targets]
        programs = dict(zip(builds, build_all(builds, Path(folder)), strict=True))
        for name in names:
            one, other = (programs[Build(name, device, n_chips)] for device in targets)
            for key, value in same_spikes(session, name, one, other, n_chips):
                yield f"{name}_{key}", value


def same_spikes(
    session: Session, name: str, cpp: devices.Program, cuda: devices.Program, n_chips: int
) -> Results:
    """Both run the system `name`, and are compared."""
    learned = SYSTEMS[name][1]
    read = ["spikes.i", "spikes.t", "spikes.count", learned]
    one = cpp.run(duration=LENGTH, read=read, timeout=session.clock.limit(0.5))
    yield "spikes_cpp", len(one["spikes.i"])
    if not session.on_gpu:
        yield "built_not_run", True
        return
    other = cuda.run(duration=LENGTH, read=read, timeout=session.clock.limit(0.5))
    yield "spikes_cuda", len(other["spikes.i"])
    yield from compare(one, other, learned, n_chips)


def compare(one: devices.Run, other: devices.Run, learned: str, n_chips: int) -> Results:
    """First difference of two runs, and the difference of their rates in standard errors."""
    trains = [
        np.stack([np.rint(run["spikes.t"] / float(DT)), run["spikes.i"]], axis=1)
        for run in (one, other)
    ]
    shorter = min(map(len, trains))
    differ = np.flatnonzero((trains[0][:shorter] != trains[1][:shorter]).any(axis=1))
    equal = len(trains[0]) == len(trains[1]) and not len(differ)
    yield "spikes_equal", equal
    yield "learned_equal", bool(np.array_equal(one[learned], other[learned]))
    if equal:
        return
    k = differ[0] if len(differ) else shorter
    yield (
        "first_difference",
        {
            name: {"step": int(t[k, 0]), "neuron": int(t[k, 1])} if k < len(t) else None
            for name, t in zip(("cpp", "cuda"), trains, strict=True)
        },
    )
    yield "chips_that_differ", differing(one, other, n_chips)
    counts = (run["spikes.count"].reshape(n_chips, -1) for run in (one, other))
    cpp, cuda = (count.mean(axis=1) / float(LENGTH) for count in counts)
    error = np.sqrt((np.var(cpp, ddof=1) + np.var(cuda, ddof=1)) / n_chips)
    apart = abs(np.mean(cpp) - np.mean(cuda)) / max(error, 1e-12)
    yield "rate_hz_cpp", float(np.mean(cpp))
    yield "rate_hz_cuda", float(np.mean(cuda))
    yield "rate_hz_agrees", bool(apart < 2)


def whole_dpi_chips(session: Session) -> Results:
    """Throughput of 1000 learning chips of DPI neurons, single precision, beside one core."""
    n_chips = 4 if session.quick else 1000
    builds = [
        Build("dpi", "cpp_fused", n_chips, "single_arithmetic"),
        Build("dpi", devices.CUDA, n_chips, "single"),
    ]
    with TemporaryDirectory(prefix="ebn_brian_") as folder:
        programs = build_all(builds, Path(folder))
        for name, program in zip(("cpp", "cuda"), programs, strict=True):
            if name == "cuda" and not session.on_gpu:
                yield "built_not_run", True
                return
            run = program.run(
                duration=LENGTH, read=["spikes.count"], timeout=session.clock.limit(0.5)
            )
            yield f"throughput_{name}", n_chips * float(LENGTH) / run.stepping_seconds
            yield f"spikes_{name}", int(run["spikes.count"].sum())


def throughput(session: Session, n_chips: int, length: float) -> Results:
    """Chip-seconds per second elapsed, single precision, CUDA beside one core of C++."""
    work, duration, clock = Work(n_chips, 20, length), length * second, session.clock
    cpp = devices.build(work.network(), precision="single_arithmetic")
    one = cpp.run(duration=duration, read=["spikes.count"], timeout=clock.limit(0.5))
    yield "throughput_cpp", n_chips * length / one.stepping_seconds
    yield "spikes_cpp", int(one["spikes.count"].sum())
    cuda = devices.build(work.network(), devices.CUDA, precision="single")
    if not session.on_gpu:
        yield "built_not_run", True
        return
    begin = time.perf_counter()
    first = cuda.run(duration=duration, read=["spikes.count"], timeout=clock.limit(0.5))
    elapsed = time.perf_counter() - begin
    yield "throughput_cuda", n_chips * length / first.stepping_seconds
    yield "spikes_cuda", int(first["spikes.count"].sum())
    yield "start_up_s_cuda", elapsed - first.stepping_seconds
    yield "chips_that_differ_from_cpp", differing(one, first, n_chips)
    again = cuda.run(duration=duration, read=["spikes.count"], timeout=clock.limit(0.5))
    yield "throughput_cuda_again", n_chips * length / again.stepping_seconds
    yield "chips_that_differ_between_runs", differing(first, again, n_chips)


def brian2cuda(session: Session, n_chips: int, length: float) -> Results:
    """The same by Brian2CUDA's kernels, several a time step, which other networks have.

    Two runs can differ, since what several spikes add to a neuron in one time step is added in any
    order.
    """
    work, duration = Work(n_chips, 20, length), length * second
    program = build_cuda(work.network(), None, np.float32, resident=False)
    if not session.on_gpu:
        yield "built_not_run", True
        return
    limit = session.clock.limit(0.5)
    one, other = (
        program.run(duration=duration, read=["spikes.count"], timeout=limit) for _ in range(2)
    )
    yield "throughput", n_chips * length / one.stepping_seconds
    yield "throughput_again", n_chips * length / other.stepping_seconds
    yield "us_per_step", one.stepping_seconds / work.n_steps * 1e6
    yield "chips_that_differ_between_runs", differing(one, other, n_chips)


def differing(one: devices.Run, other: devices.Run, n_chips: int) -> int:
    """Number of chips that have a neuron with another number of spikes."""
    differ = one["spikes.count"] != other["spikes.count"]
    return int(differ.reshape(n_chips, -1).any(axis=1).sum())


def profile(session: Session) -> Results:
    """Microseconds a step by kernel of Brian2CUDA, at 1000 chips; each waits for the one before."""
    work = Work(100 if session.quick else 1000, 20, 0.5)
    program = devices.build(work.network(), devices.CUDA, precision="single", profile=True)
    if not session.on_gpu:
        yield "built_not_run", True
        return
    run = program.run(duration=work.seconds * second, timeout=session.clock.limit())
    yield "us_per_step", run.stepping_seconds / work.n_steps * 1e6
    for name, seconds in sorted(run.profile.items(), key=lambda item: -item[1]):
        yield f"us_{name}", round(seconds / work.n_steps * 1e6, 3)


def tests(session: Session) -> Results:
    """The tests of programs on the GPU; in a rehearsal those of the toolkit."""
    root = Path(__file__).parents[2]
    folder = root / "tests" / "devices"
    if not folder.exists():
        yield "left_out", "there are no tests beside the studies; run it from a checkout"
        return
    chosen = "on_gpu" if session.on_gpu else "Toolkit"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen]
    with (session.folder / "tests.txt").open("w") as output:
        process = subprocess.run(
            [*command, str(folder)],
            cwd=root,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=float(session.clock.limit()),
        )
    yield "passed", process.returncode == 0
    lines = (session.folder / "tests.txt").read_text().strip().splitlines()
    yield "pytest", lines[-1] if lines else ""
