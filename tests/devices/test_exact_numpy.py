"""The numpy target takes the C library's functions, as all other targets do."""

import math

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, ms

from ebn_brian import devices
from ebn_brian.devices.exact import EXACT, POWER
from ebn_brian.seeds import generator

N = 20_000


def test_functions_are_those_of_the_c_library():
    rng = generator(1, "exact")
    x, y = np.exp(rng.normal(0, 8, N)), rng.uniform(-2, 2, N)
    for name, values in (("exp", np.clip(x, None, 700) * np.sign(y)), ("log", x)):
        expected = [getattr(math, name)(value) for value in values]
        np.testing.assert_array_equal(EXACT[name](values), expected)
    np.testing.assert_array_equal(POWER(x, y), [math.pow(*pair) for pair in zip(x, y, strict=True)])


def test_whole_numbers_and_single_precision_stay_what_they_are():
    assert POWER(np.array([3, 2]), 2).dtype == np.int64
    assert POWER(np.float32([3, 2]), np.float32(0.5)).dtype == np.float32
    assert EXACT["exp"](np.float32([1])).dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_networks_are_equal_to_the_last_bit(device):
    model = """
    dx/dt = (log(1 + exp(a*x))**b - x)/(10*ms) : 1
    a : 1
    b : 1
    """

    def make_network() -> Network:
        group = NeuronGroup(1000, model, method="rk2", name="group")
        group.x, group.a, group.b = "i/100.", "1 + i/1e3", "0.5 + i/1e3"
        return Network(group)

    ends = [
        devices.build(make_network, target).run(duration=20 * ms, read=["group.x"])["group.x"]
        for target in ("numpy", device)
    ]
    np.testing.assert_array_equal(*ends)
