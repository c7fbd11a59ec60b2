"""Programs for CUDA: kernels are read, run on the CPU thread after thread, and compiled."""

import re

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    mV,
    network_operation,
)
from cuda_on_cpu import on_cpu
from test_devices import (
    DURATION,
    ENOUGH,
    RULE,
    TestRuns,
    TestWrongInput,
    assert_same,
    chips_network,
)

from ebn_brian import balance, devices, signals
from ebn_brian.devices import toolkit
from ebn_brian.devices.cuda import generate
from ebn_brian.devices.cuda_code import own_clocks
from ebn_brian.dpi_model import experiment_1
from ebn_brian.dpi_network import SAMPLED, learning_circuit
from ebn_brian.network import lif_chips
from ebn_brian.online import online_readout
from studies.benchmark_work import Work

try:
    TOOLKIT = toolkit.find_toolkit()
    MISSING = ""
except RuntimeError as error:
    TOOLKIT, MISSING = None, str(error)
needs_toolkit = pytest.mark.skipif(TOOLKIT is None, reason=MISSING)
__all__ = ["TestRuns", "TestWrongInput"]
TestRuns = needs_toolkit(TestRuns)  # with the fixture `program` of this module
TestWrongInput = needs_toolkit(TestWrongInput)


def chips(rule=RULE, readout=False, **options):
    """What makes four chips, of any kind, and perhaps their readout."""

    def make_network() -> Network:
        drive = TimedArray(signals.smoothed_noise(DURATION, 2, seed=3), 0.1 * ms, name="drive")
        D = balance.random_decoder(2, 20, 1, n_chips=4)
        made = lif_chips(D, balance.random_weights(4, 20, 1), drive, rule=rule, **options)
        more = [SpikeMonitor(made.neurons, name="spikes")]
        if readout:
            measured = online_readout(made.neurons, D, drive, tau_m=50 * ms, every=100 * ms)
            more += measured.objects
        return Network(made.objects, more)

    return make_network


def circuit() -> Network:
    return learning_circuit(experiment_1(), 5e-3 * np.arange(1, 20), 3, fixed="own")


#: Every kind of network there is.
MODELS = {
    "delta": chips(),
    "exponential, readout": chips(synapse="exponential", readout=True),
    "subtractive": chips(reset="subtractive"),
    "subtractive, exponential": chips(synapse="exponential", reset="subtractive"),
    "not greedy": chips(greedy=False),
    "not greedy, exponential": chips(synapse="exponential", greedy=False),
    "fixed weights": chips(rule=None),
    "fixed weights, not greedy": chips(rule=None, greedy=False, synapse="exponential"),
    "noise": chips(sigma=1 * mV),
    "circuit": circuit,
}


