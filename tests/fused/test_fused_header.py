"""The C++ of fused.h: blocks of neurons, rows of synapses."""

import subprocess

import numpy as np
import pytest
from fused_helpers import probe_program
from hypothesis import given, settings
from hypothesis import strategies as st

PROBE = """
#include "brianlib/fused.h"
int main() {
    int groups, target, sets;
    std::cin >> groups >> target >> sets;
    std::vector<int32_t> sizes(groups);
    for (auto& size : sizes) std::cin >> size;
    fused::Blocks blocks(sizes);
    std::vector<fused::Rows> rows(sets);
    for (auto& row : rows) {
        int g, h, n;
        std::cin >> g >> h >> n;
        std::vector<int32_t> pre(n), post(n);
        for (int s = 0; s < n; s++) std::cin >> pre[s] >> post[s];
        blocks.connect(g, h, pre, post);
        row.build(pre, pre, post);
        for (auto& s : row.segments)
            for (int k = 0; k < s.length; k++)
                if (pre[s.synapse + k] != s.pre || post[s.synapse + k] != s.post + k) return 1;
    }
    blocks.cut(target);
    for (auto& bounds : blocks.bounds) {
        for (int32_t bound : bounds) std::cout << bound << " ";
        std::cout << "\\n";
    }
    for (auto& row : rows) {
        std::cout << row.segments.size() << " " << row.ranges.size() << " " << row.list.size();
        for (int source = 0; source < 12; source++)
            row.for_each_synapse(source, [&](int32_t s) { std::cout << " " << s; });
        std::cout << "\\n";
    }
}
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """A program that prints blocks and rows, so that they can be checked from here."""
    return probe_program(PROBE, tmp_path_factory.mktemp("probe"), "-fsanitize=undefined")


def networks(max_size=12):
    """Groups of neurons and sets of synapses between them."""

    @st.composite
    def make(draw):
        sizes = draw(st.lists(st.integers(1, max_size), min_size=1, max_size=3))
        groups = st.integers(0, len(sizes) - 1)
        sets = []
        for g, h in draw(st.lists(st.tuples(groups, groups), min_size=1, max_size=3)):
            pair = st.tuples(st.integers(0, sizes[g] - 1), st.integers(0, sizes[h] - 1))
            sets.append((g, h, draw(st.lists(pair, max_size=8))))
        return sizes, sets, draw(st.integers(1, 20))

    return make()


def answer(probe, sizes, sets, target):
    text = f"{len(sizes)} {target} {len(sets)} {' '.join(map(str, sizes))}\n"
    for g, h, pairs in sets:
        text += f"{g} {h} {len(pairs)} {' '.join(f'{i} {j}' for i, j in pairs)}\n"
    lines = subprocess.run([probe], input=text, capture_output=True, text=True, check=True)
    assert not lines.stderr
    numbers = [np.array(line.split(), int) for line in lines.stdout.splitlines()]
    return numbers[: len(sizes)], [(n[:3], n[3:]) for n in numbers[len(sizes) :]]


@settings(max_examples=60)
@given(networks())
def test_blocks_cut_no_synapse_and_are_no_larger_than_they_must(probe, network):
    sizes, sets, target = network
    bounds, _ = answer(probe, *network)
    block = [np.repeat(np.arange(len(b) - 1), np.diff(b)) for b in bounds]
    assert [len(b) for b in block] == sizes  # every neuron is in one block, in order
    for g, h, pairs in sets:
        for i, j in pairs:
            assert block[g][i] == block[h][j]
    # two blocks side by side would not fit in one, or the first is too large already
    totals = np.sum([np.diff(b) for b in bounds], axis=0)
    assert (totals[:-1] + totals[1:] > target).all()


@settings(max_examples=60)
@given(networks())
def test_rows_deliver_every_synapse_once_in_the_order_of_the_queue(probe, network):
    _, rows = answer(probe, *network)
    for (_, _, pairs), (_, row) in zip(network[1], rows, strict=True):
        assert row.tolist() == sorted(range(len(pairs)), key=lambda s: (pairs[s][0], s))


def test_rows_take_the_smallest_form(probe):
    """16 bytes a segment, 8 a range, 4 a synapse."""
    consecutive = [(i, j) for i in range(3) for j in range(8)]
    sparse = [(i, j) for i in range(3) for j in (0, 2, 5, 7)]
    scattered = [(i, j) for j in (0, 2, 5, 7) for i in range(3)]
    sets = [(0, 0, pairs) for pairs in (consecutive, sparse, scattered, [])]
    _, rows = answer(probe, [12], sets, 1)
    assert [form.tolist() for form, _ in rows] == [[3, 0, 0], [0, 3, 0], [0, 0, 12], [0, 0, 0]]
