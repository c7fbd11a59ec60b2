// What the fused step needs at run time: blocks of neurons, delays, spike order.
#ifndef EBN_BRIAN_FUSED_H
#define EBN_BRIAN_FUSED_H

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <memory>
#include <vector>
#include "brianlib/clocks.h"
#include "brianlib/rows.h"

namespace fused {

// Steps that one call makes for a block before it turns to the next block.
const int64_t CHUNK = 1000;
// Neurons whose threshold is looked at together: only a strip with an event is searched.
const int STRIP = 128;
// State of a block in bytes: together with its synapses it should live in the first-level caches.
const int BLOCK_BYTES = 24 * 1024;

// Last time step (exclusive) of the running Network::run; Brian2 keeps it protected.
struct End : BaseClock {
    static int64_t of(BaseClock& clock) { return clock.*(&End::i_end); }
};

// The step before which `clock` must stop since another one ticks, and something is done that comes
// before its own steps, or after them. Times are equal as Brian2 has it.
inline int64_t stop(const Clock& clock, const Clock& other, bool before, int64_t end) {
    const double now = clock.t[0], epsilon = 1e-14;
    const int64_t next = clock.timestep[0] + 1;
    double tick = other.t[0];
    if (tick <= now + epsilon) {
        if (!before) return next;
        tick = (other.timestep[0] + 1) * other.dt[0];
    }
    int64_t step = std::max(next, (int64_t)(tick / clock.dt[0]) - 1);
    while (step < end && step * clock.dt[0] < tick - epsilon) step++;
    return std::min(step, end);
}

// Which neurons of a strip have an event, one byte each; they are read eight at a time.
struct Flags {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");
    alignas(64) char set[STRIP] = {};
    template <class Act> void for_each(Act act) const {
        for (int k = 0; k < STRIP; k += 8) {
            uint64_t eight;
            std::memcpy(&eight, set + k, 8);
            for (; eight; eight &= eight - 1) act(k + __builtin_ctzll(eight) / 8);
        }
    }
};

// The events of one kind (spikes, or a custom event) of one block: sorted neuron indices.
struct Events {
    int32_t* index;
    int32_t& count;
};

// Blocks of neurons between which no synapse runs: block b of group g holds the neurons
// bounds[g][b] to bounds[g][b + 1].
struct Blocks {
    std::vector<int32_t> sizes;                             // neurons of each group
    std::vector<std::vector<std::vector<int32_t>>> reach;   // [g][h][n]: last partner in h, or -1
    std::vector<std::vector<int32_t>> bounds;

