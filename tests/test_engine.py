"""The engine under faults: nothing finished is lost, nothing wrong is accepted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from brian2 import ms, second

from ebn_brian import devices
from studies import engine

SETTINGS = {"seed": 1}


def square(folder, k):
    """A task that leaves a trace of every run in `folder`."""
    Path(folder, f"run-{k}-{time.monotonic_ns()}").touch()
    return {"k": np.array([k]), "square": np.array([k * k, 0.1 * k])}


def runs(folder, k):
    return len(list(Path(folder).glob(f"run-{k}-*")))


def study(tmp_path, function=square, n=6, settings=SETTINGS, jobs=1, **options):
    tasks = {f"task-{k}": (k,) for k in range(n)}
    folder, traces = tmp_path / "tasks", tmp_path / "traces"
    traces.mkdir(exist_ok=True)
    shared = (str(traces),)
    return engine.run(
        function, tasks, folder, settings=settings, shared=shared, jobs=jobs, **options
    )


def assert_squares(results, n=6):
    assert list(results) == [f"task-{k}" for k in range(n)]
    for k in range(n):
        np.testing.assert_array_equal(results[f"task-{k}"]["square"], [k * k, 0.1 * k])


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


def test_every_bit_counts(tmp_path):
    path = tmp_path / "x.result"
    engine.store(path, b"key", {"x": np.arange(3.0)})
    sound = path.read_bytes()
    np.testing.assert_array_equal(engine.load(path, b"key")["x"], np.arange(3.0))
    assert engine.load(path, b"another key") is None
    for bit in np.random.default_rng(0).integers(8 * len(sound), size=200):
        content = bytearray(sound)
        content[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(content)
        assert engine.load(path, b"key") is None


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


def kill_once(folder, k):
    """Task 2 kills its worker the first time."""
    first = Path(folder) / "first"
    if k == 2 and not first.exists():
        first.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(folder, k)


def kill_always(folder, k):
    if k == 2:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return square(folder, k)


def test_a_killed_worker_loses_nothing(tmp_path):
    results, logs = study(tmp_path, kill_once, jobs=2)
    assert_squares(results)
    assert not logs


@pytest.mark.slow
def test_a_task_that_kills_its_worker_is_told_from_the_others(tmp_path):
    results, logs = study(tmp_path, kill_always, jobs=2)
    assert list(results) == [f"task-{k}" for k in (0, 1, 3, 4, 5)]
    assert "died" in logs["task-2"]


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


DRIVER = """
import sys, time
from pathlib import Path
import numpy as np
from studies import engine

def slow(k):
    time.sleep(0.1)
    return {"x": np.random.default_rng(k).random(3)}

if __name__ == "__main__":
    out = Path(sys.argv[1])
    with engine.alone(out):
        tasks = {f"task-{k}": (k,) for k in range(20)}
        results, logs = engine.run(slow, tasks, out, settings={}, jobs=1)
        np.save(out / "all.npy", [results[name]["x"] for name in tasks])
"""


@pytest.mark.slow
def test_a_killed_driver_goes_on_where_it_stopped(tmp_path):
    """SIGKILL at a random time, again and again; the end is bit-equal to an undisturbed run."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    for folder in (disturbed, calm):
        folder.mkdir()
    rng = np.random.default_rng()
    finished: dict[str, bytes] = {}
    for _ in range(3):
        command = [sys.executable, script, disturbed]
        driver = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline, wanted = time.monotonic() + 120, len(finished) + rng.integers(1, 4)
        while len(list(disturbed.glob("*.result"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        driver.kill()
        driver.wait()
        for name, content in finished.items():
            assert (disturbed / name).read_bytes() == content
        finished = {p.name: p.read_bytes() for p in disturbed.glob("*.result")}
    assert len(finished) >= 3
    before = {p.name: p.stat().st_mtime_ns for p in disturbed.glob("*.result")}
    for folder in (disturbed, calm):
        subprocess.run(
            [sys.executable, script, folder], env=environment, check=True, capture_output=True
        )
    assert {name: (disturbed / name).stat().st_mtime_ns for name in before} == before
    assert (disturbed / "all.npy").read_bytes() == (calm / "all.npy").read_bytes()


def wait_and_square(folder, k):
    Path(folder, f"pid-{os.getpid()}").touch()
    time.sleep(0.3)
    return square(folder, k)


@pytest.mark.slow
def test_a_dask_cluster_with_a_worker_killed_in_mid_run(tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        traces = tmp_path / "traces"
        victim = """
import os, signal, sys, time
from pathlib import Path
while len(list(Path(sys.argv[1]).glob("run-*"))) < 3: time.sleep(0.05)
os.kill(int(next(Path(sys.argv[1]).glob("pid-*")).name[4:]), signal.SIGKILL)
"""
        traces.mkdir()
        killer = subprocess.Popen([sys.executable, "-c", victim, traces])
        results, logs = study(
            tmp_path, wait_and_square, n=20, jobs=-1, dask=cluster.scheduler_address
        )
        assert killer.wait(10) == 0
    assert_squares(results, 20)
    assert not logs


def test_a_cluster_that_is_not_there(tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(click.UsageError, match=r"--dask tcp://127\.0\.0\.1:9: no scheduler"):
        study(tmp_path, dask="tcp://127.0.0.1:9", jobs=-1)


def test_collected_data_are_labelled_and_missing_is_nan(tmp_path):
    results = {
        "a": {"rate": np.array([1.0, 2])},
        "c": {"rate": np.array([5.0, 6]), "log": np.ones(2)},
    }
    where = {
        "a": {"arm": "x", "cv": [0.1, 0.2], "chip": [0, 1]},
        "b": {"arm": "y", "cv": 0.1, "chip": [0, 1]},
        "c": {"arm": "y", "cv": 0.2, "chip": [1, 2]},
    }
    coords = {"arm": ["x", "y"], "cv": [0.1, 0.2], "chip": range(3)}
    variables = {"rate": (("arm", "cv", "chip"), {"units": "Hz"})}
    data = engine.collect(results, where, coords, variables, ("chip",))
    nan = np.nan
    expected = [[[1, 2, nan], [1, 2, nan]], [[nan, nan, nan], [nan, 5, 6]]]
    np.testing.assert_array_equal(data["rate"], expected)
    assert data["rate"].attrs == {"units": "Hz"}
