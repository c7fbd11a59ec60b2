"""What the chips of a design make: yield, cost, what costs most, what it takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import bootstrap

from ..lab.results import share
from ..lab.store import Arrays
from ..mismatch.measures import cost
from .file import Design
from .measures import MEASURES, Variant
from .plan import Plan
from .schema import PARAMETERS

KINDS = {True: "homeostatic", False: "plain"}
UNITS = dict.fromkeys(MEASURES, "1") | {"rate_hz": "Hz", "updates_hz": "Hz"}


def assemble(plan: Plan, results: Mapping[str, Arrays]) -> xr.Dataset:
    """`MEASURES` by variant and chip, and of the same chips clean; nan where a task failed."""
    variants = plan.variants()
    data = xr.Dataset(coords={"variant": [v.label for v in variants], "chip": range(plan.chips)})
    for name in ("homeostatic", "area", "bits"):
        data[name] = "variant", [getattr(v, name) for v in variants]
    data["spread"] = "variant", [", ".join(v.spread) for v in variants]
    labels = ["clean", *data["variant"].values]
    for measure in MEASURES:
        rows = [joined(results, one, measure, plan.chips, plan.block) for one in labels]
        units = {"units": UNITS[measure]}
        data[f"{measure}_clean"] = "chip", rows[0], units
        data[measure] = ("variant", "chip"), np.stack(rows[1:]), units
    return data


def joined(
    results: Mapping[str, Arrays], label: str, measure: str, chips: int, block: int
) -> np.ndarray:
    """A measure of all chips from tasks ``LABEL-FIRST``; nan where one failed."""
    values = np.full(chips, np.nan)
    for first in range(0, chips, block):
        if arrays := results.get(f"{label}-{first}"):
            part = values[first : first + block]
            part[:] = arrays[measure][: len(part)]
    return values


def limits(data: xr.Dataset, design: Design) -> tuple[Any, Any]:
    """Largest rate (Hz) and error of each chip, or of all."""
    wanted = design["specification"]
    error = data[f"error_{wanted['error_of']}_clean"]
    rate_max = wanted["rate_max"]
    return (
        float(rate_max) if rate_max is not None else rate_factor(design) * data["rate_hz_clean"],
        wanted["error_max"] if wanted["error_max"] else error_factor(design) * error,
    )


def rate_factor(design: Design) -> float:
    """Largest rate as a multiple of that of the clean chip."""
    return design["specification"]["rate_limit"] or 2.0


def error_factor(design: Design) -> float:
    """Largest error as a multiple of that of the clean chip."""
    return design["specification"]["error_limit"] or 1.5


def judged(data: xr.Dataset, design: Design) -> xr.Dataset:
    """With yield and its 95 % interval (Wilson), and `cost` as a multiple of that of clean chips.

    The cost is that of the readout of the specification; nan where a chip is silent.
    """
    error = f"error_{design['specification']['error_of']}"
    rate_max, error_max = limits(data, design)
    good = (data["rate_hz"] <= rate_max) & (data[error] <= error_max)
    known = data["rate_hz"].notnull() & data["rate_hz_clean"].notnull()
    for suffix, values in zip(("", "_low", "_high"), share(good.where(known), "chip"), strict=True):
        data[f"yield{suffix}"] = values
    spent = cost(data["rate_hz"], data[error]) / cost(data["rate_hz_clean"], data[f"{error}_clean"])
    data["cost"] = spent.where((data["rate_hz"] > 0) & np.isfinite(spent))
    return data


def at(data: xr.Dataset, variant: Variant) -> xr.Dataset:
    """The chips of one variant."""
    return data.sel(variant=variant.label)


def change(data: xr.Dataset, one: Variant, other: Variant | None) -> tuple[float, float, float]:
    """Cost of `one` over that of `other` (None: clean), geometric mean of the same chips' ratios.

    With its 95 % interval (bootstrap). The mean rather than the median, which would not see
    a third of the chips fail.
    """
    ratio = at(data, one)["cost"]
    if other is not None:
        ratio = ratio / at(data, other)["cost"]
    values = np.log(ratio.dropna("chip").values)
    if len(values) < 2 or np.ptp(values) == 0:
        middle = float(np.exp(values.mean())) if len(values) else np.nan
        return middle, middle, middle
    limit = bootstrap(
        (values,), np.mean, n_resamples=2000, method="percentile", rng=1
    ).confidence_interval
    middle, low, high = (float(np.exp(v)) for v in (values.mean(), limit.low, limit.high))
    return middle, low, high


def reached(
    tried: Sequence[float], yields: Sequence[float], highs: Sequence[float], wanted: float
) -> float | None:
    """The least of the values `tried`, which rise, whose yield is as `wanted`.

    None of those after it may be surely less, by the upper limits of their intervals.
    """
    least = None
    for value, share_of_chips, high in zip(
        reversed(tried), reversed(yields), reversed(highs), strict=True
    ):
        if not high >= wanted:
            break
        least = value if share_of_chips >= wanted else least
    return least


def summarise(data: xr.Dataset, design: Design, plan: Plan) -> dict[str, Any]:
    """Flat numbers."""
    summary: dict[str, Any] = {"n_chips": int(at(data, plan.given)["rate_hz"].notnull().sum())}
    summary |= _yield("yield", data, plan.given)
    for homeostatic, kind in KINDS.items():
        chips = at(data, plan.kind(homeostatic))
        summary |= _yield(f"yield_{kind}", data, plan.kind(homeostatic))
        summary[f"cost_{kind}"] = change(data, plan.kind(homeostatic), None)[0]
        for measure in MEASURES:
            summary[f"{measure}_{kind}_median"] = float(chips[measure].median())
            summary[f"{measure}_{kind}_worst"] = float(chips[measure].max())
    for measure in MEASURES[:-1]:
        summary[f"{measure}_clean_median"] = float(data[f"{measure}_clean"].median())
    summary |= {f"cv_{p.name}": p.cv for p in design.parameters}
    summary |= _parameters(data, plan) | _search(data, design, plan) | energy(data, design, plan)
    return summary


def _yield(key: str, data: xr.Dataset, variant: Variant) -> dict[str, float]:
    chips = at(data, variant)
    return {f"{key}{suffix}": float(chips[f"yield{suffix}"]) for suffix in ("", "_low", "_high")}


def _parameters(data: xr.Dataset, plan: Plan) -> dict[str, Any]:
    """What each parameter's mismatch costs: with all others, and alone."""
    numbers: dict[str, Any] = {}
    for name in plan.given.spread:
        numbers |= _yield(f"yield_without_{name}", data, plan.without(name))
        numbers |= _yield(f"yield_alone_{name}", data, plan.alone(name))
        with_others = change(data, plan.given, plan.without(name))
        for key, values in (
            (f"cost_of_{name}", with_others),
            (f"cost_alone_{name}", change(data, plan.alone(name), None)),
        ):
            suffixes = ("", "_low", "_high")
            numbers |= {f"{key}{s}": v for s, v in zip(suffixes, values, strict=True)}
    costs = {name: numbers[f"cost_of_{name}"] for name in plan.given.spread}
    ranked = sorted(costs, key=lambda name: -np.nan_to_num(costs[name]))
    return numbers | {"costs_most": ranked[0], "ranked": ", ".join(ranked)}


