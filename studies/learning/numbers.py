"""What the study of learning makes of its evaluations: summary, table, labelled data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ebn_brian.training import Evaluation

from .task import CURVES, STAGES, Result

MEASURES = (*CURVES, "error_effective", "paper_error")
OF = ("median", "worst")


def measures_of(evaluation: Evaluation) -> Mapping[str, np.ndarray]:
    """`MEASURES` of all chips, (n_chips,) each."""
    return evaluation.measures | {"paper_error": evaluation.paper_error}


def summarise(result: Result) -> dict[str, Any]:
    """Flat numbers: ``MEASURE_STAGE_median`` and ``_worst`` over chips, and the rest."""
    summary: dict[str, Any] = {}
    for stage, evaluation in result.evaluations.items():
        for name, values in measures_of(evaluation).items():
            worst = values.min() if name == "correlation" else values.max()
            summary[f"{name}_{stage}_median"] = float(np.median(values))
            summary[f"{name}_{stage}_worst"] = float(worst)
    summary["spikes_per_step_max"] = max(
        e.spikes_per_step_max() for e in result.evaluations.values()
    )
    summary["chip_seconds_per_cpu_second"] = result.chip_seconds_per_cpu_second
    return summary


def dataset(result: Result) -> xr.Dataset:
    """Weights, decoders, curves and measures with labelled dimensions."""
    stages = result.evaluations
    measures = {stage: measures_of(stages[stage]) for stage in STAGES}
    data = xr.Dataset(
        {
            "D": (("chip", "signal", "neuron"), stages["initial"].chips.D),
            "Omega": (
                ("stage", "chip", "target", "source"),
                np.stack(np.broadcast_arrays(*(stages[stage].Omega for stage in STAGES))),
                {"units": "1", "long_name": "recurrent weights in units of |D|^2"},
            ),
        },
        coords={"stage": list(STAGES), "training_time": ("training_time", result.times)},
    )
    data["training_time"].attrs["units"] = "s"
    for name in MEASURES:
        units = {"units": "Hz" if name == "rate_hz" else "1"}
        values = np.stack([measures[stage][name] for stage in STAGES])
        data[name] = ("stage", "chip"), values, units
        if name in CURVES:
            data[f"{name}_while_learning"] = ("training_time", "chip"), result.curves[name], units
    return data


def stage_table(summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Rows for the terminal."""
    return {
        name: {f"{stage} {of}": summary[f"{name}_{stage}_{of}"] for stage in STAGES for of in OF}
        for name in MEASURES
    }
