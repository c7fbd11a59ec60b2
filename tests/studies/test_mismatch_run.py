"""A whole run of the study of mismatch, as a user starts it and starts it again."""

import json

import pytest
import xarray as xr
from click.testing import CliRunner

from studies.mismatch import command


@pytest.mark.slow
def test_the_study(tmp_path):
    """Small: learning repairs gain mismatch; started again it has nothing left to run."""
    arguments = ["--chips", "3", "--training", "10", "--cv", "0.2", "--set", "gain"]
    arguments += ["--arm", "learned", "--reset", "absolute"]
    for again in (False, True):
        result = CliRunner().invoke(command.main, [*arguments, "--out", str(tmp_path)])
        assert result.exit_code == 0, result.output
        assert ("4 of 4 results are there" in result.output) == again
    data = xr.load_dataset(tmp_path / "data.nc", engine="h5netcdf")
    assert data["rate_hz"].dims == ("arm", "set", "cv", "chip")
    assert data["rate_hz"].attrs["units"] == "Hz"
    assert data.sizes["chip"] == 3
    median = data["rate_hz"].sel(set="gain", cv=0.2).median("chip")
    assert 4 < median.sel(arm="learned") < 0.7 * median.sel(arm="pretrained")
    assert data["spikes_per_step"].max() == 1
    # effective weights: off by the variance of the gains, relative to their mean square
    distance = data["distance"].sel(arm="pretrained", set="gain", cv=0.2)
    assert distance.values == pytest.approx(0.04 / 1.04, rel=0.4)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["rate_hz_learned_gain_0.2_median"] == pytest.approx(
        float(median.sel(arm="learned"))
    )
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert not list(tmp_path.glob("programs_*"))
