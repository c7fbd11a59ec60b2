"""The C++ headers that compute: random numbers, exponentials, refractory periods."""

import re
import subprocess
from pathlib import Path

import brian2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ebn_brian.fused
from ebn_brian.devices import STRICT_FLAGS

HERE = Path(ebn_brian.fused.__file__).parent
OBJECTS = Path(brian2.__file__).parent / "devices/cpp_standalone/templates/objects.cpp"

DRAW = """
#include "random.h"
#include <iostream>
// Draws as asked for by two generators, one by one and together; says where they differ.
int main() {
    unsigned long seed;
    std::cin >> seed;
    brian::RandomGenerator single, together;
    single.seed(seed), together.seed(seed);
    std::string function;
    for (int n; std::cin >> function >> n;) {
        std::vector<double> values(n);
        fused::Draws draws(together);
        function == "rand" ? draws.rand(values.data(), n) : draws.randn(values.data(), n);
        for (double value : values)
            if (value != (function == "rand" ? single.rand() : single.randn())) return 1;
    }
    std::cout << single.rand() - together.rand() << " " << single.randn() - together.randn();
}
"""

EXPONENTIALS = """
#include "exact_math.h"
#include <iostream>
namespace exact = fused::exact;
int main() {
    std::cout << exact::is_the_librarys();
    const auto wrong = [](double ours, double librarys) {
        return exact::bits(ours) != exact::bits(librarys) && (ours == ours || librarys == librarys);
    };
    int n_wrong = 0;
    for (double x; std::cin >> x;)
        n_wrong += wrong(exact::exp(x), std::exp(x)) + wrong(exact::expm1(x), std::expm1(x)) +
                   wrong(exact::pow(x, 3), std::pow(x, 3)) +
                   wrong(exact::pow(x, 4), std::pow(x, 4)) +
                   wrong(exact::pow(x, -1.5), std::pow(x, -1.5)) +
                   wrong(exact::pow(x, 0.025), std::pow(x, 0.025));
    std::cout << " " << n_wrong;
}
"""

REFRACTORY = """
#include "refractory.h"
#include <cmath>
#include <iostream>
static inline int64_t count(double t, double dt) { return (int64_t)((t + 1e-3*dt)/dt); }
int main() {
    fused::Refractory period;
    double dt, since;
    for (int64_t steps; std::cin >> steps >> dt >> since;) {
        period.set(steps, dt, count);
        const double infinity = std::numeric_limits<double>::infinity();
        for (double end : {since, period.first, period.last, steps * dt})
            for (double x : {end, std::nextafter(end, infinity), std::nextafter(end, -infinity)})
                if (period.over(x) != (count(x, dt) >= steps)) return 1;
    }
}
"""


def compiled(text, folder):
    """A function that gives a program its input and returns what it prints."""
    generator = re.search(r"class RandomGenerator {.*?^};", OBJECTS.read_text(), re.S | re.M)
    (folder / "objects.h").write_text(
        "#pragma once\n#include <random>\n#include <vector>\n#include <iostream>\n"
        f"namespace brian {{\n{generator[0]}\n}}\n"
    )
    (folder / "probe.cpp").write_text(text)
    command = ["g++", *STRICT_FLAGS, f"-I{HERE}", "-I.", "probe.cpp", "-o", "probe"]
    subprocess.run(command, cwd=folder, check=True)

    def run(given):
        return subprocess.run(
            [folder / "probe"], input=given, capture_output=True, text=True, check=True
        ).stdout

    return run


@pytest.fixture(scope="module")
def draws(tmp_path_factory):
    return compiled(DRAW, tmp_path_factory.mktemp("draws"))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(
        st.tuples(st.sampled_from(["rand", "randn"]), st.integers(0, 1500)), min_size=1, max_size=8
    ),
)
def test_numbers_drawn_together_are_those_drawn_one_by_one(draws, seed, asked):
    """Whatever is left of a pair, and wherever the twister stands."""
    answer = draws("\n".join([str(seed), *(f"{function} {n}" for function, n in asked)]))
    assert answer == "0 0"


def test_exponentials_are_the_librarys(tmp_path):
    rng = np.random.default_rng(1)
    x = np.concatenate(
        [
            *(scale * rng.uniform(-1, 1, 20_000) for scale in (1e-3, 1, 40, 760)),
            rng.uniform(-746, -707, 20_000),
            *(edge + rng.uniform(-1e-3, 1e-3, 2000) for edge in (0.34657, 1.03972, 709.78, -38.8)),
        ]
    )
    special = "0.0 -0.0 1e-20 -1e-20 5e-324 1e308 -1e308 -745.1332191019411 709.782712893384"
    answer = compiled(EXPONENTIALS, tmp_path)("\n".join([special, *map(repr, x.tolist())]))
    if answer.startswith("0"):
        pytest.skip("this C library computes exponentials otherwise, and is called")
    assert answer == "1 0"


def test_a_refractory_period_ends_where_brian2_counts_its_steps(tmp_path):
    rng = np.random.default_rng(2)
    cases = ["50 0.0001 0.005", "1 0.0001 10000", "0 0.0001 -1e-4", "-3 0.0001 0"]
    for steps in rng.integers(1, 3000, 300):
        dt = rng.choice([1e-4, 5e-5, 1e-3, 2.5e-5, rng.uniform(1e-6, 1e-2)])
        cases.append(f"{steps} {dt!r} {dt * (steps + rng.uniform(-2, 2))!r}")
    compiled(REFRACTORY, tmp_path)("\n".join(cases))
