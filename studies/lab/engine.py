"""The engine of studies: independent tasks on all cores, or on a Dask cluster, to be resumed.

A task is a function's plain arguments, by name. Its result, some arrays, is kept in a file of its
own, written whole or not at all, under a checksum that also covers what the result depends on: the
arguments, the settings and the source code. A study that is started again reads what is sound and
runs the rest. A task that fails, diverges or loses its worker leaves a log and no result.
"""

import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import joblib
import numpy as np
from brian2 import Quantity, second
from filelock import FileLock, Timeout
from tqdm import tqdm

from ebn_brian import devices

from .cli import finite
from .store import Arrays, keys, load, store

#: How often the tasks of a dead worker are started together before each runs by itself.
ROUNDS = 3


def engine_options(command: Callable) -> Callable:
    """Options of the studies that run on the engine."""
    for option in (
        click.option(
            "--jobs",
            default=-1,
            show_default=True,
            callback=_jobs,
            help="Processes; -1: one a core.",
        ),
        click.option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster to use."),
        click.option(
            "--timeout",
            default=600.0,
            show_default=True,
            type=click.FloatRange(0, min_open=True),
            callback=finite,
            help="Seconds after which a run of the simulation is given up.",
        ),
    ):
        command = option(command)
    return command


def _jobs(_context, _parameter, value: int) -> int:
    if value < -1 or value == 0:
        raise click.BadParameter(f"{value}: must be at least 1, or -1 for one a core")
    return value


def workers(options: Mapping) -> dict:
    """`jobs` and `dask` of `run` by the command line; the runtime has no other processes."""
    here = options["device"] in devices.RUNTIME
    return {"jobs": 1 if here else options["jobs"], "dask": options["dask"]}


def time_limit(options: Mapping) -> Quantity | None:
    """`timeout` of the runs of a program by the command line; programs of the runtime have none."""
    return None if options["device"] in devices.RUNTIME else options["timeout"] * second


@contextmanager
def alone(out: Path) -> Iterator[Path]:
    """Keep other studies out of the folder `out`; gives a folder for programs that goes afterwards.

    Raises
    ------
    click.UsageError
        If another study is running there.
    """
    try:
        with FileLock(out / ".lock", blocking=False):
            for left in out.glob("programs_*"):  # by a study that was killed
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(
                prefix="programs_", dir=out, ignore_cleanup_errors=True
            ) as programs:
                yield Path(programs)
    except Timeout:
        raise click.UsageError(f"--out {out}: another study is running in this folder") from None


def run(
    function: Callable[..., Arrays],
    tasks: Mapping[str, Sequence],
    folder: Path,
    *,
    settings: Mapping,
    shared: Sequence = (),
    jobs: int = -1,
    dask: str | None = None,
) -> tuple[dict[str, Arrays], dict[str, str]]:
    """Results ``function(*arguments)`` of all tasks, and the logs of those without one.

    Parameters
    ----------
    function
        Returns arrays of finite numbers. With `jobs` or `dask` it must be possible to pickle it.
    tasks
        Arguments by name of the task, numbers and strings (in tuples, if need be).
    folder
        Holds ``NAME.result`` or ``NAME.log`` of every task; made if need be.
    settings
        What results depend on besides arguments and source code.
    shared
        First arguments of all tasks, such as a program; what they stand for must be in `settings`.
    jobs
        Number of processes, -1: one a core; 1: in this process.
    dask
        Address of the scheduler of a Dask cluster, whose workers see the same folders and packages.

    Raises
    ------
    click.ClickException
        If a result cannot be stored, or the cluster not be used. Finished results stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key_of = keys(function, settings, tasks)
    stored = {name: load(folder / f"{name}.result", key) for name, key in key_of.items()}
    results = {name: arrays for name, arrays in stored.items() if arrays is not None}
    pending = {name: task for name, task in tasks.items() if name not in results}
    _resumed(folder, len(results), pending, len(tasks))
    logs: dict[str, str] = {}
    with (
        _workers(dask),
        tqdm(total=len(tasks), initial=len(results), desc="tasks") as bar,
    ):
        for name, outcome in _outcomes(partial(function, *shared), pending, jobs):
            with _stored(folder):
                if isinstance(outcome, str):
                    logs[name] = outcome
                    log = outcome.encode(errors="backslashreplace")
                    (folder / f"{name}.log").write_bytes(log)
                else:
                    results[name] = outcome
                    store(folder / f"{name}.result", key_of[name], outcome)
                    (folder / f"{name}.log").unlink(missing_ok=True)
            bar.update()
            bar.set_postfix(failed=len(logs)) if logs else None
    return {name: results[name] for name in tasks if name in results}, logs


def _resumed(folder: Path, n_sound: int, pending: Mapping[str, Sequence], n_tasks: int) -> None:
    """Say what is there of an earlier run."""
    unsound = sum((folder / f"{name}.result").exists() for name in pending)
    if n_sound or unsound:
        click.echo(
            f"{folder}: {n_sound} of {n_tasks} results are there"
            + f", {unsound} damaged or of other settings: done again" * bool(unsound)
        )


@contextmanager
def _stored(folder: Path) -> Iterator[None]:
    """A word on what to do where a result cannot be stored."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(
            f"{folder}: cannot store a result ({error}). Finished results are kept: "
            "the same command goes on from there."
        ) from error


