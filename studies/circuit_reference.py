"""Recorded traces of a learning circuit: what the files must hold, and how a model compares."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

TRACE = ("t_s", "I_mem_A", "bit_value", "input")
EVENTS = ("t_on_s", "t_off_s", "I_before_A", "weight_before", "decision")
DECISIONS = {"INC": 1, "HOLD": 0, "DEC": -1}
HELP = """DIR holds simN_50us.csv, the trace on a regular grid with columns t_s, I_mem_A, bit_value
(the counter in LSB) and input (1 while the extended pulse lasts), and events_simN.csv, one row per
pulse with columns t_on_s, t_off_s, I_before_A, weight_before and decision (INC, HOLD or DEC); more
columns do no harm."""


@dataclass(frozen=True)
class Reference:
    """A recorded trace and its pulses."""

    t: np.ndarray  # s, regular, from 0
    I_mem: np.ndarray  # A
    weight: np.ndarray  # LSB
    onsets: np.ndarray  # s, one per pulse
    width: float  # s
    I_before: np.ndarray  # A
    decision: np.ndarray  # +1, 0, -1

    def until(self, end: float) -> "Reference":
        """The part before `end` (s)."""
        part, pulses = self.t < end, self.onsets < end
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
    """Read the two files of `experiment` in `folder`.

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
    if t[0] != 0 or not np.allclose(steps, steps[0], rtol=1e-3, atol=0) or steps[0] <= 0:
        raise ValueError(f"{trace_file}: t_s must rise from 0 in equal steps")
    I_mem = _numbers(trace_file, trace, "I_mem_A")
    if (I_mem <= 0).any() or I_mem.max() > 1e-6:
        raise ValueError(f"{trace_file}: I_mem_A must lie between 0 and 1e-6 (ampere)")
    unknown = set(events["decision"]) - set(DECISIONS)
    if unknown:
        raise ValueError(f"{events_file}: decision must be INC, HOLD or DEC, not {unknown}")
    onsets = _numbers(events_file, events, "t_on_s")
    widths = _numbers(events_file, events, "t_off_s", allow_nan=True) - onsets
    width = float(np.nanmedian(widths))
    if not (np.diff(onsets) > width).all() or width <= 0 or np.nanmax(abs(widths - width)) > 2e-5:
        raise ValueError(f"{events_file}: pulses must have one width and not overlap")
    return Reference(
        t,
        I_mem,
        _numbers(trace_file, trace, "bit_value"),
        onsets,
        width,
        _numbers(events_file, events, "I_before_A"),
        np.array([DECISIONS[d] for d in events["decision"]]),
    )


def _table(path: Path, columns: tuple[str, ...]) -> dict[str, list[str]]:
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    rows = [line.split(",") for line in lines]
    if len(rows) < 3:
        raise ValueError(f"{path}: holds fewer than two rows of values")
    missing = [name for name in columns if name not in rows[0]]
    if missing:
        raise ValueError(f"{path}: lacks the columns {', '.join(missing)}")
    for k, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"{path}: line {k + 1} has {len(row)} of {len(rows[0])} values")
    return {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}


def _numbers(path: Path, table: dict, name: str, allow_nan: bool = False) -> np.ndarray:
    try:
        values = np.array(table[name], float)
    except ValueError as error:
        raise ValueError(f"{path}: {name} holds something that is no number ({error})") from error
    if not (np.isfinite(values) | (allow_nan & np.isnan(values))).all():
        raise ValueError(f"{path}: {name} holds values that are not finite")
    return values


def decide(I_before: np.ndarray, I_ref: float, I_SL: float) -> np.ndarray:
    """The comparators' decision, +1, -1 or 0, on each current (equation 4, no weight copy)."""
    return (I_before < I_ref - I_SL).astype(int) - (I_before > I_ref + I_SL).astype(int)


def comparators(reference: Reference) -> tuple[float, float]:
    """The pair (I_ref, I_SL) that gives all recorded decisions from the recorded ``I_before``.

    Each bound lies midway between the nearest currents on either side of it.

    Raises
    ------
    ValueError
        If no pair does.
    """
    before, d = reference.I_before, reference.decision
    try:
        low, high = before[d == 1].max(), before[d == -1].min()
        above_low, below_high = before[d < 1].min(), before[d > -1].max()
    except ValueError:
        raise ValueError("the recording lacks one of the decisions INC, HOLD, DEC") from None
    lower, upper = (low + above_low) / 2, (high + below_high) / 2
    if not (low < above_low and below_high < high and lower < upper):
        raise ValueError("no pair (I_ref, I_SL) gives the recorded decisions")
    return (lower + upper) / 2, (upper - lower) / 2


def compare(reference: Reference, I_mem: np.ndarray, weight: np.ndarray, decision: np.ndarray):
    """The measures of the comparison; arrays on the grid and the pulses of `reference`."""
    n = min(len(reference.t), len(I_mem))
    error = I_mem[:n] - reference.I_mem[:n]
    return {
        "nrmse": float(np.sqrt(np.mean(error**2)) / np.ptp(reference.I_mem)),
        "decisions_equal": int(np.sum(decision == reference.decision)),
        "decisions_total": len(reference.decision),
        "final_weight": int(weight[n - 1]),
        "final_weight_reference": int(reference.weight[n - 1]),
        "weight_rmse_lsb": float(np.sqrt(np.mean((weight[:n] - reference.weight[:n]) ** 2))),
    }
