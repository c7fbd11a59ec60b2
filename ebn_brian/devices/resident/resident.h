// Blocks of neurons on the GPU, each stepped by one warp: its memory, synapses, and what it records.
#ifndef EBN_BRIAN_RESIDENT_H
#define EBN_BRIAN_RESIDENT_H

#include <cuda_runtime.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <vector>
#include "brianlib/fused.h"

#ifndef WARP
#define WARP 32
#endif

namespace resident {

// Threads launched together: several warps, which know nothing of each other.
const int THREADS = 128;
// Events that a block of neurons records before the host takes them, besides those of one step.
const int CAPACITY = 256;
// A warp steps a larger block slowly.
const int LARGE = 256;

inline void check(cudaError_t error) {
    if (error == cudaSuccess) return;
    std::cerr << "Error: CUDA: " << cudaGetErrorString(error) << std::endl;
    std::exit(4);
}

// As Brian2's int_, which is for the host.
template <class T> __device__ inline int whole(T value) { return (int)value; }

// The events of one kind of one block: sorted neuron indices. All lanes hold the same.
struct Events {
    int32_t* index;
    int32_t count;
};

// Lanes before this one where `here` holds, and all of them.
struct Places {
    int before, all;
};
__device__ inline Places places(const bool here, const int lane) {
    const unsigned mask = __ballot_sync(0xffffffffu, here);
    return {__popc(mask & ((1u << lane) - 1)), __popc(mask)};
}

// Holds the events of all blocks back by a whole number of steps.
struct Delay {
    int32_t steps, n_neurons, n_blocks;
    int32_t *index, *count;

    // Those of `steps` steps ago for those of now. `slot` goes round with the steps.
    __device__ inline Events pass(const Events& now, int32_t first, int block, int lane, int32_t& slot) const {
        int32_t* const held = index + (int64_t)slot * n_neurons + first;
        for (int k = lane; k < now.count; k += WARP) held[k] = now.index[k];
        if (lane == 0) count[(int64_t)slot * n_blocks + block] = now.count;
        __syncwarp();
        slot = slot == steps ? 0 : slot + 1;
        return {index + (int64_t)slot * n_neurons + first, count[(int64_t)slot * n_blocks + block]};
    }
};

// The synapses of each source, in the order in which Brian2's queue delivers them.
struct Rows {
    const int32_t *first, *synapse;
    bool distinct;  // no source has two synapses onto one target
};

// Arrays on the GPU.
class Memory {
    std::vector<void*> held;
    std::vector<std::function<void()>> back;

public:
    template <class T> T* take(size_t n) {
        void* data = NULL;
        const size_t bytes = std::max<size_t>(n, 1) * sizeof(T);
        check(cudaMalloc(&data, bytes));
        check(cudaMemset(data, 0, bytes));
        held.push_back(data);
        return static_cast<T*>(data);
    }
    template <class T> T* copy(const T* host, size_t n) {
        T* const data = take<T>(n);
        check(cudaMemcpy(data, host, n * sizeof(T), cudaMemcpyHostToDevice));
        return data;
    }
    template <class T> T* copy(const std::vector<T>& host) { return copy(host.data(), host.size()); }
    // A copy that `fetch` brings back.
    template <class T> T* share(T* host, size_t n) {
        T* const data = copy(host, n);
        back.push_back([=] { check(cudaMemcpy(host, data, n * sizeof(T), cudaMemcpyDeviceToHost)); });
        return data;
    }
    void fetch() const {
        for (const auto& bring : back) bring();
    }
    void release() {
        for (void* data : held) check(cudaFree(data));
        held.clear();
        back.clear();
    }
};

inline Delay make_delay(Memory& memory, int64_t steps, size_t n_neurons, size_t n_blocks) {
    const size_t slots = steps + 1;
    return {(int32_t)steps, (int32_t)n_neurons, (int32_t)n_blocks,
            memory.take<int32_t>(slots * n_neurons), memory.take<int32_t>(slots * n_blocks)};
}

inline Rows make_rows(Memory& memory, size_t n_sources, const std::vector<int32_t>& sources,
                      const std::vector<int32_t>& post) {
    std::vector<int32_t> first(n_sources + 1, 0), sorted(sources.size());
    for (int32_t source : sources) first[source + 1]++;
    for (size_t k = 0; k < n_sources; k++) first[k + 1] += first[k];
    std::vector<int32_t> place(first);
    for (size_t s = 0; s < sources.size(); s++) sorted[place[sources[s]]++] = s;
    std::vector<int32_t> last(post.empty() ? 0 : *std::max_element(post.begin(), post.end()) + 1, -1);
    bool distinct = true;
    for (size_t k = 0; k < n_sources; k++)
        for (int32_t r = first[k]; r < first[k + 1]; r++) {
            distinct = distinct && last[post[sorted[r]]] != (int32_t)k;
            last[post[sorted[r]]] = k;
        }
    return {memory.copy(first), memory.copy(sorted), distinct};
}

// What each block has recorded of one variable, for the host to put in order.
template <class T>
void collect(fused::Parts<T>& parts, const T* data, const std::vector<int32_t>& used, size_t capacity) {
    const size_t n = used.size(), width = *std::max_element(used.begin(), used.end());
    if (width == 0) return;
    std::vector<T> host(n * width);
    check(cudaMemcpy2D(host.data(), width * sizeof(T), data, capacity * sizeof(T), width * sizeof(T), n,
                       cudaMemcpyDeviceToHost));
    for (size_t b = 0; b < n; b++)
        parts[b].insert(parts[b].end(), &host[b * width], &host[b * width] + used[b]);
}

}  // namespace resident
#endif
