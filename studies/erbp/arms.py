"""The arms of the study: ways to learn, weights of few bits, devices with mismatch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ebn_brian.chips.layers import feedback_values, random_feedback
from ebn_brian.mismatch import spread
from ebn_brian.plasticity import RandomBackpropagation
from ebn_brian.seeds import generator

from ..lab.store import Arrays
from .alignment import angles
from .baselines import BASELINES, baseline
from .bench import Bench, Weights, initial
from .data import Task

#: Arms, and the program that each runs on.
ARMS = {
    "float": "float",
    "mismatch": "mismatch",
    "dac": "dac",
    "frozen": "float",
    "logistic": "",
    "mlp": "",
    "deep": "deep",
    "concordant": "float",
    "coarse": "coarse",
}
#: Arms of weights with few bits: through a DAC beside a fine counter, or a few levels alone.
QUANTISED = {"dac": "fine", "coarse": "coarse"}
#: Epochs after which accuracy and angles are measured.
CHECKED = (1, 2, 5, 10, 20, 30)
#: Images whose gradient is taken.
N_GRADIENT = 360


@dataclass(frozen=True)
class Lab:
    """Programs by kind, images, and what all arms share."""

    benches: Mapping[str, Bench]
    task: Task
    epochs: int
    cvs: tuple[float, ...]
    """Mismatch of the chips of the group, 0 first."""
    bits: tuple[int, ...]


def layer_rules(
    n_hidden: int, n_bits: int | None = None, stored: str = "fine"
) -> list[RandomBackpropagation]:
    """Working points of hidden layers and output."""
    options: dict[str, Any] = {"n_bits": n_bits, "stored": stored}
    hidden = RandomBackpropagation.hidden(**options)
    return [*[hidden] * n_hidden, RandomBackpropagation.output(**options)]


def checked_epochs(epochs: int) -> list[int]:
    """Those of `CHECKED` that there are, 0 and the last."""
    return sorted({0, epochs, *(e for e in CHECKED if e < epochs)})


def run_arm(lab: Lab, arm: str, bits: int, seed: int) -> Arrays:
    """Accuracy on the test images, and more where the arm has more, as arrays."""
    if arm in BASELINES:
        n_hidden = lab.benches["float"].blueprint.sizes[1]
        return {"accuracy": np.array(baseline(arm, lab.task, n_hidden, seed))}
    bench = lab.benches[ARMS[arm]]
    own = {"float": _float, "mismatch": _mismatch}
    if arm in own:
        return own[arm](lab, bench, seed)
    values = feedback(bench, seed)
    weights = initial(bench.blueprint, seed)
    before: Callable[[Weights], Mapping[str, Any]] = _nothing
    if arm in QUANTISED:
        rules = [replace(rule, n_bits=bits) for rule in bench.blueprint.rules]
        plan = replace(bench.blueprint, rules=tuple(rules))
        weights = initial(plan, seed)
        values |= {f"weights_{k}.level": rule.level for k, rule in enumerate(rules, start=1)}
    if arm == "frozen":
        values["weights_1.plastic"] = 0
    if arm == "concordant":
        before = partial(concordant, bench, seed)
    weights, cpu = bench.trained(weights, lab.task.training, lab.epochs, seed, values, before)
    accuracy = bench.accuracy(weights, lab.task.test, seed, values)
    return {"accuracy": accuracy[0], "cpu": np.array(cpu)}


def feedback(bench: Bench, seed: int) -> dict[str, Any]:
    """Values of the random feedback of a seed, the same for all chips."""
    plan = bench.blueprint
    given = [G[0] for G in random_feedback(plan.sizes, seed)]
    return dict(feedback_values(plan.sizes, plan.n_chips, given))


def _nothing(_weights: Weights) -> dict[str, Any]:
    """No other values in the next epoch."""
    return {}


def concordant(bench: Bench, seed: int, weights: Weights) -> dict[str, Any]:
    """Values of feedback with the signs of the weights onto the output, one hidden layer."""
    plan = bench.blueprint
    G = np.abs(random_feedback(plan.sizes, seed)[0])
    signs = np.sign(np.swapaxes(plan.weights(weights)[1], 1, 2))
    return dict(feedback_values(plan.sizes, plan.n_chips, [G * signs]))


def _float(lab: Lab, bench: Bench, seed: int) -> Arrays:
    """Learning on an ideal device, with angles and accuracy on the way; weights rounded at last."""
    values, test, training = feedback(bench, seed), lab.task.test, lab.task.training
    some = training[generator(seed, "gradient").permutation(len(training))[:N_GRADIENT]]
    wanted, probe = checked_epochs(lab.epochs), lab.benches["probe"]
    curve, angle = [], []

    def check(epoch: int, weights: Weights) -> None:
        if epoch in wanted:
            curve.append(bench.accuracy(weights, test, seed, values)[0])
            angle.append(angles(probe, weights, some, seed, values))

    weights = initial(bench.blueprint, seed)
    check(0, weights)
    weights, cpu = bench.trained(weights, training, lab.epochs, seed, values, after_epoch=check)
    counts = bench.counts(weights, test.pixels, seed, values)[0]
    rounded = [bench.accuracy(_rounded(bench, weights, b), test, seed, values)[0] for b in lab.bits]
    return {
        "accuracy": np.array(curve[-1]),
        "cpu": np.array(cpu),
        "curve": np.array(curve),
        "angle": np.array(angle),
        "rounded": np.array(rounded),
        "predicted": counts.argmax(axis=1),
        "hidden_weights": bench.blueprint.weights(weights)[0][0],
        **_traces(lab, weights, seed, values),
    }


def _rounded(bench: Bench, weights: Weights, bits: int) -> Weights:
    """Weights on the levels of a DAC."""
    plan = bench.blueprint
    rules = layer_rules(plan.n_layers - 1, bits)
    pairs = zip(rules, plan.weights(weights), strict=True)
    return plan.encode([rule.nearest(W) for rule, W in pairs])


def _traces(lab: Lab, weights: Weights, seed: int, values: Mapping[str, Any]) -> Arrays:
    """Membranes and error neurons while images are shown, at the end and at the beginning."""
    probe, shown = lab.benches["probe"], lab.task.training[:5]
    names = ("membranes.v", "membranes.u", "comparators.err", "hidden.i", "hidden.t")
    arrays: dict[str, Any] = {}
    for when, w in (("before", initial(probe.blueprint, seed)), ("after", weights)):
        given = {**values, **w, **probe.every("plastic", 0)}
        run = probe.show(given, shown.pixels, shown.labels, seed, names)
        arrays |= {f"{name.replace('.', '_')}_{when}": run[name] for name in names}
    return arrays


def _mismatch(lab: Lab, bench: Bench, seed: int) -> Arrays:
    """Chips of several CVs in one group: learned on each, and copied from the first, ideal one."""
    values = unlike(bench, lab.cvs, seed)
    start = initial(bench.blueprint, seed)
    weights, cpu = bench.trained(start, lab.task.training, lab.epochs, seed, values)
    ideal = [W[0] for W in bench.blueprint.weights(weights)]
    copied = bench.blueprint.encode(ideal)
    return {
        "learned": bench.accuracy(weights, lab.task.test, seed, values),
        "copied": bench.accuracy(copied, lab.task.test, seed, values),
        "cpu": np.array(cpu),
    }


def unlike(bench: Bench, cvs: tuple[float, ...], seed: int) -> dict[str, Any]:
    """Values of one device at each CV: every threshold, time constant, feedback and gain."""
    plan, values = bench.blueprint, {**bench.blueprint.values(), **feedback(bench, seed)}
    names = [
        name
        for k in range(1, plan.n_layers + 1)
        for name in (
            *(f"layer_{k}.{variable}" for variable in ("v_th", "tau_m", "tau_u")),
            *(f"feedback_{k}.g", f"weights_{k}.gain"),
        )
    ]
    result = {name: np.array(values[name], copy=True) for name in names}
    for chip, cv in enumerate(cvs):
        if cv:
            drawn = spread(values, dict.fromkeys(names, cv), seed=seed, chips=[0] * len(cvs))
            for name in names:
                part = np.array_split(np.arange(len(result[name])), len(cvs))[chip]
                result[name][part] = np.asarray(drawn[name])[part]
    return result
