"""What is compared: arms, resets, sets of parameters with mismatch; and the programs for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brian2 import Quantity

from ebn_brian import homeostasis, mismatch
from ebn_brian.chips import Blueprint, lif_chips, random_decoder
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.training import COARSE_TO_FINE, Training

from .measures import N_SIGNALS

RULE = DiscreteRule.calm()
#: The rule of arms whose steps become fine, at its first phase.
FINE = COARSE_TO_FINE[0][0]

#: Where thresholds and weights of a chip come from.
ARMS = (
    "pretrained",  # the optimal weights of the decoder
    "pretrained_scaled",  # the same times the factor that serves the chip best
    "transfer",  # learned on the chip without mismatch
    "learned",  # learned on the chip from random weights
    "homeostatic",  # the same, after each neuron has set its threshold
    "homeostatic_fine",  # the same, slower, with a reset in proportion and steps that become fine
    "homeostatic_scaled",  # thresholds as there, pretrained_scaled weights
    "oracle",  # weights, thresholds and resets of theory for the chip's true parameters
    "pretrained_learned",  # learned on the chip from the optimal weights
    "random",
    "uncoupled",  # none: each neuron has only its reset
)
RESETS = {
    "absolute": "neurons.v_reset",
    "subtractive": "neurons.v_jump",
    "share": "neurons.share",
}
#: Those that an arm may choose from, where it has none of its own.
CHOICE = ("absolute", "subtractive")
#: Arms with a reset of their own.
OWN_RESET = {
    "homeostatic": "absolute",
    "homeostatic_fine": "share",
    "homeostatic_scaled": "share",
    "oracle": "absolute",
}
#: How neurons of an arm set their thresholds; those of others do not.
HOMEOSTASIS = {
    "homeostatic": homeostasis.QUICK,
    "homeostatic_fine": homeostasis.THOROUGH,
    "homeostatic_scaled": homeostasis.THOROUGH,
}
#: Parameters that have mismatch together. ``reset`` is what the reset sets or subtracts.
PARAMETERS = {
    "gain": ("recurrent.gain",),
    "threshold": ("neurons.v_th",),
    "tau": ("neurons.tau_m",),
    "F": ("neurons.F_0", "neurons.F_1"),
    "reset": tuple(RESETS.values()),
}
SETS = {"all": tuple(name for names in PARAMETERS.values() for name in names), **PARAMETERS}

#: Run-time values of chips from their nominal ones: where mismatch comes in.
Spreading = Callable[[Blueprint], dict[str, Any]]


def resets_of(arm: str, chosen: Sequence[str] = CHOICE) -> tuple[str, ...]:
    """Resets that an arm is tried with."""
    return (OWN_RESET[arm],) if arm in OWN_RESET else tuple(chosen)


def program_of(arm: str, reset: str) -> str:
    """Name of the program that the chips of an arm need."""
    return f"{reset}-homeostatic" if arm in HOMEOSTASIS else reset


@dataclass(frozen=True)
class Bench:
    """Programs for blocks of `block` chips by `program_of`; chips go by number and `seed`."""

    programs: Mapping[str, Training]
    block: int
    n_neurons: int
    training: float
    seed: int


def build_bench(
    block: int,
    n_neurons: int,
    training: float,
    seed: int,
    device: str,
    folder: Path,
    timeout: Quantity | None,
    arms: Sequence[str] = ARMS,
    resets: Sequence[str] = CHOICE,
) -> Bench:
    """Build the programs that `arms` need into `folder`."""
    D = random_decoder(N_SIGNALS, n_neurons, seed, n_chips=block)

    def build(reset: str, homeostatic: bool, name: str) -> Training:
        rule = rule_of(reset)
        return Training(
            lambda drive: lif_chips(
                D, drive=drive, rule=rule, reset=reset, homeostatic=homeostatic
            ),
            N_SIGNALS,
            device=device,
            directory=folder / name,
            timeout=timeout,
        )

    needed = {
        program_of(arm, reset): (reset, arm in HOMEOSTASIS)
        for arm in arms
        for reset in resets_of(arm, resets)
    }
    programs = {name: build(*kind, name) for name, kind in needed.items()}
    return Bench(programs, block, n_neurons, training, seed)


def rule_of(reset: str, scale: float = 1.0) -> DiscreteRule:
    """The rule of chips with this reset: fine steps go with the one in proportion."""
    kappa = scale * RULE.kappa
    if reset == "share":
        return replace(FINE, kappa=kappa)
    return DiscreteRule.calm(kappa=kappa)


def spread(set_name: str, cv: float, numbers: Sequence[int], seed: int) -> Spreading:
    """Mismatch of a set of parameters for the chips of these numbers."""

    def spreading(chips: Blueprint) -> dict[str, Any]:
        values = chips.values()
        cvs = {name: cv for name in SETS[set_name] if name in values}
        return mismatch.spread(values, cvs, seed=seed, chips=numbers)

    return spreading
