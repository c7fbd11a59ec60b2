"""Time stamps: rounded ones are regular, gaps are bridged and spoken of."""

import numpy as np
import pytest
from brian2 import Hz
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian.signals import load
from ebn_brian.signals.clocks import regular_rate
from ebn_brian.signals.files import read


@given(
    rate=st.sampled_from([128, 200, 250, 256, 500, 512, 1000, 2048, 44_100]),
    digits=st.integers(2, 6),
    start=st.sampled_from([0, 10, 1_671_576_040]),
    cut=st.booleans(),
)
def test_rounded_stamps_are_those_of_the_rate(rate, digits, start, cut):
    """However coarse, rounded to the nearest or cut, and repeated many times."""
    exact = start + np.arange(4 * rate) / rate
    rounded = np.floor(exact * 10**digits) / 10**digits if cut else np.round(exact, digits)
    assert regular_rate(rounded) == pytest.approx(rate, rel=1e-4 if digits > 3 else 0.02)
    if digits == 3 and rate <= 1000:
        assert regular_rate(rounded) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("digits", [3, 4, 6])
def test_stamps_of_few_significant_digits(digits):
    exact = np.arange(20_000) * 1e-4
    stamps = np.array([float(f"{t:.{digits - 1}E}") for t in exact])
    assert regular_rate(stamps) == pytest.approx(10_000, rel=1e-9)


@given(seed=st.integers(0, 1000))
def test_jitter_is_no_rounding(seed):
    t = np.arange(1000) / 250
    jitter = np.random.default_rng(seed).uniform(-1.5e-3, 1.5e-3, 1000)
    assert regular_rate(np.sort(t + jitter)) is None
    assert regular_rate(np.round(np.sort(t + jitter), 5)) is None


def test_a_gap_is_bridged(tmp_path):
    """A pause of 20 s costs no bandwidth; before and after it the samples are in their places."""
    t = np.arange(4000) / 1000
    t[2000:] += 20
    x = np.sin(2 * np.pi * 40 * t)
    np.savetxt(
        tmp_path / "a.csv", np.column_stack([t, x]), delimiter=",", header="t,a", comments=""
    )
    c, info = load(tmp_path / "a.csv")
    assert "a gap of 20" in info["notes"][0]
    assert info["duration_s"] == pytest.approx(24, abs=0.01)
    steps = np.arange(len(c)) * 1e-4
    expected = np.sin(2 * np.pi * 40 * steps)
    got = np.asarray(c)[:, 0] / info["scale_hz"]
    for inside in ((steps > 0.1) & (steps < 1.9), (steps > 22.1) & (steps < 23.8)):
        error = got[inside] - expected[inside]
        assert np.abs(error - error.mean()).max() < 0.02


def test_bursts_of_stamps_and_a_given_rate(tmp_path):
    """Packets of 10 samples with one stamp each: the rate is the user's, stamps agree with it."""
    t = np.floor(np.arange(1000) / 10) * 0.04 + np.random.default_rng(0).uniform(0, 0.01, 1000)
    columns = np.column_stack([t, np.sin(np.arange(1000))])
    np.savetxt(tmp_path / "a.csv", columns, delimiter=",", header="Timestamp_s,a", comments="")
    with pytest.raises(ValueError, match="must increase"):
        read(tmp_path / "a.csv")
    recording = read(tmp_path / "a.csv", 250.0)
    assert recording.names == ["a"]
    assert recording.times is None
    assert load(tmp_path / "a.csv", sampling_rate=250 * Hz)[0].shape == (40_000, 1)
