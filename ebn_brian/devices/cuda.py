"""Programs for NVIDIA GPUs: Brian2CUDA's code, compiled as one unit, with nothing lost in silence.

Networks that fall into blocks do without it: `resident`. What Brian2CUDA 1.0b1 leaves to us, and
where it is done:

- It writes some forty files that share names and compile slowly; its host waits for the GPU several
  times a step: `cuda_code` makes one file of them that does not.
- Flags: C++17, which CUDA 13 asks for; no fast-math and no fused multiply-add, as in C++.
- It looks for GPUs with a tool that toolkits no longer have; `toolkit` asks nvidia-smi.
- The first run of a program sets up its random numbers, so ours must be that one: `_one_run`.
- Its ring of delayed spikes turns at every tick of any clock: `cuda_refusals`.
- Recorded events of one time step come in any order; they are read in that of C++.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, get_logger, second
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.monitors.spikemonitor import EventMonitor

from ..compiling import compile_by
from .active import network_and_names, resolving
from .cuda_code import COUNTS, one_unit, serial_pathways
from .cuda_refusals import refuse_delays, refuse_names
from .flags import HOST_FLAGS, NVCC_FLAGS
from .generators import Generator, code, generators
from .program import StandaloneProgram
from .resident import NotResident, compile_resident, write_resident
from .standalone import (
    CHECK,
    Arrays,
    Directory,
    active_device,
    own_folder,
    program_arrays,
    refuse,
    sizes_code,
)
from .toolkit import CAPABILITY, Toolkit, find_gpu, find_toolkit

logger = get_logger(__name__)


@dataclass(frozen=True)
class CudaProgram(StandaloneProgram):
    """A compiled program that runs on the GPU."""

    serial: tuple[str, ...] = ()
    """Pathways of synapses that run on a single thread, or one spike at a time."""

    def _failure(self, code: int, output: str) -> str:
        if re.search("no CUDA-capable device|driver version is insufficient|libcuda", output):
            return (
                "the program needs an NVIDIA GPU with its driver, and finds none here "
                f"({output.splitlines()[-1][-200:]}); it is built, in {self.directory}"
            )
        if "no kernel image" in output:
            flags = " ".join(self.flags)
            return (
                f"the program was built for other GPUs ({flags}) than there is here: build it again"
            )
        return super()._failure(code, output)


def build_cuda(
    make_network: Callable[[], Network],
    directory: Directory,
    float_dtype: type[np.floating[Any]],
    profile: bool = False,
    namespace: Mapping[str, Any] | None = None,
    resident: bool = True,
) -> CudaProgram:
    """Build for ``cuda_standalone``; no GPU is needed.

    With `profile`, runs have one, of Brian2CUDA's kernels; so they have without `resident`.
    """
    toolkit = find_toolkit()
    gpu = find_gpu()
    capability = gpu.capability if gpu else CAPABILITY
    with own_folder(directory) as (folder, keep):
        program = None
        if resident and not profile:
            program = _resident(make_network, folder, float_dtype, capability, namespace)
        if program:
            compile_resident(folder, toolkit, program.flags)
        else:
            program = generate(
                make_network, folder, float_dtype, toolkit, capability, profile, namespace
            )
            command = _command(toolkit, program.flags, folder)
            compile_by(folder, command, [str(toolkit.nvcc), os.environ.get("CXX", "g++")])
    return replace(program, keep=keep)


def _resident(
    make_network: Callable[[], Network],
    folder: Path,
    float_dtype: type[np.floating[Any]],
    capability: float,
    namespace: Mapping[str, Any] | None,
) -> CudaProgram | None:
    """The program whose time steps are one kernel, None (and why) if there is no such."""
    try:
        program = write_resident(make_network, folder, float_dtype, namespace)
    except NotResident as reason:
        logger.info(f"Brian2CUDA's kernels, several a time step, since {reason}", "not_resident")
        return None
    # as in the C++ core, subnormal numbers are zero in single precision
    flush = ("--ftz=true",) if float_dtype == np.float32 else ()
    return CudaProgram(folder, program.arrays, (*_flags(capability), *flush))


def _flags(capability: float) -> tuple[str, ...]:
    return (*NVCC_FLAGS, f"-arch=sm_{capability:.1f}".replace(".", ""))


def generate(
    make_network: Callable[[], Network],
    folder: Path,
    float_dtype: type[np.floating[Any]],
    toolkit: Toolkit,
    capability: float = CAPABILITY,
    profile: bool = False,
    namespace: Mapping[str, Any] | None = None,
) -> CudaProgram:
    """Write the program to `folder`, as the one file ``one.cu``, without compiling it."""
    import brian2cuda  # noqa: F401  registers the device

    preferred = _preferences(toolkit, capability, float_dtype)
    with _quiet(), active_device("cuda_standalone", preferred) as active:
        network, names = network_and_names(make_network, namespace)
        refuse(network, "cuda_standalone")
        active.insert_code("after_start", SEED)
        with resolving(namespace):  # becomes the real run below
            network.run(0 * second, namespace=names, profile=profile)
        refuse_delays(network, active)
        refuse_names(network)
        arrays = _arrays(active)
        given = generators(network)
        _one_run(active, arrays, given)
        active.build(directory=str(folder), compile=False, run=False, with_output=False)
    (folder / "one.cu").write_text(one_unit(folder))
    serial = serial_pathways(folder)
    if serial:
        logger.warn(
            f"{', '.join(serial)}: cannot run in parallel, which is slow, and spikes of one time "
            "step act in any order. A pathway that reads a variable of the target and then writes "
            "it is better divided into two.",
            "serial_pathway",
        )
    held = {name: array for name, (array, _, _) in arrays.items()}
    return CudaProgram(folder, held, _flags(capability), given, serial=tuple(serial))


def _preferences(
    toolkit: Toolkit, capability: float, float_dtype: type[np.floating[Any]]
) -> dict[str, object]:
    backend = {
        "cuda_path": str(toolkit.nvcc.parents[1]),
        "cuda_runtime_version": toolkit.version,
        "detect_gpus": False,
        "gpu_id": 0,
        "compute_capability": capability,
        "extra_compile_args_nvcc": list(NVCC_FLAGS),
    }
    return {
        "core.default_float_dtype": float_dtype,
        # one block of threads for each spike
        "devices.cuda_standalone.parallel_blocks": 1,
        **{f"devices.cuda_standalone.cuda_backend.{name}": v for name, v in backend.items()},
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Brian2CUDA tells all its preferences at level INFO."""
    log = logging.getLogger("brian2.brian2cuda")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)


