"""A study whose tasks all failed names them and draws nothing."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from click.testing import CliRunner


@pytest.mark.parametrize(
    ("study", "builder"),
    [("mismatch", "build_bench"), ("chip", "Training"), ("tradeoffs", "build_bench")],
)
def test_the_error_is_that_of_the_tasks(study, builder, tmp_path, monkeypatch):
    command = import_module(f"studies.{study}.command")
    monkeypatch.setattr(command, builder, lambda *_, **__: SimpleNamespace())
    logs = {"task-0": "Traceback ...\nRuntimeError: out of volts"}
    monkeypatch.setattr(command, "run", lambda *_, **__: ({}, logs))
    result = CliRunner().invoke(command.main, ["--quick", "--out", str(tmp_path)])
    assert result.exit_code == 1, result.output
    assert "FAILED task-0: RuntimeError: out of volts" in result.output
    assert "1 tasks failed" in result.output
    assert not (tmp_path / "figure.png").exists()
