"""A run that fails in any way raises; no array of another run is ever handed out."""

import logging
import time

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Synapses, ms, second
from brian2.utils.logger import catch_logs
from device_helpers import ENOUGH, assert_same, chips_network

from ebn_brian import devices

RUN = '"$0.real" "$@"'


def test_names_and_values_that_look_like_failures(tmp_path):
    """A pathway 'Error' that is told of, and a flag of all synapses that is no file 'False'."""

    def make_network():
        group = NeuronGroup(3, "v : 1", threshold="v > 1", reset="", name="neurons")
        synapses = Synapses(group, group, "flag : boolean", on_pre="v_post += 1", name="Error")
        synapses.connect()
        synapses.delay = "i*ms"
        synapses.flag = True
        return Network(group, synapses)

    program = devices.build(make_network, "cpp_fused", tmp_path)
    for flag in (False, True):
        with catch_logs(log_level=logging.INFO, only_from=["ebn_brian"]) as logs:
            run = program.run({"Error.flag": flag}, duration=1 * ms, read=["Error.flag"])
        assert (run["Error.flag"] == flag).all()
        assert len(run["Error.flag"]) == 9
        assert any("'Error_pre' have different delays" in text for _, _, text in logs)


class TestFailures:
    """A run that fails in any way raises; no array of another run is ever handed out."""

    def test_the_tampered_program_itself_is_sound(self, tampered, standalone):
        assert_same(
            tampered(RUN).run(duration=1 * ms, read=ENOUGH),
            standalone.run(duration=1 * ms, read=ENOUGH),
        )

    FAILURES = (
        (f"{RUN}; exit 5", "exit code 5"),
        ("kill -9 $$", "exit code -9"),
        ("kill -11 $$", "exit code -11"),
        (f"{RUN}; echo Error reading file >&2", "Error reading file"),
        (f"{RUN}; echo Could not open", "Could not open"),
        (f"{RUN}; truncate -s 80 $2/_array_neurons_v_*", r"'neurons\.v'.*10 of 400"),
        (f"{RUN}; truncate -s 0 $2/_array_neurons_v_*", r"'neurons\.v'.*0 of 400"),
        (f"{RUN}; rm $2/_array_neurons_v_*", r"'neurons\.v'.*0 of 400"),
        (f"{RUN}; truncate -s -8 $2/_dynamic_array_spikes_t_*", r"'spikes\.t'"),
        (f"{RUN}; truncate -s -8 $2/_dynamic_array_recurrent_w_*", r"'recurrent\.w'"),
        (f"truncate -s 80 $2/set_0; {RUN}", r"recurrent\.w was sent 80 bytes"),
        (f"rm $2/set_0; {RUN}", r"recurrent\.w was sent 0 bytes"),
        (f"truncate -s 3 $2/set_1; {RUN}", r"neurons\.v was sent 3"),
    )

    @pytest.mark.parametrize(
        ("script", "message"), FAILURES, ids=[s.replace(RUN, "run") for s, _ in FAILURES]
    )
    def test_failures_are_errors(self, tampered, script, message):
        values = {"recurrent.w": np.zeros(20 * 380), "neurons.v": np.full(400, 0.02)}
        program = tampered(script)
        with pytest.raises(RuntimeError, match=message):
            program.run(values, duration=10 * ms, read=ENOUGH)
        assert not list(program.directory.glob("run_*"))

    def test_a_program_that_hangs(self, tampered):
        program, begin = tampered("sleep 30 & wait"), time.perf_counter()
        with pytest.raises(TimeoutError, match=r"longer than 200\. ms"):
            program.run(duration=1 * ms, timeout=200 * ms)
        assert time.perf_counter() - begin < 20

    def test_a_run_in_this_process_has_no_timeout(self):
        program = devices.build(chips_network(1), "numpy")
        with pytest.raises(ValueError, match=r"timeout=.*must be None"):
            program.run(duration=1 * ms, timeout=1 * second)

    def test_a_long_run_is_ended_in_time(self, standalone):
        with pytest.raises(TimeoutError):
            standalone.run(duration=1e6 * second, timeout=300 * ms)
        assert not list(standalone.directory.glob("run_*"))
