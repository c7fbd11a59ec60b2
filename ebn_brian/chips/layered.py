"""Layers of neurons that learn to classify, many chips in one group, by random feedback of errors.

All chips see the same input spikes and labels. The schedule of a time step::

    thresholds          spikes of inputs, layers, labels and error neurons
    synapses -2         learn: reads membrane and error compartment, changes the weight
    synapses -1         act: adds the weight to the membrane
    synapses  0         outputs and labels move error neurons, these the error compartments
    resets              subtractive
    after_resets        no error neuron is below its floor

Equations: `equations.erbp`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from brian2 import BrianObject, Clock, Hz, NeuronGroup, Quantity, Synapses, TimedArray, ms, second
from brian2.units.fundamentalunits import DIMENSIONLESS, get_dimensions
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Integers
from ..equations import erbp
from .layers import LayeredBlueprint, layered_blueprint
from .layout import all_to_all
from .lif import V_UNIT


@dataclass(frozen=True)
class LayeredChips(LayeredBlueprint):
    """Ordinary Brian2 objects; ``Network(chips.objects)`` simulates them."""

    groups: Mapping[str, Any]
    """Neurons and synapses by their names in the blueprint: ``layer_1``, ``weights_1``, ..."""
    others: tuple[BrianObject, ...] = ()

    @property
    def objects(self) -> list[BrianObject]:
        """All of them."""
        return [*self.groups.values(), *self.others]

    def blueprint(self) -> LayeredBlueprint:
        """What these layers were made from."""
        return LayeredBlueprint(**{f.name: getattr(self, f.name) for f in fields(LayeredBlueprint)})


def layered_chips(
    sizes: Sequence[int],
    drive: TimedArray,
    label: TimedArray,
    *,
    weights: Sequence[ArrayLike],
    settle: Quantity = 38 * ms,
    dt: Quantity = 1 * ms,
    **options: Any,
) -> LayeredChips:
    """Layers that learn the classes of what they are shown, all-to-all from each to the next.

    Parameters
    ----------
    sizes
        Number of inputs, of neurons in every hidden layer, of classes: ``(65, 100, 10)``.
    drive
        Rates of the inputs, (n_images, n_inputs) in hertz, or spikes, (n_steps, n_inputs), 1 where
        one is.
    label
        Class of every image, (n_images,), -1 for none; its ``dt`` is how long each is shown.
    weights
        Initial weights onto each layer, (n_chips, target, source) or one for all chips, in units of
        the threshold (see `random_weights`).
    settle, dt
        Time without learning after a new image; time step.
    options
        `rules` (default: the working points), `n_chips`, `feedback` (onto each hidden layer,
        (n_chips, n_neurons, n_classes) or one for all chips), `tau_m`, `tau_u` and `name` of
        `layered_blueprint`.

    Raises
    ------
    ValueError
        If a parameter has a wrong shape or unit, is not finite or not positive; images and labels
        do not go together in time; or weights are beyond the rails of their rule.
    """
    blueprint = layered_blueprint(sizes, **options)
    _check_shown(blueprint, drive, label)
    timing = {
        "n_present": checks.whole_steps("label.dt", label.dt * second, dt),
        "n_settle": checks.whole_steps("settle", settle, dt, zero=True),
    }
    _check_timing(drive, label, dt, **timing)
    stored = blueprint.encode(weights)
    clock = Clock(dt, name=blueprint.called("layers_clock"))
    groups: dict[str, Any] = _neurons(blueprint, clock, drive, label)
    groups |= _weights(blueprint, groups, timing) | _errors(blueprint, groups)
    for name, value in {**blueprint.parameters, **stored}.items():
        group, _, variable = name.removeprefix(blueprint.called("")).partition(".")
        setattr(groups[group], variable, value)
    floor = groups["errors"].run_regularly(
        erbp.ERROR_FLOOR, when="after_resets", name=blueprint.called("error_floor")
    )
    return LayeredChips(**vars(blueprint), groups=groups, others=(floor,))


def _check_shown(plan: LayeredBlueprint, drive: Any, label: Any) -> None:
    """ValueError if `drive` or `label` are not what layers of these sizes can be shown."""
    shape: tuple[int, ...] = getattr(drive, "values", np.empty(0)).shape
    if len(shape) != 2 or shape[1] != plan.sizes[0]:
        raise ValueError(
            f"drive has shape {shape}: must be a TimedArray (n_images, {plan.sizes[0]}), one "
            "column an input"
        )
    if (least := checks.finite("drive", drive.values).min(initial=0)) < 0:
        raise ValueError(f"drive: its least value is {least:g}, must be at least 0")
    if get_dimensions(drive) not in (DIMENSIONLESS, Hz.dim):
        raise ValueError("drive: must be in hertz, or spikes without a unit")
    n_classes = plan.sizes[-1]
    classes = checks.finite("label", getattr(label, "values", np.nan))
    if classes.ndim != 1 or not np.isin(classes, np.arange(-1, n_classes)).all():
        raise ValueError(f"label: must be (n_images,), whole numbers from -1 to {n_classes - 1}")


def _check_timing(
    drive: TimedArray, label: TimedArray, dt: Quantity, n_present: int, n_settle: int
) -> None:
    """ValueError if images and labels do not change together, or there is no time to learn."""
    if n_settle >= n_present:
        raise ValueError(f"settle: {n_settle} steps, must be less than the {n_present} of an image")
    spikes = get_dimensions(drive) is DIMENSIONLESS
    lasts, wanted = float(drive.dt), float(dt) if spikes else float(label.dt)
    if abs(lasts - wanted) > 1e-3 * float(dt):
        other = "dt" if spikes else "label.dt"
        raise ValueError(f"drive.dt={lasts:g} s: must be {other}={wanted:g} s")
    if not spikes and len(drive.values) != len(label.values):
        raise ValueError(f"drive has {len(drive.values)} images, label {len(label.values)}")


def _neurons(
    plan: LayeredBlueprint, clock: Clock, drive: TimedArray, label: TimedArray
) -> dict[str, NeuronGroup]:
    """Groups of inputs, labels, error neurons and layers."""
    mode = "given" if get_dimensions(drive) is DIMENSIONLESS else "bernoulli"
    given = {"rate" if mode == "bernoulli" else "spikes": drive}
    n_classes = plan.sizes[-1]
    kinds = {
        "source": (plan.sizes[0], "", erbp.INPUT[mode], "", given),
        "label": (n_classes, erbp.LABEL, erbp.LABEL_THRESHOLD, "", {"label": label}),
        "errors": (
            *(2 * n_classes * plan.n_chips, erbp.ERROR),
            *(erbp.ERROR_THRESHOLD, erbp.ERROR_RESET, {}),
        ),
    }
    groups = {
        name: NeuronGroup(
            size,
            model,
            threshold=threshold,
            reset=reset,
            namespace=namespace,
            clock=clock,
            name=plan.called(name),
        )
        for name, (size, model, threshold, reset, namespace) in kinds.items()
    }
    for k, size in enumerate(plan.sizes[1:], start=1):
        groups[f"layer_{k}"] = NeuronGroup(
            plan.n_chips * size,
            erbp.NEURON,
            threshold=erbp.THRESHOLD,
            reset=erbp.RESET,
            refractory=erbp.REFRACTORY,
            method="euler",
            clock=clock,
            name=plan.called(f"layer_{k}"),
        )
    return groups


def _weights(
    plan: LayeredBlueprint, groups: Mapping[str, NeuronGroup], timing: Mapping[str, int]
) -> dict[str, Synapses]:
    """Learned weights onto every layer; all chips have the inputs in common."""
    result = {}
    for k, rule in enumerate(plan.rules, start=1):
        synapses = _synapses(
            plan,
            f"weights_{k}",
            groups["source" if k == 1 else f"layer_{k - 1}"],
            groups[f"layer_{k}"],
            all_to_all(plan.n_chips, plan.sizes[k - 1], plan.sizes[k], shared=k == 1),
            rule.model(V_UNIT),
            on_pre={
                "learn": rule.decide(erbp.STATE) + erbp.AFTER_ONSET + rule.change,
                "act": erbp.ACT.format(w=rule.acting),
            },
            delay={"learn": 0 * ms, "act": 0 * ms},
            namespace=dict(timing),
        )
        synapses.learn.order, synapses.act.order = -2, -1
        result[f"weights_{k}"] = synapses
    return result


def _errors(plan: LayeredBlueprint, groups: Mapping[str, Any]) -> dict[str, Synapses]:
    """What moves the error neurons, and their feedback."""
    n_classes, n, errors = plan.sizes[-1], plan.n_layers, groups["errors"]
    error = np.arange(2 * n_classes * plan.n_chips)
    shown = error % n_classes
    output = error // (2 * n_classes) * n_classes + shown
    compare = {"model": erbp.COMPARE_MODEL, "on_pre": erbp.COMPARE}
    feedback = {"model": erbp.FEEDBACK_MODEL, "on_pre": erbp.FEEDBACK}
    wires: dict[str, tuple[Any, Any, Any, dict[str, str]]] = {
        "compare": (groups[f"layer_{n}"], errors, (output, error), compare),
        "teach": (groups["label"], errors, (shown, error), compare),
        f"feedback_{n}": (errors, groups[f"layer_{n}"], (error, output), feedback),
    }
    for k in range(1, n):
        pairs = all_to_all(plan.n_chips, 2 * n_classes, plan.sizes[k])
        wires[f"feedback_{k}"] = (errors, groups[f"layer_{k}"], pairs, feedback)
    return {
        name: _synapses(plan, name, source, target, pairs, **text, delay=0 * ms)
        for name, (source, target, pairs, text) in wires.items()
    }


def _synapses(
    plan: LayeredBlueprint,
    name: str,
    source: NeuronGroup,
    target: NeuronGroup,
    pairs: tuple[Integers, Integers],
    model: str,
    **options: Any,
) -> Synapses:
    synapses = Synapses(
        source, target, model, clock=target.clock, name=plan.called(name), **options
    )
    synapses.connect(i=pairs[0], j=pairs[1])
    return synapses
