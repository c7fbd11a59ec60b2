// Warps on the CPU, of four lanes, each a coroutine that runs as far as the next barrier of its warp.
#pragma once
#include <ucontext.h>

#define WARP 4
#define ebn_launch ebn_launch_warps
#define __launch_bounds__(n)

struct EbnWarp {
    ucontext_t host, lanes[WARP];
    char stacks[WARP][1 << 17];
    bool done[WARP], holds[WARP];
    unsigned running, first;
};
static EbnWarp ebn_warp;
static const std::function<void()>* ebn_kernel;

inline void ebn_lane() {
    (*ebn_kernel)();
    ebn_warp.done[ebn_warp.running] = true;
    swapcontext(&ebn_warp.lanes[ebn_warp.running], &ebn_warp.host);
}

inline void __syncwarp() { swapcontext(&ebn_warp.lanes[ebn_warp.running], &ebn_warp.host); }

inline unsigned __ballot_sync(unsigned, bool holds) {
    ebn_warp.holds[ebn_warp.running] = holds;
    __syncwarp();
    unsigned mask = 0;
    for (int k = 0; k < WARP; k++) mask |= (unsigned)ebn_warp.holds[k] << k;
    __syncwarp();  // before any lane votes again
    return mask;
}
inline int __popc(unsigned mask) { return __builtin_popcount(mask); }

// All lanes of the warp that `first` is the first thread of, between barriers in an order of their
// own; all must come to the same number of barriers.
inline void ebn_run_warp(unsigned first) {
    for (int k = 0; k < WARP; k++) {
        getcontext(&ebn_warp.lanes[k]);
        ebn_warp.lanes[k].uc_stack.ss_sp = ebn_warp.stacks[k];
        ebn_warp.lanes[k].uc_stack.ss_size = sizeof(ebn_warp.stacks[k]);
        ebn_warp.lanes[k].uc_link = NULL;
        makecontext(&ebn_warp.lanes[k], ebn_lane, 0);
        ebn_warp.done[k] = false;
    }
    for (int n_done = 0; n_done == 0;) {
        for (int k = 0; k < WARP; k++) {
            ebn_warp.running = EBN_BACKWARDS ? WARP - 1 - k : k;
            threadIdx = {first + ebn_warp.running, 0, 0};
            swapcontext(&ebn_warp.host, &ebn_warp.lanes[ebn_warp.running]);
            n_done += ebn_warp.done[ebn_warp.running];
        }
        if (n_done % WARP) {
            std::cerr << "Error: some lanes of a warp wait for others that have left" << std::endl;
            std::abort();
        }
    }
}

template <class Kernel>
void ebn_launch_warps(unsigned blocks, unsigned threads, Kernel kernel) {
    const std::function<void()> run(kernel);
    ebn_kernel = &run;
    gridDim = dim3(blocks);
    blockDim = dim3(threads);
    for (unsigned b = 0; b < blocks; b++)
        for (unsigned t = 0; t < threads; t += WARP) {
            blockIdx = {EBN_BACKWARDS ? blocks - 1 - b : b, 0, 0};
            ebn_run_warp(EBN_BACKWARDS ? threads - WARP - t : t);
        }
}
