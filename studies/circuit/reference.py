"""Recorded traces of a learning circuit: what the files must hold, and how a model compares."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ebn_brian.checks import Floats, Integers

TRACE = ("t_s", "I_mem_A", "bit_value")
EVENTS = ("t_on_s", "t_off_s", "I_before_A", "decision")
DECISIONS = {"INC": 1, "HOLD": 0, "DEC": -1}
HELP = """DIR holds simN_50us.csv, the trace on a regular grid from 0 on with columns t_s (seconds),
I_mem_A (ampere) and bit_value (the counter in LSB), and events_simN.csv, one row per pulse with
columns t_on_s and t_off_s (seconds; t_off_s may be empty for a pulse that the recording cuts),
I_before_A (ampere, the current just before the pulse) and decision (INC, HOLD or DEC). More columns
do no harm."""


@dataclass(frozen=True)
class Reference:
    """A recorded trace and its pulses."""

    t: Floats  # s, regular, from 0
    I_mem: Floats  # A
    weight: Floats  # LSB
    onsets: Floats  # s, one per pulse
    width: float  # s
    I_before: Floats  # A
    decision: Integers  # +1, 0, -1

    @property
    def w_initial(self) -> int:
        """The counter before the first pulse (LSB); the median, since counters glitch."""
        return round(float(np.median(self.weight[self.t <= self.onsets[0]])))

    @property
    def end(self) -> float:
        """Time (s) until which a model must run to give all samples and decisions."""
        return float(max(self.t[-1], self.onsets[-1] + self.width))

    def until(self, end: float) -> "Reference":
        """The part before `end` (s); ValueError if it has no pulse."""
        part, pulses = self.t < end, self.onsets < end
        if not pulses.any():
            raise ValueError(f"no pulse before {end:g} s: the first is at {self.onsets[0]:g} s")
        return Reference(
            self.t[part],
            self.I_mem[part],
            self.weight[part],
            self.onsets[pulses],
            self.width,
            self.I_before[pulses],
            self.decision[pulses],
        )


def read(folder: Path, experiment: int) -> Reference:
    """Read the two files of `experiment` in `folder`, see `HELP`.

    Raises
    ------
    ValueError
        If a file is missing or does not hold what it must; the message says which and what.
    """
    trace_file = folder / f"sim{experiment}_50us.csv"
    events_file = folder / f"events_sim{experiment}.csv"
    trace, events = _table(trace_file, TRACE), _table(events_file, EVENTS)
    t = _numbers(trace_file, trace, "t_s")
    steps = np.diff(t)
    if steps[0] <= 0 or abs(t[0]) > steps[0] / 2 or np.abs(steps - steps[0]).max() > steps[0] / 50:
        raise ValueError(f"{trace_file}: t_s must rise from 0 in equal steps")
    I_mem = _numbers(trace_file, trace, "I_mem_A")
    if np.median(I_mem) <= 0 or np.abs(I_mem).max() > 1e-6:
        raise ValueError(f"{trace_file}: I_mem_A must lie between 0 and 1e-6 (ampere)")
    return Reference(
        t,
        I_mem,
        _numbers(trace_file, trace, "bit_value"),
        *_pulses(events_file, events),
        _numbers(events_file, events, "I_before_A"),
        _decisions(events_file, events),
    )


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """The file's columns as text."""
    try:
        table = pd.read_csv(path, dtype=str, skipinitialspace=True, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise ValueError(f"{path}: cannot be read as CSV ({error})") from error
    table.columns = table.columns.str.strip()
    missing = [name for name in columns if name not in table]
    if missing:
        raise ValueError(f"{path}: lacks the columns {', '.join(missing)}")
    if len(table) < 2:
        raise ValueError(f"{path}: holds fewer than two rows of values")
    return table


def _numbers(path: Path, table: pd.DataFrame, name: str, allow_nan: bool = False) -> Floats:
    try:
        values = table[name].to_numpy(float)
    except ValueError as error:
        raise ValueError(f"{path}: {name} holds something that is no number ({error})") from error
    wrong = np.flatnonzero(~(np.isfinite(values) | (allow_nan & np.isnan(values))))
    if len(wrong):
        raise ValueError(f"{path}: {name} has no finite number in line {wrong[0] + 2}")
    return values


def _pulses(path: Path, events: pd.DataFrame) -> tuple[Floats, float]:
    """Onsets (s) and the one width (s) of the pulses."""
    onsets = _numbers(path, events, "t_on_s")
    widths = (_numbers(path, events, "t_off_s", allow_nan=True) - onsets)[:-1]  # the last is cut
    width = float(np.nanmedian(widths)) if np.isfinite(widths).any() else 0.0
    if width <= 0 or np.nanmax(np.abs(widths - width)) > 0.1 * width:
        raise ValueError(f"{path}: pulses (t_off_s - t_on_s) must have one width")
    if onsets[0] <= 0 or np.diff(onsets).min() <= width:
        raise ValueError(f"{path}: pulses must begin after 0 s, in order, and not overlap")
    return onsets, width


def _decisions(path: Path, events: pd.DataFrame) -> Integers:
    names = events["decision"].fillna("nothing").str.strip()
    unknown = sorted(set(names) - set(DECISIONS))
    if unknown:
        raise ValueError(f"{path}: decision must be INC, HOLD or DEC, not {', '.join(unknown)}")
    return np.array([DECISIONS[name] for name in names])


def decide(I_before: Floats, I_ref: float, I_SL: float) -> Integers:
    """The comparators' decision, +1, -1 or 0, on each current (A) without a copy of the weight.

    Büchel et al. 2020 (arXiv:2010.14353), eq. 4, with I_Omega = 0.
    """
    return (I_before < I_ref - I_SL).astype(int) - (I_before > I_ref + I_SL).astype(int)


#: Share of the decisions that may be others than the comparators' own: currents have noise.
MAY_DIFFER = 0.1


def comparators(before: Floats, decision: Integers) -> tuple[float, float]:
    """The pair (I_ref, I_SL) in A that gives most of `decision` from the currents `before` (A).

    Each bound lies midway between the nearest currents on either side of it.

    Raises
    ------
    ValueError
        If a decision never comes, or none but a bad pair would do.
    """
    missing = [name for name, value in DECISIONS.items() if value not in decision]
    if missing:
        raise ValueError(f"the recording lacks the decision {' and '.join(missing)}")
    lower, upper = _bound(before, decision == 1), _bound(before, decision > -1)
    I_ref, I_SL = (lower + upper) / 2, (upper - lower) / 2
    if I_SL <= 0 or np.mean(decide(before, I_ref, I_SL) != decision) > MAY_DIFFER:
        raise ValueError("no pair (I_ref, I_SL) gives the recorded decisions")
    return I_ref, I_SL


def _bound(before: Floats, below: NDArray[np.bool_]) -> float:
    """The current that has most of what is `below` on that side, and of the others on the other."""
    order = np.argsort(before)
    current, side = before[order], np.where(below[order], 1, -1)
    best = int(np.argmax(np.cumsum(side)[:-1]))
    return float((current[best] + current[best + 1]) / 2)


def _nearest(reference: Reference, t: Floats) -> Integers:
    """Which of the model's samples, at times `t` (s), are next to the recording's."""
    return np.searchsorted(t, reference.t - (t[1] - t[0]) / 2)


def rmse(reference: Reference, t: Floats, I_mem: Floats) -> float:
    """Root-mean-square error (A) of the model's `I_mem` (A), sampled at `t` (s)."""
    return float(np.sqrt(np.mean((I_mem[_nearest(reference, t)] - reference.I_mem) ** 2)))


def compare(
    reference: Reference, t: Floats, I_mem: Floats, weight: Floats, decision: Integers
) -> dict[str, float]:
    """The measures of the comparison.

    Parameters
    ----------
    reference
        The recording.
    t, I_mem, weight
        Samples of the model: times (s, to the end of the recording at least), current (A),
        counter (LSB). Those next to the recording's samples are compared.
    decision
        Of the model, one per pulse of the recording.
    """
    weight = weight[_nearest(reference, t)]
    return {
        "nrmse": rmse(reference, t, I_mem) / float(np.ptp(reference.I_mem)),
        "decisions_equal": int(np.sum(decision == reference.decision)),
        "decisions_total": len(reference.decision),
        "final_weight": int(weight[-1]),
        "final_weight_reference": int(reference.weight[-1]),
        "weight_rmse_lsb": float(np.sqrt(np.mean((weight - reference.weight) ** 2))),
    }
