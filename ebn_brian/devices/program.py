"""Programs: built once, run many times. Compiled ones also several at once."""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from brian2 import Quantity, get_logger, second
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..seeds import check_seed
from .flags import STRICT_FLAGS
from .generators import Generator, divided, leave
from .values import Array, Run, checked, fixed, stop_if_compile_only, wrong_size

if TYPE_CHECKING:
    from resource import struct_rusage  # of Unix alone, as compiled programs are

logger = get_logger(__name__)


class Program(Protocol):
    """A network that is built for a target."""

    def run(
        self,
        values: Mapping[str, ArrayLike | Quantity] = {},
        *,
        duration: Quantity,
        seed: int | None = None,
        read: Sequence[str] = (),
        timeout: Quantity | None = None,
    ) -> Run:
        """Run from the built state with other values; return arrays and what they cost.

        Parameters
        ----------
        values
            By name, ``group.variable`` or ``timed_array.values``: arrays of as many elements as
            the program holds, or a number for all of them; in base units or as a `Quantity`. Spikes
            of a `SpikeGeneratorGroup` are ``group.neuron_index`` and ``group.spike_time``, as many
            as one likes, in any order.
        duration
            How long to simulate, from t = 0.
        seed
            Of Brian2's random numbers; None: others in every run.
        read
            Names of the arrays to return.
        timeout
            Most time that the run may take. One in this process (numpy, cython) cannot be stopped:
            it must be None.

        Raises
        ------
        TypeError
            If `duration` or `timeout` is no time.
        ValueError
            If a name is unknown, or a value has the wrong size or unit or is not finite.
        RuntimeError
            If a compiled program fails, does not apply a value, or leaves a result incomplete.
        TimeoutError
            If it takes longer than `timeout`.
        """
        ...


