"""What every study shares: its command line, its results on disk, its table."""

import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import matplotlib

matplotlib.use("Agg")

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.stats import binomtest

from ebn_brian import devices
from ebn_brian.seeds import check_seed

PACKAGES = ("ebn_brian", "brian2", "numpy", "scipy", "xarray", "seaborn", "matplotlib")


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


def compiling_only() -> bool:
    """Whether the command line says ``--compile-only``."""
    context = click.get_current_context(silent=True)
    return bool(context and context.params.get("compile_only"))


def _seed(_context, _parameter, value: int) -> int:
    try:
        return check_seed(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def check_before_start(out: Path, device: str) -> None:
    """Find out now rather than after the run that the device or the folder cannot be used.

    Raises
    ------
    click.UsageError
        If so, with the reason.
    """
    try:
        devices.check_device(device)
        if not compiling_only():
            devices.check_gpu(device)
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise click.UsageError(f"--out {out}: cannot be written ({error})") from error
    except (ValueError, RuntimeError) as error:
        raise click.UsageError(str(error)) from error


def provenance(parameters: Mapping) -> dict:
    """Where a result comes from: command, parameters (seed included), versions, compiler flags."""
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None  # run from a source tree that is not installed
    return {
        "command": shlex.join([Path(sys.executable).name, "-m", *_module_and_arguments()]),
        "parameters": {name: _plain(value) for name, value in parameters.items()},
        "versions": versions,
        "compiler_flags": list(devices.STRICT_FLAGS),
        "machine": f"{platform.system()} {platform.machine()}",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _module_and_arguments() -> list[str]:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return [spec.name if spec else Path(sys.argv[0]).name, *sys.argv[1:]]


def _plain(value):
    """`value` as JSON can hold it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return value if isinstance(value, int | float | str | bool | list | None) else str(value)


def save(out: Path, summary: Mapping, data: xr.Dataset, figure: Figure) -> None:
    """Write data.nc, figure.png and summary.json, whole or not at all; the summary comes last."""
    source = _finite(summary["provenance"])
    (out / "summary.json").unlink(missing_ok=True)  # it would stand beside data of another run
    data = data.assign_attrs(provenance=json.dumps(source), Conventions="CF-1.11")
    whole(out / "data.nc", lambda path: data.to_netcdf(path, engine="h5netcdf"))
    metadata = {"Description": json.dumps(source)}
    whole(
        out / "figure.png",
        lambda path: figure.savefig(path, format="png", dpi=150, metadata=metadata),
    )
    text = json.dumps(_finite(dict(summary)), indent=1, allow_nan=False)
    whole(out / "summary.json", lambda path: path.write_text(text + "\n"))


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    value = _plain(value)
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make the file under another name, and move it to `path` when it is complete."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def share(holds: xr.DataArray, over: str) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Share of what `holds` (1 or 0, nan: not known) along a dimension, and its 95 % interval.

    The interval is Wilson's; all are nan where nothing is known.
    """
    n, k = holds.notnull().sum(over), holds.sum(over)
    limits = np.full((2, *k.shape), np.nan)
    for place in np.ndindex(k.shape):
        if n.values[place]:
            test = binomtest(int(k.values[place]), int(n.values[place]))
            limits[(slice(None), *place)] = test.proportion_ci(method="wilson")
    return (k / n).where(n > 0), k.copy(data=limits[0]), k.copy(data=limits[1])


def show(rows: Mapping[str, Mapping[str, object]], title: str) -> None:
    """Print a table, one row an entry of `rows`."""
    columns = list(next(iter(rows.values())))
    cells = [["", *columns]] + [
        [name, *(_short(row[column]) for column in columns)] for name, row in rows.items()
    ]
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns) + 1)]
    click.echo(title)
    for line in cells:
        rest = "  ".join(
            cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)
        )
        click.echo(f"  {line[0].ljust(widths[0])}  {rest}")


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
