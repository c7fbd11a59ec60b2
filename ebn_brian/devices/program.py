"""Compiled programs: built once, run many times, several at once."""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from brian2 import Quantity, get_logger

from ..seeds import check_seed
from .runtime import STRICT_FLAGS
from .values import Array, Run, check_duration, checked, stop_if_compile_only, wrong_size

logger = get_logger(__name__)


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
            If a name is unknown, or a value has the wrong size or unit or is not finite.
        RuntimeError
            If the program fails, does not apply a value, or leaves a result incomplete.
        TimeoutError
            If it takes longer than `timeout`.
        """
        check_duration(duration)
        inputs = {name: self._checked(name, value) for name, value in values.items()}
        for name in read:
            if self._known(name).filename is None:
                raise ValueError(f"{name!r}: cannot be read, it is an input")
        environment = os.environ | {"EBN_DURATION": repr(float(duration))}
        environment.pop("EBN_SEED", None)
        if seed is not None:
            environment["EBN_SEED"] = str(check_seed(seed))
        stop_if_compile_only(str(self.directory / "main"))
        with tempfile.TemporaryDirectory(prefix="run_", dir=self.directory) as folder:
            results = Path(folder)
            arguments = []
            for k, (name, value) in enumerate(inputs.items()):
                if value.ndim == 0:  # fills an array whose size only the program knows
                    number = int(value) if value.dtype == bool else value.item()
                    arguments.append(f"{name}={number!r}")
                    continue
                value.tofile(results / f"set_{k}")
                # a relative path: brian2cuda takes paths in lower case
                arguments.append(f"{name}={results.name}/set_{k}")
            usage = self._execute(results, arguments, environment, timeout, inputs)
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

    def _checked(self, name: str, value) -> np.ndarray:
        array = self._known(name)
        if not array.settable:
            raise ValueError(f"{name!r}: cannot be set")
        return checked(name, value, array.dtype, array.size, array.dim)

    def _execute(self, results, arguments, environment, timeout, inputs):
        """Run the program; returns what it used (`resource.struct_rusage`)."""
        command = [self.directory / "main", "--results_dir", f"{results.name}/", *arguments]
        log = results / "log.txt"
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        code, usage = _wait(process, None if timeout is None else float(timeout))
        if code is None:
            raise TimeoutError(f"the program ran longer than {timeout}")
        said = log.read_text(errors="replace").strip()
        if code or COMPLAINT.search(said):
            for name, sent, held in SENT.findall(said):
                value = inputs.get(name)
                if value is not None and int(sent) == value.nbytes != int(held):
                    raise wrong_size(name, value.size, int(held) // value.itemsize)
            raise RuntimeError(self._failure(code, said))
        for line in re.findall(r"^ebn_brian\.fused: (.*)", said, re.M):
            logger.info(line, "unfused")
        return usage

    def _failure(self, code: int, said: str) -> str:
        return f"the program failed with exit code {code}: {said[-2000:]}"

    def _read(self, name: str, results: Path, sizes: Mapping[str, str]) -> np.ndarray:
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


def _wait(process: subprocess.Popen, timeout: float | None):
    """Exit code (None: it took longer than `timeout` and was killed) and use of resources."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout, kill) if timeout is not None else None
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
