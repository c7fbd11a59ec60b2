// The synapses of every neuron, in the order of Brian2's queue.
#ifndef EBN_BRIAN_ROWS_H
#define EBN_BRIAN_ROWS_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fused {

// Synapses from one source onto consecutive targets, stored one after the other.
struct Segment {
    int32_t synapse, pre, post, length;
};

// In a segment, `_synaptic_pre[k]` is a constant and `_synaptic_post[k]` is k + offset: in 64 bits
// where the compiler must know that nothing overflows.
struct Constant {
    int32_t value;
    int32_t operator[](int64_t) const { return value; }
};
template <class Place> struct Consecutive {
    Place offset;
    Place operator[](Place k) const { return k + offset; }
};

// Synapses of a segment that are worked on together: whole vectors, whatever the numbers.
const int TOGETHER = 16;

// Synapses from one source, stored one after the other, onto any targets.
struct Range {
    int32_t synapse, length;
};

// How many synapses ahead their variables are brought into the cache.
const int AHEAD = 16;

// The synapses of every source in the order in which Brian2's queue delivers them, in the smallest
// of three forms: segments, ranges, or a list. One of the three vectors holds them.
struct Rows {
    std::vector<int32_t> first;  // place of each source's first; one entry more than sources
    std::vector<Segment> segments;
    std::vector<Range> ranges;
    std::vector<int32_t> list;
    bool uneven = false;  // segments differ in length, so that the processor cannot foresee their ends

    void build(const std::vector<int32_t>& sources, const std::vector<int32_t>& pre,
               const std::vector<int32_t>& post) {
        const int32_t n_synapses = sources.size();
        const int32_t n_sources =
            n_synapses ? *std::max_element(sources.begin(), sources.end()) + 1 : 0;
        std::vector<int32_t> row(n_sources + 1, 0);
        for (int32_t source : sources) row[source + 1]++;
        for (int32_t k = 0; k < n_sources; k++) row[k + 1] += row[k];
        list.resize(n_synapses);
        std::vector<int32_t> place(row);
        for (int32_t s = 0; s < n_synapses; s++) list[place[sources[s]]++] = s;
        int64_t n_ranges = 0, n_segments = 0;
        for_each(row, [&](int32_t r, int32_t begin) {
            const bool next = r > begin && list[r] == list[r - 1] + 1;
            n_ranges += !next;
            n_segments += !(next && goes_on(pre, post, list[r]));
        });
        if (sizeof(Segment) * n_segments <= sizeof(int32_t) * list.size())
            join(segments, row, [&](int32_t s) { return goes_on(pre, post, s); },
                 [&](int32_t s) { return Segment{s, pre[s], post[s], 1}; });
        else if (sizeof(Range) * n_ranges <= sizeof(int32_t) * list.size())
            join(ranges, row, [](int32_t) { return true; },
                 [](int32_t s) { return Range{s, 1}; });
        else
            first.swap(row);
        for (const Segment& s : segments) uneven |= s.length != segments[0].length;
    }
    // Place of the first entry of a source, and of what follows the last one.
    int32_t begin(int32_t source) const { return first[std::min<size_t>(source, first.size() - 1)]; }
    int32_t end(int32_t source) const { return begin(source + 1); }

    template <class Act> void for_each_synapse(int32_t source, Act act) const {
        for (int32_t k = begin(source); k < end(source); k++) {
            const int32_t from = !segments.empty() ? segments[k].synapse
                                 : !ranges.empty() ? ranges[k].synapse : list[k];
            const int32_t n = !segments.empty() ? segments[k].length
                              : !ranges.empty() ? ranges[k].length : 1;
            for (int32_t s = from; s < from + n; s++) act(s);
        }
    }

private:
    static bool goes_on(const std::vector<int32_t>& pre, const std::vector<int32_t>& post,
                        int32_t s) {
        return pre[s] == pre[s - 1] && post[s] == post[s - 1] + 1;
    }
    template <class Act> static void for_each(const std::vector<int32_t>& row, Act act) {
        for (size_t k = 0; k + 1 < row.size(); k++)
            for (int32_t r = row[k]; r < row[k + 1]; r++) act(r, row[k]);
    }
    // Put the list together: a synapse may join the one before it, or begins an entry of its own.
    template <class Entry, class Joins, class Make>
    void join(std::vector<Entry>& entries, const std::vector<int32_t>& row, Joins joins, Make make) {
        first.assign(1, 0);
        for (size_t k = 0; k + 1 < row.size(); k++) {
            for (int32_t r = row[k]; r < row[k + 1]; r++) {
                const int32_t s = list[r];
                if (r > row[k] && s == list[r - 1] + 1 && joins(s))
                    entries.back().length++;
                else
                    entries.push_back(make(s));
            }
            first.push_back(entries.size());
        }
        std::vector<int32_t>().swap(list);
    }
};

}  // namespace fused
#endif
