"""The phases of the GPU report: what each builds, runs and compares."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from brian2 import Network, Quantity, SpikeMonitor, TimedArray, ms, second

from ebn_brian import balance, decoding, devices, signals
from ebn_brian.chips import Blueprint, lif_blueprint, lif_chips, random_decoder, random_weights
from ebn_brian.plasticity import DiscreteRule

from .work import Work

DT = 0.1 * ms
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


def same_chips(session: Session) -> Results:
    """Noise-free chips that learn: C++ and CUDA give the same spikes, or the first difference."""
    n_chips, length = (4, 0.5 * second) if session.quick else (20, 3 * second)
    D, rule = random_decoder(2, 20, 1, n_chips=n_chips), DiscreteRule.calm()

    def make_network() -> Network:
        drive = TimedArray(signals.smoothed_noise(length, 2, seed=3, dt=DT), DT, name="drive")
        chips = lif_chips(D, random_weights(n_chips, 20, 1), drive, rule=rule, dt=DT)
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

    read = ["spikes.i", "spikes.t", "recurrent.w"]
    cuda = devices.build(make_network, devices.CUDA)
    cpp = devices.build(make_network)
    one = cpp.run(duration=length, read=read, timeout=session.clock.limit(0.5))
    yield "spikes_cpp", len(one["spikes.i"])
    if not session.on_gpu:
        yield "built_not_run", True
        return
    other = cuda.run(duration=length, read=read, timeout=session.clock.limit(0.5))
    yield "spikes_cuda", len(other["spikes.i"])
    arrays = {
        f"{name}.{key}": r[key] for name, r in (("cpp", one), ("cuda", other)) for key in read
    }
    np.savez(session.folder / "same_chips.npz", allow_pickle=False, **arrays)
    yield from compare(one, other, lif_blueprint(D, rule=rule), length)


def compare(one: devices.Run, other: devices.Run, chips: Blueprint, length: Quantity) -> Results:
    """First difference of two runs, and the difference of the populations in standard errors."""
    trains = [
        np.stack([np.rint(run["spikes.t"] / float(DT)), run["spikes.i"]], axis=1)
        for run in (one, other)
    ]
    shorter = min(map(len, trains))
    differ = np.flatnonzero((trains[0][:shorter] != trains[1][:shorter]).any(axis=1))
    equal = len(trains[0]) == len(trains[1]) and not len(differ)
    yield "spikes_equal", equal
    yield "weights_equal", bool(np.array_equal(one["recurrent.w"], other["recurrent.w"]))
    if not equal:
        k = differ[0] if len(differ) else shorter
        yield (
            "first_difference",
            {
                name: {"step": int(t[k, 0]), "neuron": int(t[k, 1])} if k < len(t) else None
                for name, t in zip(("cpp", "cuda"), trains, strict=True)
            },
        )
    n_chips, n = chips.layout.n_chips, chips.layout.n_neurons
    rates = [decoding.rate_hz(run["spikes.i"], n, length, n_chips) for run in (one, other)]
    distances = [balance.distance(chips.weights(run), chips.optimal) for run in (one, other)]
    for name, (cpp, cuda) in {"rate_hz": rates, "distance": distances}.items():
        error = np.sqrt((np.var(cpp, ddof=1) + np.var(cuda, ddof=1)) / n_chips)
        apart = abs(np.mean(cpp) - np.mean(cuda)) / max(error, 1e-12)
        yield f"{name}_cpp", float(np.mean(cpp))
        yield f"{name}_cuda", float(np.mean(cuda))
        yield f"{name}_standard_errors_apart", float(apart)
        yield f"{name}_agrees", bool(apart < 2)


def throughput(session: Session, n_chips: int, length: float) -> Results:
    """Chip-seconds per second elapsed, single precision, CUDA beside one core of C++.

    Two runs of a program on a GPU can differ, since what several spikes add to a neuron in one time
    step is added in any order.
    """
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


def differing(one: devices.Run, other: devices.Run, n_chips: int) -> int:
    """Number of chips that have a neuron with another number of spikes."""
    differ = one["spikes.count"] != other["spikes.count"]
    return int(differ.reshape(n_chips, -1).any(axis=1).sum())


def profile(session: Session) -> Results:
    """Microseconds a time step by code object, at 1000 chips; each waits for the one before."""
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
