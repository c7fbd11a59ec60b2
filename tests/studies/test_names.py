"""No run is lost to a name: terminals that show ASCII alone, file names that are no UTF-8."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
#: A name in Latin-1, which is no UTF-8.
NAME = os.fsdecode(b"Aufnahme \xe9")


@pytest.fixture
def study(tmp_path):
    """Run the study of learning on a recording of this name, into a folder of this name."""

    def run(name, out, environment, module=("studies.learning",)):
        columns = np.random.default_rng(0).normal(size=(1000, 2))
        np.savetxt(tmp_path / name, columns, delimiter=",", header="A,B", comments="")
        command = [
            sys.executable,
            "-m",
            *module,
            "--signal",
            tmp_path / name,
            "--out",
            tmp_path / out,
        ]
        options = "--sampling-rate 500 --training 0.2 --chips 1 --neurons 4 --device numpy"
        command += options.split()
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
        return subprocess.run(command, cwd=ROOT, env=bare | environment, capture_output=True)

    return run


ENVIRONMENTS = [
    {"LANG": "C"},
    {"LC_ALL": "C"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C.UTF-8"},
    {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
]


def check(tmp_path, study, name, environment):
    out = "ergebnis ü" if name.startswith("G") else NAME
    result = study(name, out, environment)
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-2000:]
    folder = tmp_path / out
    assert {path.name for path in folder.iterdir()} == {"data.nc", "figure.png", "summary.json"}
    parameters = json.loads((folder / "summary.json").read_bytes())["provenance"]["parameters"]
    assert os.fsencode(parameters["signal"]) == os.fsencode(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("Größe 図.csv", {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"}),
        (NAME + ".csv", {"PYTHONIOENCODING": "utf-8"}),
    ],
    ids=["unicode", "no UTF-8"],
)
def test_a_study_ends_with_its_files(tmp_path, study, name, environment):
    check(tmp_path, study, name, environment)


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: " ".join(e.values()))
@pytest.mark.parametrize("name", ["Größe 図.csv", NAME + ".csv"], ids=["unicode", "no UTF-8"])
def test_it_does_in_any_environment(tmp_path, study, name, environment):
    check(tmp_path, study, name, environment)


def test_the_command_of_the_package(tmp_path, study):
    result = study(NAME + ".csv", NAME, {"PYTHONIOENCODING": "utf-8"}, ("ebn_brian", "learning"))
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-2000:]


def test_a_wrong_name_is_named(study):
    result = study(NAME + ".xyz", NAME, {"PYTHONIOENCODING": "utf-8"})
    assert result.returncode == 2
    assert rb"\udce9.xyz" in result.stderr
    assert b"must end in" in result.stderr
