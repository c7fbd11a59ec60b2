"""Spikes of a `SpikeGeneratorGroup` are values of a run: as many as one likes, on all targets."""

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    ms,
    second,
)
from cuda_on_cpu import on_cpu
from helpers import TOOLKIT, needs_gpu, needs_toolkit
from hypothesis import given, settings
from hypothesis import strategies as st

from ebn_brian import devices
from ebn_brian.devices.cuda import generate
from ebn_brian.devices.generators import Generator

N, DT = 5, 1e-4
READ = ["arrived.i", "arrived.t", "counters.n"]


def make_network() -> Network:
    """Neuron k of `counters` counts the spikes of input k, 1 ms late; `again` repeats its own."""
    defaultclock.dt = DT * second
    source = SpikeGeneratorGroup(N, [0, 1], [1, 2] * ms, name="source")
    again = SpikeGeneratorGroup(1, [0], [1] * ms, period=4 * ms, name="again")
    counters = NeuronGroup(N, "n : 1", name="counters")
    synapses = Synapses(source, counters, on_pre="n_post += 1", delay=0 * ms, name="synapses")
    synapses.connect(j="i")
    repeated = SpikeMonitor(again, name="repeated")
    return Network(
        source, again, counters, synapses, repeated, SpikeMonitor(source, name="arrived")
    )


@pytest.fixture(
    scope="module",
    params=[
        *("numpy", "cython", "cpp_standalone", "cpp_fused"),
        pytest.param("cuda_on_cpu", marks=needs_toolkit),
        pytest.param("cuda_standalone", marks=needs_gpu, id="on_gpu"),
    ],
)
def program(request, tmp_path_factory):
    if request.param == "cuda_on_cpu":
        folder = tmp_path_factory.mktemp("spikes")
        return on_cpu(generate(make_network, folder, np.float64, TOOLKIT))
    return devices.build(make_network, request.param)


class TestRuns:
    def test_more_spikes_than_were_built_in_any_order(self, program):
        rng = np.random.default_rng(1)
        steps = rng.permutation(100)[:40]  # no two alike
        i = rng.integers(N, size=40)
        values = {"source.neuron_index": i, "source.spike_time": steps * DT * second}
        run = program.run(values, duration=10 * ms, read=READ)
        order = np.argsort(steps)
        np.testing.assert_array_equal(run["arrived.i"], i[order])
        np.testing.assert_allclose(run["arrived.t"], steps[order] * DT, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(run["counters.n"], np.bincount(i, minlength=N))

    def test_none_and_those_built_in(self, program):
        none = {"source.neuron_index": [], "source.spike_time": []}
        assert program.run(none, duration=10 * ms, read=READ)["counters.n"].sum() == 0
        run = program.run(duration=10 * ms, read=READ)
        np.testing.assert_array_equal(run["counters.n"], [1, 1, 0, 0, 0])

    def test_a_period_stays(self, program):
        values = {"again.neuron_index": [0, 0], "again.spike_time": [3, 0.5] * ms}
        run = program.run(values, duration=8 * ms, read=["repeated.t"])
        np.testing.assert_allclose(run["repeated.t"], [0.5e-3, 3e-3, 4.5e-3, 7e-3], atol=1e-9)

    @pytest.mark.parametrize(
        ("i", "t", "message"),
        [
            ([0], [1, 2] * ms, r"'source\.neuron_index' has 1 values: 'source\.spike_time' has 2"),
            ([5], [1] * ms, r"'source\.neuron_index' has 5 to 5: must be from 0 to 4"),
            ([-1], [1] * ms, "must be from 0 to 4"),
            ([0.5], [1] * ms, "do not fit: the program holds int32"),
            ([0], [-1] * ms, r"'source\.spike_time' has -0\.001 s .* must be from 0 s"),
            ([0], [np.nan] * ms, r"'source\.spike_time' has values that are not finite"),
            ([0], [1], None),
            ([0], [1] / ms, r"'source\.spike_time' is given in"),
            ([3, 1, 3], [1.01, 1.02, 1.03] * ms, "neuron 3 spikes more than once .* at 0.001 s"),
        ],
    )
    def test_what_is_no_spike_is_named(self, program, i, t, message):
        values = {"source.neuron_index": i, "source.spike_time": t}
        if message is None:  # plain numbers are seconds
            program.run(values, duration=1 * ms)
            return
        with pytest.raises(ValueError, match=message):
            program.run(values, duration=1 * ms)

    def test_one_without_the_other(self, program):
        with pytest.raises(ValueError, match=r"'source\.neuron_index' is not given: .* together"):
            program.run({"source.spike_time": [1] * ms}, duration=1 * ms)

    def test_beyond_the_period(self, program):
        values = {"again.neuron_index": [0], "again.spike_time": [4] * ms}
        with pytest.raises(ValueError, match=r"before the period, 0\.004 s"):
            program.run(values, duration=1 * ms)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, 10**6)), unique=True))
def test_time_steps_are_those_of_brian2(spikes):
    i, steps = np.array(spikes, int).reshape(-1, 2).T
    t = steps * DT
    held = Generator("source", N, DT, 0.0).spikes(i, t)
    order = np.lexsort((i, t))
    np.testing.assert_array_equal(held["neuron_index"], i[order])
    np.testing.assert_array_equal(held["_timebins"], steps[order])
