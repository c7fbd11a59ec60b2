"""Results on disk, with their provenance, and the table on the terminal."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
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

PACKAGES = ("ebn_brian", "brian2", "numpy", "scipy", "xarray", "seaborn", "matplotlib")


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
    module = spec.name.removesuffix(".__main__") if spec else Path(sys.argv[0]).name
    return [module, *sys.argv[1:]]


def _plain(value):
    """`value` as JSON can hold it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return value if isinstance(value, int | float | str | bool | list | None) else str(value)


def save(out: Path, summary: Mapping, data: xr.Dataset, figure: Figure, **others: Figure) -> None:
    """Write data.nc, figure.png and summary.json, whole or not at all; the summary comes last.

    `others` are further figures by name.
    """
    source = _finite(summary["provenance"])
    (out / "summary.json").unlink(missing_ok=True)  # it would stand beside data of another run
    data = data.assign_attrs(provenance=json.dumps(source), Conventions="CF-1.11")
    whole(out / "data.nc", lambda path: data.to_netcdf(path, engine="h5netcdf"))
    metadata = {"Description": json.dumps(source)}
    for name, one in {**others, "figure": figure}.items():
        write = partial(one.savefig, format="png", dpi=150, metadata=metadata)
        whole(out / f"{name}.png", write)
    save_numbers(out / "summary.json", summary)


def save_numbers(path: Path, numbers: Mapping) -> None:
    """Write `numbers` as JSON, whole or not at all."""
    text = json.dumps(_finite(dict(numbers)), indent=1, allow_nan=False)
    whole(path, lambda part: part.write_text(text + "\n"))


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    value = _plain(value)
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make the file under another name, and move it to `path` when it is complete."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


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


def show_numbers(summary: Mapping[str, object], title: str) -> None:
    """Print a summary, one number a row."""
    show({name: {"": value} for name, value in summary.items() if name != "provenance"}, title)


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
