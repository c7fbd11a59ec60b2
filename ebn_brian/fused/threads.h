// Blocks, or the neurons of one state update, shared among threads. Nothing touches what another
// thread writes, so results are the same.
#ifndef EBN_BRIAN_THREADS_H
#define EBN_BRIAN_THREADS_H

#include <atomic>
#include <climits>
#include <condition_variable>
#include <functional>
#include <mutex>
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

// Threads that stay for the many steps of a run. One waits for its part awake for some microseconds,
// as it comes in the next step, then asleep.
class Team {
public:
    explicit Team(int n) : n(n) {}
    ~Team() {
        ending = true;
        call();
        for (std::thread& other : others) other.join();
    }
    // Work on the neurons from 0 to `size`, `work(from, to)`, together if there are `least` for each.
    template <class Work> void split(int size, int least, Work work) {
        if (size / n < least) return work(0, size);
        const int part = (size / n + 63) / 64 * 64;  // whole cache lines
        together([&](int k) { work(std::min(k * part, size), std::min((k + 1) * part, size)); });
    }
    // Work on all blocks, `work(block, arena)`. Each thread takes the next few blocks that are left:
    // neighbours, since two threads at the ends of one cache line would slow each other down.
    template <class Work> void share(size_t n_blocks, std::vector<Arena>& arenas, Work work) {
        if (n_blocks == 1) return work(0, arenas[0]);  // shares its neurons
        const size_t few = std::clamp<size_t>(n_blocks / (8 * n), 1, 64);
        std::atomic<size_t> next{0};
        together([&](int k) {
            for (size_t first; (first = next.fetch_add(few)) < n_blocks;)
                for (size_t block = first; block < std::min(first + few, n_blocks); block++)
                    work(block, arenas[k]);
        });
    }

private:
    static const int PATIENCE = 4000;
    const int n;
    std::function<void(int)> task;
    std::atomic<int64_t> calls{0};
    std::atomic<int> left{0};
    bool ending = false;
    std::mutex door;
    std::condition_variable bell;
    std::vector<std::thread> others;  // the last, since they use the rest

    // Do `work(k)` in each thread k; this one is 0.
    template <class Work> void together(Work work) {
        if (others.empty()) gather();
        task = work;
        left = n - 1;
        call();
        work(0);
        for (int wait = 0; left; wait++)
            if (wait < PATIENCE) pause();
            else std::this_thread::yield();
    }
    void gather() {
        const Arithmetic arithmetic;
        for (int k = 1; k < n; k++)
            others.emplace_back([this, k, arithmetic] {
                arithmetic.adopt();
                stand_by(k);
            });
    }
    void call() {
        {
            std::lock_guard<std::mutex> lock(door);
            calls++;
        }
        bell.notify_all();
    }
    void stand_by(int k) {
        for (int64_t heard = 0;; left--) {
            for (int wait = 0; calls == heard && wait < PATIENCE; wait++) pause();
            if (calls == heard) {
                std::unique_lock<std::mutex> lock(door);
                bell.wait(lock, [&] { return calls != heard; });
            }
            heard++;
            if (ending) return;
            task(k);
        }
    }
    static void pause() {
#if defined(__SSE__)
        __builtin_ia32_pause();
#else
        std::this_thread::yield();
#endif
    }
};

// Neurons that each thread of a team must have for it to pay, if they take long, and if not; and
// where threads have blocks to share.
const int LEAST_LONG = 256, LEAST_SHORT = 8192, NEVER = INT_MAX;

}  // namespace fused
#endif
