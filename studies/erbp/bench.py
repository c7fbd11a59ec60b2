"""A program of layers: training epoch after epoch, and counting output spikes with weights held."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import Hz, Network, Quantity, SpikeMonitor, StateMonitor, TimedArray, ms
from numpy.typing import ArrayLike

from ebn_brian import devices
from ebn_brian.checks import Floats
from ebn_brian.chips import LayeredBlueprint, layered_chips
from ebn_brian.chips.layers import random_feedback, random_weights
from ebn_brian.devices import Program, Run
from ebn_brian.plasticity import RandomBackpropagation
from ebn_brian.seeds import generator
from ebn_brian.signals.images import Images, input_rates

#: How long an image is shown, and how many times in a row in a test.
PRESENT = 150 * ms
TEST_SLOTS = 2
#: Images of one run of a program.
BLOCK = 2000
#: Learning rate of the first epoch, and the part of it that is left in the last.
ETA, ETA_LAST = 2e-4, 0.02
#: Neurons of the first layer whose membranes a probe records.
RECORDED = 20

Weights = dict[str, Floats]


@dataclass(frozen=True)
class Bench:
    """A program that is shown at most `block` images in a run."""

    program: Program
    blueprint: LayeredBlueprint
    block: int
    timeout: Quantity | None

    @property
    def stored(self) -> list[str]:
        """Names of the weights in a run."""
        return [self.blueprint.called(f"weights_{k + 1}.w") for k in range(self.blueprint.n_layers)]

    def every(self, name: str, value: Any) -> dict[str, Any]:
        """A value of the synapses onto all layers."""
        return {
            self.blueprint.called(f"weights_{k + 1}.{name}"): value
            for k in range(self.blueprint.n_layers)
        }

    def show(
        self,
        values: Mapping[str, Any],
        pixels: Floats,
        labels: ArrayLike,
        seed: int,
        read: Sequence[str],
    ) -> Run:
        """Run from rest while images are shown, each for `PRESENT`, with labels (-1: none)."""
        given = {
            "rate.values": _filled(np.asarray(input_rates(pixels)), self.block, 0.0),
            "shown.values": _filled(np.asarray(labels, float), self.block, -1.0),
        }
        return self.program.run(
            {**self.blueprint.values(), **values, **given},
            duration=PRESENT * len(pixels),
            seed=seed,
            read=read,
            timeout=self.timeout,
        )

    def trained(
        self,
        weights: Weights,
        images: Images,
        epochs: int,
        seed: int,
        values: Mapping[str, Any] | None = None,
        before_epoch: Callable[[Weights], Mapping[str, Any]] = lambda _: {},
        after_epoch: Callable[[int, Weights], None] = lambda *_: None,
    ) -> tuple[Weights, float]:
        """Weights after some epochs, and CPU seconds of an epoch.

        The order of images and the input's spikes are those of `seed`. `before_epoch` gives values
        of the next one, `after_epoch` sees its number, from 1, and the weights.
        """
        cpu = 0.0
        for epoch in range(epochs):
            falling = (1 + np.cos(np.pi * epoch / epochs)) / 2
            now = {
                **(values or {}),
                **self.every("eta", ETA * (ETA_LAST + (1 - ETA_LAST) * falling)),
            }
            now |= before_epoch(weights)
            order = generator(seed, "order", epoch).permutation(len(images))
            for part, first in enumerate(range(0, len(order), self.block)):
                shown = images[order[first : first + self.block]]
                noise = int(generator(seed, "input", epoch, part).integers(2**32))
                run = self.show({**now, **weights}, shown.pixels, shown.labels, noise, self.stored)
                weights = {name: run[name] for name in self.stored}
                cpu += run.cpu_seconds
            after_epoch(epoch + 1, weights)
        return weights, cpu / epochs

    def counts(
        self, weights: Weights, pixels: Floats, seed: int, values: Mapping[str, Any] | None = None
    ) -> Floats:
        """Output spikes (n_chips, n_images, n_classes), each image shown for `TEST_SLOTS`."""
        plan, at_once = self.blueprint, self.block // TEST_SLOTS
        held = {**(values or {}), **weights, **self.every("plastic", 0)}
        n_classes, parts = plan.sizes[-1], []
        for part, first in enumerate(range(0, len(pixels), at_once)):
            shown = np.repeat(pixels[first : first + at_once], TEST_SLOTS, axis=0)
            noise = int(generator(seed, "test input", part).integers(2**32))
            run = self.show(held, shown, np.full(len(shown), -1.0), noise, ["output.i", "output.t"])
            image = image_of(run["output.t"]) // TEST_SLOTS
            counts = np.zeros((len(shown) // TEST_SLOTS, plan.n_chips * n_classes))
            np.add.at(counts, (image, run["output.i"]), 1)
            parts.append(counts.reshape(len(counts), plan.n_chips, n_classes))
        return np.swapaxes(np.concatenate(parts), 0, 1)

    def accuracy(
        self, weights: Weights, images: Images, seed: int, values: Mapping[str, Any] | None = None
    ) -> Floats:
        """Share of images (n_chips,) whose class has the most output spikes."""
        counts = self.counts(weights, images.pixels, seed, values)
        return np.asarray((counts.argmax(axis=2) == images.labels).mean(axis=1))


def image_of(t: Floats) -> np.ndarray:
    """Number of the image that is shown at times `t`, in seconds."""
    step = np.rint(np.asarray(t) / float(1 * ms)).astype(np.int64)
    return step // round(float(PRESENT / ms))


def _filled(values: Floats, length: int, rest: float) -> Floats:
    """`values`, with `rest` up to `length`."""
    filled = np.full((length, *values.shape[1:]), rest)
    filled[: len(values)] = values
    return filled


def initial(blueprint: LayeredBlueprint, seed: int) -> Weights:
    """Random weights, the same for all chips, as the synapses can hold them."""
    drawn = random_weights(blueprint.sizes, seed)
    held = (rule.nearest(W[0]) for rule, W in zip(blueprint.rules, drawn, strict=True))
    return blueprint.encode(list(held))


def build_bench(
    sizes: Sequence[int],
    rules: Sequence[RandomBackpropagation],
    *,
    n_images: int,
    n_chips: int = 1,
    probe: bool = False,
    timeout: Quantity | None = None,
    **where: Any,
) -> Bench:
    """Build layers for a target. A `probe` records more: spikes of all, membranes of a few."""
    block = max(min(n_images, BLOCK), TEST_SLOTS)
    plans: list[LayeredBlueprint] = []

    def make() -> Network:
        drive = TimedArray(np.zeros((block, sizes[0])) * Hz, PRESENT, name="rate")
        label = TimedArray(-np.ones(block), PRESENT, name="shown")
        own = layered_chips(
            sizes,
            drive,
            label,
            rules=rules,
            n_chips=n_chips,
            weights=[np.zeros((n, m)) for m, n in pairwise(sizes)],
            feedback=[G[0] for G in random_feedback(sizes, 0)],
        )
        plans.append(own.blueprint())
        first, output = own.groups["layer_1"], own.groups[f"layer_{own.n_layers}"]
        monitors = [SpikeMonitor(output, name="output")]
        if probe:
            few = range(min(RECORDED, sizes[1]))
            monitors += [
                SpikeMonitor(first, name="hidden"),
                StateMonitor(first, ["v", "u"], record=few, name="membranes"),
                StateMonitor(own.groups["errors"], "err", record=True, name="comparators"),
            ]
        return Network(own.objects, monitors)

    program = devices.build(make, **where)
    return Bench(program, plans[0], block, timeout)
