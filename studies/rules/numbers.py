"""What the study makes of its curves: summary, table, labelled data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ebn_brian.checks import Floats

from .arms import RULES
from .bench import ALL, MEASURES, Curve
from .both import Both

#: Curves by CV and rule.
Curves = Mapping[tuple[float, str], Curve]
UNITS = {"rate_hz": "Hz"}
#: Where the speeds of rules are compared.
NEAR = 0.05


def worst(name: str, values: Floats) -> float:
    """The least of correlations, the slope furthest from 1, the largest of all others."""
    if name == "correlation":
        return float(values.min())
    if name == "slope":
        return float(values[np.abs(values - 1).argmax()])
    return float(values.max())


def of_chips(name: str, arm: str, values: Floats) -> dict[str, float]:
    """``NAME_ARM_median`` and ``_worst``."""
    median = float(np.median(values))
    return {f"{name}_{arm}_median": median, f"{name}_{arm}_worst": worst(name, values)}


def until_near(curve: Curve) -> tuple[Floats, Floats]:
    """Seconds and changes of a weight until the distance is below `NEAR`, (n_chips,); inf: never.

    Between checkpoints the logarithm of the distance is taken as linear.
    """
    results = np.full((2, len(curve.measures["distance"].T)), np.inf)
    for chip, distance in enumerate(curve.measures["distance"].T):
        (below,) = np.nonzero(distance < NEAR)
        if below.size and (k := int(below[0])) > 0:
            (a, b), goal = np.log(distance[k - 1 : k + 1]), np.log(NEAR)
            share = (a - goal) / (a - b)
            for result, values in zip(
                results, (curve.times, curve.measures["changes"][:, chip]), strict=True
            ):
                result[chip] = values[k - 1] + share * (values[k] - values[k - 1])
    return results[0], results[1]


def summarise(curves: Curves, both: Mapping[str, Both]) -> dict[str, Any]:
    """Flat numbers; those of chips with mismatch as ``MEASURE_RULE_mismatch_median``."""
    summary: dict[str, Any] = {}
    for (cv, rule), curve in curves.items():
        arm = f"{rule}_mismatch" if cv else rule
        for name in ALL if len(curve.times) > 1 else MEASURES:
            summary |= of_chips(name, arm, curve.measures[name][-1])
        if len(curve.times) > 1:
            seconds, changes = until_near(curve)
            summary[f"seconds_to_near_{arm}_median"] = float(np.median(seconds))
            summary[f"changes_to_near_{arm}_median"] = float(np.median(changes))
            speed = curve.chip_seconds_per_cpu_second
            summary[f"chip_seconds_per_cpu_second_{arm}"] = speed
    for arm, learned in both.items():
        for name, values in learned.measures.items():
            summary |= of_chips(name, arm, values[-1])
        summary[f"chip_seconds_per_cpu_second_{arm}"] = learned.chip_seconds_per_cpu_second
    return summary


def dataset(curves: Curves, both: Mapping[str, Both]) -> xr.Dataset:
    """Measures with dimensions cv, rule, time, chip; weights of `both` before and after."""
    cvs = sorted({cv for cv, _ in curves})
    times = max((c.times for c in curves.values()), key=len)
    data = xr.Dataset(coords={"cv": cvs, "rule": list(RULES), "training_time": times})
    data["training_time"].attrs["units"] = "s"
    for name in ALL:
        rows = [
            [
                np.broadcast_to(v := curves[cv, rule].measures[name], (len(times), v.shape[1]))
                for rule in RULES
            ]
            for cv in cvs
        ]
        units = {"units": UNITS.get(name, "1")}
        data[name] = ("cv", "rule", "training_time", "chip"), np.array(rows), units
    for arm, learned in both.items():
        ends = [learned.stages[0], learned.stages[-1]]
        data[f"F_{arm}"] = (
            ("stage", "example", "neuron", "signal"),
            np.array([stage.F for stage in ends]),
        )
        data[f"Omega_{arm}"] = (
            ("stage", "example", "neuron", "source"),
            np.array([stage.Omega for stage in ends]),
        )
    return data.assign_coords(stage=["initial", "learned"])


def table(summary: Mapping[str, Any], suffix: str = "") -> dict[str, dict[str, Any]]:
    """Rows for the terminal; a column a rule."""
    return {
        f"{name} {of}": {rule: summary[f"{name}_{rule}{suffix}_{of}"] for rule in RULES}
        for name in MEASURES
        for of in ("median", "worst")
    }
