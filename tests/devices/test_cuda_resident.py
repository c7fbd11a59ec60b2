"""Chips whose steps are one kernel on CUDA: run on the CPU, they give the results of C++."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms, second
from cuda_models import MODELS, chips
from cuda_on_cpu import on_cpu
from device_helpers import DURATION, ENOUGH, assert_same, chips_network
from helpers import TOOLKIT, needs_gpu, needs_toolkit

from ebn_brian import devices
from ebn_brian.devices.cuda import CudaProgram, build_cuda
from ebn_brian.devices.resident import NotResident, compile_resident, write_resident
from studies.benchmark.systems import SYSTEMS

pytestmark = needs_toolkit


def write(make_network, folder, dtype=np.float64) -> CudaProgram:
    program = write_resident(make_network, folder, dtype)
    return CudaProgram(program.directory, program.arrays)


def ring(n=9, delay=0.3 * ms, on_pre="v_post += 0.4", **options):
    """Two rings of neurons: each excites the next two, one of which twice; the first is driven."""

    def make_network():
        model = "dv/dt = rate : 1 (unless refractory)\nrate : Hz\nhits : 1"
        options_ = {"threshold": "v > 1", "reset": "v -= 1", "refractory": 1 * ms} | options
        neurons = NeuronGroup(2 * n, model, method="euler", name="neurons", **options_)
        neurons.rate = "(200 + 7*i)*Hz*int(i % 9 == 0)"
        synapses = Synapses(neurons, model="w : 1", on_pre=on_pre, delay=delay, name="s")
        sources = np.repeat(np.arange(2 * n), 3)
        targets = sources // n * n + (sources % n + np.tile([1, 2, 2], 2 * n)) % n
        synapses.connect(i=sources, j=targets)
        synapses.w = "0.2 + 0.01*i"
        monitor = SpikeMonitor(neurons, ["v", "rate"], name="spikes")
        return Network(neurons, synapses, monitor)

    return make_network


SERIAL = {"delay": 0 * ms, "on_pre": "v_post += w\nhits_pre += v_post"}
RING = ["spikes.i", "spikes.t", "spikes.v", "spikes.rate", "spikes.count", "neurons.v", "s.w"]


class TestResults:
    """To the last bit, whichever lane of a warp comes first."""

    @pytest.mark.parametrize("backwards", [False, pytest.param(True, marks=pytest.mark.slow)])
    def test_chips(self, backwards, tmp_path):
        program = on_cpu(write(chips_network(2), tmp_path), backwards)
        values = {"neurons.F_0": np.linspace(-0.01, 0.01, 40), "recurrent.kappa": 2.0}
        expected = devices.build(chips_network(2), "cpp_fused")
        one, other = (p.run(values, duration=150 * ms, read=ENOUGH) for p in (program, expected))
        assert len(other["spikes.i"]) > 200
        assert_same(one, other)

    @pytest.mark.parametrize(
        "options",
        [{}, pytest.param(SERIAL, marks=pytest.mark.slow)],
        ids=["delay", "serial"],
    )
    def test_rings(self, options, tmp_path):
        """Delays, refractory neurons, two synapses onto one target, writing to the source."""
        make_network = ring(**options)
        expected = devices.build(make_network, "cpp_standalone").run(duration=1 * second, read=RING)
        assert len(expected["spikes.i"]) > 500
        run = on_cpu(write(make_network, tmp_path)).run(duration=1 * second, read=RING)
        assert_same(run, expected, RING)

    @pytest.mark.slow
    def test_many_spikes(self, tmp_path):
        """More events than a block of neurons has room for in one launch."""
        make_network = ring(threshold="v > -1", reset="", refractory=False)
        program = on_cpu(write(make_network, tmp_path))
        run = program.run(duration=120 * ms, read=["spikes.i", "spikes.t", "spikes.count"])
        np.testing.assert_array_equal(run["spikes.count"], 1200)
        np.testing.assert_array_equal(run["spikes.i"], np.tile(np.arange(18), 1200))
        np.testing.assert_array_equal(
            np.rint(run["spikes.t"] / 1e-4), np.repeat(np.arange(1200), 18)
        )

    @pytest.mark.slow
    @pytest.mark.parametrize("system", SYSTEMS)
    def test_systems(self, system, tmp_path):
        make, learned = SYSTEMS[system]
        read = ["spikes.i", "spikes.t", learned]
        expected = devices.build(lambda: make(2, 1 * second)).run(duration=0.5 * second, read=read)
        assert len(expected["spikes.i"]) > 100
        program = write(lambda: make(2, 1 * second), tmp_path)
        assert_same(on_cpu(program).run(duration=0.5 * second, read=read), expected, read)

    @pytest.mark.slow
    def test_single_precision(self, tmp_path):
        program = on_cpu(write(chips_network(2), tmp_path, np.float32))
        expected = devices.build(
            chips_network(2), precision="single_arithmetic", flags=devices.STRICT_FLAGS
        )
        one, other = (p.run(duration=150 * ms, read=ENOUGH) for p in (program, expected))
        assert one["neurons.v"].dtype == np.float32
        assert_same(one, other)


class TestLeft:
    """What is left to Brian2CUDA, and why."""

    @pytest.mark.parametrize(
        ("model", "why"),
        [("noise", "draws random numbers"), ("exponential, readout", "several clocks")],
    )
    def test_models(self, model, why, tmp_path):
        with pytest.raises(NotResident, match=why):
            write(MODELS[model], tmp_path)
        assert not any(tmp_path.iterdir())

    def test_delays_that_may_differ(self, tmp_path):
        with pytest.raises(NotResident, match="delays in 's_pre' may differ"):
            write(ring(delay=None), tmp_path)

    def test_it_is_told_and_built(self, tmp_path, monkeypatch):
        monkeypatch.setattr("ebn_brian.devices.cuda.compile_by", lambda *_: None)

        def make_network():
            neurons = NeuronGroup(2, "v : 1", name="neurons")
            return Network(neurons, StateMonitor(neurons, "v", record=True, name="states"))

        reasons = []
        monkeypatch.setattr("ebn_brian.devices.cuda.logger.info", lambda *a: reasons.append(a[0]))
        program = build_cuda(make_network, tmp_path, np.float64)
        assert "statemonitor" in reasons[0]
        assert (program.directory / "one.cu").exists()


@needs_gpu
def test_it_runs_on_gpu(tmp_path):
    program = devices.build(chips_network(), "cuda_standalone", tmp_path)
    assert (tmp_path / "code.cu").exists()
    expected = devices.build(chips_network(), "cpp_fused")
    one, other = (p.run(duration=DURATION, read=ENOUGH) for p in (program, expected))
    assert_same(one, other)


@pytest.mark.slow
def test_it_compiles(tmp_path):
    """The two units, and what is in them: no file of Brian2CUDA's."""
    write(chips(), tmp_path)
    compile_resident(tmp_path, TOOLKIT, ("-std=c++17", "-w", "--fmad=false", "-arch=sm_75"))
    assert (tmp_path / "main").exists()
    assert not list(tmp_path.rglob("*curand*"))
