"""Programs for CUDA, run on the CPU thread after thread, give the results of C++."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, ms
from cuda_models import MODELS, chips, write
from cuda_on_cpu import on_cpu
from device_helpers import DURATION, ENOUGH, assert_same, chips_network
from helpers import needs_toolkit

from ebn_brian import devices
from ebn_brian.chips.circuit import SAMPLED
from ebn_brian.devices import toolkit
from studies.benchmark.work import Work

pytestmark = needs_toolkit


class TestResults:
    """The kernels give the results of C++, to the last bit, whichever thread comes first."""

    @pytest.mark.parametrize("backwards", [False, True])
    def test_chips(self, backwards, programs, tmp_path):
        program = programs("cuda_on_cpu")
        if backwards:
            program = on_cpu(write(chips_network(extra=True), tmp_path), backwards=True)
        values = {"neurons.F_0": np.linspace(-0.01, 0.01, 400), "recurrent.kappa": 2.0}
        one, other = (
            p.run(values, duration=DURATION, read=ENOUGH) for p in (program, programs("numpy"))
        )
        assert len(one["spikes.i"]) > 2000
        assert_same(one, other)

    def test_events_are_counted_and_shared_on_the_gpu(self, tmp_path):
        """More events in a step than blocks of threads, and a monitor that only counts."""
        work = Work(100, 20, 0.05)
        program = write(work.network(), tmp_path)
        one = program.directory / "one.cu"
        text = one.read_text()
        assert text.count("num_parallel_blocks * counter, 1024)") == 1
        assert text.count("atomicAdd(&_ptr_array_spikes_N[0], 1);") == 1
        assert "&_num_events," not in text  # Brian2CUDA's host waits for it
        one.write_text(text.replace("counter, 1024)", "counter, 3)"))
        read = ["spikes.N", "spikes.count", "recurrent.w", "neurons.v"]
        expected = devices.build(work.network(), "cpp_standalone").run(duration=50 * ms, read=read)
        assert expected["spikes.N"][0] > 3 * 500
        run = on_cpu(program).run(duration=50 * ms, read=read)
        assert_same(run, expected, ["spikes.N", "spikes.count"])
        for name in ("recurrent.w", "neurons.v"):  # sums of simultaneous spikes in another order
            np.testing.assert_allclose(run[name], expected[name], atol=1e-12)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("model", "read"),
        [
            (
                "exponential, readout",
                [*ENOUGH, "neurons.v_fast", "readout.sum_1_3", "readout_windows.n_spikes"],
            ),
            ("subtractive", ENOUGH),
            ("fixed weights", ENOUGH),
            ("circuit", [*SAMPLED.values(), "neurons.J_mem", "plastic.w"]),
        ],
    )
    def test_models(self, model, read, tmp_path):
        program = write(MODELS[model], tmp_path)
        expected = devices.build(MODELS[model], "cpp_standalone").run(duration=DURATION, read=read)
        assert all(expected[name].any() for name in read if name != "neurons.v_fast")
        for backwards in (False, True):
            run = on_cpu(program, backwards).run(duration=DURATION, read=read)
            assert_same(run, expected, read)

    @pytest.mark.slow
    def test_single_precision(self, tmp_path):
        """Spikes of a short run, potentials within rounding: float32 takes dt as float there."""
        program = on_cpu(write(chips(), tmp_path, np.float32))
        expected = devices.build(chips(), "cpp_standalone", precision="single")
        one, other = (p.run(duration=100 * ms, read=ENOUGH) for p in (program, expected))
        assert one["neurons.v"].dtype == np.float32
        assert_same(one, other, ["spikes.i", "spikes.t"])
        np.testing.assert_allclose(one["neurons.v"], other["neurons.v"], atol=1e-6)


def test_variables_with_names_that_mean_something_elsewhere(tmp_path):
    def make_network():
        return Network(NeuronGroup(2, f"{name} : second", name="neurons"))

    name = "delay"  # of synapses it could not be set
    program = on_cpu(write(make_network, tmp_path))
    run = program.run({"neurons.delay": [3, 4] * ms}, duration=1 * ms, read=["neurons.delay"])
    np.testing.assert_array_equal(run["neurons.delay"], [3e-3, 4e-3])
    name = "workspace"
    with pytest.raises(ValueError, match=r"'neurons\.workspace': .* another name"):
        write(make_network, tmp_path)


def test_a_profile(tmp_path):
    program = on_cpu(write(chips(), tmp_path, profile=True))
    profile = program.run(duration=50 * ms).profile
    assert any(name.startswith("neurons_stateupdater") for name in profile)
    assert all(0 <= seconds < 10 for seconds in profile.values())


@pytest.mark.slow
class TestCompiled:
    @pytest.mark.parametrize("model", MODELS)
    def test_it_links(self, model, tmp_path):
        """nvcc compiles and links it; without a GPU a run says that it needs one."""
        program = devices.build(MODELS[model], "cuda_standalone", tmp_path)
        assert program.flags[:3] == ("-std=c++17", "-w", "--fmad=false")
        if toolkit.find_gpu() is None:
            with pytest.raises(RuntimeError, match="needs an NVIDIA GPU with its driver"):
                program.run(duration=1 * ms)
        else:
            run = program.run(duration=DURATION, read=["spikes.t"] if model != "circuit" else [])
            assert model == "circuit" or len(run["spikes.t"]) > 100

    def test_compile_errors_are_shown(self, tmp_path, monkeypatch):
        monkeypatch.setattr("ebn_brian.devices.cuda.SEED", "this is no C++;")
        with pytest.raises(RuntimeError, match=r"does not compile \(nvcc.*error: "):
            devices.build(chips(), "cuda_standalone", tmp_path, profile=True)
