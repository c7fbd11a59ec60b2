"""Features ``tanh(M r + theta)`` of filtered spikes, and what brings them to a chip's neurons.

They learn as `equations.slow` has it; `dynamics_chips` puts them in place of slow synapses.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import BrianObject, Hz, NeuronGroup, Synapses, linked_var, ms

from .. import checks
from ..checks import Floats
from ..equations import slow
from ..seeds import generator
from .chips import Blueprint, set_values
from .layout import all_to_all


@dataclass(frozen=True)
class Features:
    """Features ``tanh(M r + theta)`` of the filtered spikes: nonlinear dendrites.

    Parameters
    ----------
    M
        (n_chips, n_features, n_neurons).
    theta
        (n_chips, n_features).

    Raises
    ------
    ValueError
        If shapes do not fit or values are not finite.
    """

    M: Floats
    theta: Floats

    def __post_init__(self) -> None:
        M, theta = (checks.finite(f"Features.{n}", getattr(self, n)) for n in ("M", "theta"))
        if M.ndim != 3 or theta.shape != M.shape[:2] or not M.size:
            raise ValueError(
                f"Features: M has shape {M.shape}, theta {theta.shape}: must be (n_chips, "
                "n_features, n_neurons) and (n_chips, n_features)"
            )

    @classmethod
    def random(
        cls, n_chips: int, n_features: int, n_neurons: int, seed: int, std: float = 0.15
    ) -> "Features":
        """Normal weights of standard deviation `std`, thresholds even from -2 to 2."""
        streams = [generator(seed, "features", c) for c in range(checks.count("n_chips", n_chips))]
        shape = (checks.count("n_features", n_features), checks.count("n_neurons", n_neurons))
        checks.positive("std", std)
        M, theta = zip(
            *((std * rng.normal(size=shape), rng.uniform(-2, 2, shape[0])) for rng in streams),
            strict=True,
        )
        return cls(np.stack(M), np.stack(theta))


def feature_values(lif: Blueprint, features: Features) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and states of features that are taught."""
    n = features.theta.size
    parameters: dict[str, Any] = {
        "features.theta": features.theta.ravel(),
        "features.eta": 0 * Hz**2,
        "features.tau_r": lif.tau,
        "dendrites.M": np.swapaxes(features.M, 1, 2).ravel(),
    }
    signals = range(lif.D.shape[1])
    rest = {f"features.{name}": np.zeros(n) for name in ("h", *(f"e_{j}" for j in signals))}
    rest |= {f"features.m_{j}": np.zeros(n) * Hz for j in signals}
    return parameters, rest


def dendrites(blueprint: Blueprint, neurons: NeuronGroup) -> tuple[BrianObject, ...]:
    """Features, what brings spikes to them, and what sums them up for the neurons of a chip."""
    n_chips, n_signals, n_neurons = blueprint.D.shape
    called, clock = blueprint.called, neurons.clock
    n = blueprint.parameters["features.theta"].size // n_chips
    features = NeuronGroup(
        n_chips * n,
        slow.features(n_signals),
        method="euler",
        namespace=neurons.namespace,
        clock=clock,
        name=called("features"),
    )
    set_values(blueprint, features, "features")
    inputs = Synapses(
        neurons,
        features,
        "M : 1\n",
        on_pre="h_post += M\n" + slow.decode(n_signals),
        delay=0 * ms,
        clock=clock,
        name=called("dendrites"),
    )
    i, j = all_to_all(n_chips, n_neurons, n)
    inputs.connect(i=i, j=j)
    set_values(blueprint, inputs, "dendrites")
    chip = NeuronGroup(
        n_chips,
        "".join(f"u_{j} : Hz\n" for j in range(n_signals)),
        clock=clock,
        name=called("sums"),
    )
    sums = Synapses(features, chip, slow.sums(n_signals), clock=clock, name=called("summing"))
    i, j = all_to_all(n_chips, n, 1)
    sums.connect(i=i, j=j)
    for signal in range(n_signals):
        linked = linked_var(chip, f"u_{signal}", index=np.repeat(np.arange(n_chips), n_neurons))
        setattr(neurons, f"u_{signal}", linked)
    return features, inputs, chip, sums
