"""Steps without events: few neurons stay in registers, and time goes on, until one has an event.

In most steps no neuron of a chip spikes. Then only state updates and the conditions of thresholds
are worked on: a loop over time does so for a block of few neurons, whose number is known when it is
compiled, and ends at the first event. What follows an event is left to the loops of pieces.cpp.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from brian2.core.variables import ArrayVariable

from .parts import Piece, StateArray
from .translation import FusedCodeObject

#: A scalar that is computed once for all neurons of a step.
SCALAR = re.compile(r"const ([\w ]+?) (\w+) = (.+);")
#: What does nothing where no event is.
AFTER_EVENTS = {"reset", "synapses", "spikemonitor", "ratemonitor", "threshold_among", "push"}
#: What is worked on in every step, in this order.
BEFORE_EVENTS = ("stateupdate", "threshold")


@dataclass(frozen=True)
class Scalar:
    """A number that changes in time, the same for all neurons."""

    dtype: str
    name: str


@dataclass(frozen=True)
class Part:
    """A state update or a threshold of a step without events."""

    number: int
    piece: Piece
    pointers: list[str]
    """To the state, and not to what functions look up."""
    lasting: list[str]
    """Scalar code that does not depend on the time."""
    timed: list[Scalar]
    """What its loop uses of the rest."""


@dataclass(frozen=True)
class Quiet:
    """What a step without events consists of; it comes first in every step."""

    parts: list[Part]
    constant: list[StateArray]
    changing: list[StateArray]
    owner: str
    """The group of them all."""

    @property
    def width(self) -> str:
        """How many neurons there may be; so many bytes are a whole vector."""
        with_bytes = any(a.dtype in ("char", "bool") for a in self.constant + self.changing)
        return f"fused::WIDTH<{'int32_t' if with_bytes else 'mask_t'}>"


def quiet(
    codeobjs: Sequence[FusedCodeObject],
    pieces: Sequence[Piece],
    arrays: Mapping[ArrayVariable, StateArray],
    groups: Collection[str],
    times: Sequence[str],
) -> Quiet | None:
    """The steps without events of a network in blocks of one group, or None.

    `times` are the names of the clock's time and of its step.
    """
    n = sum(piece.kind in BEFORE_EVENTS for piece in pieces)
    if len(groups) != 1 or not _comes_first(pieces, n):
        return None
    parts = [part for k, piece in enumerate(pieces[:n]) if (part := _part(k, piece, times))]
    if len(parts) != n:
        return None
    uses = [c.translation for c in codeobjs[:n]]
    read = {v for translation in uses for v, _ in translation.read}
    written = {v for translation in uses for v, _ in translation.written}
    inverses = {array: None for piece in pieces[:n] for array in piece.inverses}
    return Quiet(
        parts,
        [*(array for var, array in arrays.items() if var in read - written), *inverses],
        [array for var, array in arrays.items() if var in written],
        *groups,
    )


def _comes_first(pieces: Sequence[Piece], n: int) -> bool:
    """Whether `n` state updates and thresholds come before all that goes by events."""
    kinds = [piece.kind for piece in pieces]
    thresholds = [piece for piece in pieces[:n] if piece.kind == "threshold"]
    return (
        set(kinds[n:]) <= AFTER_EVENTS
        and kinds[:n] == sorted(kinds[:n])
        and len(thresholds) > 0
        # one that writes might change what another one compares
        and not (len(thresholds) > 1 and any(p.keywords["_uses_refractory"] for p in thresholds))
    )


def _part(number: int, piece: Piece, times: Sequence[str]) -> Part | None:
    """What a piece is in steps without events, or None if its loop is no plain arithmetic."""
    plain = piece.parallel and piece.padded and piece.unrolled and not piece.exact_code
    lines = [line.strip() for line in "\n".join(piece.scalar_code).split("\n") if line.strip()]
    scalars = [SCALAR.fullmatch(line) for line in lines]
    if not plain or piece.draws or not all(scalars):
        return None
    changing, lasting, timed = [f"_ptr{name}" for name in times], [], []
    loop = set(re.findall(r"\w+", "\n".join([*piece.fast_code, piece.refractory])))
    for dtype, name, value in (match.groups() for match in scalars if match):
        if not set(changing) & set(re.findall(r"\w+", value)):
            lasting.append(f"const {dtype} {name} = {value};")
            continue
        changing.append(name)
        if name in loop:
            timed.append(Scalar(dtype, name))
    pointers = [line for line in piece.pointers if not line.strip().startswith("_namespace")]
    return Part(number, piece, pointers, lasting, timed)
