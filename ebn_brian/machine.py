"""What this machine can do: ``ebn machine``."""

import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import version

import brian2
import click
import numpy as np
from brian2 import Network, SpikeMonitor, TimedArray, ms

from ebn_brian import devices
from ebn_brian.chips import lif_chips, random_decoder, random_weights
from ebn_brian.devices import toolkit
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.signals import smoothed_noise

TARGETS = ("numpy", "cython", *devices.STANDALONE)
DURATION = 200 * ms
READ = ["spikes.i", "spikes.t", "recurrent.w"]

#: Of 1000 plastic chips of 20 neurons, and where that was seen.
EXPECTED = """\
Expected speed with 1000 plastic chips of 20 neurons, as measured elsewhere (one core of a server
with AVX-512): plain Brian2 C++ 3000 to 4000 chip-seconds per CPU-second, cpp_fused 3 times that, in
single precision 4 to 5 times; cython a third of plain C++. On an H200 4000 chip-seconds per second
with 1000 chips, 40 000 with 10 000.
Measure it here: ebn benchmark, with a GPU --gpu-report DIR."""


def tiny_network() -> Network:
    """Two chips that learn."""
    drive = TimedArray(smoothed_noise(DURATION, 2, seed=3), 0.1 * ms, name="drive")
    D = random_decoder(2, 20, seed=1, n_chips=2)
    chips = lif_chips(D, random_weights(2, 20, seed=1), drive, rule=DiscreteRule.calm())
    return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))


def tool_version(tool: str) -> str:
    """First line of what a tool prints of its version."""
    if shutil.which(tool) is None:
        return "not found"
    output = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    return (output.splitlines() or ["found, prints no version"])[0]


def inventory() -> dict[str, str]:
    """What there is, by name."""
    try:
        cuda = toolkit.find_toolkit().describe()
    except RuntimeError as error:
        cuda = str(error)
    gpu = toolkit.find_gpu()
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "Python": f"{platform.python_version()}, numpy {np.__version__}",
        "Brian2": f"{brian2.__version__}, Cython {version('cython')}",
        "g++": tool_version("g++"),
        "make": tool_version("make"),
        "Brian2CUDA": toolkit.brian2cuda_version() or "not installed",
        "CUDA": cuda,
        "GPU": f"{gpu.name}, compute capability {gpu.capability}" if gpu else "none",
    }


def prove(target: str, expected: devices.Run | None) -> tuple[str, devices.Run | None]:
    """Build and run the tiny network: the result in words, and the run if there was one."""
    begin = time.perf_counter()
    program = devices.build(tiny_network, target)
    built = time.perf_counter() - begin
    if target == devices.CUDA and toolkit.find_gpu() is None:
        return f"builds ({built:.1f} s), not run: no GPU", None
    run = program.run(duration=DURATION, read=READ)
    if expected and not all(np.array_equal(run[name], expected[name]) for name in READ):
        raise RuntimeError("its spikes or weights are not those of numpy")
    equal = ", spikes and weights as numpy has them" if expected else ""
    return f"works: {len(run['spikes.i'])} spikes{equal}, built in {built:.1f} s", run


@click.command("machine")
@click.option(
    "--target", "targets", multiple=True, type=click.Choice(TARGETS), help="Prove only these."
)
@click.option("--list", "only_list", is_flag=True, help="Build nothing, only list what there is.")
def main(targets: tuple[str, ...], only_list: bool) -> None:
    """What this machine can do.

    A tiny network proves each target.
    """
    for name, text in inventory().items():
        click.echo(f"{name + ':':12} {text}")
    click.echo(f"\n{EXPECTED}\n")
    failed = False
    expected = None
    for target in [] if only_list else targets or TARGETS:
        try:
            devices.check_device(target)
        except RuntimeError as error:
            click.echo(f"{target:16} cannot be used: {error}")
            failed |= target in targets
            continue
        try:
            result, run = prove(target, expected)
        except Exception as error:  # the other targets are worth knowing
            failed, result, run = True, f"FAILS: {error}", None
        expected = expected or run
        click.echo(f"{target:16} {result}")
    sys.exit(failed)
