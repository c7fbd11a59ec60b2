"""Formats of amplifiers and data loggers, through the library neo (the extra ``recordings``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import Floats
from .source import Source, unique

EXTRA = (
    "neo opens those of amplifiers, where it is installed and knows the suffix: "
    "pip install 'ebn_brian[recordings]'"
)
_GUESSES = ("RawBinarySignalRawIO", "ExampleRawIO")  # take any file, at 10 kHz


def open_amplifier(path: Path, columns: Sequence[str | int] | None = None) -> Source | None:
    """The analog signals of a file that neo knows; None if it does not, or is not installed.

    Of several groups of signals it is that of the first of `columns`, or the one with the most
    channels; of several segments the first.

    Raises
    ------
    ValueError
        If the file cannot be read or holds no analog signals.
    """
    try:
        from neo.rawio import get_rawio
    except ImportError:
        return None
    errors = []
    for form in get_rawio(path, exclusive_rawio=False):
        if form.__name__ in _GUESSES:
            continue
        place = {"dirname": path.parent} if form.rawmode == "one-dir" else {"filename": path}
        try:
            reader = form(**{key: str(value) for key, value in place.items()})
            reader.parse_header()
        except Exception as error:  # a reader may raise anything at a file of another format
            errors.append(f"{form.__name__}: {error or type(error).__name__}")
        else:
            return _signals(reader, columns)
    if errors:
        raise ValueError(f"neo cannot read it ({'; '.join(errors)})")
    return None


def _signals(reader: Any, columns: Sequence[str | int] | None) -> Source:
    """One group of signals, in physical units, of a file whose header neo has read."""
    channels = reader.header["signal_channels"]
    groups = reader.header["signal_streams"]
    streams = [channels[channels["stream_id"] == group["id"]] for group in groups]
    if not streams:
        raise ValueError("holds no analog signals")
    sizes = [(columns or [""])[0] in stream["name"] or len(stream) / 1e6 for stream in streams]
    k = int(np.argmax(sizes))
    where = {"block_index": 0, "seg_index": 0, "stream_index": k}
    notes = []
    if len(streams) > 1:
        firsts = ", ".join(f"{stream['name'][0]}..." for stream in streams)
        notes.append(f"of {len(streams)} groups of signals ({firsts}) number {k + 1} was read")
    segments = sum(reader.segment_count(block) for block in range(reader.block_count()))
    if segments > 1:
        notes.append(f"of {segments} segments the first was read")

    def rows(start: int, stop: int) -> Floats:
        raw = reader.get_analogsignal_chunk(i_start=start, i_stop=stop, **where)
        values: Floats = reader.rescale_signal_raw_to_float(raw, dtype="float64", stream_index=k)
        return values

    return Source(
        reader.get_signal_size(**where),
        unique([str(name) for name in streams[k]["name"]]),
        rows,
        float(reader.get_signal_sampling_rate(stream_index=k)),
        exact=True,
        notes=tuple(notes),
    )
