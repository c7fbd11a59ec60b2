"""The fused device: chips and the benchmark's work, and what it does not know."""

import gc
import logging
import re

import numpy as np
import pytest
from brian2 import (
    Function,
    Network,
    NeuronGroup,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    second,
)
from brian2.devices.device import get_device, reset_device, set_device
from brian2.utils.logger import catch_logs
from fused_cases import chips_of_two_groups, pulses
from fused_functions import guarded_functions
from fused_helpers import assert_same, chips, fused_code, simulate, spikes, written

from ebn_brian.fused.plan import conjuncts
from studies.benchmark.work import AGREED, Work


def test_chips_are_the_same_to_the_last_bit(tmp_path):
    """40 chips of 13 neurons: more than one block, and no multiple of a vector or a strip."""
    fused = simulate("cpp_fused", chips, tmp_path)
    plain = simulate("runtime", chips)
    code = fused_code(tmp_path)
    (bytes_per_neuron,) = map(int, re.findall(r"BLOCK_BYTES / (\d+)", code))
    assert 24 * 1024 / bytes_per_neuron < 40 * 13
    assert "_ebn_plan.blocks.count()" in code
    assert "fused::padded(" in code
    assert code.count("fused::Flags _flags") == 1  # spikes are looked for among candidates
    assert len(plain["spikes.t"]) > 1000
    assert np.ptp(plain["recurrent.w"]) > 0
    assert (np.diff(plain["spikes.t"]) >= 0).all()
    assert_same(fused, plain)


def test_the_benchmark_does_the_agreed_work(tmp_path):
    """As six other programs have it: number of spikes, mean change of a weight."""
    work = Work(20, 20, seconds=2.0)
    after = simulate("cpp_fused", work.network(), tmp_path, duration=2 * second)
    assert after["spikes.N"][0] == after["spikes.count"].sum() == AGREED["spikes"]
    assert work.change(after["recurrent.w"]) == pytest.approx(AGREED["change"], abs=5e-7)


@pytest.mark.slow
def test_a_trace_is_recorded_in_blocks(tmp_path):
    """At the start of every step, as the equations have it."""

    def make():
        neurons = NeuronGroup(
            5, "dv/dt = (1.5 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="euler",
            name="neurons",
        )  # fmt: skip
        return Network(neurons, StateMonitor(neurons, "v", record=True, name="states"))

    after = simulate("cpp_fused", make, tmp_path, duration=30 * ms)
    assert "_ebn_plan.blocks.count()" in fused_code(tmp_path)
    v, expected = 0.0, []
    for _ in range(300):
        expected.append(v)  # a StateMonitor records at the start of a step
        v = 1e-4 * (1.5 - v) / 0.01 + v
        v = 0.0 if v > 1 else v
    np.testing.assert_allclose(after["states.v"], np.repeat(expected, 5).reshape(-1, 5), rtol=1e-12)
    assert 0.0 in expected[1:]


def test_what_is_not_known_is_left_to_brian2(tmp_path):
    """A summed variable is not fused: its neurons still are, one step at a time."""

    def make():
        neurons = NeuronGroup(5, "v = x : 1\nx : 1", threshold="v > 1", reset="", name="neurons")
        sums = Synapses(neurons, neurons, "x_post = 0.1*v_pre : 1 (summed)", name="sums")
        sums.connect()
        return Network(neurons, sums, spikes(neurons))

    with catch_logs(log_level=logging.INFO, only_from=["ebn_brian"]) as logs:
        code = written(make, tmp_path)
    assert any("one step at a time" in text and "sums" in text for _, _, text in logs)
    assert "neurons_spike_thresholder" in code
    assert "sums" not in code


