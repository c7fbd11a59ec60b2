"""What the study of neuron loss makes of its results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..lab.store import Arrays
from .arms import ARMS, READOUTS


def assemble(results: Mapping[str, Arrays], shares: Sequence[float], chips: int) -> xr.Dataset:
    """Errors and rates by arm, share and network, and errors of the learned ones by readout."""
    coords = {"arm": list(ARMS), "readout": list(READOUTS), "lost": list(shares)}
    data = xr.Dataset(coords=coords)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([block[name] for block in results.values()], axis=1)[:, :chips]

    dims = ("lost", "network")
    for measure, unit in (("error", "1"), ("rate_hz", "Hz")):
        values = np.stack([joined(f"{measure}_{arm}") for arm in ARMS])
        data[measure] = ("arm", *dims), values, {"units": unit}
    readouts = np.stack([joined(name) for name in READOUTS])
    data["error_readout"] = ("readout", *dims), readouts, {"units": "1"}
    return data


def summarise(data: xr.Dataset) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Flat numbers, and rows for the terminal."""
    summary: dict[str, Any] = {"n_networks": data.sizes["network"]}
    rows: dict[str, dict[str, Any]] = {}
    for kind, name, measures in (
        ("arm", "", ("error", "rate_hz")),
        ("readout", "learned_", ("error_readout",)),
    ):
        for label in data[kind].values:
            row: dict[str, Any] = {}
            for share in data["lost"].values:
                for measure in measures:
                    values = data[measure].sel({kind: label, "lost": share})
                    short = measure.removesuffix("_readout")
                    key = f"{short}_{name}{label}_{100 * share:g}"
                    numbers = {"median": float(values.median()), "worst": float(values.max())}
                    summary |= {f"{key}_{k}": v for k, v in numbers.items()}
                    if short == "error":
                        row |= {f"{100 * share:g} %": numbers["median"]}
                        row |= {f"{100 * share:g} % worst": numbers["worst"]}
            rows[f"{name}{label}"] = row
    return summary, rows
