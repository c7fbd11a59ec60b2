"""Noise-free chips have the same spikes and weights to the last bit, on any target."""

import numpy as np
import pytest
from brian2 import ms
from device_helpers import DURATION, ENOUGH, assert_same, chips_network

from ebn_brian import devices


class TestEquality:
    """`program` is that of every target."""

    def test_with_numpy(self, program, on_numpy):
        assert len(on_numpy["spikes.i"]) > 2000
        run = program.run(duration=DURATION, read=ENOUGH)
        assert_same(run, on_numpy)
        assert not np.array_equal(
            run["recurrent.w"], program.run(duration=1 * ms, read=ENOUGH)["recurrent.w"]
        )

    @staticmethod
    def assert_same_first_chip(one, other):
        first = [
            (
                run["spikes.i"][run["spikes.i"] < 20],
                run["spikes.t"][run["spikes.i"] < 20],
                run["recurrent.w"][: 20 * 19],
                run["neurons.v"][:20],
            )
            for run in (one, other)
        ]
        for ours, theirs in zip(*first, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_a_chip_alone(self, on_numpy):
        alone = devices.build(chips_network(1), "numpy").run(duration=DURATION, read=ENOUGH)
        self.assert_same_first_chip(alone, on_numpy)

    @pytest.mark.slow
    @pytest.mark.parametrize("n_chips", [1, 1000])
    def test_batches(self, n_chips, on_numpy):
        """One chip, and a thousand, beside the 20 of all other tests."""
        program = devices.build(chips_network(n_chips), "cpp_standalone")
        batch = program.run(duration=DURATION, read=ENOUGH)
        assert len(batch["neurons.v"]) == 20 * n_chips
        self.assert_same_first_chip(batch, on_numpy)

    @pytest.mark.slow
    def test_cython(self, on_numpy):
        program = devices.build(chips_network(), "cython")
        assert_same(program.run(duration=DURATION, read=ENOUGH), on_numpy)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "options",
        [{"synapse": "exponential"}, {"reset": "subtractive", "greedy": False}],
        ids=str,
    )
    def test_variants(self, options):
        runs = [
            devices.build(chips_network(2, **options), device).run(duration=DURATION, read=ENOUGH)
            for device in ("numpy", "cpp_standalone")
        ]
        assert_same(*runs)
