"""Chips whose neurons set their own thresholds before they learn.

::

    training = Training(lambda drive: lif_chips(D, drive=drive, rule=rule, reset="share",
                                                homeostatic=True), 2)
    target = uncoupled_rate(training, noise_drive(2, seed=1))      # of the design: ideal chips
    chips = training.using(values=spread(training.chips.values(), {...}, seed=7, chips=100))
    chips = calibrated(chips, noise_drive(2, seed=1), target)
    state = chips.in_phases(initial, noise_drive(2, seed=1), COARSE_TO_FINE)

The text of it is `equations.homeostasis`. Meanwhile the recurrence is switched off, so that a
neuron sees its own input alone; an autapse that is its reset goes on acting, and learning.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, second

from . import balance, checks
from .equations.homeostasis import STEPS
from .signals import Drive
from .training import State, Training, steps
from .transistors import moderate

#: Phases: step of the threshold at an own spike, in units of ``|D|**2``, and their times.
QUICK = ((0.02, 5 * second), (0.005, 5 * second), (0.001, 10 * second))
THOROUGH = ((0.01, 10 * second), (0.001, 50 * second))
#: Time over which the rate of the design is measured, and in which chips come to rest.
MEASURING, SETTLING = 60 * second, 0.5 * second


def uncoupled_rate(training: Training, drive: Drive, duration: Quantity = MEASURING) -> Quantity:
    """Mean rate of a neuron alone as the design has it: of `training`'s chips without mismatch.

    Raises
    ------
    ValueError
        If the chips are not homeostatic.
    """
    ideal = training.using(training.chips)
    _, n_spikes = _alone(ideal, _at_rest(ideal), drive, duration, {})
    chips = ideal.chips.layout
    return n_spikes / (chips.n_chips * chips.n_neurons * duration)


def calibrated(
    training: Training,
    drive: Drive,
    rate_target: Quantity,
    phases: Sequence[tuple[float, Quantity]] = THOROUGH,
) -> Training:
    """The same chips, each neuron with the threshold at which it alone spikes at `rate_target`.

    Parameters
    ----------
    training
        Chips that were made `homeostatic`.
    drive
        Input meanwhile, the usual one.
    rate_target
        Hertz; one for all neurons, or one for each (homeostats have mismatch too).
    phases
        Step of the threshold at an own spike, in units of ``|D|**2``, and time, of each phase.

    Raises
    ------
    ValueError
        If the chips are not homeostatic, or a rate, step or time is not positive.
    """
    state, chips = _at_rest(training), training.chips
    checks.quantity("rate_target", rate_target, Hz)
    n = chips.layout.n_chips * chips.layout.n_neurons
    for size, duration in phases:
        checks.positive("step of the threshold", size)
        values = {
            f"neurons.{STEPS[chips.adapts][0]}": size * chips.unit,
            "neurons.rate_target": np.ones(n) * rate_target,
        }
        state, _ = _alone(training, state, drive, duration, values)
    threshold = chips.called(f"neurons.{chips.adapts}")
    return training.using(values={**training.given, threshold: state.variables[threshold]})


def _at_rest(training: Training) -> State:
    """Neurons at rest, with nominal autapses where these are the resets."""
    chips = training.chips
    if not chips.adapts:
        raise ValueError("the chips hold their thresholds: make them with homeostatic=True")
    return training.rest(chips.rule.rounded(balance.uncoupled(chips.D)))


def _alone(
    training: Training, state: State, drive: Drive, duration: Quantity, values: Mapping[str, Any]
) -> tuple[State, int]:
    """The state after `duration` with the recurrence switched off, and the number of spikes."""
    chips, n_spikes = training.chips, 0
    own = chips.layout.to_synapses(np.eye(chips.layout.n_neurons))
    values = {chips.called(name): v for name, v in {**values, "recurrent.coupled": own}.items()}
    uncoupled = training.using(values={**training.given, **values})
    length = steps(checks.quantity("time of a phase", duration, second))
    for stretch in uncoupled.advance(state, drive, length, plastic=chips.layout.autapses):
        state, n_spikes = stretch.state, n_spikes + len(stretch.i)
    return state, n_spikes


def zeroed(training: Training, duration: Quantity = SETTLING) -> Training:
    """The same chips of DPI neurons, each with comparators that refer to its own resting current.

    They are zeroed on the membrane after `duration` without input.

    Raises
    ------
    ValueError
        If the chips are no homeostatic ones of DPI neurons.
    """
    state, chips = _at_rest(training), training.chips
    membrane, read_out, I_s, reference = (
        chips.called(f"neurons.{name}") for name in ("I_mem", "J_mem", "I_s_mem", "I_ref")
    )
    if not {membrane, read_out} & {*chips.states}:
        raise ValueError(f"the chips have no state {membrane!r}: they cannot be zeroed on it")

    def silence(first: int, n: int) -> Quantity:
        return np.zeros((n, training.n_signals)) * Hz

    state, _ = _alone(training, state, silence, duration, {})
    if membrane in chips.states:
        rest = state.variables[membrane]
    else:
        held = {**chips.values(), **training.values}
        rest = moderate(np.asarray(state.variables[read_out]), np.asarray(held[I_s]))
    return training.using(values={**training.given, reference: rest})
