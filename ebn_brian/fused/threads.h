// Blocks shared among threads. No block touches what another one writes, so results are the same.
#ifndef EBN_BRIAN_THREADS_H
#define EBN_BRIAN_THREADS_H

#include <atomic>
#include <thread>
#include <vector>
#include "brianlib/fused.h"

namespace fused {

// How a thread rounds and whether it flushes subnormal numbers, for others to do as it does.
struct Arithmetic {
#if defined(__SSE__)
    const unsigned control = __builtin_ia32_stmxcsr();
    void adopt() const { __builtin_ia32_ldmxcsr(control); }
#elif defined(__aarch64__)
    uint64_t control;
    Arithmetic() { __asm__ volatile("mrs %0, fpcr" : "=r"(control)); }
    void adopt() const { __asm__ volatile("msr fpcr, %0" : : "r"(control)); }
#else
    void adopt() const {}
#endif
};

// Work on all blocks by as many threads as there are arenas. Each takes the next block that is left.
template <class Work> void share_blocks(size_t n_blocks, std::vector<Arena>& arenas, Work work) {
    std::atomic<size_t> next(0);
    const Arithmetic arithmetic;
    const auto take = [&](Arena& arena) {
        for (size_t block; (block = next++) < n_blocks;) work(block, arena);
    };
    std::vector<std::thread> others;
    for (size_t k = 1; k < std::min(arenas.size(), n_blocks); k++)
        others.emplace_back([&, k] {
            arithmetic.adopt();
            take(arenas[k]);
        });
    take(arenas[0]);
    for (std::thread& other : others) other.join();
}

}  // namespace fused
#endif
