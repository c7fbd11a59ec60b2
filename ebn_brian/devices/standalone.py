"""Building compiled programs in folders of their own, and the C++ that is added to Brian2's."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, NetworkOperation, Synapses, prefs, second
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from ..compiling import compile_cpp
from ..fused import FLUSH_TO_ZERO
from .active import in_force, network_and_names, new_device, resolving
from .flags import FAST, STRICT, STRICT_FLAGS, preferences
from .generators import Generator, code, generators
from .program import StandaloneProgram
from .values import Array, dimensions, timed_arrays

#: ``cpp_fused`` is ``cpp_standalone`` with the time step fused into one function (see `fused`).
CPP = ("cpp_fused", "cpp_standalone")

#: Arrays of a program by name, with C++ expressions for their address and size.
Arrays = dict[str, tuple[Array, str, str]]
Directory = str | os.PathLike[str] | None


@contextmanager
def own_folder(directory: Directory) -> Iterator[tuple[Path, object]]:
    """The folder of a new program, and what keeps it.

    A temporary one if `directory` is None. One that holds a program already is left as it is: the
    new program comes into a folder of its own within it.
    """
    if directory is None:
        keep = tempfile.TemporaryDirectory(prefix="ebn_brian_")
        yield Path(keep.name).resolve(), keep
        return
    top = Path(directory).resolve()
    top.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = top if number == 1 else top / f"program_{number}"
        folder.mkdir(exist_ok=True)
        try:
            (folder / ".ebn_brian").touch(exist_ok=False)
            break
        except FileExistsError:
            number += 1
    try:
        yield folder, None
    except BaseException:
        (folder / ".ebn_brian").unlink(missing_ok=True)
        raise


def build_cpp(
    make_network: Callable[[], Network],
    device: str,
    directory: Directory,
    float_dtype: type[np.floating[Any]],
    precision: str,
    flags: tuple[str, ...] = STRICT_FLAGS,
    namespace: Mapping[str, Any] | None = None,
    threads: int = 1,
) -> StandaloneProgram:
    """Build for one of the targets `CPP`; in strict double precision subnormal numbers stay."""
    preferred = {
        "core.default_float_dtype": float_dtype,
        "codegen.cpp.extra_compile_args_gcc": list(flags),
    }
    fast, single = precision in FAST, precision == "single_arithmetic"
    own = {"single_arithmetic": single, "reciprocals": fast, "threads": threads}
    options = own if device == "cpp_fused" else {}
    with (
        own_folder(directory) as (folder, keep),
        active_device(device, preferred, options) as active,
    ):
        network, names = network_and_names(make_network, namespace)
        refuse(network, device)
        if precision != "double":
            active.insert_code("before_start", FLUSH_TO_ZERO)
        active.insert_code("after_start", SEED_CPP)
        with resolving(namespace):
            network.run(0 * second, namespace=names)  # applies the values; the real run is below
        arrays = program_arrays(active)
        given = generators(network)
        active.insert_code("main", _main_code(arrays, given, network.name))
        active.build(directory=str(folder), compile=False, run=False, with_output=False)
        make = [prefs.devices.cpp_standalone.make_cmd_unix]
        compile_cpp(folder, [*make, *prefs.devices.cpp_standalone.extra_make_args_unix])
    held = {name: array for name, (array, _, _) in arrays.items()}
    return StandaloneProgram(folder, held, flags, given, keep)


@contextmanager
def active_device(
    device: str, preferred: Mapping[str, object], options: Mapping[str, object] = {}
) -> Iterator[CPPStandaloneDevice]:
    """Make a fresh standalone device the active one; the user's is active again afterwards."""
    with preferences({**STRICT, **preferred}):
        active = new_device(device, **options)
        with in_force(active):
            yield active


def refuse(network: Network, device: str) -> None:
    """ValueError for what the target would leave out without a word."""
    for obj in network.sorted_objects:
        if isinstance(obj, NetworkOperation):
            raise ValueError(
                f"{obj.name!r} is a network operation, Python code that device={device!r} cannot "
                "run: write it as equations, run_regularly or run_on_event, or use 'numpy'"
            )
    timed_arrays(network)


