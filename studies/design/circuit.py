"""The chips of a design: their program, and the mismatch that they are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from brian2 import Hz, Quantity, TimedArray, volt

from ebn_brian import homeostasis, mismatch
from ebn_brian.checks import Floats
from ebn_brian.chips import (
    V_UNIT,
    Blueprint,
    Chips,
    even_decoder,
    lif_blueprint,
    lif_chips,
    random_decoder,
)
from ebn_brian.devices import Program, Run
from ebn_brian.seeds import generator
from ebn_brian.training import Training

from .file import Design
from .rule import KAPPA, ComparatorRule, phases
from .signal import Input, input_of
from .sizes import Parameter

#: Run-time values that a parameter of a design file spreads; ``F`` stands for all input weights.
SPREADS = {
    "gain": ("recurrent.gain",),
    "copy_gain": ("recurrent.copy_gain",),
    "offset": ("recurrent.offset",),
    "threshold": ("neurons.v_th",),
    "reset": ("neurons.share", "neurons.v_reset"),
    "tau": ("neurons.tau_m",),
    "target": ("neurons.rate_target",),
}


@dataclass(frozen=True)
class Noisy:
    """A program whose noise is given by a seed and the input, so that it is another in each run."""

    program: Program
    seed: int

    def run(self, values: Mapping[str, Any] = {}, *, seed: int | None = None, **how: Any) -> Run:
        """As `Program.run`."""
        drive = np.ascontiguousarray(np.asarray(values["drive.values"], float))
        stream = generator(self.seed, "membrane noise", crc32(drive.tobytes()))
        return self.program.run(values, seed=int(stream.integers(2**32)), **how)


@dataclass(frozen=True)
class Bench:
    """A design, its program for `block` chips, and its input. Chips go by number and `seed`."""

    design: Design
    training: Training
    input: Input
    block: int
    seed: int

    def decoders(self, numbers: Sequence[int]) -> Floats:
        """Of the chips of these numbers, (n_chips, n_signals, n_neurons)."""
        make = even_decoder if self.design["circuit"]["decoder"] == "even" else random_decoder
        neurons = self.design["circuit"]["neurons"]
        return make(self.input.n_signals, neurons, self.seed, n_chips=max(numbers) + 1)[
            list(numbers)
        ]


def rule_phases(design: Design, bits: int | None) -> list[tuple[ComparatorRule, Quantity]]:
    """Rules and times of learning; None: the bits of the design."""
    circuit, training = design["circuit"], design["training"]
    bits = circuit["bits"] if bits is None else bits
    return phases(training["procedure"], bits, circuit["full_scale"], training["learning"])


def neuron(design: Design) -> dict[str, Any]:
    """What the design says of the neurons, as options of `lif_chips`."""
    circuit = design["circuit"]
    fine = design["training"]["procedure"] == "homeostatic_fine"
    options: dict[str, Any] = {
        "tau_m": circuit["tau_m"],
        "reset": "share" if fine else "absolute",
        "homeostatic": True,
    }
    if circuit["tau_fast"] is not None:
        options |= {"synapse": "exponential", "tau_fast": circuit["tau_fast"]}
    if circuit["noise"]:
        options["sigma"] = circuit["noise"] * KAPPA / 2 * V_UNIT  # of |D| = 1
    return options


def blueprint(design: Design, D: Floats, bits: int | None = None) -> Blueprint:
    """Chips of the design with decoders `D`."""
    return lif_blueprint(D, rule=rule_phases(design, bits)[0][0], **neuron(design))


def build(
    design: Design, block: int, seed: int, device: str, folder: Path, timeout: Quantity | None
) -> Bench:
    """Build the one program of a design into `folder`.

    Raises
    ------
    ValueError
        If its recording cannot be read, or is none of this design.
    """
    signal = input_of(design, seed)
    D = random_decoder(signal.n_signals, design["circuit"]["neurons"], seed, n_chips=block)
    rule = rule_phases(design, None)[0][0]

    def make_chips(drive: TimedArray) -> Chips:
        return lif_chips(D, drive=drive, rule=rule, **neuron(design))

    training = Training(
        make_chips, signal.n_signals, device=device, directory=folder / "chips", timeout=timeout
    )
    if design["circuit"]["noise"]:
        training.program = Noisy(training.program, seed)
    return Bench(design, training, signal, block, seed)


def spread(
    chips: Blueprint, parameters: Sequence[Parameter], numbers: Sequence[int], seed: int
) -> dict[str, Any]:
    """Run-time values of chips with these numbers; copies follow gains unless they are spread."""
    nominal = {
        **chips.values(),
        "recurrent.copy_gain": np.ones(chips.layout.n_synapses),
        "recurrent.offset": np.zeros(chips.layout.n_synapses) * volt,
    }
    spreads = {
        name: parameter.spread()
        for parameter in parameters
        for name in _names(parameter.name, chips)
        if name in nominal and parameter.name != "target"
    }
    values = mismatch.spread(nominal, spreads, seed=seed, chips=numbers)
    if "recurrent.copy_gain" not in spreads:
        values["recurrent.copy_gain"] = np.asarray(values["recurrent.gain"])
    return values


def _names(parameter: str, chips: Blueprint) -> tuple[str, ...]:
    inputs = tuple(f"neurons.F_{j}" for j in range(chips.D.shape[1]))
    return inputs if parameter == "F" else SPREADS[parameter]


def targets(
    rate: Quantity,
    chips: Blueprint,
    parameters: Sequence[Parameter],
    numbers: Sequence[int],
    seed: int,
) -> Quantity:
    """Target rate of each neuron's homeostat."""
    name = "neurons.rate_target"
    own = {name: np.full(chips.D[:, 0].size, float(rate)) * Hz}
    spreads = [parameter.spread() for parameter in parameters if parameter.name == "target"]
    if not spreads:
        return own[name]
    return mismatch.spread(own, {name: spreads[0]}, seed=seed, chips=numbers)[name]


def calibration_phases(design: Design) -> list[tuple[float, Quantity]]:
    """Steps of the thresholds and their times."""
    fine = design["training"]["procedure"] == "homeostatic_fine"
    wanted = homeostasis.THOROUGH if fine else homeostasis.QUICK
    given = design["training"]["calibration"]
    whole = sum(float(time) for _, time in wanted)
    factor = 1.0 if given is None else float(given) / whole
    return [(size, time * factor) for size, time in wanted]
