"""What a run is given and cannot take raises, before it begins."""

import numpy as np
import pytest
from brian2 import ms, mV, second
from device_helpers import ENOUGH, N_STEPS, assert_same


class TestWrongInput:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("neurons.v", np.zeros(399), "'neurons.v' has 399 values.* 400"),
            ("neurons.v", np.zeros((20, 21)), "'neurons.v' has 420 values.* 400"),
            ("neurons.v", [], "'neurons.v' has 0 values.* 400"),
            ("drive.values", np.zeros((N_STEPS, 3)), "'drive.values' has 9000 values.* 6000"),
            ("neurons.v", np.nan, "'neurons.v' has values that are not finite"),
            ("neurons.v", np.full(400, np.inf), "'neurons.v' has values that are not finite"),
            ("drive.values", np.nan, "'drive.values' has values that are not finite"),
            ("recurrent.step", -np.inf, "'recurrent.step' has values that are not finite"),
            ("neurons.nothing", 1, "'neurons.nothing': .*no such variable"),
            ("nothing.v", 1, "'nothing.v': .*no such variable"),
            ("neurons", 1, "'neurons': .*no such variable"),
            ("", 1, "'': .*no such variable"),
            ("neurons.i", np.zeros(400), "'neurons.i': cannot be set"),
            ("spikes.t", np.zeros(3), "'spikes.t': cannot be set"),
        ],
    )
    def test_values(self, program, name, value, message):
        with pytest.raises(ValueError, match=message):
            program.run({"recurrent.plastic": 0, name: value}, duration=1 * ms)

    def test_weights_of_the_wrong_number(self, program):
        with pytest.raises(ValueError, match=r"'recurrent\.w' has 7 values.* 7600"):
            program.run({"recurrent.w": np.zeros(7)}, duration=1 * ms)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("neurons.v", 3 * second, r"'neurons\.v' is given in s: the program holds V"),
            ("recurrent.w", 3 * mV, r"'recurrent\.w' is given in V: the program holds 1"),
            ("drive.values", 3 * mV, r"'drive\.values' is given in V: the program holds Hz"),
            ("noisy.whole", 0.5, "do not fit: the program holds int32"),
            ("noisy.whole", 2**31, "do not fit: the program holds int32"),
        ],
    )
    def test_values_that_do_not_fit(self, program, name, value, message):
        with pytest.raises(ValueError, match=message):
            program.run({name: value}, duration=1 * ms)

    @pytest.mark.parametrize("name", ["neurons.nothing", "nothing.v", "v", ""])
    def test_names_to_read(self, program, name):
        with pytest.raises(ValueError, match=f"'{name}': .*no such variable"):
            program.run(duration=1 * ms, read=[name])

    @pytest.mark.parametrize("duration", [0 * ms, -1 * ms, np.nan * ms, np.inf * ms])
    def test_durations(self, program, duration):
        with pytest.raises(ValueError, match=r"duration=.*must be finite and positive"):
            program.run(duration=duration)

    @pytest.mark.parametrize("duration", [1 * mV, 5, [1, 2] * ms])
    def test_what_is_no_duration(self, program, duration):
        with pytest.raises(TypeError, match=r"duration=.*must be a time"):
            program.run(duration=duration)

    def test_timeouts(self, standalone):
        with pytest.raises(TypeError, match=r"timeout=5: must be a time"):
            standalone.run(duration=1 * ms, timeout=5)
        with pytest.raises(ValueError, match=r"timeout=.*must be finite and positive"):
            standalone.run(duration=1 * ms, timeout=-1 * second)

    @pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "a"])
    def test_seeds(self, program, seed):
        with pytest.raises(ValueError, match=r"seed=.*must be a whole number from 0"):
            program.run(duration=1 * ms, seed=seed)

    def test_the_program_lives_on(self, program):
        plain = program.run(duration=1 * ms, read=ENOUGH)
        with pytest.raises(ValueError, match="finite"):
            program.run({"recurrent.kappa": 7, "neurons.v": np.nan}, duration=1 * ms)
        assert_same(program.run(duration=1 * ms, read=ENOUGH), plain)