def test_a_slow_clock_beside_blocks(tmp_path):
    """Blocks go on to its next tick; a clock nearly as fast leaves no room for them."""

    def make(dt):
        neurons = NeuronGroup(5, "dv/dt = -v/ms : 1", threshold="v > 1", reset="", name="neurons")
        return Network(neurons, StateMonitor(neurons, "v", record=0, dt=dt, name="state"))

    slow = written(lambda: make(1 * ms), tmp_path / "slow")
    assert "fused::stop(defaultclock, state_clock, true" in slow
    assert "_ebn_plan.blocks.count()" in slow
    assert "_ebn_plan.blocks.count()" not in written(lambda: make(0.3 * ms), tmp_path / "fast")


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("v > v_th", {"v > v_th"}),
        ("v > v_th and n < 0.5", {"v > v_th", "n < 0.5"}),
        ("v>v_th  and (a or b) and not c", {"v > v_th", "a or b", "not c"}),
        ("a or b", {"a or b"}),
    ],
)
def test_conjuncts(condition, parts):
    assert conjuncts(condition) == parts


def test_single_arithmetic_needs_single_precision():
    with pytest.raises(ValueError, match="single_arithmetic=True: needs"):
        set_device("cpp_fused", build_on_run=False, single_arithmetic=True)


def test_reinit_after_set_device_on_a_device_that_has_run():
    """The next program begins once, whoever asks for it."""
    set_device("cpp_fused", build_on_run=False)
    device = get_device()
    try:
        device.has_been_run = True
        device.activate(build_on_run=False)
        device.reinit()
        device.activate(build_on_run=False)
        assert device.defaultclock.dt == 0.1 * ms
    finally:
        device.reinit()
        reset_device("runtime")


def test_a_program_that_is_forgotten_leaves_its_names_to_the_next(tmp_path):
    """Results are asked for by the names of code objects, so these must not depend on the past."""

    def make():
        neurons = NeuronGroup(5, "v : 1")
        neurons.run_regularly("v += 1", name="forgotten")
        return Network(neurons, name="net")

    names = []
    for folder in "ab":
        names.append(re.findall(r"{ // (\w+_codeobject\w*)", written(make, tmp_path / folder)))
        gc.collect()
    assert names == [["forgotten_codeobject"]] * 2


@pytest.mark.slow
def test_results_are_there_until_a_new_program_begins(tmp_path):
    """Brian2 leaves the device to evaluate a subexpression; neither that nor a subgroup begins."""
    options = {"build_on_run": False, "with_output": False}
    set_device("cpp_fused", **options)
    device = get_device()
    device.reinit()
    device.activate(**options)
    try:
        neurons = NeuronGroup(6, "v : 1\ntwice = 2*v : 1")
        neurons.v = "i"
        Network(neurons).run(1 * ms)
        device.build(directory=str(tmp_path), with_output=False)
        assert neurons.twice[2] == 4
        assert neurons[3:].v[0] == 3
        set_device("cpp_fused", **options)
        assert neurons[4:].twice[0] == 8
        assert device.has_been_run
        NeuronGroup(2, "v : 1")
        assert not device.has_been_run
    finally:
        device.reinit()
        reset_device("runtime")


