"""The examples on `cpp_standalone` and `cpp_fused`, in turns: equal, and what each costs."""

from collections.abc import Iterable
from dataclasses import dataclass

import click
import numpy as np
from brian2 import second

from ebn_brian import devices
from ebn_brian.devices import Run, StandaloneProgram

from . import EXAMPLES

TARGETS = "cpp_standalone", "cpp_fused"


@dataclass(frozen=True)
class Example:
    """CPU seconds of the time steps of one example, run by run, and most memory in bytes."""

    name: str
    plain: tuple[float, ...]
    fused: tuple[float, ...]
    plain_bytes: int
    fused_bytes: int
    spikes: int

    @property
    def ratios(self) -> list[float]:
        """Times by which `cpp_fused` is faster, of runs that followed each other."""
        return [a / b for a, b in zip(self.plain, self.fused, strict=True)]


def measure(name: str, seconds: float, repeats: int) -> Example:
    """Run an example on both targets, with the same flags and seed.

    Raises
    ------
    click.ClickException
        If a variable differs in a bit.
    """
    programs = [build(name, target) for target in TARGETS]
    both = [run(program, seconds, variables(program)) for program in programs]
    if wrong := different(*both):
        raise click.ClickException(f"{name}: {', '.join(wrong)} differ between {TARGETS}")
    runs = [both, *([run(program, seconds) for program in programs] for _ in range(repeats - 1))]
    plain, fused = zip(*((a.stepping_seconds, b.stepping_seconds) for a, b in runs), strict=True)
    spikes = sum(int(both[1][n][0]) for n in both[1].values if n in ("spikes.N", "given.N"))
    return Example(name, plain, fused, both[0].peak_bytes, both[1].peak_bytes, spikes)


def build(name: str, target: str) -> StandaloneProgram:
    """The program of an example."""
    program = devices.build(EXAMPLES[name][0], target)
    assert isinstance(program, StandaloneProgram)
    return program


def run(program: StandaloneProgram, seconds: float, read: Iterable[str] = ()) -> Run:
    """One run, of the same random numbers each time."""
    return program.run(duration=seconds * second, seed=3, read=list(read))


def variables(program: StandaloneProgram) -> list[str]:
    """All that can be read: states, weights, what monitors have recorded."""
    return [
        name
        for name, array in program.arrays.items()
        if array.filename and not name.split(".")[1].startswith("_")
    ]


def different(one: Run, other: Run) -> list[str]:
    """Names of the variables of groups that are not equal to the last bit."""
    return [
        name
        for name, value in one.values.items()
        if not name.split(".")[0].endswith("_clock")
        and not np.array_equal(value, other[name], equal_nan=value.dtype.kind == "f")
    ]


def compare(repeats: int, quick: bool) -> dict[str, float]:
    """Measure all examples, say how each does, and return flat numbers.

    Shortened with `quick`, so that only equality means something.
    """
    numbers: dict[str, float] = {}
    medians = []
    for name, (_, seconds) in EXAMPLES.items():
        example = measure(name, 0.1 * seconds if quick else seconds, repeats)
        median, least = float(np.median(example.ratios)), min(example.ratios)
        medians.append(median)
        numbers |= {
            f"ratio_median_{name}": median,
            f"ratio_least_{name}": least,
            f"cpu_s_plain_{name}": min(example.plain),
            f"cpu_s_fused_{name}": min(example.fused),
            f"peak_bytes_ratio_{name}": example.fused_bytes / max(example.plain_bytes, 1),
        }
        click.echo(
            f"{name}: {median:.2f} times as fast (least {least:.2f}), "
            f"{min(example.plain):.3f} and {min(example.fused):.3f} s, "
            f"{example.plain_bytes / 1e6:.0f} and {example.fused_bytes / 1e6:.0f} MB, "
            f"{example.spikes} spikes, equal"
        )
    return numbers | {"ratio_median": float(np.median(medians)), "ratio_least": min(medians)}
