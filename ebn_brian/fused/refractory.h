// The end of refractory periods, without a division for each neuron.
#ifndef EBN_BRIAN_REFRACTORY_H
#define EBN_BRIAN_REFRACTORY_H

#include <cstdint>
#include <cstring>
#include <limits>

namespace fused {

// Where a refractory period is over: the times since a spike at which Brian2 counts at least so
// many steps, which are all between two numbers.
struct Refractory {
    double first = 0, last = -1, dt = -1;
    int64_t steps = 0;
    bool over(double since) const { return (since >= first) & (since <= last); }
    template <class Count> void set(int64_t new_steps, double new_dt, Count count) {
        if (new_steps == steps && new_dt == dt) return;
        steps = new_steps, dt = new_dt;
        const auto holds = [&](double since) { return count(since, dt) >= steps; };
        const double within = steps * dt, infinity = std::numeric_limits<double>::infinity();
        first = infinity, last = -infinity;
        if (!holds(within)) return;
        first = farthest(within, -infinity, holds);
        last = farthest(within, infinity, holds);
    }

private:
    // The last of the numbers from `inside` on towards `end` for which all `holds`.
    template <class Holds> static double farthest(double inside, double end, Holds holds) {
        if (holds(end)) return end;
        int64_t in = place(inside), out = place(end);
        while (in + (in < out ? 1 : -1) != out) {
            const int64_t middle = in / 2 + out / 2 + (in % 2 + out % 2) / 2;
            (holds(number(middle)) ? in : out) = middle;
        }
        return number(in);
    }
    // Numbers in their order as whole numbers.
    static int64_t place(double x) {
        int64_t bits;
        std::memcpy(&bits, &x, 8);
        return bits < 0 ? INT64_MIN - bits : bits;
    }
    static double number(int64_t place) {
        const int64_t bits = place < 0 ? INT64_MIN - place : place;
        double x;
        std::memcpy(&x, &bits, 8);
        return x;
    }
};

}  // namespace fused
#endif
