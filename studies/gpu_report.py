"""What to check on a GPU, unattended, in ten minutes: ``studies.benchmark --gpu-report DIR``.

1. the same learning chips on C++ and CUDA: equal spikes, or the first difference, and whether the
   populations agree;
2. throughput at 100, 1000 and 10 000 chips beside C++;
3. the profile of a time step;
4. the tests of the devices, on the GPU.

Each writes its files as soon as it is done, and one that fails or is late leaves the others alone.
A rehearsal does all that can be done without a GPU: programs for CUDA are built, not run.
"""

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from brian2 import Network, SpikeMonitor, TimedArray, ms, second

from ebn_brian import balance, devices, signals
from ebn_brian.devices.cuda import build_cuda
from ebn_brian.devices.toolkit import find_gpu, find_toolkit
from ebn_brian.network import V_UNIT, lif_chips, to_matrix
from ebn_brian.plasticity import DiscreteRule

from .benchmark_work import Work

BUDGET = 570.0
"""Seconds for everything."""
CHIPS = (100, 1000, 10000)
RULE = DiscreteRule(0.04 * V_UNIT, 2.5, 0.25 * V_UNIT)


@dataclass(frozen=True)
class Clock:
    """How much time is left."""

    end: float

    @property
    def left(self) -> float:
        """Seconds; TimeoutError if there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time was left for it")
        return left

    def limit(self, share: float = 1.0):
        """What is left, or a share of it, as a time for Brian2."""
        return self.left * share * second


def report(folder: Path, rehearse: bool, quick: bool) -> None:
    """Do the four checks, write their results to `folder` and ``report.md`` over all.

    Raises
    ------
    click.UsageError
        If there is no GPU and it is no rehearsal, or CUDA is not complete.
    """
    try:
        toolkit = find_toolkit()
    except RuntimeError as error:
        raise click.UsageError(str(error)) from error
    gpu = None if rehearse else find_gpu()
    if gpu is None and not rehearse:
        raise click.UsageError("--gpu-report: there is no GPU here; --rehearse does the rest")
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(time.monotonic() + BUDGET)
    checks: dict[str, Callable] = {
        "same_chips": same_chips,
        "throughput": throughput,
        "profile": profile,
        "tests": tests,
    }
    lines = [
        "# GPU report" if gpu else "# Rehearsal of the GPU report: nothing ran on a GPU",
        f"{gpu.name if gpu else 'no GPU'}; {toolkit.describe()}",
    ]
    for name, check in checks.items():
        begin = time.monotonic()
        try:
            result = check(folder, gpu is not None, clock, quick)
        except Exception as error:  # the other checks are worth having
            result = {"failed": repr(error), "traceback": traceback.format_exc()}
        result["elapsed_s"] = round(time.monotonic() - begin, 1)
        (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
        told = {k: v for k, v in result.items() if k != "traceback"}
        lines += [f"\n## {name}", *(f"- {key}: {value}" for key, value in told.items())]
        (folder / "report.md").write_text("\n".join(lines) + "\n")
        click.echo("\n".join(lines[-len(told) - 1 :]))
    click.echo(f"report: {folder}/report.md")


def built(make_network: Callable[[], Network], device: str, precision: str = "double"):
    """A compiled program."""
    program = devices.build(make_network, device, precision=precision)
    assert isinstance(program, devices.StandaloneProgram)
    return program


def tests(folder: Path, on_gpu: bool, clock: Clock, quick: bool) -> dict:
    """The tests of programs on the GPU; in a rehearsal those of the toolkit."""
    path = Path(__file__).parents[1] / "tests" / "test_cuda.py"
    if not path.exists():
        return {"left_out": "there are no tests beside the studies; run it from a checkout"}
    chosen = "OnGpu" if on_gpu else "Toolkit"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    with (folder / "tests.txt").open("w") as output:
        done = subprocess.run(
            [*command, "-k", chosen],
            cwd=path.parents[1],
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=clock.left,
        )
    said = (folder / "tests.txt").read_text().strip().splitlines()
    return {"passed": done.returncode == 0, "pytest": said[-1] if said else ""}


def same_chips(folder: Path, on_gpu: bool, clock: Clock, quick: bool) -> dict:
    """Noise-free chips that learn: C++ and CUDA give the same spikes, or the first difference."""
    n_chips, length = (4, 0.5) if quick else (20, 3.0)

    def make_network() -> Network:
        c = signals.smoothed_noise(length * second, 2, seed=3)
        drive = TimedArray(c, 0.1 * ms, name="drive")
        D = balance.random_decoder(2, 20, 1, n_chips=n_chips)
        chips = lif_chips(D, balance.random_weights(n_chips, 20, 1), drive, rule=RULE)
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

    read = ["spikes.i", "spikes.t", "recurrent.w"]
    cuda = built(make_network, "cuda_standalone")
    cpp = built(make_network, "cpp_fused")
    one = cpp.run(duration=length * second, read=read, timeout=clock.limit(0.5))
    if not on_gpu:
        return {"built_not_run": str(cuda.flags), "spikes_cpp": len(one["spikes.i"])}
    other = cuda.run(duration=length * second, read=read, timeout=clock.limit(0.5))
    np.savez(folder / "same_chips.npz", **{f"cpp.{n}": one[n] for n in read},
             **{f"cuda.{n}": other[n] for n in read})  # fmt: skip
    return compare(one, other, balance.random_decoder(2, 20, 1, n_chips=n_chips), length)


def compare(one, other, D: np.ndarray, length: float) -> dict:
    """First difference of two runs, and the difference of the populations in standard errors."""
    n_chips, _, n = D.shape
    trains = [
        np.stack([np.rint(r["spikes.t"] / 1e-4), r["spikes.i"]], axis=1) for r in (one, other)
    ]
    shorter = min(map(len, trains))
    differ = np.flatnonzero((trains[0][:shorter] != trains[1][:shorter]).any(axis=1))
    equal = len(trains[0]) == len(trains[1]) and not len(differ)
    result: dict = {
        "spikes_cpp": len(trains[0]),
        "spikes_cuda": len(trains[1]),
        "spikes_equal": equal,
        "weights_equal": bool(np.array_equal(one["recurrent.w"], other["recurrent.w"])),
    }
    if not equal:
        k = differ[0] if len(differ) else shorter
        result["first_difference"] = {
            name: {"step": int(t[k, 0]), "neuron": int(t[k, 1])} if k < len(t) else None
            for name, t in zip(("cpp", "cuda"), trains, strict=True)
        }
    optimal = balance.optimal_weights(D)
    for name, values in {
        "rate_hz": [
            np.bincount(r["spikes.i"] // n, minlength=n_chips) / n / length for r in (one, other)
        ],
        "distance": [
            balance.distance(to_matrix(r["recurrent.w"] * 0.04, n), optimal) for r in (one, other)
        ],
    }.items():
        spread = np.sqrt(sum(np.var(v, ddof=1) / n_chips for v in values))
        apart = abs(np.mean(values[0]) - np.mean(values[1])) / max(spread, 1e-12)
        result[f"{name}_cpp"], result[f"{name}_cuda"] = (float(np.mean(v)) for v in values)
        result[f"{name}_standard_errors_apart"] = float(apart)
        result[f"{name}_agrees"] = bool(apart < 2)
    return result


def throughput(folder: Path, on_gpu: bool, clock: Clock, quick: bool) -> dict:
    """Chip-seconds per second elapsed, single precision, CUDA beside one core of C++."""
    result: dict = {}
    sizes = CHIPS[:1] if quick else CHIPS
    for n_chips in sizes:
        if n_chips > sizes[0] and clock.left < BUDGET / 3:
            result[f"left_out_{n_chips}"] = "no time was left for it"
            continue
        try:
            for name, value in throughput_of(n_chips, on_gpu, clock, 0.5 if quick else 2.0):
                result[f"{name}_{n_chips}"] = value
        except Exception as error:  # the other sizes are worth having
            result[f"failed_{n_chips}"] = repr(error)
        (folder / "throughput.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def throughput_of(n_chips: int, on_gpu: bool, clock: Clock, length: float) -> Iterator[tuple]:
    """What there is to tell of `length` s of so many chips, name by name."""
    work, duration = Work(n_chips, 20, length), length * second
    cpp = built(work.network(), "cpp_fused", "single_arithmetic")
    run = cpp.run(duration=duration, read=["spikes.N"], timeout=clock.limit(0.5))
    yield "throughput_cpp", n_chips * length / run.stepping_seconds
    yield "spikes_cpp", int(run["spikes.N"][0])
    cuda = built(work.network(), "cuda_standalone", "single")
    if not on_gpu:
        yield "built_not_run", True
        return
    begin = time.perf_counter()
    run = cuda.run(duration=duration, read=["spikes.N"], timeout=clock.limit(0.5))
    elapsed = time.perf_counter() - begin
    yield "throughput_cuda", n_chips * length / run.stepping_seconds
    yield "spikes_cuda", int(run["spikes.N"][0])
    yield "start_up_s_cuda", elapsed - run.stepping_seconds


def profile(folder: Path, on_gpu: bool, clock: Clock, quick: bool) -> dict:
    """Microseconds a time step by code object, at 1000 chips; each waits for the one before."""
    work = Work(100 if quick else 1000, 20, 0.5)
    program = build_cuda(work.network(), None, np.float32, profile=True)
    if not on_gpu:
        return {"built_not_run": True}
    run = program.run(duration=work.seconds * second, timeout=clock.limit())
    cost = {name: s / work.n_steps * 1e6 for name, s in run.profile.items()}
    ordered = dict(sorted(cost.items(), key=lambda item: -item[1]))
    return {"us_per_step": run.stepping_seconds / work.n_steps * 1e6} | {
        f"us_{name}": round(us, 3) for name, us in ordered.items()
    }


if __name__ == "__main__":
    sys.exit("python -m studies.benchmark --gpu-report DIR")
