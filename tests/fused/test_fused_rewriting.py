"""What is done to Brian2's text of a loop, and what is left as it is."""

import pytest
from brian2 import Network, NeuronGroup, ms
from fused_helpers import group, spikes, written

from ebn_brian.fused.reciprocals import reciprocals
from ebn_brian.fused.rewriting import exact, of_source, refractory, signs_outside


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = (dt * ((- I) * rate)) + I;", "x = (dt * (- (I * rate))) + I;"),
        ("x = (dt * ((- I) / tau)) + I;", "x = (dt * (- (I / tau))) + I;"),
        ("x = (- I) + rate;", "x = (- I) + rate;"),
        ("x = ((- I) * (a + b));", "x = ((- I) * (a + b));"),
        ("x = ((- k) * rate);", "x = ((- k) * rate);"),  # of 0 there is no negative
        ("x = ((- g) * rate);", "x = (- (g * rate));"),
    ],
)
def test_signs_outside(text, expected):
    known = ["double I = _ptr_I[_idx];\nconst int32_t k = _ptr_k[_idx];"]
    assert signs_outside([*known, text], ["const float g = 1.5;"]) == [*known, expected]


def test_of_source():
    text = [
        "const int32_t _postsynaptic_idx = _ptr_post[_idx];\n"
        "const int32_t _presynaptic_idx = _ptr_pre[_idx];",
        "const double v_pre = _ptr_v[_presynaptic_idx];",
        "double x_pre = _ptr_x[_presynaptic_idx];",  # is written
        "const double v_post = _ptr_v[_postsynaptic_idx];",
    ]
    same, rest = of_source(text)
    assert same == ["const int32_t _presynaptic_idx = _ptr_pre[_idx];", text[1]]
    wide = "const int64_t _postsynaptic_idx = _ptr_post[_idx];"
    assert rest == [wide, text[2], text[3]]


def test_reciprocals():
    """Of the neurons' own constants and of numbers, not of what changes or is a function."""
    code = [
        "const double tau = _ptr_array_a_tau[_idx];\nconst double th = _ptr_array_a_th[_idx];",
        "const int32_t i = _ptr_array_a_i[_idx];",
        "double v = _ptr_array_a_v[_idx];",
        "n = int_(x/tau);",  # whose last bit makes all the difference
        "const bool late = x/tau >= 1;",
        "v = v + 1.0f*(dt*(- v))/tau + x/th - v/tau_s + x/exp(v) + x/(v + tau) + x/i + y/tau; "
        "// tau of y/tau",
    ]
    numbers = ["const double tau_s = 0.01;", "const int64_t N = 3;"]
    product, before, arrays = reciprocals(code, numbers, "a", {"_array_a_th", "_array_a_v"})
    assert product[-1] == (
        "v = v + 1.0f*(dt*(- v))*_per_tau + x/th - v*_per_tau_s + x/exp(v) + x/(v + tau) + x/i"
        " + y*_per_tau; "
    )
    assert product[-3:-1] == ["n = int_(x/tau);", "const bool late = x/tau >= 1;"]
    assert product[0] == "const double _per_tau = _per_array_a_tau[_idx];"
    assert before == ["const double _per_tau_s = 1/tau_s;"]
    assert [(a.name, a.inverse_of, a.owner) for a in arrays] == [
        ("_per_array_a_tau", "_array_a_tau", "a")
    ]