def program_arrays(device: CPPStandaloneDevice) -> Arrays:
    """All arrays of the program that a device holds."""
    arrays: Arrays = {}
    for variable in device.arrays:
        try:
            name = f"{variable.owner.name}.{variable.name}"
        except (ReferenceError, AttributeError):
            continue  # belongs to no group that still exists
        if variable in device.dynamic_arrays_2d:  # of a StateMonitor: steps, elements
            rows = device.get_array_name(variable, access_data=False)
            filename = os.path.basename(device.get_array_filename(variable))
            columns = int(variable.size[1])
            array = Array(np.dtype(variable.dtype), None, filename, False, columns=columns)
            arrays[name] = array, rows, f"{rows}.n*{rows}.m"
            continue
        dynamic = variable in device.dynamic_arrays
        pointer = device.get_array_name(variable, access_data=not dynamic)
        filename = os.path.basename(device.get_array_filename(variable))
        size = None if dynamic else variable.size
        # queues are prepared before values arrive, so a delay would be set in vain
        delay = variable.name == "delay" and isinstance(variable.owner, Synapses)
        settable = not variable.read_only and not delay
        array = Array(np.dtype(variable.dtype), size, filename, settable, dimensions(variable))
        address = f"{pointer}.data()" if dynamic else pointer
        arrays[name] = array, address, f"{pointer}.size()" if dynamic else str(size)
    for timed, name in device.timed_arrays.items():
        array = Array(timed.values.dtype, timed.values.size, dim=timed.dim)
        arrays[f"{name}.values"] = array, f"{name}_values", str(array.size)
    return dict(sorted(arrays.items()))  # monitors have them in any order


SEED_CPP = """
if (const char* seed = std::getenv("EBN_SEED"))
    for (size_t k = 0; k < brian::_random_generators.size(); k++)
        brian::_random_generators[k].seed(std::strtoul(seed, nullptr, 10) + k);
"""

#: In the program's main, after Brian2 has applied its arguments. That a value arrived is checked
#: since Brian2 itself goes on with the old one.
CHECK = """
auto ebn_applied = [&](const std::string name, const auto* data, size_t count) {
    const size_t bytes = count*sizeof(*data);
    for (const auto& arg : args) {
        if (arg.rfind(name + "=", 0) != 0) continue;
        const std::string value = arg.substr(name.size() + 1);
        size_t sent = bytes;
        bool same = true;
        if (value[0] == '-' || (value[0] >= '0' && value[0] <= '9')) {
            using T = std::decay_t<decltype(*data)>;
            const T number = std::is_floating_point<T>::value
                ? (T)std::atof(value.c_str()) : (T)std::atol(value.c_str());
            for (size_t k = 0; k < count; k++) same = same && data[k] == number;
        } else {
            std::ifstream file(value, std::ios::binary | std::ios::ate);
            sent = file ? (size_t)file.tellg() : 0;
            std::vector<char> buffer(sent);
            file.seekg(0);
            file.read(buffer.data(), sent);
            same = (bool)file && sent == bytes && !std::memcmp(buffer.data(), data, bytes);
        }
        if (!same) {
            std::cerr << "Error: " << name << " was sent " << sent << " bytes and holds " << bytes
                      << (sent == bytes ? ", with other values" : "") << std::endl;
            std::exit(3);
        }
    }
};
"""


def _main_code(arrays: Arrays, given: Mapping[str, Generator], network: str) -> str:
    applied = [
        f'ebn_applied("{name}", {address}, {size});'
        for name, (array, address, size) in arrays.items()
        if array.settable
    ]
    run = f"""
    const std::clock_t ebn_begin = std::clock();
    {network}.run(std::atof(std::getenv("EBN_DURATION")), NULL, 10.0);
    const double ebn_stepping = double(std::clock() - ebn_begin)/CLOCKS_PER_SEC;
    """
    sizes = {name: size for name, (array, _, size) in arrays.items() if array.size is None}
    spikes = code(given, {name: address for name, (_, address, _) in arrays.items()})
    seed = SEED_CPP  # again, whatever the values of the network have drawn
    return "\n".join([CHECK, *applied, spikes, seed, run, sizes_code(sizes)])


#: Linux alone tells the peak of this program; that of `resource` has in it the one that starts it.
PEAK = """
std::ifstream status("/proc/self/status");
for (std::string word; status >> word;)
    if (word == "VmHWM:" && status >> word) sizes << "peak_kilobytes " << word << "\\n";
"""


def sizes_code(sizes: Mapping[str, str]) -> str:
    """C++ that leaves sizes known only after the run, and what the steps cost."""
    lines = "".join(f'sizes << "{name} " << {size} << "\\n";\n' for name, size in sizes.items())
    return (
        '{\nstd::ofstream sizes(results_dir + "sizes.txt");\n'
        f'sizes << "stepping_seconds " << ebn_stepping << "\\n";\n{lines}{PEAK}}}\n'
    )
