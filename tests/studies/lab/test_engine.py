"""The engine under faults: nothing finished is lost, nothing wrong is accepted."""

import time
from pathlib import Path

import click
import numpy as np
import pytest
from brian2 import ms, second
from engine_helpers import assert_squares, runs, square, study

from ebn_brian import devices
from studies.lab import engine


@pytest.mark.parametrize("jobs", [1, 2])
def test_all_tasks_run_once(tmp_path, jobs):
    for _ in range(2):
        results, logs = study(tmp_path, jobs=jobs)
        assert_squares(results)
        assert not logs
    assert all(runs(tmp_path / "traces", k) == 1 for k in range(6))


def test_other_settings_are_other_results(tmp_path):
    study(tmp_path)
    study(tmp_path, settings={"seed": 2})
    assert all(runs(tmp_path / "traces", k) == 2 for k in range(6))


def test_damaged_results_are_not_accepted(tmp_path, capsys):
    """Truncated, emptied, one bit flipped anywhere, or one task's file in place of another's."""
    study(tmp_path)
    files = [tmp_path / "tasks" / f"task-{k}.result" for k in range(6)]
    sound = files[0].read_bytes()
    files[0].write_bytes(sound[:-1])
    files[1].write_bytes(b"")
    for k, place in ((2, 3), (3, 200)):
        content = bytearray(files[k].read_bytes())
        content[place] ^= 16
        files[k].write_bytes(content)
    files[4].write_bytes(files[5].read_bytes())
    assert_squares(study(tmp_path)[0])
    assert [runs(tmp_path / "traces", k) for k in range(6)] == [2, 2, 2, 2, 2, 1]
    assert "1 of 6 results are there, 5 damaged" in capsys.readouterr().out
    assert files[0].read_bytes() == sound


def fail(folder, k):
    if k == 1:
        raise RuntimeError("the program failed with exit code 3: out of volts")
    if k == 2:
        return {"x": np.array([1.0, np.nan])}
    return square(folder, k)


def test_failed_and_diverged_tasks_are_reported_and_left_out(tmp_path, capsys):
    results, logs = study(tmp_path, fail, n=4)
    assert list(results) == ["task-0", "task-3"]
    assert "out of volts" in logs["task-1"]
    assert "diverged: x" in logs["task-2"]
    assert "out of volts" in (tmp_path / "tasks" / "task-1.log").read_text()
    assert not (tmp_path / "tasks" / "task-2.result").exists()
    with pytest.raises(SystemExit, match="1"):
        engine.report(logs, tmp_path)
    assert "FAILED task-1: RuntimeError: the program failed" in capsys.readouterr().err
    results, logs = study(tmp_path, n=4)  # mended: the log goes
    assert_squares(results, 4)
    assert not list(tmp_path.glob("tasks/*.log"))


def binary(folder, k):
    """Runs a program that crashes (1) or hangs (2)."""
    body = {0: "exit 0", 1: "kill -SEGV $$", 2: "sleep 60"}[k]
    main = Path(folder) / f"program-{k}" / "main"
    main.parent.mkdir(exist_ok=True)
    main.write_text(f"#!/bin/sh\necho stepping_seconds 0 > $2/sizes.txt\n{body}\n")
    main.chmod(0o755)
    program = devices.StandaloneProgram(main.parent, {})
    program.run(duration=1 * ms, timeout=1 * second)
    return {"k": np.array([k])}


def test_a_crashing_and_a_hanging_binary(tmp_path):
    begin = time.monotonic()
    results, logs = study(tmp_path, binary, n=3)
    assert list(results) == ["task-0"]
    assert "failed with exit code -11" in logs["task-1"]
    assert "TimeoutError" in logs["task-2"]
    assert time.monotonic() - begin < 30


def test_a_full_disk_ends_the_study_with_a_word_and_keeps_what_is_finished(tmp_path, monkeypatch):
    real, calls = Path.write_bytes, []

    def full(path, content):
        calls.append(path)
        if len(calls) > 3:
            real(path, content[:10])
            raise OSError(28, "No space left on device")
        return real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(click.ClickException, match=r"No space left.*goes on from there"):
            study(tmp_path)
    assert len(list(tmp_path.glob("tasks/*.result"))) == 3
    assert_squares(study(tmp_path)[0])
    assert sum(runs(tmp_path / "traces", k) for k in range(6)) == 7  # one was lost


def test_two_studies_in_one_folder(tmp_path):
    with engine.alone(tmp_path) as programs:
        (programs / "main").touch()
        with pytest.raises(click.UsageError, match="another study"), engine.alone(tmp_path):
            pass
        assert (programs / "main").exists()
    assert not programs.exists()
    (tmp_path / "programs_left_by_a_killed_study").mkdir()
    with engine.alone(tmp_path):
        assert len(list(tmp_path.glob("programs_*"))) == 1
