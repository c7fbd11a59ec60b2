"""WAV files with headers of pipes and of crashed recorders: all samples, and a word."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from ebn_brian.signals.files import read

RATE = 8000
SOUND = (3000 * np.sin(np.arange(1000) / 9) + 11).astype("<i2")


def chunk(name, content, size=None, pad=True):
    size = len(content) if size is None else size
    return name + struct.pack("<I", size) + content + b"\0" * (pad and len(content) % 2)


def form(kind=1, channels=1, bits=16, extra=b""):
    frame = channels * ((bits + 7) // 8)
    fields = struct.pack("<HHIIHH", kind, channels, RATE, RATE * frame, frame, bits)
    return chunk(b"fmt ", fields + extra)


SAMPLES = SOUND.tobytes()


def wav(content=SAMPLES, size=None, riff=None, fmt=None, before=b"", after=b""):
    body = b"WAVE" + (fmt or form()) + before + chunk(b"data", content, size, pad=False) + after
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


@pytest.fixture
def reading(tmp_path):
    """What `read` makes of the bytes of a file."""

    def read_it(content):
        (tmp_path / "a.wav").write_bytes(content)
        return read(tmp_path / "a.wav")

    return read_it


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x7FFFFFDB, 0x7FFF0000, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("riff", [0, 0xFFFFFFFF, None])
def test_sizes_that_were_not_known(reading, size, riff):
    recording = reading(wav(size=size, riff=riff))
    np.testing.assert_array_equal(recording.samples[:, 0], SOUND)
    assert recording.notes == (
        f"its header tells {size} bytes of samples; all 2000 that are there were read",
    )


@pytest.mark.parametrize("riff", [0, 10**6, 0xFFFFFFFF])
def test_the_size_of_the_whole_does_not_matter(reading, riff):
    recording = reading(wav(riff=riff))
    np.testing.assert_array_equal(recording.samples[:, 0], SOUND)
    assert not recording.notes


@given(size=st.integers(1, 999).map(lambda n: 2 * n))
def test_a_size_that_is_too_small(tmp_path_factory, size):
    path = tmp_path_factory.mktemp("small") / "a.wav"
    path.write_bytes(wav(size=size))
    recording = read(path)
    np.testing.assert_array_equal(recording.samples[:, 0], SOUND)
    assert f"tells {size} bytes" in recording.notes[0]


@pytest.mark.parametrize("cut", [1, 2, 3, 500, 1999])
def test_a_file_that_is_cut_short(reading, cut):
    """Samples that the header knows of are missing: an error, not some of them."""
    with pytest.raises(ValueError, match=f"cut short: of 2000 bytes of samples {2000 - cut} are"):
        reading(wav()[:-cut])


def test_a_pipe_that_broke_within_a_sample(reading):
    recording = reading(wav(size=0xFFFFFFFF)[:-1])
    np.testing.assert_array_equal(recording.samples[:, 0], SOUND[:-1])


@pytest.mark.parametrize(
    "parts",
    [
        {"before": chunk(b"LIST", b"INFO\0", pad=False)},  # an odd chunk, padding forgotten
        {"before": chunk(b"LIST", b"INFO\0")},
        {"before": chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 14) + b"Lavf58.29.100\0")},
        {"before": chunk(b"bext", b"x" * 602) + chunk(b"JUNK", b"\0" * 28)},
        {"after": chunk(b"LIST", b"INFOabcd")},
        {"after": chunk(b"abcd", b"what nobody knows") + chunk(b"efgh", b"")},
        {"after": chunk(b"id3 ", b"x" * 10, size=1000)},  # metadata that is cut
        {"after": b"\0" * 4096},  # the rest of a block of the disk
        {"fmt": form(extra=b"\0\0")},
        {
            "fmt": form(
                0xFFFE,
                extra=struct.pack("<HHI", 22, 16, 4)
                + b"\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71",
            )
        },
    ],
)
def test_what_stands_around_the_samples(reading, parts):
    recording = reading(wav(**parts))
    np.testing.assert_array_equal(recording.samples[:, 0], SOUND)
    assert recording.rate == RATE
    assert not recording.notes


@pytest.mark.parametrize("size", [0xFFFFFFFF, 2000])
@pytest.mark.parametrize("told", [2000, 0])
def test_rf64(reading, size, told):
    """The long form: the size stands in a chunk of its own, or is not known there either."""
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, told, 1000, 0))
    content = wav(before=b"", size=size)
    recording = reading(b"RF64\xff\xff\xff\xffWAVE" + ds64 + content[12:])
    np.testing.assert_array_equal(recording.samples[:, 0], SOUND)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(
    ("bits", "kind", "scale"),
    [(8, 1, 1), (16, 1, 1), (20, 1, 4096 / 16), (24, 1, 256), (32, 1, 1), (32, 3, 1), (64, 3, 1)],
)
def test_widths_of_samples(reading, channels, bits, kind, scale):
    """As scipy gives them: 8 bits without sign, 20 and 24 at the upper end of 32."""
    rng = np.random.default_rng(bits)
    n_bytes = (bits + 7) // 8
    values = rng.integers(-100, 100, (777, channels))
    if kind == 3:
        content, expected = values.astype(f"<f{n_bytes}").tobytes(), values
    elif bits == 8:
        content, expected = (values + 128).astype("u1").tobytes(), values + 128
    else:
        left = values << (8 * n_bytes - bits)
        content = b"".join(int(v).to_bytes(n_bytes, "little", signed=True) for v in left.ravel())
        expected = values * scale * 2 ** (8 * n_bytes - bits) if bits == 20 else values * scale
    recording = reading(wav(content, fmt=form(kind, channels, bits)))
    assert recording.samples.shape == (777, channels)
    if bits == 20:
        ratio = recording.samples / values.clip(1)
        assert np.unique(ratio[values > 0]).size == 1
    else:
        np.testing.assert_array_equal(recording.samples, expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text" * 20, "not understood"),
        (wav()[:30], "cut short"),
        (wav()[:12], "holds no samples"),
        (wav(b"", after=chunk(b"LIST", b"INFO")), "holds 0 samples"),
        (wav(fmt=form(7, bits=8, extra=b"\0\0")), "MULAW"),
        (wav(fmt=form(channels=0)), "0 channels"),
        (wav(np.zeros(100, "<i2").tobytes()), "is 0 throughout"),
    ],
)
def test_no_sound(reading, content, message):
    with pytest.raises(ValueError, match=rf"a\.wav: .*{message}"):
        reading(content)


def test_silent_channels_are_left_out(tmp_path):
    wavfile.write(tmp_path / "a.wav", RATE, np.column_stack([SOUND, 0 * SOUND]))
    recording = read(tmp_path / "a.wav")
    assert recording.names == ["channel 1"]
    assert recording.left_out == {"channel 2": "is 0 throughout"}


def test_a_given_rate_must_be_that_of_the_file(reading, tmp_path):
    reading(wav())
    assert read(tmp_path / "a.wav", 8000.0).rate == 8000
    with pytest.raises(ValueError, match="sampling_rate=8100 Hz, but the file holds it: 8000 Hz"):
        read(tmp_path / "a.wav", 8100.0)