def _command(toolkit: Toolkit, flags: tuple[str, ...], folder: Path) -> list[str | Path]:
    """What compiles and links ``one.cu``."""
    link = folder / "lib" / "libcurand.so"  # wheels have the library with its version alone
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(toolkit.curand)
    return [
        toolkit.nvcc,
        *(*flags, "-I.", f"-I{toolkit.include}"),
        *("-ccbin", os.environ.get("CXX", "g++"), "-Xcompiler", ",".join(HOST_FLAGS)),
        *("one.cu", "-o", "main", f"-L{link.parent}", "-lcurand"),
        *("-Xlinker", f"-rpath={toolkit.curand.parent}"),
    ]


# ---- the program's main --------------------------------------------------------------------------

SEED = """
{
    const char* seed = std::getenv("EBN_SEED");
    const unsigned long long value =
        seed ? std::strtoul(seed, nullptr, 10) : 0x100000000ULL + std::random_device()();
    brian::random_number_buffer.set_seed(value);
}
"""

ON_DEVICE = """
auto ebn_on_device = [&](const std::string name, const auto* host, const auto* device, size_t n) {
    for (const auto& arg : args) {
        if (arg.rfind(name + "=", 0) != 0) continue;
        std::vector<char> buffer(n*sizeof(*host));
        CUDA_SAFE_CALL(cudaMemcpy(buffer.data(), device, buffer.size(), cudaMemcpyDeviceToHost));
        if (std::memcmp(buffer.data(), host, buffer.size())) {
            std::cerr << "Error: " << name << " did not arrive on the GPU" << std::endl;
            std::exit(3);
        }
    }
};
"""

RUN = """
const auto ebn_begin = std::chrono::steady_clock::now();
{network}.run(std::atof(std::getenv("EBN_DURATION")), NULL, 10.0);
CUDA_SAFE_CALL(cudaDeviceSynchronize());
{counts}
const double ebn_stepping =
    std::chrono::duration<double>(std::chrono::steady_clock::now() - ebn_begin).count();
"""

#: Variables that Brian2CUDA keeps on the host.
HOST_ONLY = ("t", "dt", "timestep", "N", "_synaptic_pre", "_synaptic_post")


def _arrays(device: CPPStandaloneDevice) -> Arrays:
    """As `program_arrays`, with sizes that the GPU knows; recorded events will be ordered."""
    arrays = {
        name: array
        for name, array in program_arrays(device).items()
        if not name.endswith("space")  # where spikes are kept for the next object
    }
    monitors = {v.owner.name for v in device.dynamic_arrays if isinstance(v.owner, EventMonitor)}
    for name, (array, address, size) in arrays.items():
        if array.columns:
            rows = f"n < {array.columns}; n++) size += {address}[n].size();"
            size = f"[&] {{ size_t size = 0; for (int n = 0; {rows} return size; }}()"
            arrays[name] = array, address, size
        elif array.size is None:
            owner = name.partition(".")[0]
            order = (f"{owner}.t", f"{owner}.i")
            if owner in monitors and set(order) <= arrays.keys():
                array = replace(array, order=order)
            arrays[name] = array, address, f"std::max<size_t>({size}, dev{size})"
    return arrays


def _one_run(device: CPPStandaloneDevice, arrays: Arrays, given: Mapping[str, Generator]) -> None:
    """Make the run of no duration in the main queue the real one."""
    (lines,) = [arguments[1] for func, arguments in device.main_queue if func == "run_network"]
    (k,) = [k for k, line in enumerate(lines) if re.fullmatch(r"\w+\.run\(.*\);", line)]
    network = lines[k].partition(".")[0]
    checks = []
    for name, (array, address, size) in arrays.items():
        if array.settable:
            checks.append(f'ebn_applied("{name}", {address}, {size});')
            if name.rpartition(".")[2] not in HOST_ONLY:
                host = address.removesuffix(".data()")
                dynamic = host != address
                on_device = (
                    f"thrust::raw_pointer_cast(dev{host}.data())" if dynamic else f"dev{host}"
                )
                checks.append(f'ebn_on_device("{name}", {address}, {on_device}, {size});')
    sizes = {name: size for name, (array, _, size) in arrays.items() if array.size is None}
    run = RUN.format(network=network, counts=COUNTS)
    addresses = {name: address for name, (_, address, _) in arrays.items()}
    spikes = code(given, addresses, on_gpu=True)
    lines[k] = "\n".join([CHECK, ON_DEVICE, *checks, spikes, SEED, run, sizes_code(sizes)])
