"""The command line that all studies share."""

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from io import TextIOWrapper
from pathlib import Path

import click
import numpy as np

from ebn_brian import devices
from ebn_brian.seeds import check_seed


def study_options(name: str, device: str | None = "cpp_fused") -> Callable:
    """Options that all studies take; `name` is the default folder under ``results``."""

    def decorate(study: Callable) -> Callable:
        command = _or_compile_only(study)
        for option in reversed(
            (
                click.option(
                    "--out",
                    type=click.Path(file_okay=False, path_type=Path),
                    default=Path("results") / name,
                    show_default=True,
                    help="Folder for figure.png, summary.json and data.nc.",
                ),
                click.option("--seed", type=int, default=1, show_default=True, callback=_seed),
                click.option("--quick", is_flag=True, help="A small version, to see it work."),
                click.option(
                    "--device",
                    default=device,
                    show_default=True,
                    help="Target: cpp_fused, cpp_standalone, cuda_standalone, runtime, numpy or "
                    "cython.",
                ),
                click.option(
                    "--compile-only",
                    is_flag=True,
                    help="Build and link all programs, run and write nothing; needs no GPU.",
                ),
            )
        ):
            command = option(command)
        return command

    return decorate


def _or_compile_only(study: Callable) -> Callable:
    """`study` with the option ``compile_only``."""

    @wraps(study)
    def command(*args, compile_only: bool, **options):
        show_any_name()
        if not compile_only:
            return study(*args, **options)
        if "jobs" in options:
            options |= {"jobs": 1, "dask": None}  # this process runs programs, or does not
        # elsewhere, since results that are there already would make a run needless
        with (
            tempfile.TemporaryDirectory(prefix="ebn_brian_") as out,
            devices.compile_only(),
            suppress(devices.CompiledOnly),
        ):
            study(*args, **options | {"out": Path(out)})
        click.echo("built and linked, not run (--compile-only)")

    return command


def show_any_name() -> None:
    """Let what the terminal cannot show come out as an escape: no run is lost to a word."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def compiling_only() -> bool:
    """Whether the command line says ``--compile-only``."""
    context = click.get_current_context(silent=True)
    return bool(context and context.params.get("compile_only"))


def _seed(_context, _parameter, value: int) -> int:
    try:
        return check_seed(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def finite(_context, _parameter, value: float | tuple[float, ...] | None):
    """Callback of an option: refuse what a range of numbers lets through."""
    for number in np.atleast_1d([] if value is None else value):
        if not np.isfinite(number):
            raise click.BadParameter(f"{number} is not a finite number")
    return value


def repeatable(flag: str, dest: str, kind: click.ParamType, what: str, default: str) -> Callable:
    """An option that can be given several times; `default` says what stands for none."""
    text = f"{what}; repeatable  [default: {default}]"
    check = finite if isinstance(kind, click.FloatRange) else None
    return click.option(flag, dest, multiple=True, type=kind, callback=check, help=text)


#: For studies whose chips are one program: others share their tasks among processes.
threads_option = click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Threads that share the chips (cpp_fused only).",
)


def check_before_start(out: Path, device: str, threads: int = 1) -> None:
    """Find out now rather than after the run that device, threads or folder cannot be used.

    Raises
    ------
    click.UsageError
        If so, with the reason.
    """
    try:
        devices.check_device(device)
        devices.check_threads(threads, device)
        if not compiling_only():
            devices.check_gpu(device)
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise click.UsageError(f"--out {out}: cannot be written ({error})") from error
    except (ValueError, RuntimeError) as error:
        raise click.UsageError(str(error)) from error