def _search(data: xr.Dataset, design: Design, plan: Plan) -> dict[str, Any]:
    """Yields along areas and bits, and the least that give the wanted yield (or surely do)."""
    wanted, numbers = design["specification"]["wanted_yield"], dict[str, Any]()
    curves = {
        f"area_needed_{kind}": (plan.areas, [plan.at_area(a, h) for a in plan.areas])
        for h, kind in KINDS.items()
    }
    curves["bits_needed"] = plan.bits, [plan.at_bits(b) for b in plan.bits]
    for key, (tried, variants) in curves.items():
        yields, lows, highs = (
            [float(at(data, v)[f"yield{suffix}"]) for v in variants]
            for suffix in ("", "_low", "_high")
        )
        numbers[key] = reached(tried, yields, highs, wanted)
        numbers[f"{key}_surely"] = reached(tried, lows, highs, wanted)
    for area in plan.areas:
        for h, kind in KINDS.items():
            numbers |= _yield(f"yield_area_{area:g}_{kind}", data, plan.at_area(area, h))
    for bits in plan.bits:
        numbers |= _yield(f"yield_bits_{bits}", data, plan.at_bits(bits))
    return numbers


def energy(data: xr.Dataset, design: Design, plan: Plan) -> dict[str, Any]:
    """Spikes and counter updates a second, of a chip (medians), and the power that they take."""
    n = design["circuit"]["neurons"]
    n_signals = data.attrs["n_signals"]
    numbers: dict[str, Any] = {
        "spikes_per_s": n * float(at(data, plan.given)["rate_hz"].median()),
        "updates_per_s": float(at(data, plan.given)["updates_hz"].median()),
        "spikes_per_s_clean": n * float(data["rate_hz_clean"].median()),
    }
    area = sum(p.area * PARAMETERS[p.name][1](n, n_signals) for p in design.parameters)
    if area:
        numbers["matched_area_um2"] = 1e12 * area
    joules = design["energy"]
    if joules["spike"] is not None:
        numbers["power_of_spikes_w"] = float(joules["spike"]) * numbers["spikes_per_s"]
    if joules["update"] is not None:
        numbers["power_of_updates_w"] = float(joules["update"]) * numbers["updates_per_s"]
    return numbers
