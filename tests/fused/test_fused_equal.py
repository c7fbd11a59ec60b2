"""Every kind of network gives the same bits on the fused device as without it."""

import numpy as np
import pytest
from brian2 import Network, Synapses, ms, prefs
from fused_cases import CASES, NOT_ON_NUMPY, SINGLE, STEPWISE, no_synapses
from fused_helpers import STRICT_FLAGS, assert_same, chips, fused_code, group, simulate, spikes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("case", "single"), [(c, False) for c in CASES] + [(c, True) for c in SINGLE]
)
def test_equal_to_brian2(case, single, tmp_path):
    """numpy gives the bits of cpp_standalone but for single precision and `NOT_ON_NUMPY`."""
    fused = simulate("cpp_fused", CASES[case], tmp_path / "fused", single=single)
    assert ("_ebn_plan.blocks.count()" in fused_code(tmp_path / "fused")) == (case not in STEPWISE)
    output = (tmp_path / "fused" / "results" / "stdout.txt").read_text()
    assert ("so Brian2's own code runs" in output) == ("delays_that_differ" in case)
    reference = "cpp_standalone" if case in NOT_ON_NUMPY or single else "runtime"
    plain = simulate(reference, CASES[case], tmp_path / "plain", single=single)
    assert sum(v.sum() for k, v in plain.items() if k.endswith(".count")) > 10
    assert_same(fused, plain)


def test_memory(tmp_path, monkeypatch):
    """What is read and written lies within arrays, also where a block holds one group alone."""
    flags = ["-fsanitize=address,undefined", "-static-libasan", "-D_GLIBCXX_ASSERTIONS"]
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    monkeypatch.setitem(prefs, "codegen.cpp.extra_link_args", flags)

    def make():
        a, b = group(3001), group(3001, name="b")
        pairs = Synapses(a, b, on_pre="v_post += 0.1", delay=0.3 * ms, name="pairs")
        pairs.connect(condition="i//7 == j//7 and i < 700")
        return Network(a, b, pairs, spikes(a), spikes(b))

    after = simulate("cpp_fused", make, tmp_path, duration=50 * ms, flags=(*STRICT_FLAGS, *flags))
    assert after["spikes_a.count"].sum() > 10


@pytest.mark.parametrize("case", ["greedy", "not_greedy"])
def test_rows_of_uneven_length(case, tmp_path):
    """Lanes are masked off where the compiler is told that nothing traps; the bits stay."""
    flags = (*STRICT_FLAGS, "-fno-trapping-math")
    fused, plain = (
        simulate(device, CASES[case], tmp_path / device, flags=flags)
        for device in ("cpp_fused", "cpp_standalone")
    )
    assert "_rows.uneven" in fused_code(tmp_path / "cpp_fused")
    assert plain["spikes.count"].sum() > 10
    assert_same(fused, plain)


def test_preferences_as_brian2_comes(tmp_path):
    """The code compiles as the C++ of 2011; results are near, since fast-math is on."""
    flags = prefs["codegen.cpp.extra_compile_args_gcc"]
    fused, plain = (
        simulate(device, no_synapses, tmp_path / device, duration=20 * ms, flags=flags)
        for device in ("cpp_fused", "cpp_standalone")
    )
    assert plain["spikes_a.count"].sum() > 500
    np.testing.assert_allclose(fused["a.v"], plain["a.v"], atol=1e-9)


def test_single_arithmetic_does_nearly_the_same(tmp_path):
    """Rounding differs from Brian2's, statistics do not."""
    fast = simulate("cpp_fused", chips, tmp_path / "a", single=True, single_arithmetic=True)
    exact = simulate("cpp_fused", chips, tmp_path / "b")
    counts = [run["spikes.count"].sum() for run in (fast, exact)]
    assert counts[0] == pytest.approx(counts[1], rel=0.02)
    assert np.mean(fast["recurrent.w"] == exact["recurrent.w"]) > 0.5