def make(make_network, folder, dtype=np.float64):
    return generate(make_network, folder, dtype, TOOLKIT)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The network of test_devices, with variables of every type and noise."""
    folder = tmp_path_factory.mktemp("Upper Case, of the user")
    return on_cpu(make(chips_network(extra=True), folder))


def kernels(program) -> dict[str, str]:
    """Text of the kernels that let events act on synapses, by pathway."""
    text = (program.directory / "one.cu").read_text()
    found = re.findall(
        r"^_run_kernel_(\w+_codeobject\w*)\((.*?)^void _run_\1\(\)", text, re.M | re.S
    )
    return {
        name.partition("_codeobject")[0]: kernel
        for name, kernel in found
        if "spiking_neuron_idx" in kernel
    }


def order_matters(kernel: str) -> list[str]:
    """Why the order of events in one time step changes what a kernel does to neurons."""
    neuron = r"(_ptr_\w+)\[_(?:post|pre)synaptic_idx\]"
    added = set(re.findall(rf"_brian_atomicAdd\(&{neuron}", kernel))
    read = set(re.findall(rf"= {neuron}", kernel))
    return [
        *(f"assigns to {name}" for name in re.findall(rf"^\s*{neuron} =", kernel, re.M)),
        *(f"multiplies {n}" for n in re.findall(rf"_brian_atomic(?:Mul|Div)\(&{neuron}", kernel)),
        *(f"reads and adds to {name}" for name in added & read),
    ]


@needs_toolkit
class TestKernels:
    @pytest.mark.parametrize("model", MODELS)
    def test_pathways_are_parallel_and_know_no_order(self, model, tmp_path):
        program = make(MODELS[model], tmp_path)
        found = kernels(program)
        assert program.serial == ()
        assert len(found) >= (1 if "fixed" in model else 2)
        for name, kernel in found.items():
            assert "event < num_events; event += gridDim.x" in kernel, name
            assert "for(int j = tid; j < num_synapses; j+=_threads_per_block)" in kernel
            assert order_matters(kernel) == [], name
        text = (program.directory / "one.cu").read_text()
        assert text.count("num_threads = std::min(num_threads, std::max(1, (") == len(found)

    @pytest.mark.parametrize("model", MODELS)
    def test_only_what_is_recorded_makes_the_host_wait(self, model, tmp_path):
        text = (make(MODELS[model], tmp_path).directory / "one.cu").read_text()
        units = re.findall(r"^namespace unit_(\w+) {\n(.*?)^}\nusing namespace", text, re.M | re.S)
        waiting = {
            name.partition("_codeobject")[0]
            for name, unit in units
            if re.search("DeviceToHost|thrust::(copy|count)", unit)
            and not name.startswith(("before_run", "after_run"))
            and "create_" not in name
            and "push_spikes" not in name  # these do where delays differ, and nowhere else
        }
        assert len(units) > 5
        assert waiting <= {"spikes", "sampled"}  # monitors that record

    def test_the_schedule(self, tmp_path):
        """Candidates, selection, spikes, learning, action, reset: as `network` says."""
        text = (make(chips(), tmp_path).directory / "main.cu").read_text()
        calls = re.findall(r"network\w*\.add\(&\w+, _run_(\w+?)(?:_codeobject\w*)?\);", text)
        steps = [
            *("neurons_stateupdater", "neurons_candidate_thresholder"),
            *("neurons_candidate_resetter", "recurrent_compare", "neurons_spike_thresholder"),
            *("recurrent_learn", "recurrent_act", "neurons_spike_resetter"),
        ]
        assert [call for call in calls if call in steps] == steps

    @pytest.mark.parametrize(
        ("on_pre", "why"),
        [
            ("v_post = 2*v_post + w", "assigns"),
            ("v_post *= w", "multiplies"),
            ("w = v_post; v_post += w", "assigns"),
        ],
    )
    def test_what_is_not_parallel_is_found(self, on_pre, why, tmp_path):
        def make_network():
            neurons = NeuronGroup(4, "v : 1", threshold="v > 1", name="neurons")
            synapses = Synapses(neurons, neurons, "w : 1", on_pre=on_pre, delay=0 * ms, name="s")
            synapses.connect()
            return Network(neurons, synapses)

        program = make(make_network, tmp_path)
        (kernel,) = kernels(program).values()
        assert any(reason.startswith(why) for reason in order_matters(kernel))
        if why != "multiplies":  # with atomic operations
            assert program.serial == ("s_pre",)


@needs_toolkit
class TestResults:
    """The kernels give the results of C++, to the last bit, whichever thread comes first."""

    @pytest.mark.parametrize("backwards", [False, True])
    def test_chips(self, backwards, program, tmp_path):
        if backwards:
            program = on_cpu(make(chips_network(extra=True), tmp_path), backwards=True)
        expected = devices.build(chips_network(extra=True), "numpy")
        values = {"neurons.F_0": np.linspace(-0.01, 0.01, 400), "recurrent.kappa": 2.0}
        one, other = (p.run(values, duration=DURATION, read=ENOUGH) for p in (program, expected))
        assert len(one["spikes.i"]) > 2000
        assert_same(one, other)

    def test_events_are_counted_and_shared_on_the_gpu(self, tmp_path):
        """More events in a step than blocks of threads, and a monitor that only counts."""
        work = Work(100, 20, 0.05)
        program = make(work.network(), tmp_path)
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
            ("circuit", [*SAMPLED.values(), "neurons.I_mem", "plastic.w"]),
        ],
    )
    def test_models(self, model, read, tmp_path):
        program = make(MODELS[model], tmp_path)
        expected = devices.build(MODELS[model], "cpp_standalone").run(duration=DURATION, read=read)
        assert all(expected[name].any() for name in read if name != "neurons.v_fast")
        for backwards in (False, True):
            run = on_cpu(program, backwards).run(duration=DURATION, read=read)
            assert_same(run, expected, read)

    @pytest.mark.slow
    def test_single_precision(self, tmp_path):
        """Spikes of a short run, potentials within rounding: float32 takes dt as float there."""
        program = on_cpu(make(chips(), tmp_path, np.float32))
        expected = devices.build(chips(), "cpp_standalone", precision="single")
        one, other = (p.run(duration=100 * ms, read=ENOUGH) for p in (program, expected))
        assert one["neurons.v"].dtype == np.float32
        assert_same(one, other, ["spikes.i", "spikes.t"])
        np.testing.assert_allclose(one["neurons.v"], other["neurons.v"], atol=1e-6)


def delayed(clock_dt=0.1 * ms, own_dt=0.1 * ms, delay=0.5 * ms):
    """Two neurons with a clock of their own, the second driven through a delay; and a monitor."""

    def make_network():
        text = "dv/dt = rate : 1\nrate : Hz\n"
        neurons = NeuronGroup(
            2, text, threshold="v > 1", reset="v = 0", dt=own_dt, method="euler", name="neurons"
        )
        neurons.rate = "500*Hz*(1 - i)"
        synapses = Synapses(neurons, on_pre="v_post += 0.3", delay=delay, dt=own_dt, name="s")
        synapses.connect(i=[0], j=[1])
        monitor = StateMonitor(neurons, "v", record=True, dt=clock_dt, name="states")
        return Network(neurons, synapses, monitor)

    return make_network


@needs_toolkit
class TestClocks:
    def test_a_private_clock_with_a_delay(self, tmp_path):
        """Brian2CUDA alone would look at the default clock, which does not exist here."""
        make_network = delayed(clock_dt=0.4 * ms, own_dt=0.2 * ms, delay=1 * ms)
        program = on_cpu(make(make_network, tmp_path))
        expected = devices.build(make_network, "numpy").run(duration=20 * ms, read=["states.v"])
        run = program.run(duration=20 * ms, read=["states.v"])
        assert len(set(expected["states.v"][:, 1])) > 2
        np.testing.assert_array_equal(run["states.v"], expected["states.v"])

    def test_own_clocks(self):
        text = "if (defaultclock.timestep[0] >= s_delay) f(\nbid_offset,\n  clock_3.timestep[0],"
        assert "if (clock_3.timestep[0] >= s_delay)" in own_clocks(text)
        with pytest.raises(RuntimeError, match="tells no clock"):
            own_clocks(text.replace("bid_offset", "other"))

    def test_a_faster_clock_beside_a_delay(self, tmp_path):
        with pytest.raises(ValueError, match=r"'s_pre' has a delay .*clock"):
            make(delayed(clock_dt=0.05 * ms), tmp_path)
        with pytest.raises(ValueError, match=r"'s_pre' has a delay .*clock"):
            make(delayed(clock_dt=0.15 * ms), tmp_path)
        make(delayed(clock_dt=0.05 * ms, delay=0 * ms), tmp_path)

    def test_delays_are_not_set_at_run_time(self, program):
        with pytest.raises(ValueError, match=r"'recurrent\.delay': cannot be set"):
            program.run({"recurrent.delay": 1e-3}, duration=1 * ms)


@needs_toolkit
def test_variables_with_names_that_mean_something_elsewhere(tmp_path):
    def make_network():
        return Network(NeuronGroup(2, f"{name} : second", name="neurons"))

    name = "delay"  # of synapses it could not be set
    program = on_cpu(make(make_network, tmp_path))
    run = program.run({"neurons.delay": [3, 4] * ms}, duration=1 * ms, read=["neurons.delay"])
    np.testing.assert_array_equal(run["neurons.delay"], [3e-3, 4e-3])
    name = "workspace"
    with pytest.raises(ValueError, match=r"'neurons\.workspace': .* another name"):
        make(make_network, tmp_path)


@pytest.mark.parametrize("device", ["cpp_standalone", "cpp_fused", "cuda_standalone"])
def test_network_operations_are_refused(device):
    def make_network():
        @network_operation(name="operation")
        def operation():
            pytest.fail("ran")

        return Network(NeuronGroup(1, "v : 1"), operation)

    if device == "cuda_standalone" and TOOLKIT is None:
        pytest.skip(MISSING)
    with pytest.raises(ValueError, match=rf"'operation' is a network operation.*{device}"):
        devices.build(make_network, device)


class TestToolkit:
    def test_nothing_there(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(toolkit, "_nvccs", lambda: iter([tmp_path / "nvcc"]))
        with pytest.raises(RuntimeError, match=r"not found here: .*g\+\+.*nvcc \(the CUDA toolkit"):
            devices.check_device("cuda_standalone")

    @needs_toolkit
    def test_no_curand(self, monkeypatch):
        monkeypatch.setattr(toolkit, "_found", lambda *_: iter([]))
        with pytest.raises(RuntimeError, match=r"not found here: cuRAND \(.*nvidia-curand"):
            toolkit.find_toolkit()

    @pytest.mark.parametrize(
        ("answer", "visible", "expected"),
        [
            ("NVIDIA H100 80GB HBM3, 9.0", None, toolkit.Gpu("NVIDIA H100 80GB HBM3", 9.0)),
            ("NVIDIA RTX 5090, 12.0\nother, 8.6", "1,0", toolkit.Gpu("NVIDIA RTX 5090", 12.0)),
            ("NVIDIA-SMI has failed", None, None),
            ("NVIDIA H100, 9.0", "", None),
        ],
    )
    def test_gpu(self, answer, visible, expected, monkeypatch, tmp_path):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\necho '{answer}'\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert toolkit.find_gpu() == expected

    def test_no_gpu(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert toolkit.find_gpu() is None


@pytest.mark.skipif(TOOLKIT is None or toolkit.find_gpu() is None, reason="there is no GPU")
class TestRunsOnGpu(TestRuns):
    """All that is asked of programs on other targets, on the GPU itself."""

    @pytest.fixture(scope="class")
    def program(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("GPU")
        return devices.build(chips_network(extra=True), "cuda_standalone", folder)

    def test_chips(self, program):
        expected = devices.build(chips_network(extra=True), "numpy")
        one, other = (p.run(duration=DURATION, read=ENOUGH) for p in (program, expected))
        assert_same(one, other)


@needs_toolkit
def test_a_profile(tmp_path):
    program = on_cpu(generate(chips(), tmp_path, np.float64, TOOLKIT, profile=True))
    profile = program.run(duration=50 * ms).profile
    assert any(name.startswith("neurons_stateupdater") for name in profile)
    assert all(0 <= seconds < 10 for seconds in profile.values())


@needs_toolkit
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
            devices.build(chips(), "cuda_standalone", tmp_path)
