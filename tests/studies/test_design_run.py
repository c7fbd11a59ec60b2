"""A whole run of the study of a design, as a user starts it and starts it again."""

import json

import pytest
import xarray as xr
from click.testing import CliRunner

from studies.design import command

TEXT = """
[mismatch]
threshold = "30 %"
gain = "20 %"
[circuit]
neurons = 10
[training]
procedure = "homeostatic_fine"
[search]
areas = [0.5]
bits = [4]
"""


@pytest.mark.slow
def test_the_study(tmp_path):
    """Homeostasis takes away what thresholds cost; started again it has nothing left to run."""
    file, out = tmp_path / "process.toml", tmp_path / "out"
    file.write_text(TEXT)
    arguments = [str(file), "--chips", "6", "--seed", "5", "--jobs", "1", "--out", str(out)]
    for again in (False, True):
        result = CliRunner().invoke(command.main, arguments)
        assert result.exit_code == 0, result.output
        assert ("of 7 results are there" in result.output) == again
    summary = json.loads((out / "summary.json").read_text())
    assert summary["n_chips"] == 6
    assert summary["rate_hz_homeostatic_median"] < 1.5 * summary["rate_hz_clean_median"]
    assert summary["rate_hz_homeostatic_median"] < summary["rate_hz_plain_median"]
    assert summary["provenance"]["parameters"]["design"] == TEXT
    data = xr.load_dataset(out / "data.nc", engine="h5netcdf")
    assert data["rate_hz"].dims == ("variant", "chip")
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")
    names = {"report.pdf", "report.html", "figure.png", "summary.json", "data.nc", "tasks"}
    assert {path.name for path in out.iterdir()} - {".lock"} == names
