"""What studies leave behind: files that are whole or not there, provenance, tables."""

import json
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ebn_brian import devices
from studies.lab.results import provenance, save, show, whole


class TestWhole:
    def test_writes(self, tmp_path):
        whole(tmp_path / "a.txt", lambda path: path.write_text("new"))
        assert (tmp_path / "a.txt").read_text() == "new"
        assert os.listdir(tmp_path) == ["a.txt"]

    def test_the_old_file_is_there_until_the_new_one_is_whole(self, tmp_path):
        file = tmp_path / "a.txt"
        file.write_text("old")

        def write(path):
            path.write_text("ne")
            assert file.read_text() == "old"
            path.write_text("new")

        whole(file, write)
        assert file.read_text() == "new"

    @pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
    def test_a_failure_leaves_the_old_file_and_nothing_else(self, tmp_path, error):
        file = tmp_path / "a.txt"
        file.write_text("old")

        def write(path):
            path.write_text("half")
            raise error("no space left")

        with pytest.raises(error):
            whole(file, write)
        assert file.read_text() == "old"
        assert os.listdir(tmp_path) == ["a.txt"]

    def test_what_was_not_written_is_an_error(self, tmp_path):
        with pytest.raises(OSError, match="No such file"):
            whole(tmp_path / "a.txt", lambda path: None)
        assert os.listdir(tmp_path) == []


@pytest.fixture
def figure():
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([1, 2])
    yield fig
    plt.close(fig)


PARAMETERS = {"chips": np.int64(3), "out": Path("a b"), "step": None, "kappa": np.float32(0.5)}


def summary(**numbers):
    return {"provenance": provenance(PARAMETERS)} | numbers


class TestSave:
    DATA = xr.Dataset({"rate": (("chip",), [1.0, 2.0], {"units": "Hz"})})

    def test_what_is_written(self, tmp_path, figure):
        numbers = summary(
            error=np.float64(0.1), spikes=np.int64(3), good=True, curve=np.array([1, 2])
        )
        save(tmp_path, numbers, self.DATA, figure)
        assert sorted(os.listdir(tmp_path)) == ["data.nc", "figure.png", "summary.json"]
        written = json.loads((tmp_path / "summary.json").read_text())
        assert written == numbers | {"curve": [1, 2]}
        with xr.open_dataset(tmp_path / "data.nc", engine="h5netcdf") as data:
            assert data.rate.attrs["units"] == "Hz"
            assert list(data.rate) == [1, 2]
            assert json.loads(data.attrs["provenance"]) == numbers["provenance"]
        assert matplotlib.image.imread(tmp_path / "figure.png").shape[:2] == (150, 300)
        png = (tmp_path / "figure.png").read_bytes()
        assert json.dumps(numbers["provenance"]).encode() in png

    def test_numbers_that_are_not_finite_are_null(self, tmp_path, figure):
        save(tmp_path, summary(a=np.nan, b=-np.inf, c=1.0), self.DATA, figure)
        text = (tmp_path / "summary.json").read_text()
        written = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
        assert (written["a"], written["b"], written["c"]) == (None, None, 1.0)

    def test_the_summary_comes_last(self, tmp_path, figure, monkeypatch):
        """A run that is cut off while it saves has no summary, so does not look complete."""

        def full(*args, **kwargs):
            raise OSError("no space left")

        monkeypatch.setattr(figure, "savefig", full)
        with pytest.raises(OSError, match="no space left"):
            save(tmp_path, summary(), self.DATA, figure)
        assert os.listdir(tmp_path) == ["data.nc"]


class TestProvenance:
    def test_contents(self):
        source = provenance(PARAMETERS)
        assert json.loads(json.dumps(source)) == source
        assert source["parameters"] == {"chips": 3, "out": "a b", "step": None, "kappa": 0.5}
        assert source["versions"]["brian2"] == version("brian2")
        assert source["versions"]["numpy"] == np.__version__
        assert re.fullmatch(r"3\.\d+\.\d+", source["versions"]["python"])
        assert "ebn_brian" in source["versions"]
        assert source["compiler_flags"] == list(devices.STRICT_FLAGS)
        age = datetime.now(UTC) - datetime.fromisoformat(source["finished"])
        assert 0 <= age.total_seconds() < 60

    def test_command_can_be_typed_again(self, monkeypatch):
        monkeypatch.setattr("sys.argv", ["/somewhere/learning.py", "--out", "a b", "--seed", "3"])
        assert provenance({})["command"].endswith(" --out 'a b' --seed 3")

    def test_it_names_no_place(self):
        """Results are shared: no host, no folder of the user."""
        source = provenance({"chips": 3})
        assert source["machine"] == f"{platform.system()} {platform.machine()}"
        for private in (str(Path.cwd()), f"{Path.home()}{os.sep}"):
            assert private not in json.dumps(source)


def test_table(capsys):
    rows = {
        "error": {"initial": 0.123456789, "learned": np.float64(12345.678)},
        "n": {"initial": 3, "learned": "x"},
    }
    show(rows, "Title")
    assert capsys.readouterr().out.splitlines() == [
        "Title",
        "         initial    learned",
        "  error   0.1235  1.235e+04",
        "  n            3          x",
    ]
