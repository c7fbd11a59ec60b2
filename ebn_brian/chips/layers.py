"""Layers of chips that learn to classify: nominal values, initial weights, feedback.

The objects themselves are made by `layered.layered_chips`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats
from ..plasticity import RandomBackpropagation
from ..seeds import generator
from .chips import check_learns, check_name
from .lif import V_UNIT

#: Standard deviations of initial weights: onto hidden layers and onto the output.
SCALES = {"hidden": 0.1, "output": 0.05}
#: Shared values of label and error neurons.
SHARED = {"label.n_label": 10.0, "errors.err_floor": -1.0}


@dataclass(frozen=True)
class LayeredBlueprint:
    """What layers are before there is any Brian2 object. It can be pickled."""

    sizes: tuple[int, ...]
    """Inputs, neurons of every hidden layer, classes."""
    rules: tuple[RandomBackpropagation, ...]
    """One for the weights onto each layer."""
    n_chips: int
    name: str
    """Prefix of the names of the groups, with ``_`` after it; none if empty."""
    parameters: Mapping[str, Any]
    """Nominal values under names such as ``layer_1.v_th``; see `values`."""

    @property
    def n_layers(self) -> int:
        """The output is the last."""
        return len(self.rules)

    @property
    def states(self) -> list[str]:
        """Full names of the variables that change: all that chips remember but their weights."""
        layers = [f"layer_{k + 1}.{variable}" for k in range(self.n_layers) for variable in "vu"]
        return [self.called(name) for name in (*layers, "errors.err")]

    def called(self, name: str) -> str:
        """Full name of a group (``layer_1``) or of a variable (``layer_1.v_th``)."""
        return f"{self.name}_{name}" if self.name else name

    def values(self) -> dict[str, Any]:
        """Nominal values by full name, ``weights_K.w`` excepted: what a program's run takes."""
        return {self.called(name): value for name, value in self.parameters.items()}

    def encode(self, weights: Sequence[ArrayLike]) -> dict[str, Floats]:
        """What synapses store, by full name, for `weights` onto each layer: for a program's run.

        Raises
        ------
        ValueError
            If the number of layers or a shape is wrong, or weights are not finite or too large.
        """
        if len(weights) != self.n_layers:
            raise ValueError(f"weights: {len(weights)} given, must be {self.n_layers}, one a layer")
        stored = {}
        for k, (given, rule) in enumerate(zip(weights, self.rules, strict=True), start=1):
            W = _each(f"weights[{k - 1}]", given, (self.n_chips, self.sizes[k], self.sizes[k - 1]))
            w = rule.encode(rule.checked(W))
            stored[self.called(f"weights_{k}.w")] = np.swapaxes(w, 1, 2).ravel()
        return stored

    def weights(self, source: Mapping[str, Any] | Any) -> list[Floats]:
        """Weights onto each layer, (n_chips, target, source) in units of the nominal threshold.

        `source` is a finished run that has read all ``weights_K.w``, or a dictionary with them.
        """
        result = []
        for k, rule in enumerate(self.rules, start=1):
            w = np.asarray(source[self.called(f"weights_{k}.w")])
            shape = (self.n_chips, self.sizes[k - 1], self.sizes[k])
            result.append(np.swapaxes(rule.decode(w).reshape(shape), 1, 2))
        return result


def random_weights(sizes: Sequence[int], seed: int, n_chips: int = 1) -> list[Floats]:
    """Initial weights onto each layer, (n_chips, target, source): normal, with `SCALES`."""
    last = len(sizes) - 1
    return [
        SCALES["output" if k == last else "hidden"]
        * _normal(f"weights {k}", (sizes[k], sizes[k - 1]), seed, n_chips)
        for k in range(1, len(sizes))
    ]


def random_feedback(sizes: Sequence[int], seed: int, n_chips: int = 1) -> list[Floats]:
    """Feedback onto each hidden layer, (n_chips, n_neurons, n_classes): normal, deviation 1."""
    return [
        _normal(f"feedback {k}", (sizes[k], sizes[-1]), seed, n_chips)
        for k in range(1, len(sizes) - 1)
    ]


