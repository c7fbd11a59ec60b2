"""One target at a time: build it, run it, see what it cost and whether it did the work."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import brian2
import click
import numpy as np
from brian2 import second

from ebn_brian import devices
from ebn_brian.checks import Floats
from ebn_brian.compiling import cache

from .work import AGREED, Work, numba_loop

#: Device and precision of the targets that are programs.
PROGRAMS = {
    "package_f32": ("cpp_fused", "single_arithmetic"),
    "package_f32_mixed": ("cpp_fused", "single"),
    "package_f64": ("cpp_fused", "double"),
    "package_f64_fast": ("cpp_fused", "double_fast"),
    "brian2_cpp": ("cpp_standalone", "double"),
    "brian2_cython": ("cython", "double"),
    "cuda": (devices.CUDA, "single"),
}
TARGETS = (*PROGRAMS, "numba")


@dataclass(frozen=True)
class Timing:
    """What a target did and what it cost, best of several runs; seconds are CPU time of one core.

    For ``cuda``, `stepping` is time elapsed, and so are the throughputs.
    """

    target: str
    chips: int
    neurons: int
    simulated: float
    spikes: int
    change: float
    whole: float
    stepping: float
    build: float = 0.0
    peak_bytes: int | None = None  # of a program of its own

    @property
    def throughput(self) -> float:
        """Chip-seconds per CPU-second, start-up and transfer of data included."""
        spent = self.stepping if self.target == "cuda" else self.whole
        return self.chips * self.simulated / spent

    @property
    def throughput_stepping(self) -> float:
        """The same without them."""
        return self.chips * self.simulated / self.stepping

    @property
    def start_up(self) -> float | None:
        """CPU-seconds that are no time steps; None for ``cuda``."""
        return None if self.target == "cuda" else self.whole - self.stepping


def build(target: str, work: Work) -> devices.Program:
    """The program of a target for `work`."""
    device, precision = PROGRAMS[target]
    flags = None
    if target == "brian2_cpp":
        # as Brian2 comes, but for the C++ standard that our checks of values are written in
        flags = (*brian2.prefs["codegen.cpp.extra_compile_args_gcc"], "-std=c++17")
    with cache.off():  # building is timed too
        return devices.build(work.network(), device, precision=precision, flags=flags)


def measure(target: str, work: Work, repeats: int) -> Timing:
    """Build and run `work` on a target."""
    if target == "numba":
        return measure_numba(work, repeats)
    begin = time.perf_counter()
    program = build(target, work)
    if target == "brian2_cython":  # compiles when it runs first
        program.run(duration=1e-4 * second)
    built = time.perf_counter() - begin
    runs = [
        program.run(duration=work.n_steps * 1e-4 * second, read=["spikes.N", "recurrent.w"])
        for _ in range(repeats)
    ]
    best = min(runs, key=lambda run: run.cpu_seconds)
    return Timing(
        *(target, work.n_chips, work.n_neurons, work.seconds),
        *(int(best["spikes.N"][0]), work.change(best["recurrent.w"])),
        *(best.cpu_seconds, min(run.stepping_seconds for run in runs), built),
        best.peak_bytes or None,
    )


def measure_numba(work: Work, repeats: int) -> Timing:
    """The same for the numba loop; its arrays and its compilation are left out of its time."""
    begin = time.perf_counter()
    loop = numba_loop()
    loop(Work(1, work.n_neurons, 0.01))
    built = time.perf_counter() - begin
    work.x, work.chips, work.weights  # noqa: B018  made here
    cost, done = [], (0, work.weights)
    for _ in range(repeats):
        start = time.process_time()
        done = loop(work)
        cost.append(time.process_time() - start)
    return Timing(
        *("numba", work.n_chips, work.n_neurons, work.seconds, done[0], work.change(done[1])),
        *(min(cost), min(cost), built),
    )


def check_equal_work(timings: list[Timing], expected: Callable[[Work], tuple[int, float]]) -> None:
    """Compare spikes and weights with those of the numba loop on the same work.

    Rounding makes single spikes of chips that learn move, so counts are equal but for a percent
    and what few spikes vary by.

    Raises
    ------
    click.ClickException
        If a target did other work.
    """
    for t in timings:
        spikes, change = expected(Work(t.chips, t.neurons, t.simulated))
        allowed = 0.01 * spikes + 5 * np.sqrt(spikes)
        if abs(t.spikes - spikes) > allowed or abs(t.change / change - 1) > 0.1:
            raise click.ClickException(
                f"{t.target} did not do the same work at {t.chips} chips of {t.neurons}: "
                f"{t.spikes} spikes, mean change of weights {t.change:.4f}; must be {spikes} "
                f"(+-{allowed:.0f}), {change:.4f}"
            )


def check_agreed(loop: Callable[[Work], tuple[int, Floats]]) -> None:
    """ClickException unless the numba loop does the work that has been agreed on, to the spike."""
    work = Work(20, 20, 2.0)
    spikes, w = loop(work)
    if spikes != AGREED["spikes"] or abs(work.change(w) - AGREED["change"]) > 5e-7:
        raise click.ClickException(
            f"20 chips for 2 s give {spikes} spikes and a mean change of {work.change(w):.6f}, "
            f"not {AGREED['spikes']} and {AGREED['change']}"
        )


def two_processes(work: Work) -> float:
    """Throughput of two programs at once as a multiple of one's, by the clock on the wall."""
    program = build("package_f32", work)

    def elapsed(n: int) -> float:
        begin = time.perf_counter()
        with ThreadPoolExecutor(n) as pool:
            runs = [pool.submit(program.run, duration=work.seconds * second) for _ in range(n)]
        [run.result() for run in runs]
        return time.perf_counter() - begin

    elapsed(1)
    one = min(elapsed(1) for _ in range(3))
    return 2 * one / min(elapsed(2) for _ in range(3))
