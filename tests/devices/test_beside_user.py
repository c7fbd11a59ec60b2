"""A program is built beside what the user's script has made and set, and reads its names."""

import brian2
import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeMonitor,
    TimedArray,
    defaultclock,
    ms,
    prefs,
    seed,
    set_device,
)
from brian2.devices.device import get_device, reset_device

from ebn_brian import devices

tau_of_module = 10 * ms


def neuron(equations: str, threshold: str = "v > 1") -> Network:
    group = NeuronGroup(
        3, equations, threshold=threshold, reset="v = 0", method="euler", name="cells"
    )
    return Network(group, SpikeMonitor(group, name="spikes"))


def by_arithmetic() -> int:
    v, n = 0.0, 0
    for _ in range(1000):
        v += 1e-4 * (1.5 - v) / 10e-3
        if v > 1:
            v, n = 0.0, n + 1
    return n


def counting(name: str = "counter") -> Network:
    return Network(NeuronGroup(1, "n : integer", threshold="True", reset="n += 1", name=name))


def steps_of(program: devices.Program) -> int:
    return int(program.run(duration=10 * ms, read=["counter.n"])["counter.n"][0])


def spikes_of(make_network, device: str, **options) -> int:
    program = devices.build(make_network, device, **options)
    return int(program.run(duration=100 * ms, read=["spikes.N"])["spikes.N"][0])


@pytest.fixture(autouse=True)
def _clock():
    yield
    reset_device("runtime")
    defaultclock.dt = 0.1 * ms


def make_of_module() -> Network:
    return neuron("dv/dt = (1.5 - v)/tau_of_module : 1")


def make_of_its_own() -> Network:
    tau, limit = 10 * ms, 1
    return neuron("dv/dt = (1.5 - v)/tau : 1", f"v > {limit}") if tau else None


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp_fused", marks=pytest.mark.slow)])
class TestNames:
    def test_of_its_module_and_of_its_own(self, device):
        assert spikes_of(make_of_module, device) == 3 * by_arithmetic()
        assert spikes_of(make_of_its_own, device) == 3 * by_arithmetic()

    def test_of_the_caller(self, device):
        tau = 10 * ms
        assert tau
        made = spikes_of(lambda: neuron("dv/dt = (1.5 - v)/tau : 1"), device)
        assert made == 3 * by_arithmetic()

    def test_given(self, device):
        names = {"tau_of_nobody": 10 * ms}
        equations = "dv/dt = (1.5 - v)/tau_of_nobody : 1"
        assert spikes_of(lambda: neuron(equations), device, namespace=names) == 3 * by_arithmetic()

    def test_a_name_of_nobody_is_said(self, device):
        equations = "dv/dt = (1.5 - v)/tau_of_nobody : 1"
        with pytest.raises(ValueError, match=r"tau_of_nobody.*say namespace="):
            spikes_of(lambda: neuron(equations), device)
        with pytest.raises(ValueError, match=r"tau_of_nobody.*no such name"):
            spikes_of(lambda: neuron(equations), device, namespace={})


@pytest.mark.parametrize(
    "device",
    ["numpy", *(pytest.param(d, marks=pytest.mark.slow) for d in ("cpp_standalone", "cpp_fused"))],
)
class TestClock:
    def test_set_before(self, device):
        defaultclock.dt = 0.05 * ms
        program = devices.build(counting, device)
        assert defaultclock.dt == 0.05 * ms
        defaultclock.dt = 1 * ms  # a program keeps the step that it was built with
        assert steps_of(program) == 200

    def test_set_by_the_function(self, device):
        def make_network() -> Network:
            defaultclock.dt = 0.02 * ms
            return counting()

        assert steps_of(devices.build(make_network, device)) == 500
        assert defaultclock.dt == 0.1 * ms


def test_precision_is_the_preference():
    before = prefs.core.default_float_dtype
    try:
        prefs.core.default_float_dtype = np.float32
        program = devices.build(make_of_module, "numpy")
        assert program.run(duration=1 * ms, read=["cells.v"])["cells.v"].dtype == np.float32
        program = devices.build(make_of_module, "numpy", precision="double")
        assert program.run(duration=1 * ms, read=["cells.v"])["cells.v"].dtype == np.float64
    finally:
        prefs.core.default_float_dtype = before


@pytest.mark.slow
class TestDevice:
    @pytest.mark.parametrize("inner", ["numpy", "cpp_standalone", "cpp_fused"])
    @pytest.mark.parametrize("outer", ["cpp_standalone", "cpp_fused"])
    def test_what_was_made_before_lives_on(self, inner, outer, tmp_path):
        set_device(outer, build_on_run=False)
        get_device().reinit()
        get_device().activate(build_on_run=False)
        mine, network = get_device(), counting("mine")
        network["mine"].n = 5
        assert steps_of(devices.build(counting, inner)) == 100
        assert get_device() is mine
        network.run(1 * ms, namespace={})
        mine.build(directory=str(tmp_path), with_output=False)
        assert network["mine"].n[0] == 15
        mine.reinit()

    def test_a_cell_that_is_executed_again(self, tmp_path):
        """``set_device`` at its top begins anew; what ran before can be read until then."""
        results = []
        for k in range(3):
            set_device("cpp_fused", directory=str(tmp_path / "output"), with_output=False)
            if results:
                assert results[-1].n[0] == 10 * k
            seed(k)
            network = counting("again")
            network["again"].n = 10 * k
            network.run(1 * ms, namespace={})
            results.append(network["again"])
            assert results[-1].n[0] == 10 * k + 10
        brian2.device.reinit()


@pytest.mark.parametrize("number", [np.int64(7), np.float32(7), np.array(7.0)])
def test_any_number_hides_that_of_an_outer_scope(number):
    k = 3

    def make_network() -> Network:
        k = number  # noqa: F841
        return Network(NeuronGroup(1, "dx/dt = k*Hz : 1", method="euler", name="cells"))

    program = devices.build(make_network, "numpy")
    assert program.run(duration=1 * ms, read=["cells.x"])["cells.x"][0] == pytest.approx(7e-3)
    assert k == 3


def test_a_name_may_be_a_variable_elsewhere():
    def make_network() -> Network:
        tau = 10 * ms  # noqa: F841
        own = NeuronGroup(1, "tau : second", name="own")
        return Network(own, *neuron("dv/dt = (1.5 - v)/tau : 1").objects)

    assert spikes_of(make_network, "numpy") == 3 * by_arithmetic()


@pytest.mark.parametrize("device", ["numpy", "cpp_fused"])
def test_two_inputs_of_one_name_are_refused(device):
    def make_network() -> Network:
        groups = [
            NeuronGroup(1, "x = c(t) : 1", namespace={"c": TimedArray([k], 1 * ms, name="drive")})
            for k in range(2)
        ]
        return Network(groups)

    with pytest.raises(ValueError, match="two TimedArrays are called 'drive'"):
        devices.build(make_network, device)
