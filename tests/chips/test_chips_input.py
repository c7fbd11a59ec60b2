"""Input that chips of LIF neurons and of DPI neurons refuse alike."""

import numpy as np
import pytest
from brian2 import Hz, TimedArray, mV
from helpers import DT, one_direction, silent, timed

from ebn_brian.chips import dpi_chips, lif_chips
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.rule import Rule

RULE = DiscreteRule.calm(n_bits=6)
D4, O4 = one_direction(4), np.zeros((4, 4))


class Slow(Rule):
    modifies = "slow"


BAD = [
    ({"D": np.ones(4)}, r"D has shape \(4,\)"),
    ({"D": np.ones((1, 2, 2, 4))}, r"D has shape \(1, 2, 2, 4\)"),
    ({"D": one_direction(0)}, r"D has shape \(2, 0\)"),
    ({"D": np.ones((0, 4))}, r"D has shape \(0, 4\)"),
    ({"D": np.full((2, 4), np.nan)}, "D contains nan or inf"),
    ({"D": [[1, 0, 1, 1], [0, 0, 0, 0]]}, r"D has a column of zeros \(at \[1\]\)"),
    ({"D": one_direction(5)}, r"Omega has shape \(4, 4\): must be \(5, 5\) or \(1, 5, 5\)"),
    ({"Omega": np.zeros((4, 3))}, r"Omega has shape \(4, 3\): must be \(4, 4\)"),
    ({"Omega": np.zeros(4)}, r"Omega has shape \(4,\)"),
    ({"Omega": np.full((4, 4), np.inf)}, "Omega contains nan or inf"),
    (
        {"D": np.ones((2, 2, 4)), "Omega": np.zeros((3, 4, 4))},
        r"Omega has shape \(3, 4, 4\): must be \(4, 4\) or \(2, 4, 4\), since D has shape",
    ),
    ({"Omega": np.zeros((3, 4, 4)), "n_chips": 2}, r"must be \(4, 4\) or \(2, 4, 4\)"),
    ({"D": np.ones((2, 2, 4)), "n_chips": 3}, r"D has shape \(2, 2, 4\): .*n_chips=3"),
    ({"n_chips": 0}, "n_chips=0: must be a whole number of at least 1"),
    ({"n_chips": -2}, "n_chips=-2: must be a whole number of at least 1"),
    ({"n_chips": 1.5}, "n_chips=1.5: must be a whole number of at least 1"),
    ({"drive": timed(np.zeros((10, 3)))}, r"drive has shape \(10, 3\).*\(n_steps, 2\)"),
    ({"drive": TimedArray(np.zeros(10) * Hz, DT)}, r"drive has shape \(10,\)"),
    ({"drive": np.zeros((10, 2)) * Hz}, "drive.*must be a TimedArray"),
    ({"drive": None}, "drive has shape None: must be a TimedArray"),
    ({"drive": timed(np.full((10, 2), np.nan))}, "drive contains nan"),
    ({"drive": TimedArray(np.zeros((10, 2)) * mV, DT)}, "drive: must be in hertz"),
    ({"drive": TimedArray(np.zeros((10, 2)), DT)}, "drive: must be in hertz"),
    ({"kappa": 0}, "kappa=0: must be finite and positive"),
    ({"kappa": -1}, "kappa=-1"),
    ({"kappa": np.nan}, "kappa=nan"),
    ({"kappa": np.inf}, "kappa=inf"),
    ({"rule": DiscreteRule(0.04, kappa=0)}, "kappa=0: must be finite and positive"),
    ({"rule": Slow()}, "rule=.*: learns slow weights, must learn fast ones"),
    *[
        ({"name": name}, f"name='{name}': must be small letters, digits and _")
        for name in ("A", "a b", "1a", "_a", "a.b")
    ],
    (
        {"rule": RULE, "Omega": np.eye(4)[::-1] * 0.1},
        r"Omega\[0, 0, 3\] is 2.5 steps: .*whole multiples of its step, 0.04",
    ),
    (
        {"rule": DiscreteRule(0.04, n_bits=4), "Omega": np.eye(4)[::-1] * -0.32},
        r"Omega reaches 0.32: the rails of the rule are at \+-0.28",
    ),
]


@pytest.mark.parametrize("make", [lif_chips, dpi_chips])
@pytest.mark.parametrize(("changed", "message"), BAD, ids=[message for _, message in BAD])
def test_impossible_input_is_refused(make, changed, message):
    arguments = {"D": D4, "Omega": O4, "drive": silent()} | changed
    with pytest.raises(ValueError, match=message):
        make(arguments.pop("D"), arguments.pop("Omega"), arguments.pop("drive"), **arguments)
