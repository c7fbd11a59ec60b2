"""What tests of the engine share: tasks that leave a trace, and studies of them."""

import time
from pathlib import Path

import numpy as np

from studies.lab import engine

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
