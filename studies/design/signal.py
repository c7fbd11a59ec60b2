"""The input of a design: smoothed noise, or the user's own recording."""

from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, second

from ebn_brian import signals
from ebn_brian.signals import Drive
from ebn_brian.training import DT, steps

from ..learning.task import TEST_STREAM
from .file import Design

#: Unseen input.
TEST = 20 * second


@dataclass(frozen=True)
class Input:
    """Input of each part of the procedure."""

    n_signals: int
    calibration: Drive
    learning: Drive
    readout: Drive
    """On which readouts are fitted, or learned by counters."""
    unseen: Quantity
    """On which chips are judged."""


def input_of(design: Design, seed: int) -> Input:
    """The input that a design asks for.

    Raises
    ------
    ValueError
        If its recording cannot be read, or has too many channels for its neurons.
    """
    if design["signal"]["recording"]:
        return _recording(design)
    n = design["signal"]["signals"] or 2

    def noise(stream: str) -> Drive:
        return signals.noise_drive(n, seed, stream=stream)

    return Input(
        n,
        calibration=noise("calibration signal"),
        learning=noise("signal"),
        readout=noise("readout signal"),
        unseen=noise(TEST_STREAM)(0, steps(TEST)),
    )


def _recording(design: Design) -> Input:
    given = design["signal"]
    more: dict[str, Any] = {"columns": given["columns"]} if given["columns"] else {}
    tau_m, rate = design["circuit"]["tau_m"], given["sampling_rate"]
    drive, info = signals.recording_drive(
        given["recording"], DT, tau_m=tau_m, sampling_rate=rate, **more
    )
    n_signals, n_steps = len(info["channels"]), info["n_steps"]
    circuit = design["circuit"]
    if n_signals >= circuit["neurons"]:
        raise ValueError(f"{info['file']} has {n_signals} channels: must be fewer than neurons")
    if circuit["decoder"] == "even" and n_signals > 2:
        raise ValueError(f"decoder = 'even': must be 'random' with {n_signals} channels")
    end = signals.training_steps(n_steps)
    repeated = signals.repeated_drive(drive, end)
    unseen = drive(end, min(steps(TEST), n_steps - end))
    return Input(n_signals, repeated, repeated, repeated, unseen)
