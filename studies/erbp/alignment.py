"""How the rule's average change of weights lies to the gradient."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import ms

from ebn_brian.checks import Floats
from ebn_brian.signals.images import Images

from .bench import PRESENT, Bench, Weights, image_of

#: Learning rate at which weights as good as stay.
TINY = 1e-9


def angles(
    probe: Bench, weights: Weights, images: Images, seed: int, values: Mapping[str, Any]
) -> Floats:
    """Angles in degrees between the rule's change and the steepest descent, hidden and output.

    The rule's change is that of one presentation of all images at weights that hold still. The
    gradient is that of the squared difference of output and label spikes, of a network of rates:
    spikes of each neuron and image as counted, and a slope of 1 where a neuron spiked. One hidden
    layer.
    """
    spikes = [f"{group}.{which}" for group in ("hidden", "output") for which in "it"]
    given = {**values, **probe.every("eta", TINY)}
    read = [*probe.stored, *spikes]
    run = probe.show({**given, **weights}, images.pixels, images.labels, seed, read)
    before, after = (probe.blueprint.weights(w) for w in (weights, run))
    n, (n_inputs, n_hidden, n_classes) = len(images), probe.blueprint.sizes
    hidden = _counted(run["hidden.i"], run["hidden.t"], n, n_hidden)
    output = _counted(run["output.i"], run["output.t"], n, n_classes)
    n_label = round(float(PRESENT / ms)) / probe.blueprint.values()["label.n_label"]
    error = output - n_label * np.eye(n_classes)[images.labels]
    inputs = np.hstack([images.pixels, np.ones((n, 1))])[:, :n_inputs]
    back = (error @ before[1][0]) * (hidden > 0)
    gradients = [back.T @ inputs, error.T @ hidden]
    changes = [b[0] - a[0] for a, b in zip(after, before, strict=True)]
    return np.array([_angle(a, b) for a, b in zip(changes, gradients, strict=True)])


def _counted(i: np.ndarray, t: Floats, n_images: int, n_neurons: int) -> Floats:
    counts = np.zeros((n_images, n_neurons))
    np.add.at(counts, (image_of(t), i), 1)
    return counts


def _angle(a: Floats, b: Floats) -> float:
    cosine = np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
