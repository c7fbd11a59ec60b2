"""The C++ of fused.h against Brian2's own queue: spikes under way from run to run."""

import subprocess

import numpy as np
import pytest
from fused_helpers import probe_program
from hypothesis import given, settings
from hypothesis import strategies as st

#: Reads synapses, bounds of blocks and runs; delivers by both, and prints what arrives when.
PROBE = """
#include "brianlib/spikequeue.h"
#include "brianlib/fused.h"
template <class T> std::vector<T> read() {
    int n;
    std::cin >> n;
    std::vector<T> values(n);
    for (T& value : values) std::cin >> value;
    return values;
}
void print(const std::vector<int32_t>& synapses) {
    for (int32_t s : synapses) std::cout << s << " ";
    std::cout << "\\n";
}
int main() {
    int n_sources, n_runs;
    std::cin >> n_sources >> n_runs;
    std::vector<int32_t> pre = read<int32_t>(), bounds = read<int32_t>();
    CSpikeQueue plain(0, n_sources), fused_queue(0, n_sources);
    fused::Rows rows;
    rows.build(pre, pre, pre);
    int64_t first_step = 0, next_step = 0;
    for (int run = 0; run < n_runs; run++) {
        double dt;
        int n_steps;
        std::cin >> dt >> n_steps;
        std::vector<double> delays = read<double>();
        const int64_t delay = fused::delay_steps(delays, dt);
        plain.prepare(delays.data(), delays.size(), pre.data(), pre.size(), dt);
        fused::Arrivals left;
        if (delay < 0)
            fused_queue.prepare(delays.data(), delays.size(), pre.data(), pre.size(), dt);
        else
            left = fused::take(fused_queue, delays, dt);
        const auto parts = fused::divide(left, pre, bounds);
        std::vector<fused::Delay> held(parts.size());
        next_step += n_steps;
        for (int64_t step = first_step; step < next_step; step++) {
            std::vector<int32_t> spikes = read<int32_t>(), arrived;
            plain.advance();
            plain.push(spikes.data(), spikes.size());
            print(*plain.peek());
            if (delay < 0) {
                fused_queue.advance();
                fused_queue.push(spikes.data(), spikes.size());
                print(*fused_queue.peek());
                continue;
            }
            for (size_t b = 0; b < parts.size(); b++) {
                if (step - first_step < (int64_t)parts[b].size())
                    for (int32_t s : parts[b][step - first_step]) arrived.push_back(s);
                auto begin = std::lower_bound(spikes.begin(), spikes.end(), bounds[b]);
                int32_t count = std::lower_bound(begin, spikes.end(), bounds[b + 1]) - begin;
                fused::Events events{spikes.data() + (begin - spikes.begin()), count};
                const fused::Events due = held[b].pass(events, step, delay);
                for (int k = 0; k < due.count; k++)
                    rows.for_each_synapse(due.index[k],
                                          [&](int32_t s) { arrived.push_back(s); });
            }
            print(arrived);
        }
        if (delay >= 0)
            fused::give_back(fused_queue, left, held, rows, delay, first_step, next_step);
        first_step = next_step;
    }
}
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("queue")
    return probe_program(PROBE, folder, "-fsanitize=undefined", "-D_GLIBCXX_ASSERTIONS")


def line(values):
    return " ".join(map(str, [len(values), *values]))


@st.composite
def scripts(draw):
    """Synapses in any order, one or two blocks, and a few runs."""
    n = draw(st.integers(2, 8))
    pre = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=15))
    bounds = draw(st.sampled_from([[0, n], [0, n // 2, n]]))
    runs = []
    for _ in range(draw(st.integers(2, 4))):
        # at more than twice the time step before, Brian2's queue writes beyond its end
        dt = draw(st.sampled_from([0.1, 0.1, 0.1, 0.15, 0.2]))
        delay = st.integers(0, 12).map(lambda k: k / 10)
        equal = draw(st.booleans())
        delays = [draw(delay)] if equal else [draw(delay) for _ in pre]
        spikes = st.sets(st.integers(0, n - 1), max_size=3).map(sorted)
        runs.append((dt, delays, draw(st.lists(spikes, max_size=14))))
    return n, pre, bounds, runs


@settings(max_examples=150)
@given(scripts())
def test_what_is_under_way_arrives_as_from_brian2s_queue(probe, script):
    n, pre, bounds, runs = script
    text = [f"{n} {len(runs)}", line(pre), line(bounds)]
    for dt, delays, steps in runs:
        text += [f"{dt} {len(steps)}", line(delays), *map(line, steps)]
    done = subprocess.run(
        [probe], input="\n".join(text), capture_output=True, text=True, check=True
    )
    assert not done.stderr
    lines = [np.array(text.split(), int) for text in done.stdout.split("\n")[:-1]]
    assert len(lines) == 2 * sum(len(steps) for _, _, steps in runs)
    block = np.searchsorted(bounds, pre, side="right")
    for plain, fused in zip(lines[::2], lines[1::2], strict=True):
        if len(bounds) == 2:
            assert fused.tolist() == plain.tolist()
        for b in np.unique(block):  # the order within a block is what counts
            assert fused[block[fused] == b].tolist() == plain[block[plain] == b].tolist()
