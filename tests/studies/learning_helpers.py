"""What tests of the study of learning share: running its command, what a complete run leaves."""

import json
import os
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from ebn_brian import balance
from studies.learning import command

MEASURES = ("distance", "correlation", "error", "paper_error", "rate_hz")
STAGES = ("initial", "optimal", "learned")
KEYS = {f"{m}_{s}_{of}" for m in MEASURES for s in STAGES for of in ("median", "worst")} | {
    "spikes_per_step_max",
    "chip_seconds_per_cpu_second",
    "wall_s",
    "provenance",
}


def run(*arguments):
    return CliRunner().invoke(command.main, [str(a) for a in arguments])


def check_result(out: Path, chips: int, trained: float) -> tuple[dict, xr.Dataset]:
    """What every complete run has left."""
    assert sorted(os.listdir(out)) == ["data.nc", "figure.png", "summary.json"]
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary) >= KEYS
    numbers = {k: v for k, v in summary.items() if k != "provenance"}
    assert all(np.isfinite(v) for v in numbers.values())
    assert summary["spikes_per_step_max"] == 1
    assert summary["distance_optimal_worst"] == pytest.approx(0, abs=1e-12)
    assert summary["correlation_optimal_worst"] == pytest.approx(1)
    assert summary["provenance"]["parameters"]["chips"] == chips
    with xr.open_dataset(out / "data.nc", engine="h5netcdf") as file:
        data = file.load()
    assert data.sizes["chip"] == chips
    assert list(data.stage.values) == list(STAGES)
    assert data.training_time.attrs["units"] == "s"
    assert data.training_time.values[[0, -1]].tolist() == [0, trained]
    assert data.rate_hz.attrs["units"] == "Hz"
    for name in MEASURES:
        for stage in STAGES:
            values = data[name].sel(stage=stage).values
            assert np.median(values) == summary[f"{name}_{stage}_median"]
            worst = values.min() if name == "correlation" else values.max()
            assert worst == summary[f"{name}_{stage}_worst"]
        if name == "paper_error":
            continue
        curve = data[f"{name}_while_learning"]
        np.testing.assert_array_equal(curve[0], data[name].sel(stage="initial"))
        np.testing.assert_array_equal(curve[-1], data[name].sel(stage="learned"))
    Omega, D = data.Omega.transpose("stage", "chip", "target", "source").values, data.D.values
    np.testing.assert_allclose(Omega[1], balance.optimal_weights(D))
    np.testing.assert_allclose(
        balance.distance(Omega[2], Omega[1]), data.distance.sel(stage="learned")
    )
    assert min(matplotlib.image.imread(out / "figure.png").shape[:2]) > 500
    return summary, data
