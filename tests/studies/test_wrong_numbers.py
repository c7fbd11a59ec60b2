"""Numbers that a study cannot use are refused before anything is built."""

import pytest
from click.testing import CliRunner
from study_helpers import command, output

from ebn_brian import devices

NOT_FINITE = "is not a finite number"


@pytest.mark.parametrize(
    ("study", "options"),
    [
        ("mismatch", ("--training", "--cv", "--rate-limit", "--error-limit", "--timeout")),
        ("sensitivity", ("--training", "--max-cv", "--timeout")),
        ("circuit_mismatch", ("--cv", "--timeout")),
        ("granularity", ("--training",)),
    ],
)
@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("nan", [NOT_FINITE]),
        ("inf", [NOT_FINITE, "not in the range"]),
        ("-1", ["not in the range"]),
    ],
)
def test_numbers(monkeypatch, tmp_path, study, options, value, messages):
    monkeypatch.setattr(devices, "build", lambda *_: pytest.fail("built something"))
    for option in options:
        result = CliRunner().invoke(command(study), [option, value, "--out", str(tmp_path / "x")])
        assert result.exit_code == 2
        assert f"Invalid value for '{option}': {value}" in output(result).replace("-1.0", "-1")
        assert any(message in output(result) for message in messages)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("study", ["mismatch", "sensitivity", "circuit_mismatch"])
@pytest.mark.parametrize("jobs", ["0", "-2"])
def test_jobs(study, jobs):
    result = CliRunner().invoke(command(study), ["--jobs", jobs])
    assert result.exit_code == 2
    assert f"{jobs}: must be at least 1, or -1 for one a core" in output(result)


@pytest.mark.parametrize("points", ["0", "3", "2", "-8"])
def test_points_are_a_power_of_2(points):
    result = CliRunner().invoke(command("sensitivity"), ["--points", points])
    assert result.exit_code == 2
    assert f"--points {points}: must be a power of 2, at least 4" in output(result)
