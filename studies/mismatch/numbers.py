"""What the study of mismatch makes of its chips: better resets, yield, worth of learning, table."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import xarray as xr
from scipy.stats import bootstrap

from ..lab.results import share
from .arms import MEASURES, cost

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
    found = share(good.where(data["rate_hz"].notnull()), "chip")
    for suffix, values in zip(("", "_low", "_high"), found, strict=True):
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
    found: dict[str, tuple[float, float, float]] = {}
    if "learned" not in data["arm"]:
        return found
    costs = cost(data["rate_hz"], data["error_refit"])
    ratios = costs.sel(arm="pretrained") / costs.sel(arm="learned")
    for which, cv in product(data["set"].values, [cv for cv in data["cv"].values if cv]):
        ratio = ratios.sel(set=which, cv=cv).dropna("chip").values
        if len(ratio) > 1:
            limits = bootstrap(
                (ratio,), np.median, n_resamples=1000, method="percentile", rng=1
            ).confidence_interval
            middle = float(np.median(ratio))
            found[f"{which}_{cv:g}"] = (middle, float(limits.low), float(limits.high))
    return found


def flat_gains(gains: Mapping[str, tuple[float, float, float]]) -> dict[str, float]:
    """What `gain_of_learning` found, as entries of the summary."""
    return {
        f"gain_of_learning_{point}{suffix}": value
        for point, values in gains.items()
        for suffix, value in zip(("", "_low", "_high"), values, strict=True)
    }


def verdict(gains: Mapping[str, tuple[float, float, float]]) -> list[str]:
    """Where learning helps and where it does not, in words."""
    lines = []
    for point, (gain, low, high) in gains.items():
        which, _, cv = point.rpartition("_")
        says = "helps" if low > 1.1 else "harms" if high < 1 / 1.1 else "does not matter"
        lines.append(
            f"mismatch of {which}, CV {100 * float(cv):g} %: learning on the chip {says} "
            f"(pretrained over learned cost {gain:.3g}, 95 % interval {low:.3g} to {high:.3g})"
        )
    return lines


def summarise(data: xr.Dataset) -> tuple[dict, dict]:
    """Flat numbers, ``MEASURE_ARM_SET_CV``, and rows for the terminal; without `flat_gains`."""
    reference = clean(data)
    summary: dict = {f"{m}_clean_median": float(reference[m].median()) for m in MEASURES}
    rows = {}
    for which in data["set"].values:
        for cv in data["cv"].values:
            for arm in data["arm"].values:
                at = data.sel(arm=arm, set=which, cv=cv)
                n = int(at["rate_hz"].notnull().sum())
                if not n:
                    continue
                row: dict = {
                    "Hz": float(at["rate_hz"].median()),
                    "nominal": float(at["error_nominal"].median()),
                    "refit": float(at["error_refit"].median()),
                    "worst Hz": float(at["rate_hz"].max()),
                    "worst refit": float(at["error_refit"].max()),
                    "in spec": float(at["in_specification"]),
                    "chips": n,
                    "reset": str(at["reset_used"].values),
                }
                point = f"{arm}_{which}_{cv:g}"
                keys = ("rate_hz", "error_nominal", "error_refit")
                summary |= {
                    f"{k}_{point}_median": row[column]
                    for k, column in zip(keys, ("Hz", "nominal", "refit"), strict=True)
                }
                for k in ("rate_hz", "error_refit"):
                    summary[f"{k}_{point}_worst"] = float(at[k].max())
                    summary[f"{k}_{point}_to_clean"] = (
                        summary[f"{k}_{point}_median"] / summary[f"{k}_clean_median"]
                    )
                summary[f"distance_{point}_median"] = float(at["distance"].median())
                for k in ("in_specification", "in_specification_low", "in_specification_high"):
                    summary[f"{k}_{point}"] = float(at[k])
                summary[f"reset_{point}"] = row["reset"]
                summary[f"n_chips_{point}"] = n
                if cv or which == data["set"].values[0]:
                    rows[f"{which if cv else 'none'} {100 * cv:g} % {arm}"] = row
    summary["spikes_per_step_max"] = float(data["spikes_per_step_by_reset"].max())
    return summary, rows
