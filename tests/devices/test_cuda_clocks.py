"""Delays and clocks on CUDA."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, StateMonitor, Synapses, ms
from cuda_models import write
from cuda_on_cpu import on_cpu
from helpers import needs_toolkit

from ebn_brian import devices
from ebn_brian.devices.cuda_code import own_clocks

pytestmark = needs_toolkit


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


class TestClocks:
    def test_a_private_clock_with_a_delay(self, tmp_path):
        """Brian2CUDA alone would look at the default clock, which does not exist here."""
        make_network = delayed(clock_dt=0.4 * ms, own_dt=0.2 * ms, delay=1 * ms)
        program = on_cpu(write(make_network, tmp_path))
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
            write(delayed(clock_dt=0.05 * ms), tmp_path)
        with pytest.raises(ValueError, match=r"'s_pre' has a delay .*clock"):
            write(delayed(clock_dt=0.15 * ms), tmp_path)
        write(delayed(clock_dt=0.05 * ms, delay=0 * ms), tmp_path)

    def test_delays_are_not_set_at_run_time(self, programs):
        program = programs("cuda_on_cpu")
        with pytest.raises(ValueError, match=r"'recurrent\.delay': cannot be set"):
            program.run({"recurrent.delay": 1e-3}, duration=1 * ms)