def report(logs: Mapping[str, str], folder: Path) -> None:
    """Say which tasks have no result and why.

    Raises
    ------
    SystemExit
        If there are any, with exit code 1.
    """
    for name, log in logs.items():
        click.echo(f"FAILED {name}: {log.strip().splitlines()[-1]}", err=True)
    if logs:
        click.echo(f"{len(logs)} tasks failed and are missing from all numbers: {folder}/*.log")
        sys.exit(1)


def _outcomes(
    function: Callable, tasks: Mapping[str, Sequence], jobs: int
) -> Iterator[tuple[str, Arrays | str]]:
    """Result or log of each task, as they come.

    A worker that dies takes all others with it. So what was not finished starts again; at last
    one by one, which tells the task that kills its worker from those beside it.
    """
    left = dict(tasks)
    for _ in range(ROUNDS):
        try:
            for name, outcome in _parallel(function, list(left.items()), jobs):
                del left[name]
                yield name, outcome
            return
        except Exception as error:  # of a worker: those of tasks do not leave them
            click.echo(f"a worker was lost, its tasks start again: {error!r:.200}", err=True)
    for name, task in list(left.items()):
        try:
            yield from _parallel(function, [(name, task)], jobs)
        except Exception as error:
            yield name, f"the worker of this task died, {ROUNDS + 1} times: {error}"


def _parallel(function: Callable, tasks: Iterable, jobs: int) -> Iterator:
    parallel = joblib.Parallel(
        n_jobs=jobs, batch_size=1, return_as="generator_unordered", max_nbytes=None
    )
    return parallel(joblib.delayed(_attempt)(function, *task) for task in tasks)


def _attempt(function: Callable, name: str, task: Sequence) -> tuple[str, Arrays | str]:
    """The result of a task, or the log of its failure."""
    try:
        arrays = {key: np.asarray(value) for key, value in function(*task).items()}
        diverged = [key for key, value in arrays.items() if not np.isfinite(value).all()]
        if diverged:
            raise FloatingPointError(
                f"diverged: {', '.join(diverged)} has values that are not finite"
            )
        return name, arrays
    except Exception:
        return name, traceback.format_exc()


@contextmanager
def _workers(dask: str | None) -> Iterator[None]:
    """Where `joblib` runs: the processes of this machine, or those of a cluster."""
    if dask is None:
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise click.UsageError(
            "--dask: needs the extra, pip install 'ebn_brian[cluster]'"
        ) from None
    try:
        client = Client(dask, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise click.UsageError(f"--dask {dask}: no scheduler answers there ({error})") from error
    with client, joblib.parallel_config("dask", client=client, wait_for_workers_timeout=60):
        yield
