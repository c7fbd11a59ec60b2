"""What the study of random backpropagation makes of its results."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..lab.store import Arrays
from .arms import Lab, checked_epochs

#: Mismatch by which summary numbers go.
MAIN_CV = 0.2


def assemble(
    results: Mapping[str, Arrays], lab: Lab, points: Sequence[tuple[str, int]], seeds: Iterable[int]
) -> xr.Dataset:
    """Accuracy of all arms by seed, and what single arms have more; nan where a task failed."""
    seeds = list(seeds)
    data = xr.Dataset(coords={"seed": seeds})
    for arm, bits in points:
        name = f"{arm}{bits or ''}"
        own = [results.get(f"{name}-{seed}", {}) for seed in seeds]
        if arm != "mismatch":
            data[f"accuracy_{name}"] = _stacked(own, "accuracy", ())
    at_epoch = {"epoch": checked_epochs(lab.epochs)}
    size = len(at_epoch["epoch"])
    floats = [results.get(f"float-{seed}", {}) for seed in seeds]
    data = data.assign_coords(at_epoch | {"cv": list(lab.cvs), "bits": list(lab.bits)})
    data["curve"] = _stacked(floats, "curve", ("epoch",), (size,))
    angle = _stacked(floats, "angle", ("epoch", "layer"), (size, 2))
    data = data.assign_coords(layer=["hidden", "output"])
    data["angle"] = angle
    data["rounded"] = _stacked(floats, "rounded", ("bits",), (len(lab.bits),))
    chips = [results.get(f"mismatch-{seed}", {}) for seed in seeds]
    for name in ("learned", "copied"):
        data[name] = _stacked(chips, name, ("cv",), (len(lab.cvs),))
    data["cpu_seconds_per_epoch"] = _stacked(floats, "cpu", ())
    data["cpu_seconds_per_epoch_group"] = _stacked(chips, "cpu", ())
    label(data)
    return data


def label(data: xr.Dataset) -> None:
    """Units and names."""
    for name, variable in data.data_vars.items():
        unit = {"angle": "degree", "cpu": "s"}.get(str(name).split("_")[0], "1")
        variable.attrs = {"units": unit, "long_name": str(name).replace("_", " ")}
    data["angle"].attrs["long_name"] = "angle between the rule's change and steepest descent"
    for name in ("curve", "rounded", "learned", "copied"):
        data[name].attrs["long_name"] = f"accuracy on test images, {name}"


def _stacked(
    own: Sequence[Arrays], name: str, dims: tuple[str, ...], shape: tuple[int, ...] = ()
) -> xr.DataArray:
    """One array of all seeds."""
    nothing = np.full(shape, np.nan)
    values = [np.asarray(arrays.get(name, nothing), float) for arrays in own]
    return xr.DataArray(np.stack(values), dims=("seed", *dims))


def summarise(data: xr.Dataset) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Flat numbers, and rows for the terminal."""
    arms = {
        name.removeprefix("accuracy_"): variable
        for name, variable in ((str(n), v) for n, v in data.data_vars.items())
        if name.startswith("accuracy_")
    }
    for cv in data["cv"].values:
        arms |= {f"{how}_cv{100 * cv:g}": data[how].sel(cv=cv) for how in ("learned", "copied")}
        if cv == MAIN_CV:
            arms |= {
                "mismatch20": data["learned"].sel(cv=cv),
                "copied20": data["copied"].sel(cv=cv),
            }
    arms |= {f"rounded{bits}": data["rounded"].sel(bits=bits) for bits in data["bits"].values}
    summary: dict[str, Any] = {"n_seeds": data.sizes["seed"]}
    rows: dict[str, dict[str, Any]] = {}
    for arm, values in arms.items():
        if values.isnull().all():
            continue
        numbers = {"median": float(values.median()), "worst": float(values.min())}
        summary |= {f"accuracy_{arm}_{which}": value for which, value in numbers.items()}
        rows[arm] = numbers | {"seeds": int(values.notnull().sum())}
    for layer in ("hidden", "output"):
        angle = data["angle"].sel(layer=layer).median("seed")
        summary[f"angle_{layer}_first"] = float(angle[0])
        summary[f"angle_{layer}_last"] = float(angle[-1])
        summary[f"angle_{layer}_least"] = float(angle.min())
    one, group = data["cpu_seconds_per_epoch"], data["cpu_seconds_per_epoch_group"]
    summary["cpu_seconds_per_epoch"] = float(one.median())
    summary["cpu_seconds_per_epoch_and_chip"] = float(group.median()) / data.sizes["cv"]
    return summary, rows