    explicit Blocks(const std::vector<int32_t>& sizes)
        : sizes(sizes), reach(sizes.size()), bounds(sizes.size(), {0}) {
        for (auto& row : reach) row.resize(sizes.size());
    }
    void connect(int g, int h, const std::vector<int32_t>& pre, const std::vector<int32_t>& post) {
        reach[g][h].resize(sizes[g], -1);
        reach[h][g].resize(sizes[h], -1);
        for (size_t s = 0; s < pre.size(); s++) {
            int32_t &to = reach[g][h][pre[s]], &from = reach[h][g][post[s]];
            to = std::max(to, post[s]);
            from = std::max(from, pre[s]);
        }
    }
    // Cut wherever no synapse crosses, and put small pieces together up to `target` neurons.
    void cut(int32_t target) {
        const size_t n = sizes.size();
        bounds.assign(n, {0});
        std::vector<int32_t> end(n, 0), seen(n, 0), start(n, 0);
        for (;;) {
            size_t g = 0;
            while (g < n && end[g] == sizes[g]) g++;
            if (g == n) break;
            const std::vector<int32_t> previous(end);
            end[g]++;
            for (bool grown = true; grown;) {
                grown = false;
                for (size_t from = 0; from < n; from++)
                    for (; seen[from] < end[from]; seen[from]++)
                        for (size_t to = 0; to < n; to++)
                            if (!reach[from][to].empty() && reach[from][to][seen[from]] >= end[to]) {
                                end[to] = reach[from][to][seen[from]] + 1;
                                grown = true;
                            }
            }
            int32_t size = 0;
            for (size_t h = 0; h < n; h++) size += end[h] - start[h];
            if (size > target && previous != start) {
                for (size_t h = 0; h < n; h++) bounds[h].push_back(previous[h]);
                start = previous;
            }
        }
        for (size_t h = 0; h < n; h++) bounds[h].push_back(sizes[h]);
    }
    size_t count() const { return bounds[0].size() - 1; }
    int32_t largest(int g) const {
        int32_t result = 0;
        for (size_t b = 0; b < count(); b++)
            result = std::max(result, bounds[g][b + 1] - bounds[g][b]);
        return result;
    }
};

// Loops over the neurons of a block go on to a full vector, so that none ends one neuron at a time:
// up to LANES - 1 copies of its last neuron, whose results are thrown away.
const int LANES = 16;
inline int padded(int n) { return (n + LANES - 1) / LANES * LANES; }

// Memory for the state of one block. Every array starts on a cache line, and a line lies between two:
// arrays a multiple of 4096 bytes apart would slow each other down.
struct Arena {
    std::vector<char> memory;
    size_t used = 0;
    void reserve(size_t bytes, size_t n_arrays) { memory.resize(bytes + 256 * (n_arrays + 1)); }
    template <class T> T* take(size_t n) {
        const size_t start = reinterpret_cast<size_t>(memory.data());
        const size_t place = (start + used + 63) / 64 * 64;
        used = place + n * sizeof(T) + 64 - start;
        return reinterpret_cast<T*>(place);
    }
};

// Work on all blocks, one after the other. Of several threads with an arena each: see threads.h.
template <class Work> void for_each_block(size_t n_blocks, std::vector<Arena>& arenas, Work work) {
    for (size_t block = 0; block < n_blocks; block++) work(block, arenas[0]);
}

// A block's part of an array, in the arena while the block is worked on. `data` is shifted so
// that the neuron's index in the whole group is used.
template <class T> struct Local {
    T *source, *copy, *data;
    size_t n;
    // In `room` places, the last ones with copies of the last neuron.
    Local(Arena& arena, T* array, int32_t first, int32_t last, int room)
        : source(array + first), copy(arena.take<T>(room)), data(copy - first), n(last - first) {
        std::copy(source, source + n, copy);
        if (n) std::fill(copy + n, copy + room, source[n - 1]);
    }
    ~Local() { std::copy(copy, copy + n, source); }
};

// The reciprocals of an array of a block, `data` of a `Local`, and shifted like it.
template <class T> T* inverse(Arena& arena, const T* array, int32_t first, int32_t last, int room) {
    T* const result = arena.take<T>(room);
    if (first < last)
        for (int k = 0; k < room; k++) result[k] = 1 / array[first + k];
    return result - first;
}

// Holds the events of a block back by a whole number of steps. On cache lines of its own, since
// another thread may work on the next block.
struct alignas(64) Delay {
    struct Slot {
        int64_t step = -1;
        std::vector<int32_t> events;
    };
    std::vector<Slot> slots;
    std::deque<int64_t> under_way;  // steps whose events have not passed
    int32_t count = 0;
    Events pass(Events events, int64_t step, int64_t delay) {
        if (delay == 0) return events;
        slots.resize(delay + 1);
        Slot &now = slots[step % (delay + 1)], &due = slots[(step + 1) % (delay + 1)];
        now.step = step;
        now.events.assign(events.index, events.index + events.count);
        if (events.count) under_way.push_back(step);
        if (!under_way.empty() && under_way.front() <= step - delay) under_way.pop_front();
        if (due.step != step - delay) due.events.clear();  // none were raised in that step
        count = due.events.size();
        return Events{due.events.data(), count};
    }
    // The next step in which events pass; far away if none are held.
    int64_t next(int64_t delay) const {
        return delay == 0 || under_way.empty() ? INT64_MAX / 2 : under_way.front() + delay;
    }
    // Those of one of the last `delay` steps, which have not passed yet.
    const std::vector<int32_t>& raised(int64_t step, int64_t delay) const {
        return slots[step % (delay + 1)].events;
    }
};

// Synapses at which events are under way, by the step at which they arrive.
typedef std::vector<std::vector<int32_t>> Arrivals;

// What earlier runs have left under way in Brian2's queue, which is prepared for this run as Brian2
// does. Its own table of synapses is not needed: they are equal in their delay.
template <class Queue, class T> Arrivals take(Queue& queue, std::vector<T>& delays, double dt) {
    queue.prepare(delays.data(), delays.empty() ? 0 : 1, (int32_t*)NULL, 0, dt);
    const size_t size = queue.queue.size();
    Arrivals left(size - 1);
    for (size_t k = 0; k < left.size(); k++)
        left[k].swap(queue.queue[(queue.offset + 1 + k) % size]);
    while (!left.empty() && left.back().empty()) left.pop_back();
    return left;
}

// Their division among blocks, which go by the neurons before the synapses.
inline std::vector<Arrivals> divide(const Arrivals& left, const std::vector<int32_t>& pre,
                                    const std::vector<int32_t>& bounds) {
    std::vector<Arrivals> parts(bounds.size() - 1, Arrivals(left.size()));
    for (size_t k = 0; k < left.size(); k++)
        for (int32_t s : left[k]) {
            const auto after = std::upper_bound(bounds.begin(), bounds.end(), pre[s]);
            parts[after - bounds.begin() - 1][k].push_back(s);
        }
    return parts;
}

// Puts what is under way at the end of a run into Brian2's queue, in the order of Brian2: what
// earlier runs have left, then the events of this run, by step and by source.
template <class Queue>
void give_back(Queue& queue, const Arrivals& left, const std::vector<Delay>& held, const Rows& rows,
               int64_t delay, int64_t first_step, int64_t next_step) {
    const auto arriving = [&](int64_t step) -> std::vector<int32_t>& {
        return queue.queue[(queue.offset + 1 + step - next_step) % queue.queue.size()];
    };
    const int64_t end = first_step + left.size();
    for (int64_t step = next_step; step < end; step++) arriving(step) = left[step - first_step];
    for (int64_t step = std::max(first_step, next_step - delay); step < next_step; step++)
        for (const Delay& part : held)
            for (int32_t source : part.raised(step, delay))
                rows.for_each_synapse(
                    source, [&](int32_t s) { arriving(step + delay).push_back(s); });
}

// Delay of a pathway in steps, rounded as Brian2 does; -1 if its synapses differ in it.
template <class T> int64_t delay_steps(const std::vector<T>& delays, double dt) {
    if (delays.empty()) return 0;
    const int64_t steps = (int)(delays[0] / dt + 0.5);
    for (T delay : delays)
        if ((int)(delay / dt + 0.5) != steps) return -1;
    return steps;
}

// The elements that a monitor records of each block, given their neurons.
inline std::vector<std::vector<int32_t>> columns(const int32_t* neurons, size_t n,
                                                 const std::vector<int32_t>& bounds) {
    std::vector<std::vector<int32_t>> parts(bounds.size() - 1);
    for (size_t k = 0; k < n; k++) {
        const auto after = std::upper_bound(bounds.begin(), bounds.end(), neurons[k]);
        parts[after - bounds.begin() - 1].push_back(k);
    }
    return parts;
}

// Entries of a monitor, block after block.
template <class T> using Parts = std::vector<std::vector<T>>;

// Brings entries that blocks have recorded in the order of Brian2: by time step, then by neuron. A
// stable counting sort.
struct Order {
    Parts<int32_t> place;
    size_t size = 0;
    // `step` is emptied for the next time
    explicit Order(Parts<int32_t>& step) : place(step.size()) {
        std::vector<int32_t> count(CHUNK + 1, 0);
        for (const auto& part : step)
            for (int32_t s : part) count[s + 1]++;
        for (int64_t s = 0; s < CHUNK; s++) count[s + 1] += count[s];
        size = count[CHUNK];
        for (size_t b = 0; b < step.size(); b++) {
            place[b].swap(step[b]);
            for (int32_t& s : place[b]) s = count[s]++;
        }
    }
    // Add the entries to `values`, and empty `parts`.
    template <class T> void append(std::vector<T>& values, Parts<T>& parts) const {
        const size_t before = values.size();
        values.resize(before + size);
        for (size_t b = 0; b < parts.size(); b++) {
            for (size_t k = 0; k < parts[b].size(); k++) values[before + place[b][k]] = parts[b][k];
            parts[b].clear();
        }
    }
};

}  // namespace fused
#endif
