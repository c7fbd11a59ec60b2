"""Tables as instruments, spreadsheets and scripts write them all come out as the same samples."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_files import CHANNELS, RATE, TIME, N, lines, table

from ebn_brian.signals.files import read

ROWS = lines(TIME, *CHANNELS.T)


@pytest.fixture
def reading(tmp_path):
    """What `read` makes of a text or of bytes."""

    def read_it(content, sampling_rate=None, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(path, sampling_rate, **options)

    return read_it


def check(recording, channels=CHANNELS, rate=RATE):
    np.testing.assert_allclose(recording.samples, channels, rtol=1e-12)
    assert recording.rate == pytest.approx(rate, rel=1e-9)
    assert recording.times is None


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    samples=st.integers(5, 40).flatmap(
        lambda n: st.lists(
            st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 4)), min_size=n, max_size=n),
            min_size=1,
            max_size=5,
        )
    ),
    dialect=st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    preface=st.lists(
        st.sampled_from(["Gerät: Ä7", "Serial=12", "", "no numbers here"]), max_size=3
    ),
)
def test_there_and_back(tmp_path_factory, samples, dialect, encoding, end, preface):
    """Any numbers, in any dialect and encoding, below any remarks."""
    separator, decimal = dialect
    times = [k / RATE for k in range(len(samples[0]))]
    if any(min(x) == max(x) for x in samples):
        samples = [[*x[:-1], x[0] + 1] for x in samples]
    names = [f"Spannung {k} µV" for k in range(len(samples))]
    text = "".join(f"{line}\n" for line in preface) + separator.join(["t", *names]) + "\n"
    text += lines(times, *samples, separator=separator, decimal=decimal)
    path = tmp_path_factory.mktemp("there") / "and back.csv"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    recording = read(path, columns=names)
    assert recording.names == names
    np.testing.assert_array_equal(recording.samples, np.transpose(samples))
    assert recording.rate == pytest.approx(RATE)


@pytest.mark.parametrize(
    "text",
    [
        table("x-axis,TX1,TX2\nsecond,Volt,Volt"),  # a units row that makes the first column time
        table("#Device\n#Date: 2021-04-14 13:10:34\n\nTime (s),Channel 1 (V),Channel 2 (V)"),
        table("Model,MSO64,\nFirmware,1.2,\n\nTIME,CH1,CH2"),
        table("Time,A,B\n(s),(mV),(mV)\n"),
        table("Time [s],A,B").replace("\n", ",\n"),  # a comma too many in each line
        table("t,A,B", TIME, *CHANNELS.T, [""] * N),  # in each row
        table("# t,A,B"),  # a header in a comment
        "% t A B\n" + lines(TIME, *CHANNELS.T, separator="  "),
        table("t,A,B").replace("\n", "\n# a remark\n", 100),
        table("t,A,B").replace("\n", "\n\n", 100),
        table("t,A,B") + "END OF RECORDING\n",
        table("t,A,B") + "1.99",  # cut within the last line
        table("t,A,B") + "\0" * 64,  # the card was pulled
        '"t","A","B"\n' + "".join(f'"{x}"\n' for x in ROWS.replace(",", '","').splitlines()),
        table("t,A,event,B", TIME, CHANNELS[:, 0], ["rest"] * N, CHANNELS[:, 1]),
        table("t,A,B,off", TIME, *CHANNELS.T, [0] * N),
        table(",t,A,B", range(N), TIME, *CHANNELS.T),  # the index of a data frame
    ],
)
def test_what_stands_beside_the_samples(reading, text):
    check(reading(text))


def test_names_that_stand_twice_or_nowhere(reading):
    recording = reading(table("t,Other,Other"))
    assert recording.names == ["Other", "Other (2)"]
    bare = reading(ROWS, RATE)
    check(bare)
    assert bare.names == ["column 2", "column 3"]
    assert "there is no header" in bare.notes[0]
    numbered = reading("0,1,2\n" + lines(CHANNELS[:, 0], *CHANNELS.T), RATE)
    assert numbered.names == ["0", "1", "2"]


@pytest.mark.parametrize("line", ["0,1", "1,2"])
def test_a_first_line_that_may_be_either(reading, line):
    """Column numbers or samples: an error, and the option that settles it both ways."""
    text = line + "\n" + lines(*CHANNELS.T)
    with pytest.raises(ValueError, match=r"line 1 .*skip_rows=1 leaves it out, skip_rows=0 takes"):
        reading(text, RATE)
    check(reading(text, RATE, skip_rows=1))
    first = [float(x) for x in line.split(",")]
    check(reading(text, RATE, skip_rows=0), np.vstack([first, CHANNELS]))


@pytest.mark.parametrize(
    ("remark", "rate"),
    [
        ("%Sample Rate = 250 Hz", 250),
        ("Sampling frequency (kHz): 0.25", 250),
        ("Sampling rate,2000", 2000),
        ("Sample Interval,4.0e-03", 250),
        ("sampling_period = 500 us", 2000),
        ("Number of channels = 2", None),
        ("Sampling rate: 1,000 Hz", None),
        ("Sampling rate: 250 Hz, sample interval: 1 ms", None),
    ],
)
def test_the_rate_in_a_remark(reading, remark, rate):
    text = remark + "\n\n" + table("A,B", *CHANNELS.T)
    if rate is None:
        with pytest.raises(ValueError, match="does not hold its sampling rate"):
            reading(text)
        return
    check(reading(text), rate=rate)
    with pytest.raises(ValueError, match=rf"sampling_rate=100 Hz, but the file holds it: {rate}"):
        reading(text, 100.0)


def test_start_and_increment(reading):
    """A counter, and its increment beside the units."""
    text = "X,CH1,Start,Increment,\nSequence,Volt,-5.0e-1,4.0e-3\n"
    text += "".join(f"{k},{x:.3f},,\n" for k, x in enumerate(CHANNELS[:, 0]))
    recording = reading(text)
    check(recording, CHANNELS[:, :1])
    assert recording.names == ["CH1"]
    assert set(recording.left_out) == {"X", "Start", "Increment"}


def test_options_settle_what_is_in_doubt(reading):
    packed = "t;A\n" + "".join(f"{a:g};{b}|x\n" for a, b in zip(TIME, CHANNELS[:, 0], strict=True))
    with pytest.raises(ValueError, match=r"line 2, column 'A' holds '.*\|x': must be a number"):
        reading(packed)
    text = "Zählung\n" + table("t,Größe,B")
    assert reading(text.encode("cp437"), encoding="cp437").names == ["Größe", "B"]
    check(reading(text.encode("cp437")))  # the names are wrong, the numbers are not
    check(reading(table("t A B", separator=" "), separator="space"))
    check(reading(table("t:A:B", separator=":"), separator=":"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"separator": "ab"}, "separator='ab': must be one character"),
        ({"encoding": "utf-7000"}, "encoding='utf-7000': there is none"),
        ({"skip_rows": -1}, "skip_rows=-1: must be from 0 to"),
        ({"skip_rows": 10**6}, "skip_rows=1000000: must be"),
        ({"columns": "C"}, "columns: there is no 'C'; there are 3: t, A, B"),
        ({"columns": ["A", "2"]}, "columns=A,2: one is named twice"),
        ({"time_column": "when"}, "there is no 'when'"),
    ],
)
def test_wrong_options(reading, option, message):
    with pytest.raises(ValueError, match=message):
        reading(table("t,A,B"), **option)


def test_a_table_is_read_in_pieces(reading, monkeypatch):
    """From pieces, and from a file on disk, come the same samples; lines are counted through."""
    monkeypatch.setattr("ebn_brian.signals.tables.ROWS", 7)
    monkeypatch.setattr("ebn_brian.signals.tables.IN_MEMORY", 100)
    check(reading(table("t,A,B")))
    bad = table("t,A,B").splitlines()
    bad[300] = "1.2,none of that,3"
    with pytest.raises(ValueError, match="line 301, row 300, column 'A' holds 'none of that'"):
        reading("\n".join(bad) + "\n")
