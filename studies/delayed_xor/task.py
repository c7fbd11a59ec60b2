"""The delayed exclusive or of Huh and Sejnowski 2018, and trials of it.

One or two pulses come in, each up or down, and after a delay the go-cue. Then the readout is to be
1 if there were two pulses of unlike sign, -1 if they were of like sign, and 0 after a single one.
"""

from typing import Any, NamedTuple

import numpy as np
from brian2 import Quantity, ms
from numpy.typing import NDArray

from ebn_brian.checks import Floats
from ebn_brian.gradient import Batch, Network, qif

N_NEURONS = 80
TAU, TAU_F, DT = 20 * ms, 5 * ms, 1 * ms
#: Of the trial types: sign of the pulse before the last one (0: there is none), and of the last.
FIRST, LAST = np.array([0, 0, 1, 1, -1, -1]), np.array([1, -1, 1, -1, 1, -1])
#: The answer to each.
ANSWERS = -FIRST * LAST
#: In steps: a pulse, the go-cue, and from its onset to that of the answer; both end together.
PULSE, GO, REACTION = 30, 100, 40
#: In steps: the least and the most time from a random state to the first pulse.
IDLE = 60, 160
#: Weight of the error before the go-cue, where the readout is to be 0; none until the answer.
NULL = 0.02
#: Trials of about the same length, which run together.
GROUP = 12

#: Delays of training.
SHORTEST, LONGEST = 20 * ms, 500 * ms

Ints = NDArray[np.integer[Any]]


class Group(NamedTuple):
    """Some trials, which end together; `kind` of each is its place in `ANSWERS`."""

    batch: Batch
    kind: Ints


def network(Delta: float = 0.9) -> Network:
    """The network, with gates of a width: small ones make it that of spikes."""
    return Network(qif(Delta=Delta), TAU, TAU_F, DT)


def steps(duration: Quantity) -> int:
    """Number of time steps."""
    return round(float(duration / DT))


def trials(
    r: np.random.Generator, n: int, shortest: Quantity, longest: Quantity, size: int = GROUP
) -> list[Group]:
    """So many trials, of all types in turn, by length, in groups of a size.

    Both delays, between the pulses and before the go-cue, are uniform between two bounds.
    """
    kind = np.arange(n) % len(ANSWERS)
    between, before = r.integers(steps(shortest), steps(longest) + 1, (2, n))
    length = r.integers(*IDLE, n) + PULSE + before + GO
    length += np.where(FIRST[kind] == 0, 0, PULSE + between)
    v_0 = r.uniform(0, 1, (n, N_NEURONS))
    order = np.argsort(length, kind="stable")
    return [
        _group(kind[own], between[own], before[own], int(length[own].max()), v_0[own])
        for own in np.split(order, range(size, n, size))
    ]


def _group(kind: Ints, between: Ints, before: Ints, n_steps: int, v_0: Floats) -> Group:
    """Trials of one length, laid out from their end."""
    t = np.arange(n_steps) - (n_steps - GO)  # 0 at the onset of the go-cue

    def pulse(end: Ints) -> Floats:
        since = t - end[:, None]
        return ((since >= -PULSE) & (since < 0)).astype(float)

    last, first = pulse(-before), pulse(-before - PULSE - between)
    x = np.empty((len(kind), n_steps, 2))
    x[..., 0] = LAST[kind, None] * last + FIRST[kind, None] * first
    x[..., 1] = t >= 0
    target = np.where(t >= REACTION, ANSWERS[kind, None], 0).astype(float)[..., None]
    answer = np.where(t >= REACTION, 1.0, np.where(t >= 0, 0.0, NULL))
    weight = np.tile(answer * n_steps / (GO - REACTION), (len(kind), 1))
    return Group(Batch(x, target, v_0, weight), kind)


def longest_trial() -> int:
    """Steps of the longest trial there may be."""
    return IDLE[1] + 2 * (PULSE + steps(LONGEST)) + GO


def answers(o: Floats) -> Ints:
    """The nearest answers to mean readouts."""
    return np.rint(np.clip(o, -1, 1)).astype(int)
