"""The benchmark: equal work before speed, and a GPU report that is ready."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from brian2 import second
from click import ClickException, UsageError
from click.testing import CliRunner

from ebn_brian import balance, devices
from ebn_brian.devices import toolkit
from studies import benchmark, benchmark_timing, gpu_report
from studies.benchmark_work import AGREED, Work, numba_loop

pytest.importorskip("numba", reason="the extra 'benchmark'")


@pytest.fixture(scope="module")
def loop():
    return numba_loop()


def by_hand(work: Work) -> tuple[int, np.ndarray]:
    """The work as its definition tells it, in plain numpy."""
    chips, w = work.chips, work.chips["w"].copy()
    n_spikes = 0
    v, current = np.zeros_like(chips["theta"]), np.zeros_like(chips["theta"])
    for x in work.x:
        drive = chips["f_0"] * x[0] + chips["f_1"] * x[1]
        v = v + 1e-4 / chips["tau_m"] * (-v + current + drive)
        current = current - 1e-4 / chips["tau_s"] * current
        spiked = v > chips["theta"]
        v[spiked] = 0
        for chip, k in np.argwhere(spiked):
            others = np.arange(work.n_neurons) != k
            row = w[chip, k]
            current[chip] += 1000 / work.n_neurons * row * others
            s = 2 * v[chip] + row
            row += 0.1 * others * ((s < -0.05).astype(int) - (s > 0.05))
        n_spikes += spiked.sum()
    return n_spikes, w[:, ~np.eye(work.n_neurons, dtype=bool)].ravel()


class TestWork:
    def test_what_was_agreed(self, loop):
        benchmark_timing.check_agreed(loop)
        with pytest.raises(ClickException, match="give 1 spikes"):
            benchmark_timing.check_agreed(lambda work: (1, loop(work)[1]))
        assert AGREED == {"spikes": 19471, "change": 0.439225}

    @pytest.mark.parametrize("n_neurons", [20, 33])
    def test_the_loop(self, n_neurons, loop):
        work = Work(3, n_neurons, 0.2)
        (spikes, w), (expected, weights) = loop(work), by_hand(work)
        assert spikes == expected > 50
        np.testing.assert_allclose(w, weights, atol=1e-12)
        assert work.change(w) > 0.01

    @pytest.mark.parametrize("n_neurons", [20, 33])
    def test_brian2(self, n_neurons, loop):
        work = Work(3, n_neurons, 0.2)
        program = devices.build(work.network(), "numpy")
        run = program.run(duration=0.2 * second, read=["spikes.N", "recurrent.w"])
        spikes, w = loop(work)
        assert run["spikes.N"][0] == spikes
        np.testing.assert_allclose(run["recurrent.w"], w, atol=1e-12)


TIMING = benchmark_timing.Timing("package_f32", 2, 20, 0.5, 600, 0.3, 0.02, 0.01, 12.0, 10**6)


class TestBenchmark:
    def test_equal_work(self):
        benchmark_timing.check_equal_work([TIMING], lambda work: (610, 0.31))
        for spikes, change in ((450, 0.3), (800, 0.3), (600, 0.2), (600, 0.4)):
            with pytest.raises(ClickException, match="package_f32 did not do the same work"):
                benchmark_timing.check_equal_work([TIMING], lambda work, n=spikes, c=change: (n, c))

    def test_numbers(self):
        numba = replace(TIMING, target="numba", whole=0.1, stepping=0.1)
        large = replace(TIMING, neurons=100)
        summary = benchmark.summarise([TIMING, numba, large, replace(numba, neurons=100)])
        assert summary["throughput_package_f32_2"] == pytest.approx(50)
        assert summary["throughput_stepping_package_f32_2"] == pytest.approx(100)
        assert summary["ratio_to_numba_package_f32_2"] == pytest.approx(5)
        assert summary["start_up_s_package_f32_2"] == pytest.approx(0.01)
        assert summary["throughput_package_f32_2_n100"] == pytest.approx(50)
        cuda = replace(TIMING, target="cuda")
        assert cuda.throughput == pytest.approx(100)

    def test_sizes(self):
        assert benchmark.cases((1, 1000), (20, 100, 400)) == [
            (1, 20),
            (1000, 20),
            (40, 100),
            (2, 400),
        ]
        assert benchmark.cases((10,), (100,)) == [(10, 100)]
        assert benchmark.simulated("package_f32", 10000, 5.0) == 5
        assert benchmark.simulated("brian2_cython", 10000, 5.0) == 0.1
        assert benchmark.simulated("brian2_cython", 1, 5.0) == 5

    def test_targets_by_device(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(toolkit, "find_gpu", lambda: None)
        assert benchmark.choose((), "cpp_standalone", tmp_path) == ["brian2_cpp", "numba"]
        everything = benchmark.choose((), None, tmp_path)
        assert everything == [t for t in benchmark.TARGETS if t != "cuda"]
        assert "cuda: left out" in capsys.readouterr().out
        for targets, device in ((("cuda",), None), ((), "cuda_standalone")):
            with pytest.raises(UsageError, match="cuda_standalone"):
                benchmark.choose(targets, device, tmp_path)
        with pytest.raises(UsageError, match="--device numpy: no target"):
            benchmark.choose((), "numpy", tmp_path)

    @pytest.mark.slow
    def test_the_command(self, tmp_path):
        options = ["--quick", "--target", "package_f64", "--out", str(tmp_path)]
        result = CliRunner().invoke(benchmark.main, options, catch_exceptions=False)
        assert result.exit_code == 0
        summary = json.loads((tmp_path / "summary.json").read_text())
        for target in ("package_f64", "numba"):
            for chips in (1, 20):
                assert summary[f"throughput_{target}_{chips}"] > 0
        assert summary["spikes_package_f64_20"] == summary["spikes_numba_20"]
        assert 0.5 < summary["two_process_ratio"] < 4
        assert 1e6 < summary["peak_bytes_package_f64_20"] < 1e8
        assert (tmp_path / "figure.png").exists()
        assert (tmp_path / "data.nc").exists()


def runs(n_chips=20, shift=0, extra=0):
    """Two results with spikes that differ by `shift` in one spike, or by `extra` spikes of each."""
    rng = np.random.default_rng(0)
    t, i = np.sort(rng.uniform(0, 1, 900)), rng.integers(0, 20 * n_chips, 900)
    w = np.tile(rng.integers(-20, 20, 380), n_chips)
    other_i = i.copy()
    other_i[500] += shift
    more = np.repeat(np.arange(20 * n_chips), extra)
    one = {"spikes.i": i, "spikes.t": t, "recurrent.w": w}
    other = {
        "spikes.i": np.concatenate([other_i, more]),
        "spikes.t": np.concatenate([t, np.full(len(more), 1.0)]),
        "recurrent.w": w.copy(),
    }
    return one, other


class TestGpuReport:
    D = balance.random_decoder(2, 20, 1, n_chips=20)

    def test_equal_chips(self):
        result = gpu_report.compare(*runs(), self.D, 1.0)
        assert result["spikes_equal"]
        assert result["weights_equal"]
        assert "first_difference" not in result

    def test_a_difference_is_found(self):
        one, other = runs(shift=1)
        result = gpu_report.compare(one, other, self.D, 1.0)
        assert not result["spikes_equal"]
        assert result["first_difference"]["cpp"]["step"] == round(one["spikes.t"][500] / 1e-4)
        first = {name: at["neuron"] for name, at in result["first_difference"].items()}
        assert first == {"cpp": one["spikes.i"][500], "cuda": one["spikes.i"][500] + 1}
        assert result["rate_hz_agrees"]

    def test_populations_that_differ(self):
        result = gpu_report.compare(*runs(extra=3), self.D, 1.0)
        assert result["first_difference"]["cpp"] is None
        assert result["rate_hz_cuda"] > result["rate_hz_cpp"]
        assert not result["rate_hz_agrees"]

    def test_without_a_gpu(self, tmp_path, monkeypatch):
        monkeypatch.setattr(gpu_report, "find_gpu", lambda: None)
        monkeypatch.setattr(gpu_report, "find_toolkit", lambda: None)
        result = CliRunner().invoke(benchmark.main, ["--gpu-report", str(tmp_path / "x")])
        assert result.exit_code == 2
        assert "no GPU here; --rehearse does the rest" in result.output
        assert not (tmp_path / "x").exists()

    def test_each_size_stands_alone(self, tmp_path, monkeypatch):
        """What was measured before a size that fails stays."""

        def of(n_chips, *_):
            yield "throughput_cpp", n_chips
            if n_chips == 1000:
                raise TimeoutError("late")

        monkeypatch.setattr(gpu_report, "throughput_of", of)
        clock = gpu_report.Clock(time.monotonic() + 500)
        result = gpu_report.throughput(tmp_path, True, clock, False)
        assert [result[f"throughput_cpp_{n}"] for n in (100, 1000, 10000)] == [100, 1000, 10000]
        assert "late" in result["failed_1000"]
        assert json.loads((tmp_path / "throughput.json").read_text()) == result

    def test_each_check_stands_alone(self, tmp_path, monkeypatch):
        """One that fails leaves the others, and all is written down."""

        class Toolkit:
            def describe(self):
                return "a toolkit"

        monkeypatch.setattr(gpu_report, "find_toolkit", Toolkit)
        monkeypatch.setattr(gpu_report, "find_gpu", lambda: toolkit.Gpu("some GPU", 9.0))
        monkeypatch.setattr(gpu_report, "same_chips", lambda *_: 1 / 0)
        for name in ("throughput", "profile", "tests"):
            monkeypatch.setattr(gpu_report, name, lambda *_: {"number": 7})
        gpu_report.report(tmp_path, False, False)
        text = (tmp_path / "report.md").read_text()
        assert "some GPU" in text
        assert "ZeroDivisionError" in text
        assert json.loads((tmp_path / "profile.json").read_text())["number"] == 7
        assert (
            "ZeroDivisionError" in json.loads((tmp_path / "same_chips.json").read_text())["failed"]
        )
