"""What the study of mismatch makes of its chips: better resets, yield, worth of learning, table."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import bootstrap

from ..lab.results import share
from .measures import MEASURES, cost

#: Chips that choose the reset of each arm; the others run with the better one alone.
PILOT = 100


def better_reset(by_reset: xr.Dataset) -> xr.DataArray:
    """The reset that serves each arm better, by the pilot, at each set and CV.

    By the geometric mean of `cost`: the median would not see storms of a third of the chips.
    """
    pilot = by_reset.isel(chip=slice(PILOT))
    costs = np.log(cost(pilot["rate_hz"], pilot["error_refit"])).mean("chip")
    return by_reset["reset"][costs.fillna(np.inf).argmin("reset")]


def choose_reset(by_reset: xr.Dataset) -> xr.Dataset:
    """Each arm with its better reset; the data of both beside it."""
    better = better_reset(by_reset)
    data = by_reset.drop_dims("reset")
    for name in MEASURES:
        data[name] = by_reset[name].sel(reset=better).drop_vars("reset")
        data[f"{name}_by_reset"] = by_reset[name]
    data["reset_used"] = better.dims, better.values
    return data.assign_coords(reset=by_reset["reset"])


def clean(data: xr.Dataset) -> xr.Dataset:
    """Each chip without mismatch and with optimal weights."""
    return data.sel(arm="pretrained", cv=0).isel(set=0, drop=True)


def add_yield(data: xr.Dataset, rate_limit: float, error_limit: float) -> xr.Dataset:
    """Share of chips within the specification, with its 95 % interval (Wilson)."""
    reference = clean(data)
    good = (data["rate_hz"] <= rate_limit * reference["rate_hz"]) & (
        data["error_refit"] <= error_limit * reference["error_refit"]
    )
    in_specification = share(good.where(data["rate_hz"].notnull()), "chip")
    for suffix, values in zip(("", "_low", "_high"), in_specification, strict=True):
        data[f"in_specification{suffix}"] = values
    data["in_specification"].attrs["long_name"] = (
        f"share of chips with rate at most {rate_limit:g} x and refitted error at most "
        f"{error_limit:g} x those of the same chip without mismatch and with optimal weights"
    )
    return data


def gain_of_learning(data: xr.Dataset) -> dict[str, tuple[float, float, float]]:
    """What pretrained chips cost (`cost`) over what learned ones do, by ``SET_CV``.

    Medians over chips and their 95 % intervals (bootstrap). Below 1, learning makes things worse.
    """
    gains: dict[str, tuple[float, float, float]] = {}
    if "learned" not in data["arm"]:
        return gains
    costs = cost(data["rate_hz"], data["error_refit"])
    ratios = costs.sel(arm="pretrained") / costs.sel(arm="learned")
    for set_name, cv in product(data["set"].values, [cv for cv in data["cv"].values if cv]):
        ratio = ratios.sel(set=set_name, cv=cv).dropna("chip").values
        if len(ratio) > 1:
            limits = bootstrap(
                (ratio,), np.median, n_resamples=1000, method="percentile", rng=1
            ).confidence_interval
            middle = float(np.median(ratio))
            gains[f"{set_name}_{cv:g}"] = (middle, float(limits.low), float(limits.high))
    return gains


def flat_gains(gains: Mapping[str, tuple[float, float, float]]) -> dict[str, float]:
    """The `gains` of learning as entries of the summary."""
    return {
        f"gain_of_learning_{point}{suffix}": value
        for point, values in gains.items()
        for suffix, value in zip(("", "_low", "_high"), values, strict=True)
    }


def verdict(gains: Mapping[str, tuple[float, float, float]]) -> list[str]:
    """Where learning helps and where it does not, in words."""
    lines = []
    for point, (gain, low, high) in gains.items():
        set_name, _, cv = point.rpartition("_")
        effect = "helps" if low > 1.1 else "harms" if high < 1 / 1.1 else "does not matter"
        lines.append(
            f"mismatch of {set_name}, CV {100 * float(cv):g} %: learning on the chip {effect} "
            f"(pretrained over learned cost {gain:.3g}, 95 % interval {low:.3g} to {high:.3g})"
        )
    return lines


def summarise(data: xr.Dataset) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Flat numbers, ``MEASURE_ARM_SET_CV``, and rows for the terminal; without `flat_gains`."""
    reference = clean(data)
    summary: dict[str, Any] = {f"{m}_clean_median": float(reference[m].median()) for m in MEASURES}
    rows: dict[str, dict[str, Any]] = {}
    sets, cvs, arms = (data[name].values for name in ("set", "cv", "arm"))
    for set_name, cv, arm in product(sets, cvs, arms):
        at = data.sel(arm=arm, set=set_name, cv=cv)
        if at["rate_hz"].isnull().all():
            continue
        summary |= point_numbers(at, reference, f"{arm}_{set_name}_{cv:g}")
        if cv or set_name == sets[0]:
            rows[f"{set_name if cv else 'none'} {100 * cv:g} % {arm}"] = table_row(at)
    summary["spikes_per_step_max"] = float(data["spikes_per_step_by_reset"].max())
    return summary, rows


def point_numbers(at: xr.Dataset, reference: xr.Dataset, point: str) -> dict[str, Any]:
    """Entries of the summary for the chips `at` a `point`."""
    measures = [m for m in MEASURES if m != "spikes_per_step"]
    numbers: dict[str, Any] = {f"{m}_{point}_median": float(at[m].median()) for m in measures}
    for m in ("rate_hz", "error_refit"):
        numbers[f"{m}_{point}_worst"] = float(at[m].max())
        numbers[f"{m}_{point}_to_clean"] = numbers[f"{m}_{point}_median"] / float(
            reference[m].median()
        )
    for name in ("in_specification", "in_specification_low", "in_specification_high"):
        numbers[f"{name}_{point}"] = float(at[name])
    arm_set, _, cv = point.rpartition("_")
    percent = f"{arm_set}_{100 * float(cv):g}"
    ratio = cost(at["rate_hz"], at["error_refit"]) / cost(
        reference["rate_hz"], reference["error_refit"]
    )
    numbers[f"yield_{percent}"] = float(at["in_specification"])
    numbers[f"cost_{percent}"] = float(ratio.median())
    numbers[f"reset_{point}"] = str(at["reset_used"].values)
    numbers[f"n_chips_{point}"] = int(at["rate_hz"].notnull().sum())
    return numbers


def table_row(at: xr.Dataset) -> dict[str, Any]:
    """Row for the terminal."""
    return {
        "Hz": float(at["rate_hz"].median()),
        "nominal": float(at["error_nominal"].median()),
        "refit": float(at["error_refit"].median()),
        "worst Hz": float(at["rate_hz"].max()),
        "worst refit": float(at["error_refit"].max()),
        "in spec": float(at["in_specification"]),
        "chips": int(at["rate_hz"].notnull().sum()),
        "reset": str(at["reset_used"].values),
    }
