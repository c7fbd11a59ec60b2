"""Build a network once, run it many times: with other weights, inputs, durations and seeds.

::

    program = devices.build(make_network)  # a function that returns a Network
    run = program.run({"recurrent.w": w, "drive.values": c}, duration=10*second, read=["spikes.t"])

Names are those of Brian2's own command line: ``group.variable``, and ``name.values`` for a
`TimedArray`. Every run starts at t = 0 from the state that the network was built with, but for the
values that are given. Values are read back from the running program and compared, results are
checked for size, and runs never share a folder, so nothing is lost in silence.
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import brian2
import numpy as np
from brian2 import Network, Quantity, TimedArray, second
from brian2.codegen.runtime.cython_rt.extension_manager import get_cython_cache_dir
from brian2.devices.device import get_device, reset_device, set_device
from brian2.units.fundamentalunits import have_same_dimensions

from . import fused  # noqa: F401  registers cpp_fused
from .seeds import check_seed

#: Targets by name. ``runtime`` lets Brian2 choose between cython and numpy.
RUNTIME = {"runtime": "auto", "numpy": "numpy", "cython": "cython"}
#: ``cpp_fused`` is ``cpp_standalone`` with the time step fused into one function (see `fused`).
STANDALONE = ("cpp_fused", "cpp_standalone")

#: No fast-math, no fused multiply-add: the same bits as numpy, whatever the size of the batch.
STRICT_FLAGS = ("-w", "-O3", "-march=native", "-ffp-contract=off", "-std=c++17")
STRICT = {
    "codegen.cpp.extra_compile_args_gcc": list(STRICT_FLAGS),
    # modules are cached by their code alone: keep apart those compiled with other flags
    "codegen.runtime.cython.cache_dir": str(
        Path(get_cython_cache_dir() or tempfile.gettempdir(), "ebn_brian_strict")
    ),
    "devices.cpp_standalone.openmp_threads": 0,
    "core.stop_on_keyboard_interrupt": False,  # Brian2 would return a shortened run as a whole one
}


@dataclass(frozen=True)
class Run:
    """Arrays of one finished run, by name, and what it cost."""

    values: dict[str, np.ndarray]
    cpu_seconds: float
    """CPU time of the whole run, start and file transfer included."""

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]


@dataclass(frozen=True)
class Array:
    """Where an array of a standalone program lies, and what it holds."""

    dtype: np.dtype
    size: int | None  # None: known only after the run
    filename: str | None = None
    settable: bool = True


def build(
    make_network: Callable[[], Network], device: str = "cpp_fused", directory=None
) -> "RuntimeProgram | StandaloneProgram":
    """Build what `make_network` returns for a target.

    Parameters
    ----------
    make_network
        Makes all Brian2 objects and returns their `Network`; called once, with the target active.
    device
        ``'cpp_fused'``, ``'cpp_standalone'``, ``'runtime'``, ``'numpy'`` or ``'cython'``.
    directory
        Folder for the generated program; by default a temporary one that goes with the program.

    Raises
    ------
    ValueError
        If the device is unknown.
    RuntimeError
        If a compiler is missing, or the program does not compile.
    """
    check_device(device)
    if device in RUNTIME:
        return RuntimeProgram(make_network, RUNTIME[device])
    return _build_standalone(make_network, device, directory)


def check_device(device: str) -> str:
    """Return `device` if this machine can build for it; ValueError or RuntimeError if not."""
    known = (*RUNTIME, *STANDALONE)
    if device not in known:
        raise ValueError(f"device={device!r}: must be one of {', '.join(known)}")
    missing = [tool for tool in ("g++", "make") if shutil.which(tool) is None]
    if device in STANDALONE and missing:
        raise RuntimeError(
            f"device={device!r} needs {' and '.join(missing)}, not found on PATH "
            "(device='numpy' needs no compiler)"
        )
    return device


class RuntimeProgram:
    """A network that runs in this process (numpy or cython)."""

    def __init__(self, make_network, target: str):
        reset_device("runtime")
        self.preferences = {"codegen.target": target, **STRICT}
        with _preferences(self.preferences):
            self.network = make_network()
            self.network.store("built")
        self.timed_arrays = _timed_arrays(self.network)
        self.built = {name: timed.values.copy() for name, timed in self.timed_arrays.items()}

    def run(
        self,
        values: Mapping[str, np.ndarray] = {},
        *,
        duration: Quantity,
        seed: int | None = None,
        read: Sequence[str] = (),
    ) -> Run:
        """Run for `duration` from the built state with `values`; return the arrays to `read`."""
        _check_duration(duration)
        inputs = {name: (self._variable(name, value), value) for name, value in values.items()}
        start = _cpu_seconds(resource.RUSAGE_SELF)
        with _preferences(self.preferences):
            self.network.restore("built")
            for name, timed in self.timed_arrays.items():
                timed.values[...] = self.built[name]
            for name, (variable, value) in inputs.items():
                if isinstance(variable, TimedArray):
                    variable.values[...] = _checked(
                        name, value, variable.values.dtype, variable.values.size
                    ).reshape(variable.values.shape)
                else:
                    variable.set_value(_checked(name, value, variable.dtype, variable.size))
            if seed is not None:
                brian2.seed(check_seed(seed))
            self.network.run(duration, namespace={})
        result = {name: np.array(self._variable(name).get_value()) for name in read}
        return Run(result, _cpu_seconds(resource.RUSAGE_SELF) - start)

    def _variable(self, name: str, value=None):
        owner, _, variable = name.partition(".")
        if variable == "values" and owner in self.timed_arrays:
            return self.timed_arrays[owner]
        try:
            found = self.network[owner].variables[variable]
        except KeyError:
            raise ValueError(f"{name!r}: the network has no such variable") from None
        if value is not None and found.read_only:
            raise ValueError(f"{name!r}: cannot be set")
        return found


@dataclass(frozen=True)
class StandaloneProgram:
    """A compiled program in a folder. It can be pickled and run from several processes at once."""

    directory: Path
    arrays: dict[str, Array]
    flags: tuple[str, ...] = STRICT_FLAGS
    keep: object = field(default=None, repr=False, compare=False)
    """What removes a temporary folder with the program; a copy in another process has none."""

    def __getstate__(self):
        return self.__dict__ | {"keep": None}

    def run(
        self,
        values: Mapping[str, np.ndarray] = {},
        *,
        duration: Quantity,
        seed: int | None = None,
        read: Sequence[str] = (),
        timeout: Quantity | None = None,
    ) -> Run:
        """Run for `duration` from the built state with `values`; return the arrays to `read`.

        Raises
        ------
        ValueError
            If a name is unknown, or a value has the wrong size or is not finite.
        RuntimeError
            If the program fails, does not apply a value, or leaves a result incomplete.
        TimeoutError
            If it takes longer than `timeout`.
        """
        _check_duration(duration)
        inputs = {name: self._checked(name, value) for name, value in values.items()}
        for name in read:
            if self._known(name).filename is None:
                raise ValueError(f"{name!r}: cannot be read, it is an input")
        with tempfile.TemporaryDirectory(prefix="run_", dir=self.directory) as folder:
            results = Path(folder)
            arguments = []
            for k, (name, value) in enumerate(inputs.items()):
                value.tofile(results / f"set_{k}")
                arguments.append(f"{name}={results / f'set_{k}'}")
            environment = dict(os.environ, EBN_DURATION=repr(float(duration)))
            if seed is not None:
                environment["EBN_SEED"] = str(check_seed(seed))
            cpu = self._execute(results, arguments, environment, timeout)
            try:
                sizes = dict(line.split() for line in (results / "sizes.txt").open())
                return Run({name: self._read(name, results, sizes) for name in read}, cpu)
            except (OSError, KeyError, ValueError) as error:
                raise RuntimeError(f"the program left no complete result ({error!r})") from error

    def _known(self, name: str) -> Array:
        if name not in self.arrays:
            raise ValueError(f"{name!r}: the program has no such variable")
        return self.arrays[name]

    def _checked(self, name: str, value) -> np.ndarray:
        array = self._known(name)
        if not array.settable:
            raise ValueError(f"{name!r}: cannot be set")
        return _checked(name, value, array.dtype, array.size)

    def _execute(self, results, arguments, environment, timeout) -> float:
        command = [self.directory / "main", "--results_dir", f"{results}/", *arguments]
        log = results / "log.txt"
        start = _cpu_seconds(resource.RUSAGE_CHILDREN)
        with log.open("w") as output:
            try:
                code = subprocess.run(
                    command,
                    cwd=self.directory,
                    env=environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=None if timeout is None else float(timeout),
                ).returncode
            except subprocess.TimeoutExpired:
                raise TimeoutError(f"the program ran longer than {timeout}") from None
        said = log.read_text(errors="replace").strip()
        if code or "rror" in said or "Could not" in said:
            raise RuntimeError(f"the program failed with exit code {code}: {said[-2000:]}")
        return _cpu_seconds(resource.RUSAGE_CHILDREN) - start

    def _read(self, name: str, results: Path, sizes: Mapping[str, str]) -> np.ndarray:
        array = self.arrays[name]
        size = int(sizes[name]) if array.size is None else array.size
        path = results / (array.filename or name)
        value = np.fromfile(path, array.dtype) if path.exists() else np.empty(0, array.dtype)
        if value.size != size:
            raise RuntimeError(
                f"{name!r}: the program left {value.size} of {size} values; is the disk full?"
            )
        return value


def _build_standalone(make_network, device: str, directory) -> StandaloneProgram:
    keep = None
    if directory is None:
        keep = tempfile.TemporaryDirectory(prefix="ebn_brian_")
        directory = keep.name
    directory = Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with _standalone(device) as active:
        network = make_network()
        network.run(0 * second, namespace={})  # applies the values; the real run comes below
        arrays = _arrays(active)
        active.insert_code("main", _main_code(arrays, network.name))
        try:
            active.build(directory=str(directory), run=False, with_output=False)
        except (RuntimeError, OSError) as error:
            raise RuntimeError(f"the program does not compile, see {directory}: {error}") from error
    return StandaloneProgram(
        directory, {name: array for name, (array, _, _) in arrays.items()}, STRICT_FLAGS, keep
    )


@contextmanager
def _standalone(device: str):
    """Make a fresh standalone device the active one, and leave the runtime device behind."""
    set_device(device, build_on_run=False)
    active = get_device()
    active.reinit()
    active.activate(build_on_run=False)
    try:
        with _preferences(STRICT):
            yield active
    finally:
        active.reinit()
        reset_device("runtime")


def _arrays(device) -> dict[str, tuple[Array, str, str]]:
    """All arrays of the program by name, with C++ expressions for their address and size."""
    found = {}
    for variable in device.arrays:
        try:
            name = f"{variable.owner.name}.{variable.name}"
        except (ReferenceError, AttributeError):
            continue  # belongs to no group that still exists
        dynamic = variable in device.dynamic_arrays
        pointer = device.get_array_name(variable, access_data=not dynamic)
        filename = os.path.basename(device.get_array_filename(variable))
        size = None if dynamic else variable.size
        array = Array(np.dtype(variable.dtype), size, filename, not variable.read_only)
        address = f"{pointer}.data()" if dynamic else pointer
        found[name] = array, address, f"{pointer}.size()" if dynamic else str(size)
    for timed, name in device.timed_arrays.items():
        array = Array(timed.values.dtype, timed.values.size)
        found[f"{name}.values"] = array, f"{name}_values", str(array.size)
    return found


#: Runs in the program's main after Brian2 has applied its arguments. That a value arrived is
#: checked here since Brian2 itself goes on with the old one.
MAIN = """
auto ebn_applied = [&](const std::string name, const void* data, size_t bytes) {{
    for (const auto& arg : args) {{
        if (arg.rfind(name + "=", 0) != 0) continue;
        std::ifstream file(arg.substr(name.size() + 1), std::ios::binary | std::ios::ate);
        const size_t sent = file ? (size_t)file.tellg() : 0;
        std::vector<char> buffer(sent);
        file.seekg(0);
        file.read(buffer.data(), sent);
        if (!file || sent != bytes || std::memcmp(buffer.data(), data, bytes)) {{
            std::cerr << "Error: " << name << " was sent " << sent << " bytes and holds " << bytes
                      << (sent == bytes ? ", with other values" : "") << std::endl;
            std::exit(3);
        }}
    }}
}};
{applied}
if (const char* seed = std::getenv("EBN_SEED"))
    for (size_t k = 0; k < _random_generators.size(); k++)
        _random_generators[k].seed(std::strtoul(seed, nullptr, 10) + k);
{network}.run(std::atof(std::getenv("EBN_DURATION")), NULL, 10.0);
{{
    std::ofstream sizes(results_dir + "sizes.txt");
{sizes}
}}
"""


def _main_code(arrays, network: str) -> str:
    applied = [
        f'ebn_applied("{name}", {address}, sizeof({address}[0])*{size});'
        for name, (array, address, size) in arrays.items()
        if array.settable
    ]
    sizes = [
        f'    sizes << "{name} " << {size} << "\\n";'
        for name, (array, _, size) in arrays.items()
        if array.size is None
    ]
    return MAIN.format(applied="\n".join(applied), network=network, sizes="\n".join(sizes))


def _timed_arrays(network: Network) -> dict[str, TimedArray]:
    namespaces = [getattr(o, "namespace", None) or {} for o in network.objects]
    return {v.name: v for n in namespaces for v in n.values() if isinstance(v, TimedArray)}


def _checked(name: str, value, dtype, size: int | None) -> np.ndarray:
    """`value` as a flat array of `dtype`; a scalar fills an array of known `size`."""
    value = np.asarray(value)
    if value.ndim == 0 and size is not None:
        value = np.full(size, value)
    if size is not None and value.size != size:
        raise ValueError(f"{name!r} has {value.size} values: the program holds {size}")
    if value.dtype.kind not in "biuf" or not np.isfinite(value).all():
        raise ValueError(f"{name!r} has values that are not finite numbers")
    array = np.ascontiguousarray(value.ravel(), dtype)
    if array.dtype.kind != "f" and not np.array_equal(array, value.ravel()):
        raise ValueError(f"{name!r} has values that do not fit: the program holds {array.dtype}")
    return array


def _check_duration(duration: Quantity) -> None:
    if not have_same_dimensions(duration, second) or not 0 < duration < np.inf * second:
        raise ValueError(f"duration={duration}: must be a time above zero")


def _cpu_seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _preferences(values: Mapping[str, object]):
    before = {name: brian2.prefs[name] for name in values}
    for name, value in values.items():
        brian2.prefs[name] = value
    try:
        yield
    finally:
        for name, value in before.items():
            brian2.prefs[name] = value
