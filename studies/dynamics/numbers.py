"""What the study of dynamics makes of its results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..lab.store import Arrays
from .arms import DEPLOYED, MEASURES, STAGES

UNITS = {"rmse": "1", "agreement": "1", "rate_hz": "Hz"}
NAMES = {
    "rmse": "root of squared error over squared signal",
    "agreement": "correlation left to itself, or share of time in the right well",
    "rate_hz": "rate of a neuron",
}


def assemble(results: Mapping[str, Arrays], cvs: Sequence[float], chips: int) -> xr.Dataset:
    """Measures by stage and network, and by arm, CV and network."""
    blocks = list(results.values())
    stages = [stage for stage in STAGES if f"rmse_{stage}" in blocks[0]]
    data = xr.Dataset(coords={"stage": stages, "arm": list(DEPLOYED), "cv": list(cvs)})

    def joined(name: str) -> np.ndarray:
        return np.concatenate([block[name] for block in blocks])[:chips]

    for m in MEASURES:
        attributes = {"units": UNITS[m], "long_name": NAMES[m]}
        clean = np.stack([joined(f"{m}_{stage}") for stage in stages])
        data[m] = ("stage", "network"), clean, attributes
        if len(cvs):
            unlike = [[joined(f"{m}_{arm}_{cv:g}") for cv in cvs] for arm in DEPLOYED]
            data[f"{m}_deployed"] = ("arm", "cv", "network"), np.array(unlike), attributes
    return data


def summarise(data: xr.Dataset) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Flat numbers, and rows for the terminal."""
    summary: dict[str, Any] = {"n_networks": data.sizes["network"]}
    rows: dict[str, dict[str, Any]] = {}

    def add(row: str, own: xr.Dataset, suffix: str) -> None:
        rows[row] = {}
        for m in MEASURES:
            values = own[m]
            worst = values.min() if m == "agreement" else values.max()
            for kind, value in (("median", values.median()), ("worst", worst)):
                summary[f"{m}_{suffix}_{kind}"] = rows[row][f"{m} {kind}"] = float(value)

    for stage in data["stage"].values:
        add(stage, data.sel(stage=stage)[list(MEASURES)], stage)
    deployed = data[[f"{m}_deployed" for m in MEASURES if f"{m}_deployed" in data]]
    deployed = deployed.rename({name: str(name).removesuffix("_deployed") for name in deployed})
    for cv in data["cv"].values:
        for arm in DEPLOYED:
            own, percent = deployed.sel(cv=cv, arm=arm), f"{100 * cv:g}"
            add(f"{percent} % {arm}", own, f"{arm}_{percent}")
    return summary, rows
