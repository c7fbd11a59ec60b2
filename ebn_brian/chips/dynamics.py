"""Chips of LIF neurons with slow synapses, which follow dynamics of their own.

A slow synapse acts after the fast ones: ``slow``, one `Synapses` object with every pair of neurons
of a chip, brings ``m`` and ``D`` of the neuron that spikes (see `equations.slow`). Chips that are
taught have twice as many columns of ``drive``: the command c of each signal, then the drive of the
signal to be followed, ``dx/dt + x/tau_m``. What they are taught lies in ``neurons.m_j``, or
``features.m_j``; ``K`` and ``eta`` are run-time values, 0 at first.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import (
    Hz,
    NeuronGroup,
    Quantity,
    Synapses,
    TimedArray,
    get_dimensions,
    ms,
    mV,
)
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats
from ..equations import slow
from .chips import Blueprint, Chips, chips_given, feed, initial_weights, set_values
from .features import Features, dendrites, feature_values
from .lif import fast_synapses, forget, lif_blueprint, membranes


def slow_weights(D: ArrayLike, A: ArrayLike, tau_m: Quantity) -> Quantity:
    """``m = (A + I/tau_m) D``, (..., n_signals, n_neurons): slow weights by theory are ``B m``.

    Parameters
    ----------
    D
        Decoder, (n_signals, n_neurons) or (n_chips, n_signals, n_neurons).
    A
        Matrix of ``dx/dt = A x + c``, (n_signals, n_signals), hertz.

    Raises
    ------
    ValueError
        If `A` has another shape or is not finite.
    TypeError
        If `A` is not in hertz.
    """
    D = checks.decoder(D)
    n_signals = D.shape[-2]
    if get_dimensions(A) != Hz.dim:
        raise TypeError(f"A={A!r}: must be in hertz")
    A = checks.finite("A", A)
    if A.shape != (n_signals, n_signals):
        raise ValueError(f"A has shape {A.shape}: must be ({n_signals}, {n_signals}), as D")
    leak = 1 / checks.seconds("tau_m", tau_m)
    return Quantity((A + leak * np.eye(n_signals)) @ D, dim=Hz.dim)


def by_signal(name: str, values: ArrayLike) -> dict[str, Floats]:
    """Run-time values ``name_0``, ``name_1``, ... for (n_chips, n_signals, n_elements)."""
    values = checks.finite(name, values)
    return {f"{name}_{j}": values[:, j].ravel() for j in range(values.shape[1])}


def dynamics_blueprint(
    D: ArrayLike,
    *,
    A: ArrayLike | None = None,
    taught: bool = False,
    features: Features | None = None,
    **neuron: Any,
) -> Blueprint:
    """Nominal values of `dynamics_chips`; `neuron` are the options of `lif_blueprint`.

    Raises
    ------
    TypeError, ValueError
        As `dynamics_chips`.
    """
    lif = lif_blueprint(D, **neuron)
    n_chips, _, n_neurons = lif.D.shape
    if features is not None and not isinstance(features, Features):
        raise TypeError(f"features={features!r}: must be Features")
    if features is None:
        m = np.zeros(lif.D.shape) * Hz if A is None else slow_weights(lif.D, A, lif.tau)
        parts = [_linear(lif, m, taught)]
    elif A is not None:
        raise ValueError("A: must be None with features, which are taught")
    elif features.M.shape[::2] != (n_chips, n_neurons):
        raise ValueError(
            f"features.M has shape {features.M.shape}: must be ({n_chips}, n_features, "
            f"{n_neurons}), as D has shape {lif.D.shape}"
        )
    else:
        parts = [feature_values(lif, features)]
    if taught or features is not None:
        parts.append(_errors(lif))
    parameters, rest = dict(lif.parameters) | _receivers(lif), dict(lif.rest)
    for own, states in parts:
        parameters |= own
        rest |= states
    return replace(lif, parameters=parameters, rest=rest)


Values = dict[str, Any]


def _linear(lif: Blueprint, m: Quantity, taught: bool) -> tuple[Values, Values]:
    """Parameters and states of slow synapses with weights `m`."""
    n_chips, n_neurons = lif.layout.n_chips, lif.layout.n_neurons
    parameters: Values = {
        "neurons.tau_slow": np.ones(n_chips * n_neurons) * lif.tau,
        "slow.gain": np.ones(n_chips * n_neurons**2),
    }
    rest: Values = {"i_slow": 0 * mV / ms}
    weights = {name: value * Hz for name, value in by_signal("m", m).items()}
    if taught:
        parameters["neurons.eta"] = 0 * Hz**2
        rest |= {"r": 0, **weights}
    else:
        parameters |= {f"neurons.{name}": value for name, value in weights.items()}
    return parameters, rest


def _receivers(lif: Blueprint) -> Values:
    """Weights by which the error reaches the neurons: those of the signals."""
    nominal = lif.nominal
    return {f"neurons.B_{j}": nominal[f"neurons.F_{j}"] for j in range(lif.D.shape[1])}


def _errors(lif: Blueprint) -> tuple[Values, Values]:
    """Parameters and states of the error that every neuron sees."""
    parameters = {"neurons.K": 0 * Hz, "neurons.tau_r": lif.tau, **by_signal("neurons.D", lif.D)}
    return parameters, {f"e_{j}": 0 for j in range(lif.D.shape[1])}


def dynamics_chips(
    D: ArrayLike,
    Omega: ArrayLike | None = None,
    drive: TimedArray | None = None,
    *,
    A: ArrayLike | None = None,
    taught: bool = False,
    features: Features | None = None,
    n_chips: int | None = None,
    dt: Quantity | None = None,
    greedy: bool = True,
    **neuron: Any,
) -> Chips:
    """Networks of LIF neurons that follow ``dx/dt = A x + c``, or what they are taught.

    Parameters
    ----------
    D, Omega, n_chips, dt, greedy
        As in `lif_chips`, for the fast weights.
    drive
        In hertz, a column for the command c of each signal; where chips are taught, then a column
        for the drive of each signal to be followed, ``dx/dt + x/tau_m``.
    A
        Matrix whose slow weights the chips begin with, (n_signals, n_signals), hertz. By default
        slow weights are zero.
    taught
        Whether slow weights learn; ``neurons.K`` and ``neurons.eta`` are 0 at first.
    features
        What is taught in place of the filtered spikes; ``features.eta`` is 0 at first.
    neuron
        `rule`, `kappa`, `name` and the options of `lif_blueprint`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type, shape or unit or is not finite, or `A` is given with
        `features`.
    """
    n_chips = chips_given(D, Omega, n_chips)
    blueprint = dynamics_blueprint(
        D, A=A, taught=taught, features=features, n_chips=n_chips, **neuron
    )
    Omega = initial_weights(blueprint, Omega)
    n_signals, taught = blueprint.D.shape[1], taught or features is not None
    checks.drive(drive, n_signals * (1 + taught))
    equations = slow.model(n_signals, taught) if features is None else slow.with_features(n_signals)
    inputs = slow.TAUGHT_INPUTS if taught else slow.INPUTS
    neurons = membranes(blueprint, drive, greedy, dt, inputs=inputs, equations=equations)
    fast = fast_synapses(blueprint, neurons, Omega, greedy)
    others = feed("feedforward", neurons, n_signals)
    if greedy:
        others += (forget(neurons),)
    if features is None:
        others += (_slow_synapses(blueprint, neurons, slow.on_pre(n_signals, taught), slow.GAIN),)
    else:
        others += (_slow_synapses(blueprint, neurons, slow.decode(n_signals), ""),)
        others += dendrites(blueprint, neurons)
    return Chips(**vars(blueprint), neurons=neurons, recurrent=fast, others=others)


def _slow_synapses(blueprint: Blueprint, neurons: NeuronGroup, on_pre: str, model: str) -> Synapses:
    """From every neuron to all of its chip, itself too."""
    layout = replace(blueprint.layout, autapses=True)
    synapses = Synapses(
        neurons,
        model=model,
        on_pre=on_pre,
        delay=0 * ms,
        clock=neurons.clock,
        name=blueprint.called("slow"),
    )
    i, j = layout.connections()
    synapses.connect(i=i, j=j)
    set_values(blueprint, synapses, "slow")
    return synapses
