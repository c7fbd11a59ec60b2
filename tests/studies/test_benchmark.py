"""The benchmark: equal work before speed, and numbers that say what they are of."""

import json
from dataclasses import replace

import numpy as np
import pytest
from brian2 import second
from click import ClickException, UsageError
from click.testing import CliRunner

from ebn_brian import devices
from ebn_brian.devices import toolkit
from studies.benchmark import circuits, command, dpi, timing
from studies.benchmark.work import AGREED, Work, numba_loop

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
        timing.check_agreed(loop)
        with pytest.raises(ClickException, match="give 1 spikes"):
            timing.check_agreed(lambda work: (1, loop(work)[1]))
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


TIMING = timing.Timing("package_f32", 2, 20, 0.5, 600, 0.3, 0.02, 0.01, 12.0, 10**6)


class TestBenchmark:
    def test_equal_work(self):
        timing.check_equal_work([TIMING], lambda work: (610, 0.31))
        for spikes, change in ((450, 0.3), (800, 0.3), (600, 0.2), (600, 0.4)):
            with pytest.raises(ClickException, match="package_f32 did not do the same work"):
                timing.check_equal_work([TIMING], lambda work, n=spikes, c=change: (n, c))

    def test_numbers(self):
        numba = replace(TIMING, target="numba", whole=0.1, stepping=0.1)
        large = replace(TIMING, neurons=100)
        summary = command.summarise([TIMING, numba, large, replace(numba, neurons=100)])
        assert summary["throughput_package_f32_2"] == pytest.approx(50)
        assert summary["throughput_stepping_package_f32_2"] == pytest.approx(100)
        assert summary["ratio_to_numba_package_f32_2"] == pytest.approx(5)
        assert summary["start_up_s_package_f32_2"] == pytest.approx(0.01)
        assert summary["throughput_package_f32_2_n100"] == pytest.approx(50)
        cuda = replace(TIMING, target="cuda")
        assert cuda.throughput == pytest.approx(100)

    def test_sizes(self):
        assert command.cases((1, 1000), (20, 100, 400)) == [
            (1, 20),
            (1000, 20),
            (40, 100),
            (2, 400),
        ]
        assert command.cases((10,), (100,)) == [(10, 100)]
        assert command.simulated("package_f32", 10000, 5.0) == 5
        assert command.simulated("brian2_cython", 10000, 5.0) == 0.1
        assert command.simulated("brian2_cython", 1, 5.0) == 5

    def test_targets_by_device(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(toolkit, "find_gpu", lambda: None)
        assert command.choose((), "cpp_standalone", tmp_path) == ["brian2_cpp", "numba"]
        everything = command.choose((), None, tmp_path)
        assert everything == [t for t in command.TARGETS if t != "cuda"]
        assert "cuda: left out" in capsys.readouterr().out
        for targets, device in ((("cuda",), None), ((), "cuda_standalone")):
            with pytest.raises(UsageError, match="cuda_standalone"):
                command.choose(targets, device, tmp_path)
        with pytest.raises(UsageError, match="--device numpy: no target"):
            command.choose((), "numpy", tmp_path)

    @pytest.mark.slow
    def test_the_command(self, tmp_path):
        options = ["--quick", "--target", "package_f64", "--out", str(tmp_path)]
        result = CliRunner().invoke(command.main, options, catch_exceptions=False)
        assert result.exit_code == 0
        summary = json.loads((tmp_path / "summary.json").read_text())
        for target in ("package_f64", "numba"):
            for chips in (1, 20):
                assert summary[f"throughput_{target}_{chips}"] > 0
        assert summary["spikes_package_f64_20"] == summary["spikes_numba_20"]
        assert summary["two_process_ratio"] > 0
        assert 1e6 < summary["peak_bytes_package_f64_20"] < 1e8
        assert (tmp_path / "figure.png").exists()
        assert (tmp_path / "data.nc").exists()

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["dpi", "circuits"])
    def test_circuits_beside_a_loop(self, kind, tmp_path):
        options = [f"--{kind}", "--quick", "--repeats", "1", "--out", str(tmp_path)]
        result = CliRunner().invoke(command.main, options, catch_exceptions=False)
        assert result.exit_code == 0  # the same spikes or counters, or there is no comparison
        numbers = json.loads((tmp_path / f"{kind}.json").read_text())
        assert numbers["provenance"]["parameters"][kind]
        for name in ("package_f64", "package_f64_fast", "package_f32"):
            ratio = numbers[f"throughput_{kind}_loop"] / numbers[f"throughput_{kind}_{name}"]
            assert numbers[f"ratio_{kind}_{name}"] == pytest.approx(ratio)

    def test_other_work_is_not_compared(self):
        w = np.ones(8)
        run = devices.Run({"spikes.N": np.array([120]), "recurrent.w": w}, 1.0)
        with pytest.raises(ClickException, match="did not do the same work: 120 spikes"):
            dpi.check_same("package_f64", run, 100, w)
        with pytest.raises(ClickException, match=r"90.0% of the counters are the loop's"):
            circuits.check_same("package_f64", np.append(np.arange(9), 0), np.arange(10))
