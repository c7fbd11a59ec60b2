"""Simulating on the fused device and without it, and comparing all that can be seen."""

import subprocess
from pathlib import Path

import brian2
import numpy as np
from brian2 import Hz, Network, NeuronGroup, SpikeMonitor, TimedArray, ms, second
from brian2.core.variables import ArrayVariable
from brian2.devices.device import get_device, reset_device, set_device
from brian2.groups.group import Group

import ebn_brian as ebn
import ebn_brian.fused
from ebn_brian.compiling import compile_cpp
from ebn_brian.devices import STRICT_FLAGS

FLAGS, DTYPE = "codegen.cpp.extra_compile_args_gcc", "core.default_float_dtype"
RULE = ebn.DiscreteRule.calm()


def simulate(
    device,
    make,
    directory=None,
    duration=0.2 * second,
    single=False,
    flags=STRICT_FLAGS,
    **options,
):
    """Variables, recorded spikes and weights after a run on the device ('runtime': numpy)."""
    set_device(device, build_on_run=False)
    active = get_device()
    active.reinit()
    before = {name: brian2.prefs[name] for name in (FLAGS, DTYPE)}
    try:
        brian2.prefs[FLAGS] = list(flags)
        if single:
            brian2.prefs[DTYPE] = np.float32
            active.insert_code("before_start", ebn_brian.fused.FLUSH_TO_ZERO)
        active.activate(build_on_run=False, **options)
        network = make()
        network.run(duration, namespace={})
        if device != "runtime":
            active.build(directory=str(directory), compile=False, run=False)
            compile_cpp(Path(directory), ["make"])
            active.run(with_output=False)
        return values(network)
    finally:
        for name, value in before.items():
            brian2.prefs[name] = value
        active.reinit()
        reset_device("runtime")


def written(make, directory) -> str:
    """The fused code of a network, which is not compiled."""
    set_device("cpp_fused", build_on_run=False)
    device = get_device()
    device.reinit()
    device.activate(build_on_run=False)
    try:
        make().run(1 * ms, namespace={})
        device.build(directory=str(directory), compile=False, run=False)
        return fused_code(directory)
    finally:
        device.reinit()
        reset_device("runtime")


def values(network):
    """Copies of all variables that can be seen from outside."""
    return {
        f"{owner.name}.{name}": np.array(variable.get_value())
        for owner in network.sorted_objects
        if isinstance(owner, Group)
        for name, variable in owner.variables.items()
        if isinstance(variable, ArrayVariable)
        and variable.owner.name == owner.name
        and not name.startswith("_")
    }


def assert_same(fused, plain):
    assert fused.keys() == plain.keys()
    for name, value in plain.items():
        np.testing.assert_array_equal(fused[name], value, err_msg=name)


def fused_code(directory) -> str:
    """The fused code of a program."""
    return "".join(path.read_text() for path in Path(directory).glob("code_objects/fused_*.cpp"))


def chips(n_chips=40, n_neurons=13, rule=RULE, scale=0.6, kind=ebn.lif_chips, **options):
    """A network of chips with random decoders, weights and drive, and its spikes."""
    rng = np.random.default_rng(5)
    D = rng.standard_normal((n_chips, 2, n_neurons))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    Omega = np.round(scale * rng.standard_normal((n_chips, n_neurons, n_neurons)) / 0.04) * 0.04
    Omega *= 1 - np.eye(n_neurons)
    if rule and rule.learn_reset:
        Omega -= np.eye(n_neurons)
    drive = 20 * np.cumsum(rng.standard_normal((2000, 2)), axis=0)
    drive = TimedArray(drive * Hz, dt=0.1 * ms, name="drive")
    batch = kind(D, Omega, drive, rule=rule, **options)
    return Network(*batch.objects, SpikeMonitor(batch.neurons, name="spikes"))


def probe_program(text, folder, *flags) -> Path:
    """Compile a program of one's own that includes the C++ headers of the fused device."""
    own, brianlib = Path(ebn_brian.fused.__file__).parent, folder / "brianlib"
    brian2s = Path(brian2.__file__).parent
    brianlib.mkdir()
    for path in (
        *own.glob("*.h"),
        *(brian2s / "synapses" / name for name in ("spikequeue.h", "stdint_compat.h")),
        brian2s / "devices/cpp_standalone/brianlib/clocks.h",
    ):
        (brianlib / path.name).write_text(path.read_text())
    (folder / "probe.cpp").write_text(text)
    command = ["g++", "-std=c++17", *flags, "-I.", "probe.cpp", "-o", "probe"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "probe"


LIF = "dv/dt = (1.2 + drive - v)/(10*ms) : 1 {flag}\ndrive : 1\n"
RESET = {"threshold": "v > 1", "reset": "v = 0"}


def group(n, more="", name="a", flag="", **options):
    """Neurons that fire without input, each in its own rhythm."""
    model = LIF.format(flag=flag) + more
    neurons = NeuronGroup(n, model, **RESET | options, method="euler", name=name)
    neurons.drive, neurons.v = "0.1*sin(i)", "(i*0.618) % 1"
    return neurons


def spikes(neurons, **options):
    return SpikeMonitor(neurons, name=f"spikes_{neurons.name}", **options)