def test_a_function_that_counts_its_calls_counts_each_neuron_once(tmp_path):
    """In order, and by itself in each place; Brian2 takes it for stateless."""
    nth = Function(lambda x: x, arg_units=[1], return_unit=1)
    code = "double nth(double x) { static double n = 0; return x + n++; }"
    nth.implementations.add_implementation("cpp", code)
    n_neurons, n_steps = 300, 50

    def make():
        neurons = NeuronGroup(
            n_neurons, "zero : 1\nlast : 1", threshold="nth(zero) % 7 == 3", reset="", name="a",
            namespace={"nth": nth},
        )  # fmt: skip
        neurons.run_regularly("last = nth(zero)")
        return Network(neurons, spikes(neurons))

    after = simulate("cpp_fused", make, tmp_path, duration=n_steps * 0.1 * ms)
    calls = np.arange(n_steps * n_neurons)
    step, neuron = np.divmod(calls[calls % 7 == 3], n_neurons)
    np.testing.assert_array_equal(after["spikes_a.i"], neuron)
    np.testing.assert_allclose(after["spikes_a.t"], step * 1e-4, atol=1e-12)
    np.testing.assert_array_equal(after["a.last"], calls[-n_neurons:])


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize("place", ["v", "threshold", "reset", "regularly", "on_pre", "on_post"])
def test_a_users_function_is_pure_only_where_it_says_so(pure, place, tmp_path):
    """Otherwise Brian2's own code calls it."""
    own = Function(lambda x: x, arg_units=[1], return_unit=1)
    own.implementations.add_implementation("cpp", "double own(double x) { return x; }")
    if pure:
        own.pure = True
    texts = {"v": "-v", "threshold": "v > 1", "reset": "v = 0", "regularly": "v = 1"}
    texts |= {"on_pre": "w = 1", "on_post": "w = 2"}
    texts[place] += " + own(1.0*i)"

    def make():
        neurons = NeuronGroup(
            300, f"dv/dt = ({texts['v']})/(10*ms) : 1", method="euler", name="a",
            threshold=texts["threshold"], reset=texts["reset"], namespace={"own": own},
        )  # fmt: skip
        neurons.run_regularly(texts["regularly"])
        paths = {path: texts[path] for path in ("on_pre", "on_post")}
        synapses = Synapses(
            neurons, neurons, "w : 1", **paths, delay={"pre": 0 * ms, "post": 0 * ms},
            namespace={"own": own},
        )  # fmt: skip
        synapses.connect(j="i")
        return Network(neurons, synapses)

    with catch_logs(log_level=logging.INFO, only_from=["ebn_brian"]) as logs:
        code = written(make, tmp_path)
    assert ("_ebn_plan.blocks.count()" in code) == pure
    assert any("own.pure = True" in text for _, _, text in logs) == (not pure)
    parts = [part for part in re.split(r"{ // \w+\n", code)[1:] if "own(" in part]
    assert len(parts) == pure
    assert all(("IVDEP" in part) == (place != "reset") for part in parts)


def test_a_function_with_preprocessor_directives_is_left_to_brian2(tmp_path):
    code = written(guarded_functions, tmp_path)
    assert "{ // a_stateupdater" in code
    assert "helper" not in code


@pytest.mark.parametrize("second", [[3, 4], [1, 2]])
def test_two_timed_arrays_of_one_name(second, tmp_path):
    """Refused where one would stand for the other."""

    def make():
        arrays = [TimedArray(values, dt=1 * ms, name="x") for values in ([1, 2], second)]
        groups = [
            NeuronGroup(1, "v = drive(t) : 1\ntotal : 1", namespace={"drive": array})
            for array in arrays
        ]
        for neurons in groups:
            neurons.run_regularly("total += v")
        return Network(groups)

    if second == [1, 2]:
        written(make, tmp_path)
    else:
        with pytest.raises(ValueError, match=r"two TimedArrays .* 'x_values'"):
            written(make, tmp_path)


def test_several_runs_are_one_run(tmp_path):
    """Spikes are under way at the end of each, and one run is shorter than their delay."""

    class Runs(Network):
        def run(self, duration, namespace):
            for part in (50.1, 0.2, 0, 109.6, 40.1):
                super().run(part * ms, namespace=namespace)

    after = simulate("cpp_fused", lambda: Runs(chips_of_two_groups()), tmp_path)
    assert "_ebn_plan.blocks.count()" in fused_code(tmp_path)
    assert_same(after, simulate("runtime", chips_of_two_groups))


def test_several_runs_hand_over_what_is_under_way(tmp_path):
    """One run alone does not, and its queue is left alone."""

    class Twice(Network):
        def run(self, duration, namespace):
            super().run(duration, namespace=namespace)
            super().run(duration, namespace=namespace)

    once, twice = written(pulses, tmp_path / "a"), written(lambda: Twice(pulses()), tmp_path / "b")
    assert "fused::take" not in once
    assert "fused::give_back" not in once
    assert twice.count("fused::give_back") == 4
    main = (tmp_path / "b" / "main.cpp").read_text()
    assert re.search(r"\.run\(0\.001, NULL, 10\.0\);\s+_end_fused_1_0_", main)
