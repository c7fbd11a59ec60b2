"""Clocks, counters and dead channels are no signals; what only looks like one is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_files import CHANNELS, RATE, TIME, N, table

from ebn_brian.signals.columns import clock_unit, is_clock, is_counter, is_steady, resolve
from ebn_brian.signals.files import read

INDEX = np.arange(N)


def written(tmp_path, header, *columns):
    path = tmp_path / "table.csv"
    path.write_text(table(header, *columns))
    return path


@pytest.mark.parametrize(
    ("name", "unit", "first", "seconds"),
    [
        *[(name, "", 0.0, 1.0) for name in ("t", "Time", "seconds", "Elapsed Time", "Time:250Hz")],
        *[(name, "", 0.0, 1.0) for name in ("Time (s)", "Time [s]", "t_s", "uptime", "Zeit[s]")],
        *[(name, "", 0.0, 1e-3) for name in ("t_ms", "Time (ms)", "millis", "ElapsedMs")],
        *[(name, "", 0.0, 1e-6) for name in ("Time [µs]", "time_us", "micros")],
        ("Time", "ms", 0.0, 1e-3),
        ("x-axis", "second", -0.5, 1.0),
        ("時間[ms]", "", 0.0, 1e-3),
        ("unix_time", "", 1.67e9, 1.0),
        ("TimeStamp", "", 1.67e12, 1e-3),
        ("time", "", 1.67e15, 1e-6),
        ("Timestamp", "", 12.0, None),
        ("Timestamp (ms)", "", 12.0, 1e-3),
        ("Time (min)", "", 0.0, 60.0),
    ],
)
def test_names_of_clocks(name, unit, first, seconds):
    assert is_clock(name, unit)
    assert clock_unit(name, unit, first) == seconds


@pytest.mark.parametrize(
    "name", ["CH1", "times_two", "reaction time", "t1", "T_probe", "min", "S", "V", "EXG Channel 0"]
)
def test_names_of_no_clocks(name):
    assert not is_clock(name, "V")


def test_names_of_counters():
    for name in (
        "Sample Index",
        "index",
        "COUNTER",
        "Epoch",
        "#",
        "No.",
        "packet_num",
        "Unnamed: 0",
    ):
        assert is_counter(name)
    for name in ("ID", "Channel 1", "discount", "Fz", "count rate", "rest"):
        assert not is_counter(name)


@given(
    step=st.floats(1e-3, 1e6),
    start=st.floats(-1e6, 1e6),
    n=st.integers(40, 500),
    kind=st.sampled_from(["ramp", "falling", "gap", "repeats", "rounded"]),
)
def test_clocks_by_their_values(step, start, n, kind):
    k = np.arange(n, dtype=float)
    x = {
        "ramp": k,
        "falling": -k,
        "gap": k + 1000 * (k > n / 2),
        "repeats": k // 2,
        "rounded": np.round(k * 1.7),
    }[kind]
    assert is_steady(start + step * x)


@given(modulus=st.integers(16, 300), step=st.integers(1, 9), first=st.integers(0, 1000))
def test_counters_by_their_values(modulus, step, first):
    k = np.arange(10 * modulus)
    x = (first + k) % modulus * step
    assert is_steady(x.astype(float))
    assert is_steady(np.delete(x, [30, 70]).astype(float))  # lost packets


@given(seed=st.integers(0, 1000))
def test_signals_by_their_values(seed):
    rng = np.random.default_rng(seed)
    k = np.arange(400)
    for x in (
        rng.normal(size=400),
        rng.normal(size=400).cumsum(),
        1000 + 0.01 * k + rng.normal(size=400),  # a drift under noise
        np.sin(k / 7),
        1 - np.exp(-k / 150),  # something that charges
        k**2.0,
        (k > 200) * 1.0,  # a step
        (k // 20) % 2 * 5.0,  # a square wave
        (k % 50) / 50,  # a sawtooth of no whole numbers
        np.abs(k % 100 - 50.0),  # a triangle
        rng.poisson(3, 400).astype(float),
        np.where(k % 250 < 5, 1.0, 0.0),  # a trigger
        40 * k + 5 * rng.normal(size=400),  # a drift that never falls
        np.round(4000 * k + 50 * rng.normal(size=400)),
    ):
        assert not is_steady(x)


COUNTERS = {
    "Sample Index": INDEX % 256,
    "index": INDEX,
    "COUNTER": INDEX % 128,
    "Epoch": INDEX // 32,
    "unnamed tick": INDEX * 400 % 65536,
}


@pytest.mark.parametrize("name", COUNTERS)
def test_counters_are_left_out(tmp_path, name):
    path = written(tmp_path, f"{name},A,B", COUNTERS[name], *CHANNELS.T)
    recording = read(path, RATE)
    assert recording.names == ["A", "B"]
    assert set(recording.left_out) == {name}
    np.testing.assert_array_equal(recording.samples, CHANNELS)
    assert read(path, RATE, columns="1-3").names == [name, "A", "B"]  # unless they are asked for


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("seconds", TIME),
        ("Elapsed Time", TIME - 0.7),
        ("Time:250Hz", TIME),
        ("unix_time", 1.671576e9 + TIME),
        ("Timestamp", 1671576040000 + INDEX * 4),
        ("timestamp", [f"{1671576040 + k // 250}{k % 250 * 4000000:09d}" for k in INDEX]),
        ("Date", [f"2021-04-14 13:10:{34 + k // 250}.{k % 250 * 4:03d}" for k in INDEX]),
        ("Datum", [f"14.04.2021 13:10:{34 + k // 250}.{k % 250 * 4:03d}" for k in INDEX]),
        ("Time", [f"13:10:{34 + k // 250}.{k % 250 * 4:03d}" for k in INDEX]),
    ],
)
def test_clocks_are_the_time(tmp_path, name, values):
    recording = read(written(tmp_path, f"A,B,{name}", *CHANNELS.T, values))
    assert recording.time_column == name
    assert recording.rate == pytest.approx(RATE, rel=1e-6)
    assert recording.times is None
    np.testing.assert_array_equal(recording.samples, CHANNELS)
    given = read(tmp_path / "table.csv", RATE)
    assert given.rate == RATE
    assert f"sampling_rate is taken, not {name!r}" in given.notes
    with pytest.raises(ValueError, match=f"sampling_rate=300 Hz, but the file holds it.*{name}"):
        read(tmp_path / "table.csv", 300.0)


def test_a_clock_of_unknown_unit_is_a_doubt(tmp_path):
    """Until the rate is given, or the column."""
    for name, values in ("Timestamp", TIME), ("/I_mem X", TIME), ("column 1", TIME):
        path = written(tmp_path, f"{name},A,B", values, *CHANNELS.T)
        with pytest.raises(ValueError, match=f"{name}' looks like a clock.*time_column='{name}'"):
            read(path)
        assert read(path, time_column=name).rate == pytest.approx(RATE)
        assert read(path, time_column="1").time_column == name
        assert read(path, RATE).names == ["A", "B"]


def test_a_given_rate_tells_the_unit(tmp_path):
    path = written(tmp_path, "Time,A,B", INDEX * 4, *CHANNELS.T)
    assert read(path, RATE).rate == RATE  # steps of 4 are milliseconds then
    with pytest.raises(ValueError, match=r"rate is 0\.25 Hz.*'Time'"):
        read(path)
    assert read(path, 999.0, time_column="none").names == ["A", "B"]


def test_what_only_sounds_like_a_clock_or_counter(tmp_path):
    """A temperature T beside the time, counts that go up and down."""
    columns = TIME, CHANNELS[:, 0], np.random.default_rng(1).poisson(9, N)
    recording = read(written(tmp_path, "time,T,Count", *columns))
    assert recording.names == ["T", "Count"]
    assert recording.time_column == "time"


def test_dead_channels_are_left_out(tmp_path):
    np.save(tmp_path / "a.npy", np.column_stack([CHANNELS, np.full(N, 7.5), np.zeros(N)]))
    recording = read(tmp_path / "a.npy", RATE)
    assert recording.names == ["channel 1", "channel 2"]
    assert recording.left_out["channel 3"] == "is 7.5 throughout"
    with pytest.raises(ValueError, match=r"'channel 3' is 7\.5 throughout.*must vary"):
        read(tmp_path / "a.npy", RATE, columns="3,4")


def test_sparse_columns_are_left_out(tmp_path):
    sparse = np.where(INDEX % 10, np.nan, INDEX)
    recording = read(written(tmp_path, "t,A,temperature", TIME, CHANNELS[:, 0], sparse))
    assert recording.left_out == {"temperature": "empty in most rows"}


def test_a_clock_in_an_array(tmp_path):
    np.save(tmp_path / "a.npy", np.column_stack([TIME, CHANNELS]))
    recording = read(tmp_path / "a.npy", RATE)
    assert recording.names == ["channel 2", "channel 3"]
    assert read(tmp_path / "a.npy", time_column="1").rate == pytest.approx(RATE)


def test_a_ramp_that_is_all_there_is(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1000.0))
    recording = read(tmp_path / "a.npy", RATE)
    assert recording.names == ["channel 1"]
    assert "equal steps" in recording.notes[0]


def test_columns_by_name_number_and_range():
    names = ["a", "b,c", "3", "d", "e"]
    assert resolve(["b,c"], names) == [1]
    assert resolve(["a,e"], names) == [0, 4]
    assert resolve(["3"], names) == [2]  # a name before a number
    assert resolve(["4-5", 1], names) == [3, 4, 0]
    for wrong in ("6", "0", "5-4", "2-9", "x", ""):
        with pytest.raises(ValueError, match="columns: there is no"):
            resolve([wrong], names)