def _normal(stream: str, shape: tuple[int, int], seed: int, n_chips: int) -> Floats:
    return np.stack([generator(seed, stream, chip).normal(size=shape) for chip in range(n_chips)])


def layered_blueprint(
    sizes: Sequence[int],
    *,
    rules: Sequence[RandomBackpropagation] | None = None,
    n_chips: int = 1,
    feedback: Sequence[ArrayLike],
    tau_m: Quantity = 20 * ms,
    tau_u: Quantity = 20 * ms,
    name: str = "",
) -> LayeredBlueprint:
    """Nominal values of `layered_chips`.

    Parameters
    ----------
    sizes, rules, n_chips, feedback, name
        As in `layered_chips`.
    tau_m, tau_u
        Time constants of membrane and error compartment, second.

    Raises
    ------
    ValueError
        As `layered_chips`.
    """
    sizes = tuple(checks.count(f"sizes[{k}]", size) for k, size in enumerate(sizes))
    if len(sizes) < 2:
        raise ValueError(f"sizes={sizes}: must be inputs, any hidden layers, classes")
    n_chips = checks.count("n_chips", n_chips)
    if rules is None:
        hidden = RandomBackpropagation.hidden()
        rules = [*[hidden] * (len(sizes) - 2), RandomBackpropagation.output()]
    if len(rules) != len(sizes) - 1:
        raise ValueError(f"rules: {len(rules)} given, must be {len(sizes) - 1}, one a layer")
    neuron = {
        "v_th": V_UNIT,
        "tau_m": checks.quantity("tau_m", tau_m, ms),
        "tau_u": checks.quantity("tau_u", tau_u, ms),
    }
    polarity = _polarity(n_chips, sizes[-1])
    parameters: dict[str, Any] = SHARED | {
        "compare.polarity": polarity,
        "teach.polarity": -polarity,
    }
    for k, rule in enumerate(rules, start=1):
        ones = np.ones(n_chips * sizes[k])
        parameters |= {f"layer_{k}.{key}": ones * value for key, value in neuron.items()}
        parameters[f"layer_{k}.t_ref"] = 2 * ms
        parameters[f"weights_{k}.gain"] = np.ones(n_chips * sizes[k - 1] * sizes[k])
        own = check_learns(rule, "feedforward").values(V_UNIT)
        parameters |= {f"weights_{k}.{key}": value for key, value in own.items()}
    parameters |= feedback_values(sizes, n_chips, feedback)
    return LayeredBlueprint(sizes, tuple(rules), n_chips, check_name(name), parameters)


def feedback_values(
    sizes: Sequence[int], n_chips: int, feedback: Sequence[ArrayLike]
) -> dict[str, Floats]:
    """``feedback_K.g`` in the order of the synapses, for `feedback` onto each hidden layer.

    The error neurons of a class have the weight and its opposite; at the output 1 and -1.

    Raises
    ------
    ValueError
        If the number of layers or a shape is wrong, or entries are not finite.
    """
    if len(feedback) != len(sizes) - 2:
        raise ValueError(f"feedback: {len(feedback)} given, must be {len(sizes) - 2}, one a layer")
    values = {}
    for k, given in enumerate(feedback, start=1):
        G = np.swapaxes(_each(f"feedback[{k - 1}]", given, (n_chips, sizes[k], sizes[-1])), 1, 2)
        values[f"feedback_{k}.g"] = np.concatenate([G, -G], axis=1).ravel()
    return values | {f"feedback_{len(sizes) - 1}.g": _polarity(n_chips, sizes[-1])}


def _polarity(n_chips: int, n_classes: int) -> Floats:
    """1 of the error neurons that count outputs up, -1 of the others."""
    return np.tile(np.repeat([1.0, -1.0], n_classes), n_chips)


def _each(name: str, given: ArrayLike, shape: tuple[int, int, int]) -> Floats:
    """`given` of every chip; ValueError if it is of another shape or not finite."""
    array = checks.finite(name, given)
    if array.shape not in (shape, shape[1:]):
        raise ValueError(f"{name} has shape {array.shape}: must be {shape[1:]} or {shape}")
    return np.broadcast_to(array, shape)
