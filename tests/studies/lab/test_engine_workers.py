"""The engine loses workers, its own process and clusters: what is finished stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from engine_helpers import assert_squares, square, study

import studies

ROOT = Path(studies.__path__[0]).parent


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


DRIVER = """
import sys, time
from pathlib import Path
import numpy as np
from studies.lab import engine

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
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
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
