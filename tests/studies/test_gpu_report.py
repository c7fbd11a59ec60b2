"""The GPU report: ready where there is a GPU, whatever fails or is late."""

import json
import time

import numpy as np
import pytest
from brian2 import ms
from click.testing import CliRunner

from ebn_brian.devices import toolkit
from ebn_brian.devices.values import Run
from studies.benchmark import gpu_phases, gpu_report
from studies.benchmark.command import main
from studies.benchmark.gpu_phases import Clock, Session


def runs(n_chips=20, shift=0, extra=0):
    """Two results with spikes that differ by `shift` in one spike, or by `extra` spikes of each."""
    rng = np.random.default_rng(0)
    t, i = np.sort(rng.uniform(0, 1, 900)), rng.integers(0, 20 * n_chips, 900)
    w = np.tile(rng.integers(-20, 20, 380), n_chips)
    other_i = i.copy()
    other_i[500] += shift
    more = np.repeat(np.arange(20 * n_chips), extra)
    one = {"spikes.i": i, "spikes.t": t, "recurrent.w": w}
    one["spikes.count"] = np.bincount(i, minlength=20 * n_chips)
    other = {
        "spikes.i": np.concatenate([other_i, more]),
        "spikes.t": np.concatenate([t, np.full(len(more), 1.0)]),
        "recurrent.w": w.copy(),
    }
    other["spikes.count"] = np.bincount(other["spikes.i"], minlength=20 * n_chips)
    return one, other


class TestEquality:
    def compare(self, one, other):
        return dict(gpu_phases.compare(one, other, "recurrent.w", 20))

    def test_equal_chips(self):
        result = self.compare(*runs())
        assert result["spikes_equal"]
        assert result["learned_equal"]
        assert "first_difference" not in result

    def test_weights_that_differ_in_the_last_bit(self):
        one, other = runs()
        other["recurrent.w"] = other["recurrent.w"].astype(float)
        other["recurrent.w"][7] = np.nextafter(other["recurrent.w"][7], np.inf)
        result = self.compare(one, other)
        assert result["spikes_equal"]
        assert not result["learned_equal"]

    def test_a_difference_is_located(self):
        one, other = runs(shift=1)
        result = self.compare(one, other)
        assert not result["spikes_equal"]
        assert result["first_difference"]["cpp"]["step"] == round(one["spikes.t"][500] / 1e-4)
        first = {name: at["neuron"] for name, at in result["first_difference"].items()}
        assert first == {"cpp": one["spikes.i"][500], "cuda": one["spikes.i"][500] + 1}
        assert result["rate_hz_agrees"]

    def test_populations_that_differ(self):
        result = self.compare(*runs(extra=3))
        assert result["first_difference"]["cpp"] is None
        assert result["rate_hz_cuda"] > result["rate_hz_cpp"]
        assert not result["rate_hz_agrees"]


def test_every_system_is_built_at_once_and_compared(session, monkeypatch):
    """With programs that give what they are named after."""

    class Program:
        def __init__(self, build):
            self.build = build

        def run(self, *, read, **_):
            one, other = runs(n_chips=20)
            held = dict(one if self.build.device == "cpp_fused" else other)
            return Run({name: held.get(name, held["recurrent.w"]) for name in read}, 1.0)

    monkeypatch.setattr(gpu_phases, "build_all", lambda builds, _: [*map(Program, builds)])
    result = dict(gpu_phases.same_systems(session))
    for name in gpu_phases.SYSTEMS:
        assert result[f"{name}_spikes_equal"]
        assert result[f"{name}_learned_equal"]


class Counting:
    """Stands for a program: gives the counts of one run after the other."""

    def __init__(self, *counts):
        self.counts = iter(counts)

    def run(self, *, duration, read, timeout):
        assert read == ["spikes.count"]
        return Run({"spikes.count": next(self.counts)}, 1.0, stepping_seconds=0.5)


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path, on_gpu=True, clock=Clock(time.monotonic() + 500), quick=False)


def test_runs_are_compared_chip_by_chip(session, monkeypatch):
    cpp = np.full(3 * 20, 7)
    first, again = cpp.copy(), cpp.copy()
    first[[1, 2, 45]] += 1  # two chips
    again[[2, 45]] += 1  # the first chip is another than in the run before
    programs = {"cpp_fused": Counting(cpp), "cuda_standalone": Counting(first, again)}
    monkeypatch.setattr(
        gpu_phases.devices, "build", lambda _, device="cpp_fused", **options: programs[device]
    )
    result = dict(gpu_phases.throughput(session, 3, 2.0))
    assert result["spikes_cpp"] == 420
    assert result["spikes_cuda"] == 423
    assert result["throughput_cuda"] == 3 * 2.0 / 0.5
    assert result["chips_that_differ_from_cpp"] == 2
    assert result["chips_that_differ_between_runs"] == 1


class TestReport:
    def test_without_a_gpu(self, tmp_path, monkeypatch):
        monkeypatch.setattr(gpu_report, "find_gpu", lambda: None)
        monkeypatch.setattr(gpu_report, "find_toolkit", lambda: None)
        result = CliRunner().invoke(main, ["--gpu-report", str(tmp_path / "x")])
        assert result.exit_code == 2
        assert "no GPU here; --rehearse does the rest" in result.output
        assert not (tmp_path / "x").exists()

    def test_every_size_is_a_phase(self, session):
        names = [name for name, _, _ in gpu_report.phases(session)]
        assert names[0] == "same_systems"
        sizes = [int(n.removeprefix("throughput_")) for n in names if n.startswith("throughput_")]
        assert sizes == [100, 1000, 10_000, 100_000]
        assert names[-1] == "throughput_100000"  # what all others can do without

    def test_a_phase_that_fails_keeps_what_it_has(self, session):
        def results():
            yield "throughput_cpp", 7
            raise TimeoutError("late")

        result = gpu_report.outcome(session.clock, 60.0, results())
        assert result["throughput_cpp"] == 7
        assert "late" in result["failed"]
        assert "traceback" in result

    def test_a_phase_without_time_does_not_begin(self):
        def results():
            raise AssertionError
            yield

        result = gpu_report.outcome(Clock(time.monotonic() + 50), 60.0, results())
        assert list(result) == ["left_out"]
        with pytest.raises(TimeoutError):
            Clock(time.monotonic()).limit()
        assert Clock(time.monotonic() + 50).limit(0.5) < 26_000 * ms

    def test_each_phase_stands_alone(self, tmp_path, monkeypatch):
        """One that fails leaves the others, and all is written down."""

        class Toolkit:
            def describe(self):
                return "a toolkit"

        def fails(*_):
            yield 1 / 0

        monkeypatch.setattr(gpu_report, "find_toolkit", Toolkit)
        monkeypatch.setattr(gpu_report, "find_gpu", lambda: toolkit.Gpu("some GPU", 9.0))
        monkeypatch.setattr(gpu_report, "same_systems", fails)
        for name in ("whole_dpi_chips", "throughput", "brian2cuda", "profile", "tests"):
            monkeypatch.setattr(gpu_report, name, lambda *_: iter([("number", 7)]))
        gpu_report.report(tmp_path, False, False)
        text = (tmp_path / "report.md").read_text()
        assert "some GPU" in text
        assert "ZeroDivisionError" in text
        assert "Traceback" not in text
        for name in ("throughput_100000", "profile", "tests"):
            assert json.loads((tmp_path / f"{name}.json").read_text())["number"] == 7
        failed = json.loads((tmp_path / "same_systems.json").read_text())["failed"]
        assert "ZeroDivisionError" in failed
