"""The fused device: chips and the benchmark's work, and what it does not know."""

import logging
import re

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, StateMonitor, ms, second
from brian2.devices.device import set_device
from brian2.utils.logger import catch_logs
from fused_helpers import assert_same, chips, fused_code, simulate

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
def test_what_is_not_known_is_left_to_brian2(tmp_path):
    """A StateMonitor is not fused: its neurons still are, one step at a time."""

    def make():
        neurons = NeuronGroup(
            5, "dv/dt = (1.5 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="euler",
            name="neurons",
        )  # fmt: skip
        return Network(neurons, StateMonitor(neurons, "v", record=True, name="states"))

    with catch_logs(log_level=logging.INFO, only_from=["ebn_brian"]) as logs:
        after = simulate("cpp_fused", make, tmp_path, duration=30 * ms)
    assert any("one step at a time" in text and "states" in text for _, _, text in logs)
    v, expected = 0.0, []
    for _ in range(300):
        expected.append(v)  # a StateMonitor records at the start of a step
        v = 1e-4 * (1.5 - v) / 0.01 + v
        v = 0.0 if v > 1 else v
    np.testing.assert_allclose(after["states.v"], np.repeat(expected, 5).reshape(-1, 5), rtol=1e-12)
    assert 0.0 in expected[1:]


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
