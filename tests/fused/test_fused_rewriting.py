"""What is done to Brian2's text of a loop, and what is left as it is."""

import pytest
from brian2 import Network, NeuronGroup, ms
from fused_helpers import group, spikes, written

from ebn_brian.fused.rewriting import exact, refractory


def test_refractory():
    text = ["not_refractory = _timestep(t - lastspike, dt) >= _lio_3;", "x = y;"]
    steps, code = refractory(text)
    assert steps == "_lio_3"
    assert code == ["not_refractory = _refractory.over(t - lastspike);", "x = y;"]
    other = ["not_refractory = _timestep(t - lastspike, dt) >= _timestep(period, dt);"]
    assert refractory(other) == ("", other)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = exp(a)*_exprel(b);", ["x = fused::exact::exp(a)*fused::exact::exprel(b);"]),
        ("x = exp(a) + log(b);", []),  # would not be vectorised
        (
            "x = _brian_pow(a + _brian_pow(exp(b), 0.25), 2)*(_brian_pow(c, - 3));",
            [
                "x = fused::exact::square(a + fused::exact::pow(fused::exact::exp(b), 0.25))"
                "*(fused::exact::pow(c, -3));"
            ],
        ),
        ("x = _brian_pow(a, 0.5);", []),  # compilers may take the root
        ("x = exp(a)*_brian_pow(a, b);", []),
        ("x = my_exp(a);", []),
        ("x = y;", []),
    ],
)
def test_exact(line, expected):
    assert exact([line]) == expected


@pytest.mark.parametrize(
    ("model", "threshold", "drawn"),
    [
        ("dv/dt = -v/(5*ms) + xi/ms**0.5 : 1", "v > 1", ["randn"]),
        ("dv/dt = -v/(5*ms) + 2*xi_a/ms**0.5 + xi_b/ms**0.5 : 1", "v > 1", ["randn"]),
        ("v : 1", "rand() < 0.1", ["rand"]),
        ("v : 1", "rand() < 0.1 and v < 2", ["rand"]),
        ("v : 1", "v < 2 and rand() < 0.1", []),  # not drawn where the first does not hold
        ("v : 1", "rand() + randn() < 0.1", []),  # in one order or the other
        ("v : 1", "rand() + rand() < 0.1", []),
    ],
)
def test_what_is_drawn_together(model, threshold, drawn, tmp_path):
    def make():
        neurons = NeuronGroup(9, model, threshold=threshold, reset="", method="euler", name="a")
        return Network(neurons)

    code = written(make, tmp_path)
    assert [n for n in ("rand", "randn") if f"random_generators[0]).{n}(" in code] == drawn
    assert ("_drawn[" in code) == bool(drawn)


def test_a_condition_beside_a_refractory_period_has_no_branch(tmp_path):
    def make():
        neurons = group(300, refractory=1 * ms)
        return Network(neurons, spikes(neurons))

    code = written(make, tmp_path)
    assert "_refractory.over(t - lastspike)" in code
    assert "const bool _cond = (v > 1) & " in code
