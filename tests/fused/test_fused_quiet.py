"""Steps without events: which networks have them, and the C++ that goes from event to event."""

import subprocess

import numpy as np
import pytest
from fused_cases import CASES
from fused_helpers import probe_program, written
from hypothesis import given, settings
from hypothesis import strategies as st

from ebn_brian.devices import STRICT_FLAGS

NO_AVX512 = ("-mno-avx512f",)

LANES = """
#include <iostream>
#include "brianlib/lanes.h"
template <class T> void look() {
    const int N = fused::WIDTH<T>;
    fused::Marks<T, N> marks;
    for (int k = 0; k < N; k++) {
        int64_t mark;
        std::cin >> mark;
        marks.mark[k] = mark;
    }
    std::cout << marks.any();
    marks.for_each([&](int k) { std::cout << " " << k; });
    std::cout << "\\n";
}
int main() {
    int bytes;
    while (std::cin >> bytes)
        if (bytes == 4) look<int32_t>();
        else look<int64_t>();
}
"""

#: Delivers in every step, and where something is raised or due alone.
DELAY = """
#include "brianlib/fused.h"
int main() {
    int64_t delay;
    int n_steps;
    std::cin >> delay >> n_steps;
    fused::Delay steady, leaping;
    for (int64_t step = 0; step < n_steps; step++) {
        int32_t n;
        std::cin >> n;
        std::vector<int32_t> index(n);
        for (auto& i : index) std::cin >> i;
        const fused::Events raised{index.data(), n};
        const fused::Events one = steady.pass(raised, step, delay);
        std::cout << "steady";
        for (int k = 0; k < one.count; k++) std::cout << " " << one.index[k];
        std::cout << "\\nleaping";
        if (n || leaping.next(delay) <= step) {
            const fused::Events other = leaping.pass(raised, step, delay);
            for (int k = 0; k < other.count; k++) std::cout << " " << other.index[k];
        }
        std::cout << "\\n";
    }
}
"""


@pytest.mark.parametrize("case", ["greedy", "dpi_chips", "pulses", "no_synapses"])
def test_networks_that_go_from_event_to_event(case, tmp_path):
    assert "if (_ebn_plan.narrow)" in written(CASES[case], tmp_path)


@pytest.mark.parametrize(
    "case",
    [
        "noisy_chips",  # draws random numbers
        "chips_of_two_groups",
        "monitored",  # in every step
        "refractory_events",  # a threshold sees what another one has done
    ],
)
def test_networks_that_do_not(case, tmp_path):
    assert "_ebn_plan.narrow" not in written(CASES[case], tmp_path)


def answer(probe, text):
    run = subprocess.run([probe], input=text, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


@pytest.mark.parametrize("flags", [(), NO_AVX512], ids=["native", "no_avx512"])
def test_marks(flags, tmp_path):
    """None, each one alone, and many at random, whatever their bits."""
    probe = probe_program(LANES, tmp_path, *STRICT_FLAGS, *flags)
    rng = np.random.default_rng(1)
    cases = []
    for size, width in ((4, 64), (8, 40)):
        random = rng.random((20, width)) < 0.2
        chosen = [np.zeros(width, bool), *np.eye(width, dtype=bool), *random]
        values = [rng.choice([-1, 1, 1 << (8 * size - 2)], width) for _ in chosen]
        cases += [(size, np.where(c, v, 0)) for c, v in zip(chosen, values, strict=True)]
    text = "\n".join(f"{size} {' '.join(map(str, marks))}" for size, marks in cases)
    for line, (_, marks) in zip(answer(probe, text), cases, strict=True):
        found = [int(n) for n in line.split()]
        assert found == [marks.any(), *np.flatnonzero(marks)]


@pytest.fixture(scope="module")
def delay_probe(tmp_path_factory):
    return probe_program(DELAY, tmp_path_factory.mktemp("delay"))


@settings(max_examples=60)
@given(
    st.integers(0, 6),
    st.lists(
        st.one_of(st.just([]), st.lists(st.integers(0, 9), max_size=3, unique=True)), max_size=40
    ),
)
def test_events_are_held_back_whichever_steps_are_left_out(delay_probe, delay, raised):
    text = "\n".join(f"{len(events)} {' '.join(map(str, events))}" for events in raised)
    lines = answer(delay_probe, f"{delay} {len(raised)}\n{text}")
    expected = ([[]] * delay + raised)[: len(raised)]
    for name, given_lines in (("steady", lines[::2]), ("leaping", lines[1::2])):
        assert [line.split() for line in given_lines] == [
            [name, *map(str, events)] for events in expected
        ]
