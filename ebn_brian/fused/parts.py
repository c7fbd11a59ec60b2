"""What the templates need to know: records of the parts of a fused step."""

from dataclasses import dataclass
from typing import Any

from .rewriting import Draws


@dataclass(frozen=True)
class EventSpace:
    """The list of neurons with an event in this time step."""

    array: str
    owner: str
    size: int


@dataclass(frozen=True)
class Rows:
    """The synapses of a pathway, by source; pathways of one `Synapses` share them."""

    name: str
    sources: str
    """Array of the neurons whose events arrive."""
    pre: str
    post: str
    pre_array: str
    """Pointer to the data of `pre`, as generated code names it."""
    post_array: str
    source: str
    """Group of the neurons in `pre`."""
    target: str


@dataclass(frozen=True)
class Pathway:
    """Events that act on synapses, perhaps after a delay."""

    name: str
    delay: str
    acts: str
    """Code object that acts on the synapses."""
    push: str
    """Code object that puts the events into Brian2's own queue."""
    source_events: str
    rows: Rows


@dataclass(frozen=True)
class StateArray:
    """An array of a group that is cut into blocks."""

    name: str
    dtype: str
    owner: str
    inverse_of: str = ""
    """The array of which it holds the reciprocals, if it is none of Brian2's."""


@dataclass(frozen=True)
class Piece:
    """What the template needs of one code object."""

    name: str
    kind: str
    """The macro of pieces.cpp with its loop."""
    support: int
    """Number of the support code that it calls."""
    constants: list[str]
    pointers: list[str]
    scalar_code: list[str]
    vector_code: list[str]
    parallel: bool
    padded: bool
    """Whether its loop may go on to the end of a whole vector."""
    keywords: dict[str, Any]
    """C++ expressions by the name of the variable, and the arguments of Brian2's own template."""
    first: str
    """Of a loop over neurons, the first one and that after the last."""
    last: str
    events: str
    """Events that it goes through, or raises."""
    among: str
    """Events of which a threshold implies one."""
    pathway: Pathway | None
    recorded: dict[str, str]
    """Arrays that a monitor appends to, by variable."""
    traces: dict[str, str]
    """Arrays to which a monitor adds a row or a number in every step, by variable."""
    times: str
    """Array of the times of these."""
    indices: str
    """Array of the neurons that it records from, in the group `source`."""
    source: str
    number: str
    """Array with the number of events or steps that it has seen."""
    fast_code: list[str]
    """What stands for `vector_code` in C++ (see `rewriting`)."""
    exact_code: list[str]
    """The same without calls of the C library, or nothing."""
    unrolled: bool
    distinct: bool
    """Whether two of its synapses touch nothing in common, whatever their neurons."""
    draws: Draws | None
    refractory: str
    """Number of steps that a refractory period takes, if that is the same for all."""
    scattered: list[str]
    """Pointers to the variables of synapses."""
    inverses: list[StateArray]
    """Reciprocals that its loop takes."""
