"""Generated CUDA kernels are parallel, know no order of events, and do not make the host wait."""

import re

import pytest
from brian2 import Network, NeuronGroup, Synapses, ms
from cuda_models import MODELS, chips, kernels, write
from helpers import needs_toolkit

pytestmark = needs_toolkit


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


class TestKernels:
    @pytest.mark.parametrize("model", MODELS)
    def test_pathways_are_parallel_and_know_no_order(self, model, tmp_path):
        program = write(MODELS[model], tmp_path)
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
        text = (write(MODELS[model], tmp_path).directory / "one.cu").read_text()
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
        text = (write(chips(), tmp_path).directory / "main.cu").read_text()
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

        program = write(make_network, tmp_path)
        (kernel,) = kernels(program).values()
        assert any(reason.startswith(why) for reason in order_matters(kernel))
        if why != "multiplies":  # with atomic operations
            assert program.serial == ("s_pre",)
