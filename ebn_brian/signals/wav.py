"""WAV files, those of pipes and of crashed recorders too.

scipy reads the samples; where they are is looked up here, since a header that was written before
its recording ended tells it wrongly.
"""

import io
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from scipy.io import wavfile

from ..checks import Floats
from .source import Source, numbered

UNKNOWN = 0x7FFF0000
"""From here on a size stands for one that was not known: pipes write 0x7fffffff, 0xffffffff."""
_KNOWN = {
    *(b"data", b"fmt ", b"LIST", b"fact", b"bext", b"cue ", b"smpl", b"inst", b"PEAK", b"JUNK"),
    *(b"junk", b"PAD ", b"FLLR", b"iXML", b"axml", b"chna", b"_PMX", b"id3 ", b"ID3 ", b"plst"),
    *(b"DISP", b"labl", b"note", b"ltxt", b"ds64", b"levl", b"minf", b"elm1", b"regn", b"umid"),
}


class _Found(NamedTuple):
    start: bytes
    """RIFF or RIFX."""
    form: bytes
    """The chunk of the format, with its header."""
    first: int
    """Where in the file samples begin."""
    size: int
    """Their bytes as the header says."""


def open_wav(path: Path) -> Source:
    """All samples of a WAV file; `notes` tells what was wrong with its header.

    Raises
    ------
    ValueError
        If it is none, is cut short, or of a format that scipy does not read.
    """
    with path.open("rb") as file:
        found = _chunks(file, path.stat().st_size)
        present = path.stat().st_size - found.first
        size, notes = _size(file, found, present)
    order = "<" if found.start == b"RIFF" else ">"
    channels, rate = struct.unpack_from(f"{order}HI", found.form, 10)
    frame = struct.unpack_from(f"{order}H", found.form, 20)[0]
    if not channels or not frame:
        raise ValueError(f"its format has {channels} channels of {frame} bytes in all: not sound")
    n_samples = size // frame
    if size % frame and not notes:
        notes = (f"the last {size % frame} bytes are no whole sample",)

    def rows(start: int, stop: int) -> Floats:
        with path.open("rb") as file:
            file.seek(found.first + start * frame)
            content = file.read((stop - start) * frame)
        body = b"WAVE" + found.form + b"data" + struct.pack(f"{order}I", len(content)) + content
        whole = found.start + struct.pack(f"{order}I", len(body)) + body
        _, array = wavfile.read(io.BytesIO(whole))
        samples: Floats = array.astype(float).reshape(stop - start, channels)
        return samples

    rows(0, min(1, n_samples))  # of a format that can be read?
    return Source(n_samples, numbered(channels), rows, float(rate), True, judged=False, notes=notes)


def _chunks(file: BinaryIO, n_bytes: int) -> _Found:
    """Go from chunk to chunk up to the samples."""
    head = file.read(12)
    start = {b"RF64": b"RIFF", b"BW64": b"RIFF"}.get(head[:4], head[:4])
    if start not in (b"RIFF", b"RIFX") or head[8:12] != b"WAVE":
        raise ValueError(f"File format {head[:4]!r} not understood: a WAV file begins with RIFF")
    order = "<" if start == b"RIFF" else ">"
    form, long_size, place = b"", 0, 12
    while place + 8 <= n_bytes:
        file.seek(place)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        if name == b"data":
            if not form:
                raise ValueError("samples come before their format")
            return _Found(
                start, form, place + 8, (long_size or size) if size == 0xFFFFFFFF else size
            )
        content = file.read(min(size, 64)) if name in (b"fmt ", b"ds64") else b""
        if name == b"fmt ":
            if len(content) < 16:
                raise ValueError("the file is cut short within its header")
            form = struct.pack(f"{order}4sI", name, len(content)) + content + b"\0" * (size % 2)
        if name == b"ds64" and len(content) >= 16:
            long_size = struct.unpack_from("<Q", content, 8)[0]
        place += 8 + size
        if size % 2:  # one byte of padding, unless it was forgotten
            file.seek(place)
            place += file.read(4) not in _KNOWN
    raise ValueError("the file is cut short: it holds no samples")


def _size(file: BinaryIO, found: _Found, present: int) -> tuple[int, tuple[str, ...]]:
    """Bytes of samples that are there, and what was wrong with the header."""
    size = found.size
    if size > present and size < UNKNOWN:
        raise ValueError(f"the file is cut short: of {size} bytes of samples {present} are there")
    if 0 < size <= present and (size == present or _ends(file, found.first + size, present - size)):
        return size, ()
    if size == 0 and present and _ends(file, found.first, present, chunks=True):
        return 0, ()
    return present, (
        f"its header tells {size} bytes of samples; all {present} that are there were read",
    )


def _ends(file: BinaryIO, place: int, rest: int, chunks: bool = False) -> bool:
    """Whether what comes after the samples is something else: chunks, or nothing but zeros."""
    padding = place % 2
    file.seek(place)
    beginning = file.read(min(rest, 1 << 16))
    if not chunks and not beginning.strip(b"\0"):
        return True
    for at in (0, padding):
        if beginning[at : at + 4] in _KNOWN:
            return True
    return _is_chain(file, place + padding, place + rest)


def _is_chain(file: BinaryIO, place: int, end: int) -> bool:
    """Whether there are chunks from `place` up to the very end."""
    while place + 8 <= end:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if not all(32 <= letter < 127 for letter in name):
            return False
        place += 8 + size + size % 2
    return place in (end, end + 1)