@dataclass(frozen=True)
class StandaloneProgram:
    """A compiled program in a folder. It can be pickled and run from several processes at once."""

    directory: Path
    arrays: dict[str, Array]
    flags: tuple[str, ...] = STRICT_FLAGS
    generators: Mapping[str, Generator] = field(default_factory=dict)
    """Groups whose spikes a run may be given."""
    keep: object = field(default=None, repr=False, compare=False)
    """What removes a temporary folder with the program; a copy in another process has none."""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"keep": None}

    def run(
        self,
        values: Mapping[str, ArrayLike | Quantity] = {},
        *,
        duration: Quantity,
        seed: int | None = None,
        read: Sequence[str] = (),
        timeout: Quantity | None = None,
    ) -> Run:
        """See `Program.run`."""
        simulated = checks.seconds("duration", duration)
        limit = None if timeout is None else checks.seconds("timeout", timeout)
        values, spikes = divided(values, self.generators)
        inputs = {name: self._checked(name, value) for name, value in values.items()}
        for name in read:
            if self._known(name).filename is None:
                raise ValueError(f"{name!r}: cannot be read, it is an input")
        environment = os.environ | {"EBN_DURATION": repr(simulated)}
        environment.pop("EBN_SEED", None)
        if seed is not None:
            environment["EBN_SEED"] = str(check_seed(seed))
        stop_if_compile_only(str(self.directory / "main"))
        with tempfile.TemporaryDirectory(prefix="run_", dir=self.directory) as folder:
            results = Path(folder)
            leave(spikes, results)
            arguments = []
            for k, (name, value) in enumerate(inputs.items()):
                if value.ndim == 0:  # fills an array whose size only the program knows
                    number = int(value) if value.dtype == bool else value.item()
                    arguments.append(f"{name}={number!r}")
                    continue
                value.tofile(results / f"set_{k}")
                # a relative path: brian2cuda takes paths in lower case
                arguments.append(f"{name}={results.name}/set_{k}")
            usage = self._execute(results, arguments, environment, limit, inputs)
            try:
                sizes = dict(line.split() for line in (results / "sizes.txt").open())
                return Run(
                    {name: self._read(name, results, sizes) for name in read},
                    usage.ru_utime + usage.ru_stime,
                    float(sizes["stepping_seconds"]),
                    int(sizes.get("peak_kilobytes", 0)) * 1024,
                    _profile(results / "profiling_info.txt"),
                )
            except (OSError, KeyError, ValueError) as error:
                raise RuntimeError(f"the program left no complete result ({error!r})") from error

    def _known(self, name: str) -> Array:
        if name not in self.arrays:
            raise ValueError(f"{name!r}: the program has no such variable")
        return self.arrays[name]

    def _checked(self, name: str, value: ArrayLike | Quantity) -> NDArray[Any]:
        array = self._known(name)
        if not array.settable:
            raise fixed(name)
        return checked(name, value, array.dtype, array.size, array.dim)

    def _execute(
        self,
        results: Path,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        limit: float | None,
        inputs: Mapping[str, NDArray[Any]],
    ) -> "struct_rusage":
        """Run the program, for at most `limit` seconds; return what it used."""
        main = str(self.directory / "main")
        command = [main, "--results_dir", f"{results.name}/", *arguments]
        log = results / "log.txt"
        with log.open("w") as file:
            process = subprocess.Popen(
                command, cwd=self.directory, env=environment, stdout=file, stderr=subprocess.STDOUT
            )
        code, usage = _wait(process, limit)
        if code is None:
            raise TimeoutError(f"the program ran longer than {limit * second}")
        output = log.read_text(errors="replace").strip()
        if code or COMPLAINT.search(output):
            for name, sent, held in SENT.findall(output):
                value = inputs.get(name)
                if value is not None and int(sent) == value.nbytes != int(held):
                    raise wrong_size(name, value.size, int(held) // value.itemsize)
            raise RuntimeError(self._failure(code, output))
        for line in re.findall(r"^ebn_brian\.fused: (.*)", output, re.M):
            logger.info(line, "unfused")
        return usage

    def _failure(self, code: int, output: str) -> str:
        return f"the program failed with exit code {code}: {output[-2000:]}"

    def _read(self, name: str, results: Path, sizes: Mapping[str, str]) -> NDArray[Any]:
        array = self.arrays[name]
        size = int(sizes[name]) if array.size is None else array.size
        path = results / (array.filename or name)
        value = np.fromfile(path, array.dtype) if path.exists() else np.empty(0, array.dtype)
        if value.size != size:
            raise RuntimeError(
                f"{name!r}: the program left {value.size} of {size} values; is the disk full?"
            )
        if array.order:
            t, i = (np.fromfile(results / f"{self.arrays[n].filename}", self.arrays[n].dtype)
                    for n in array.order)  # fmt: skip
            value = value[np.lexsort((i, t))]
        return value.reshape(-1, array.columns) if array.columns else value


def _profile(path: Path) -> dict[str, float]:
    """Seconds by code object, of a program that was built with ``profile=True``."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: float(seconds) for name, seconds in (line.split() for line in lines)}


#: What a program says that failed and does not tell by its exit code. Lines of level INFO name
#: whatever there is.
COMPLAINT = re.compile(r"^(?!INFO|ebn_brian\.fused: ).*(\b(Error|ERROR)\b|Could not)", re.M)

#: What the program says of a value that did not arrive.
SENT = re.compile(r"Error: (\S+) was sent (\d+) bytes and holds (\d+)")


def _wait(
    process: subprocess.Popen[bytes], limit: float | None
) -> "tuple[int | None, struct_rusage]":
    """Exit code (None: it took longer than `limit` seconds and was killed) and what it used."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(limit, kill) if limit is not None else None
    if timer:
        timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:  # the user has had enough
        process.kill()
        process.wait()
        raise
    finally:
        if timer:
            timer.cancel()
    return (None if late.is_set() else process.returncode), usage
