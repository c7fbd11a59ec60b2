"""What the study of whole chips makes of its results."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from ..lab.collect import collect
from ..lab.results import share
from ..lab.store import Arrays
from ..mismatch import measures as mismatch
from ..mismatch.measures import cost
from .arms import ARMS, MEASURES

UNITS = dict.fromkeys(MEASURES, "1") | {"rate_hz": "Hz"}
NAMES = mismatch.NAMES | {"correlation": "correlation of the weights to the optimal ones"}


def assemble(
    results: Mapping[str, Arrays],
    tasks: Mapping[str, tuple],
    chips: int,
    arms: Sequence[str] = ARMS,
) -> xr.Dataset:
    """All measures by arm, CV and chip; nan where a task failed."""
    parts, where = {}, {}
    for task, arrays in results.items():
        cv, first = tasks[task][:2]
        n = min(arrays[MEASURES[0]].shape[1], chips - first)
        parts[task] = {name: arrays[name][:, :n] for name in MEASURES}
        where[task] = {"arm": list(arms), "cv": cv, "chip": list(range(first, first + n))}
    coords = {
        "arm": arms,
        "cv": sorted({cv for cv, *_ in tasks.values()}),
        "chip": range(chips),
    }
    variables = {
        name: (tuple(coords), {"units": UNITS[name], "long_name": NAMES[name]}) for name in MEASURES
    }
    return collect(parts, where, coords, variables, ("arm", "chip"))


def add_yield(data: xr.Dataset, rate_limit: float, error_limit: float) -> xr.Dataset:
    """Cost over clean, and the share of chips within the specification (Wilson's interval)."""
    clean = data.sel(arm="clean")
    rate, error = data["rate_hz"] / clean["rate_hz"], data["error_refit"] / clean["error_refit"]
    data["cost"] = cost(rate, error)
    data["cost"].attrs["long_name"] = "rate times root of error, over that of the chip clean"
    good = ((rate <= rate_limit) & (error <= error_limit)).where(data["rate_hz"].notnull())
    for suffix, values in zip(("", "_low", "_high"), share(good, "chip"), strict=True):
        data[f"yield{suffix}"] = values
    return data


def summarise(data: xr.Dataset, main: float) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Flat numbers, at the CV `main` without it in their name, and rows for the terminal."""
    summary: dict[str, Any] = {"cv": main, "n_chips": data.sizes["chip"]}
    rows: dict[str, dict[str, Any]] = {}
    for cv in data["cv"].values:
        for arm in data["arm"].values:
            at = data.sel(arm=arm, cv=cv)
            if at["rate_hz"].isnull().all():
                continue
            numbers = {f"{m}_{arm}_median": float(at[m].median()) for m in (*MEASURES, "cost")}
            numbers |= {f"{m}_{arm}_worst": float(at[m].max()) for m in ("rate_hz", "error_refit")}
            numbers |= {f"yield_{arm}{s}": float(at[f"yield{s}"]) for s in ("", "_low", "_high")}
            summary |= {f"{name}_{100 * cv:g}": value for name, value in numbers.items()}
            if cv == main:
                summary |= numbers
            rows[f"{100 * cv:g} % {arm}"] = {
                "Hz": numbers[f"rate_hz_{arm}_median"],
                "refit": numbers[f"error_refit_{arm}_median"],
                "counters": numbers[f"error_decoder_{arm}_median"],
                "cost": numbers[f"cost_{arm}_median"],
                "yield": numbers[f"yield_{arm}"],
                "worst Hz": numbers[f"rate_hz_{arm}_worst"],
                "worst refit": numbers[f"error_refit_{arm}_worst"],
            }
    return summary, rows
