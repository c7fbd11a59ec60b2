"""What chips come to at each point: yield, cost, rate and errors, over the same chips clean."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..design.file import Design
from ..design.measures import MEASURES
from ..design.numbers import UNITS, joined, judged
from ..lab.store import Arrays
from .knobs import Point, label, reference

#: Medians in the terminal's table.
COLUMNS = {
    "cost": "cost",
    "Hz": "rate_hz",
    "refitted": "error_refitted",
    "learned": "error_learned",
}


def assemble(
    points: Sequence[Point], results: Mapping[str, Arrays], chips: int, block: int, base: Design
) -> xr.Dataset:
    """`MEASURES` by point and chip, yields and costs; nan where a task failed."""
    data = xr.Dataset(coords={"point": [label(p) for p in points], "chip": range(chips)})
    clean = [f"clean-{label(reference(p))}" for p in points]
    for suffix, labels in (("", data["point"].values), ("_clean", clean)):
        for name in MEASURES:
            rows = [joined(results, one, name, chips, block) for one in labels]
            data[f"{name}{suffix}"] = ("point", "chip"), np.stack(rows), {"units": UNITS[name]}
    return judged(data, base)


def summarise(data: xr.Dataset) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Flat numbers, ``NUMBER_POINT``, and rows for the terminal."""
    summary: dict[str, Any] = {"n_chips": data.sizes["chip"]}
    rows: dict[str, dict[str, Any]] = {}
    for name in data["point"].values:
        at = data.sel(point=name)
        if at["rate_hz"].isnull().all():
            continue
        numbers = {f"yield_{name}{s}": float(at[f"yield{s}"]) for s in ("", "_low", "_high")}
        medians = {m: float(at[m].median()) for m in ("cost", *MEASURES)}
        summary |= numbers | {f"{m}_{name}": value for m, value in medians.items()}
        summary[f"rate_hz_{name}_worst"] = float(at["rate_hz"].max())
        interval = "{:.2f} to {:.2f}".format(*list(numbers.values())[1:])
        row = {"yield": numbers[f"yield_{name}"], "95 %": interval}
        rows[str(name)] = row | {word: medians[m] for word, m in COLUMNS.items()}
    return summary, rows
