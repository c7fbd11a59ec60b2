"""Files: every format there and back, and an error that says where for all that is wrong."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from ebn_brian.signals import load, noise_rms
from ebn_brian.signals.files import read

N = 2000
T = np.arange(N) / 1000
SAMPLES = np.column_stack([np.sin(2 * np.pi * 3 * T) + 4, 0.5 * np.cos(2 * np.pi * 7 * T)])


def write(tmp_path, text, name="recording.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def csv(header, columns):
    rows = [",".join(header), *(",".join(map(repr, row)) for row in np.transpose(columns).tolist())]
    return "\n".join(rows) + "\n"


def wav24(samples, rate):
    """A 24-bit PCM file, written by hand: scipy writes none."""
    data = b"".join(struct.pack("<i", int(v))[:3] for v in samples.ravel())
    channels = samples.shape[1]
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 3 * channels, 3 * channels, 24)
    body = (
        b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


# There and back


@pytest.mark.parametrize("time", ["t", "time", "t_s", "time_s", "Time"])
@pytest.mark.parametrize("first", [True, False])
def test_csv_with_time(tmp_path, time, first):
    header, columns = ["left", "right"], list(SAMPLES.T)
    at = 0 if first else 2
    header.insert(at, time)
    columns.insert(at, T + 100)
    recording = read(write(tmp_path, csv(header, columns)))
    assert recording.names == ["left", "right"]
    assert recording.rate == pytest.approx(1000)
    assert recording.times is None
    assert np.array_equal(recording.samples, SAMPLES)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_without_time(tmp_path, mark, end):
    """With byte order mark, Windows line ends, spaces and quotes; a channel may be called 1."""
    text = mark + csv(['"1"', '"2b"'], SAMPLES.T).replace("\n", end).replace(",", ", ")
    recording = read(write(tmp_path, text, "R.CSV"), 1000.0)
    assert recording.names == ["1", "2b"]
    assert np.array_equal(recording.samples, SAMPLES)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i2", "u1", "<i8"])
@pytest.mark.parametrize("shape", [(N,), (N, 1), (N, 2)])
def test_npy(tmp_path, dtype, shape):
    array = (SAMPLES * 20 + 30)[:, : np.prod(shape) // N].reshape(shape).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    recording = read(tmp_path / "a.npy", 1000.0)
    assert np.array_equal(recording.samples, array.reshape(N, -1).astype(float))
    assert recording.names == [f"channel {i + 1}" for i in range(recording.samples.shape[1])]
    assert recording.rate == 1000


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav(tmp_path, dtype, channels):
    full = 100 if dtype == "uint8" else 30_000
    wave = np.sin(np.outer(T, [20, 33]))[:, :channels]
    array = (full * wave + (128 if dtype == "uint8" else 0)).astype(dtype)
    wavfile.write(tmp_path / "a.wav", 1000, array if channels > 1 else array[:, 0])
    recording = read(tmp_path / "a.wav")
    assert recording.rate == 1000
    assert np.array_equal(recording.samples, array.astype(float))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_wav_of_24_bits(tmp_path, channels):
    array = (8_000_000 * np.sin(np.outer(T, [20, 33, 41])))[:, :channels].astype(int)
    recording = read(write(tmp_path, wav24(array, 44_100), "a.wav"))
    assert recording.rate == 44_100
    assert np.array_equal(recording.samples, 256.0 * array)


def test_formats_agree(tmp_path):
    """One recording in four formats is one drive, to the precision of the format."""
    np.save(tmp_path / "a.npy", SAMPLES)
    wavfile.write(tmp_path / "a.wav", 1000, SAMPLES)
    from_npy, info = load(tmp_path / "a.npy", sampling_rate=1000 * Hz)
    from_wav, _ = load(tmp_path / "a.wav")
    from_csv, _ = load(write(tmp_path, csv(["t", "a", "b"], [T, *SAMPLES.T])))
    from_24, _ = load(write(tmp_path, wav24((SAMPLES * 1e6).astype(int), 1000), "b.wav"))
    assert np.array_equal(from_npy, from_wav)
    np.testing.assert_allclose(from_csv / Hz, from_npy / Hz, atol=1e-9)
    np.testing.assert_allclose(from_24 / Hz, from_npy / Hz, atol=1e-3)
    assert info["n_samples"] == N
    assert info["file"] == "a.npy"


# Time stamps


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000))
def test_irregular_time_stamps_are_interpolated(tmp_path_factory, seed):
    """A slow sine at jittered times comes out as at regular ones."""
    rng = np.random.default_rng(seed)
    t = np.sort(T + rng.uniform(-0.4e-3, 0.4e-3, N))
    wave = np.sin(2 * np.pi * 5 * t)
    path = write(tmp_path_factory.mktemp("times"), csv(["t", "a"], [t, wave]))
    assert read(path).times is not None
    c, info = load(path)
    assert not info["regular"]
    found = np.asarray(c)[1000:19_000, 0] / info["scale_hz"]
    expected = np.sin(2 * np.pi * 5 * (t[0] + np.arange(20_000) * 1e-4))[1000:19_000]
    np.testing.assert_allclose(found - found.mean(), expected - expected.mean(), atol=5e-3)


def test_rounded_time_stamps_are_regular(tmp_path):
    recording = read(write(tmp_path, csv(["t", "a"], [np.round(T * 0.3, 5), SAMPLES[:, 0]])))
    assert recording.times is None
    assert recording.rate == pytest.approx(1000 / 0.3, rel=1e-4)


def test_the_published_signals_load(tmp_path):
    folder = Path(os.environ.get("EBN_REFERENCE", Path(__file__).parents[3] / "shared/reference"))
    path = folder / "figure1" / "signals.csv"
    if not path.is_file():
        pytest.skip("needs the published data, in the folder that EBN_REFERENCE names")
    c, info = load(path)
    assert info["channels"][:2] == ["target_1", "target_2"]
    assert c.shape[0] in (10_000, 10_001)


# Errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "holds 0 samples of 0 channels"),
        ("a,b\n", "holds 0 samples of 2 channels"),
        ("t\n1\n2\n", "of 0 channels"),
        ("a,b\n1,2\n3,x\n", "line 3, row 2, column 'b' holds 'x': must be a number"),
        ("a,b\n1,2\n,x\n", "line 3, row 2, column 'b' holds 'x': must be a number"),
        ("a,b\nx,2\n3,4\n5,6\n", "line 2, column 'a' holds 'x': must be a number"),
        ("a\nTrue\nFalse\n", "line 2, column 'a' holds 'True': must be a number"),
        ("t,a\n0u,1\n100u,2\n", "line 2, column 't' holds '0u': must be a number"),
        ("a,b\n1,2\n3,nan\n", "line 3, row 2, column 'b' holds nan: must be finite"),
        ("a,b\n1,2\n\n#\n3,nan\n4,5\n", "line 5, row 2, column 'b' holds nan: must be finite"),
        ("a,b\n1,2\n3,4\n-inf,5\n", "row 3, column 'a' holds -inf: must be finite"),
        ("a,b\n1,2\n3\n", "row 2, column 'b' holds nan: must be finite"),
        ("t,b\n1,2\n,3\n", "row 2, column 't' holds nan: must be finite"),
        (
            "a,b\n1,2,3\n4,5,6\n",
            r"line 2: the rows have more columns \(3\) than the header in line 1",
        ),
        ("a,b\n1,2\n4,5,6\n", "line 3.*separator"),
        ("a,b\n1,2\n1,2\n", "'a' is 1 throughout; .*A channel must vary"),
        ("t,a\n0,1\n", "column 'a' is 1 throughout"),
        ("t,a\n0,1\n1,2\n1,3\n2,4\n", "line 4, row 3 is of 1.0 s, after 1.0 s .*time_column"),
        ("t,a\n0,1\n2,2\n1,3\n2,4\n", "line 4, row 3 is of 1.0 s, after 2.0 s"),
        ("t,time,a\n0,0,1\n1,2,2\n", "all the time, and differ.*time_column"),
        ("t,a\n0,1\n1,2\n", "sampling rate is 1 Hz: must be from .*t_ms"),
        ("1\n2\n3\n", r"line 1 \(1\) may be the names .*skip_rows=1 .*skip_rows=0"),
        ("a\n2\n1\n"[2:], "does not hold its sampling rate: sampling_rate must be given"),
        (b"\xff\xfe\x00\x01", "holds 0 samples"),
    ],
)
def test_bad_csv(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"recording\.csv: .*{message}"):
        load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((10, 2, 3)), r"shape \(10, 2, 3\): must be \(n_samples,\)"),
        (np.array(1.0), r"shape \(\)"),
        (np.zeros((0, 2)), "holds 0 samples"),
        (np.zeros((5, 0)), "of 0 channels"),
        (np.ones(5, dtype=complex), "complex128: must be real"),
        (np.array(["a", "b"]), "must be real"),
        (np.array([True, False]), "bool: must be real"),
        (np.array([[1, 2], [3, np.inf]]), "row 2, column 'channel 2' holds inf"),
        (np.array([1, None]), "Python objects"),
    ],
)
def test_bad_npy(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match=rf"a\.npy: .*{message}"):
        load(tmp_path / "a.npy", sampling_rate=1000 * Hz)


def test_broken_npy(tmp_path):
    np.save(tmp_path / "a.npy", SAMPLES)
    whole = (tmp_path / "a.npy").read_bytes()
    for part in (whole[:5], whole[:50], whole[:-8], b"text" * 50):
        with pytest.raises(ValueError, match=r"a\.npy: "):
            load(write(tmp_path, part, "a.npy"), sampling_rate=1000 * Hz)


def test_broken_wav(tmp_path):
    whole = wav24((SAMPLES * 1e6).astype(int), 1000)
    for cut in (3, 20, 40, 3 * len(whole) // 4, len(whole) - 1):
        with pytest.raises(ValueError, match=r"a\.wav: "):
            read(write(tmp_path, whole[:cut], "a.wav"))
    wavfile.write(tmp_path / "b.wav", 1000, SAMPLES)
    path = write(tmp_path, (tmp_path / "b.wav").read_bytes()[: -16 * 100], "a.wav")
    with pytest.raises(ValueError, match=r"a\.wav: .*cut short"):
        read(path)
    with pytest.raises(ValueError, match=r"a\.wav: .*format"):
        load(write(tmp_path, b"text" * 50, "a.wav"))


def test_wav_with_unknown_chunks_loads(tmp_path):
    whole = wav24((SAMPLES * 1e6).astype(int), 1000)
    extra = whole[8:] + b"abcd" + struct.pack("<I", 4) + b"meta"
    path = write(tmp_path, b"RIFF" + struct.pack("<I", len(extra)) + extra, "a.wav")
    assert len(read(path).samples) == N


def test_wav_holds_its_rate(tmp_path):
    wavfile.write(tmp_path / "a.wav", 1000, SAMPLES)
    with pytest.raises(ValueError, match="sampling_rate=500 Hz, but the file holds it: 1000 Hz"):
        load(tmp_path / "a.wav", sampling_rate=500 * Hz)


def test_missing_and_unknown_files(tmp_path):
    with pytest.raises(ValueError, match=r"nothing\.csv: there is no such file"):
        load(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="there is no such file"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"a\.mp3: .*must end in \.csv, \.npy, \.wav"):
        load(write(tmp_path, "x", "a.mp3"))


def test_tau_m_of_the_network_enters(tmp_path):
    np.save(tmp_path / "a.npy", SAMPLES)
    scales = [
        load(tmp_path / "a.npy", tau_m=tau * ms, sampling_rate=1000 * Hz)[1]["scale_hz"]
        for tau in (20, 50)
    ]
    assert scales[0] / scales[1] == pytest.approx(1.2, abs=0.5)
    assert noise_rms(20 * ms) < noise_rms(50 * ms)
