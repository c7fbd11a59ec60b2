"""Whole runs of the study of learning, as a user starts them."""

import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
from learning_helpers import MEASURES, check_result, run
from study_helpers import ROOT

from ebn_brian.chips import random_decoder


def test_quick(tmp_path):
    """One whole run in C++, as a user starts it."""
    arguments = ("--quick", "--chips", 3, "--training", 3, "--seed", 5, "--out", tmp_path)
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    summary, data = check_result(tmp_path, 3, 3.0)
    assert summary["provenance"]["parameters"]["seed"] == 5
    assert summary["distance_learned_worst"] < 0.3 < summary["distance_initial_median"]
    assert summary["correlation_learned_worst"] > 0.8 > summary["correlation_initial_median"]
    assert summary["error_learned_median"] < summary["error_initial_median"] / 5
    assert summary["rate_hz_learned_median"] < summary["rate_hz_initial_median"] / 3
    np.testing.assert_array_equal(data.D, random_decoder(2, 20, 5, n_chips=3))
    counters = data.Omega.sel(stage="learned").values / 0.04
    np.testing.assert_allclose(counters, np.rint(counters), atol=1e-9)
    for name in (*MEASURES, "learned median", "optimal worst", "chip-seconds", str(tmp_path)):
        assert name in result.output
    assert f"{summary['distance_learned_median']:.4g}" in result.output


def test_a_recording_of_three_channels(tmp_path):
    """In a process of its own, on numpy, which needs no compiler."""
    t = np.arange(1001) / 1000
    columns = [np.sin(2 * np.pi * f * t + f) for f in (2, 3.3, 5)]
    lines = ["t,a,b,c", *(",".join(map(str, row)) for row in zip(t, *columns, strict=True))]
    file = tmp_path / "rec.csv"
    file.write_text("\n".join(lines))
    arguments = ["--signal", str(file), "--out", str(tmp_path / "out"), "--device", "numpy"]
    arguments += ["--chips", "1", "--neurons", "8", "--training", "0.1"]
    command = [sys.executable, "-m", "studies.learning", *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "rec.csv: 3 channels, 1.001 s" in result.stdout
    summary, data = check_result(tmp_path / "out", 1, 0.1)
    typed = shlex.join(["-m", "studies.learning", *arguments])
    assert summary["provenance"]["command"].partition(" ")[2] == typed
    assert dict(data.D.sizes) == {"chip": 1, "signal": 3, "neuron": 8}


def test_an_interrupted_run_leaves_nothing_that_looks_complete(tmp_path):
    """Whether it is asked to end or killed."""
    command = [sys.executable, "-m", "studies.learning", "--device", "numpy", "--chips", "1"]
    runs = {}
    for sign in (signal.SIGTERM, signal.SIGKILL):
        out = tmp_path / sign.name
        runs[sign] = subprocess.Popen(
            [*command, "--neurons", "4", "--out", str(out)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    for sign, process in runs.items():
        assert "Building 1 chips" in process.stdout.readline()
        time.sleep(1)
        process.send_signal(sign)
        assert process.wait(timeout=60) != 0
        assert os.listdir(tmp_path / sign.name) == []
