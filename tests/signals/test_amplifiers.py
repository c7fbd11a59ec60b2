"""Formats of amplifiers, which neo opens where it is installed."""

import sys

import numpy as np
import pytest
from brian2 import Hz

from ebn_brian.signals import load
from ebn_brian.signals.files import read

HEADER = """Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
DataFile=a.eeg
MarkerFile=a.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels=3
SamplingInterval=4000
[Binary Infos]
BinaryFormat=INT_16
[Channel Infos]
Ch1=Fp1,,0.1,µV
Ch2=Fp2,,0.5,µV
Ch3=COUNT,,1,µV
"""
MARKERS = """Brain Vision Data Exchange Marker File, Version 1.0
[Common Infos]
DataFile=a.eeg
[Marker Infos]
Mk1=New Segment,,1,1,0
"""


@pytest.fixture
def brain_vision(tmp_path):
    """Header and samples of a file of three channels, one of them a counter."""
    samples = np.random.default_rng(0).integers(-3000, 3000, (1000, 3)).astype("<i2")
    samples[:, 2] = np.arange(1000) % 256
    samples.tofile(tmp_path / "a.eeg")
    (tmp_path / "a.vmrk").write_text(MARKERS, encoding="utf-8")
    (tmp_path / "a.vhdr").write_text(HEADER, encoding="utf-8")
    return tmp_path / "a.vhdr", samples


def test_neo_opens_what_it_knows(brain_vision):
    pytest.importorskip("neo")
    path, samples = brain_vision
    recording = read(path)
    assert recording.names == ["Fp1", "Fp2"]
    assert recording.rate == 250
    assert set(recording.left_out) == {"COUNT"}
    np.testing.assert_allclose(recording.samples, samples[:, :2] * [0.1, 0.5])
    c, info = load(path, sampling_rate=250 * Hz, columns="Fp2")
    assert c.shape == (40_000, 1)
    assert info["channels"] == ["Fp2"]
    with pytest.raises(ValueError, match="sampling_rate=300 Hz, but the file holds it: 250 Hz"):
        read(path, 300.0)


def test_neo_is_told_apart_from_guesses(tmp_path):
    """A suffix that neo knows, a content that it does not; raw bytes are no recording."""
    pytest.importorskip("neo")
    (tmp_path / "a.vhdr").write_bytes(b"rubbish" * 100)
    with pytest.raises(ValueError, match=r"a\.vhdr: neo cannot read it \(BrainVisionRawIO"):
        read(tmp_path / "a.vhdr")
    for name in ("a.raw", "a.bin", "a.fake"):
        (tmp_path / name).write_bytes(b"\1\2" * 5000)
        with pytest.raises(ValueError, match=rf"{name}: "):
            read(tmp_path / name)


def test_without_neo_it_says_how_to_get_it(brain_vision, monkeypatch):
    for name in ("neo", "neo.rawio"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ValueError, match=r"must end in \.csv.*pip install 'ebn_brian\[recordings\]'"
    ):
        read(brain_vision[0])
