"""Whether a trace and its events are of one experiment, and hold something to compare with."""

import numpy as np

from .reference import Reference

#: Currents before pulses may differ from the trace's by so much of its range (the median pulse).
APART = 0.02
#: Share of the pulses at which the counter must move as the decision says.
MOVES = 0.9
#: A trace is flat unless it ranges over so many standard deviations of its noise.
NOISES = 20


def check(reference: Reference) -> Reference:
    """`reference`, if nothing about it says that it cannot be what it seems.

    Raises
    ------
    ValueError
        If the trace is flat, or trace and events differ in their ends, in the currents before the
        pulses or in how the counter moves: they are in other units, or of other experiments.
    """
    _check_range(reference)
    _check_ends(reference)
    _check_currents(reference)
    _check_counter(reference)
    return reference


def _check_range(reference: Reference) -> None:
    current = reference.I_mem
    noise = float(np.median(np.abs(np.diff(current, 2)))) / (0.6745 * np.sqrt(6))
    if np.ptp(current) <= max(NOISES * noise, 1e-3 * current.max()):
        raise ValueError(
            f"I_mem_A is flat: it ranges over {np.ptp(current):.3g} A about "
            f"{np.median(current):.3g} A, and nothing can be learned from that"
        )


def _check_ends(reference: Reference) -> None:
    end, late = reference.t[-1], reference.onsets > reference.t[-1]
    if late.sum() > 1:
        raise ValueError(
            f"the trace ends at {end:g} s, but {late.sum()} of {len(late)} pulses begin later, the "
            f"last at {reference.onsets[-1]:g} s: are t_s and t_on_s both in seconds?"
        )


def _check_currents(reference: Reference) -> None:
    held = np.interp(reference.onsets, reference.t, reference.I_mem)
    apart = float(np.median(np.abs(reference.I_before - held)) / np.ptp(reference.I_mem))
    if apart > APART:
        raise ValueError(
            f"I_before_A of the events is not what the trace holds at t_on_s: they differ by "
            f"{100 * apart:.0f} % of its range. Are both files in seconds and ampere, and of one "
            f"experiment? The trace ends at {reference.t[-1]:g} s, the last pulse begins at "
            f"{reference.onsets[-1]:g} s"
        )


def _check_counter(reference: Reference) -> None:
    """Between two pulses the counter moves by the decision, unless it is at the end of its way."""
    before = np.searchsorted(reference.t, reference.onsets) - 1
    counter = np.rint(reference.weight[np.clip(before, 0, None)])
    moved, decision = np.diff(counter), reference.decision[:-1]
    at_end = np.isin(counter[:-1], (counter.min(), counter.max())) & (moved == 0)
    agree = (moved == decision) | at_end
    if len(agree) and agree.mean() < MOVES:
        raise ValueError(
            f"bit_value moves as the decisions say at {agree.sum()} of {len(agree)} pulses only: "
            "are both files of one experiment, and both in seconds?"
        )
