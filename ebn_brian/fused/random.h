// Brian2's random numbers, many at once: those that as many calls of its generator would return.
#ifndef EBN_BRIAN_RANDOM_H
#define EBN_BRIAN_RANDOM_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include "objects.h"

namespace fused {

// Neurons for which a loop draws together.
const int DRAWN = 512;

// The language lets an explicit instantiation name a private member; `get` finds it from there.
template <class Tag, typename Tag::type member> struct Open {
    friend typename Tag::type get(Tag) { return member; }
};

#ifdef __GLIBCXX__
// The words of the Mersenne twister of Matsumoto and Nishimura (1998), whole vectors at a time.
struct Words {
    typedef std::mt19937::result_type (std::mt19937::*type)[std::mt19937::state_size];
    friend type get(Words);
};
struct Place {
    typedef size_t std::mt19937::*type;
    friend type get(Place);
};
template struct Open<Words, &std::mt19937::_M_x>;
template struct Open<Place, &std::mt19937::_M_p>;

inline void draw(std::mt19937& generator, uint32_t* out, int n) {
    typedef std::mt19937::result_type word;
    const int size = std::mt19937::state_size, shift = std::mt19937::shift_size;
    word* const x = generator.*get(Words());
    size_t& place = generator.*get(Place());
    const auto twist = [&](int k, int next, int other) {
        const word y = (x[k] & 0x80000000UL) | (x[next] & 0x7fffffffUL);
        x[k] = x[other] ^ (y >> 1) ^ (-(y & 1) & 0x9908b0dfUL);
    };
    while (n > 0) {
        if (place >= (size_t)size) {
            for (int k = 0; k < size - shift; k++) twist(k, k + 1, k + shift);
            for (int k = size - shift; k < size - 1; k++) twist(k, k + 1, k + shift - size);
            twist(size - 1, 0, shift - 1);
            place = 0;
        }
        const int taken = std::min<int>(n, size - place);
        const word* const from = x + place;
        for (int k = 0; k < taken; k++) {
            uint32_t z = from[k];
            z ^= z >> 11;
            z ^= (z << 7) & 0x9d2c5680u;
            z ^= (z << 15) & 0xefc60000u;
            out[k] = z ^ (z >> 18);
        }
        place += taken;
        out += taken;
        n -= taken;
    }
}
#else
inline void draw(std::mt19937& generator, uint32_t* out, int n) {
    for (int k = 0; k < n; k++) out[k] = generator();
}
#endif

// Of Brian2's generator: the twister, and the second of two Gaussian numbers.
struct Twister {
    typedef std::mt19937 brian::RandomGenerator::*type;
    friend type get(Twister);
};
struct Stored {
    typedef double brian::RandomGenerator::*type;
    friend type get(Stored);
};
struct HasStored {
    typedef bool brian::RandomGenerator::*type;
    friend type get(HasStored);
};
template struct Open<Twister, &brian::RandomGenerator::gen>;
template struct Open<Stored, &brian::RandomGenerator::stored_gauss>;
template struct Open<HasStored, &brian::RandomGenerator::has_stored_gauss>;

struct Draws {
    std::mt19937& twister;
    double& stored;
    bool& has_stored;
    explicit Draws(brian::RandomGenerator& g)
        : twister(g.*get(Twister())), stored(g.*get(Stored())), has_stored(g.*get(HasStored())) {}

    // Uniform between 0 and 1, of 53 random bits.
    void rand(double* out, int n) {
        uint32_t words[2 * DRAWN];
        for (int done = 0; done < n; done += DRAWN) {
            const int m = std::min(n - done, DRAWN);
            draw(twister, words, 2 * m);
            for (int k = 0; k < m; k++) {
                const int64_t a = words[2 * k] >> 5, b = words[2 * k + 1] >> 6;
                out[done + k] = (a * 67108864.0 + b) / 9007199254740992.0;
            }
        }
    }
    // Roots of what is not negative, so that none has to report an error.
    __attribute__((optimize("no-math-errno"))) static void scale(double* x1, double* x2,
                                                                 const double* log_r2,
                                                                 const double* r2, int n) {
        for (int k = 0; k < n; k++) {
            const double f = std::sqrt(-2.0 * log_r2[k] / r2[k]);
            x1[k] *= f;
            x2[k] *= f;
        }
    }
    // Standard normal, by the polar method: points that lie in the unit circle give two each.
    void randn(double* out, int n) {
        if (n > 0 && has_stored) {
            *out++ = stored;
            has_stored = false;
            n--;
        }
        const int n_points = (n + 1) / 2;
        double u[DRAWN], x1[DRAWN / 2], x2[DRAWN / 2], r2[DRAWN / 2];
        for (int done = 0; done < n_points;) {
            const int m = std::min(n_points - done, DRAWN / 2);
            rand(u, 2 * m);
            for (int k = 0; k < m; k++) {
                x1[k] = 2.0 * u[2 * k] - 1.0;
                x2[k] = 2.0 * u[2 * k + 1] - 1.0;
                r2[k] = x1[k] * x1[k] + x2[k] * x2[k];
            }
            int inside = 0;
            for (int k = 0; k < m; k++) {
                x1[inside] = x1[k];
                x2[inside] = x2[k];
                r2[inside] = r2[k];
                inside += (r2[k] < 1.0) & (r2[k] != 0.0);
            }
            for (int k = 0; k < inside; k++) u[k] = std::log(r2[k]);
            scale(x1, x2, u, r2, inside);
            for (int k = 0; k < inside; k++, done++) {
                out[2 * done] = x2[k];
                if (2 * done + 1 < n) {
                    out[2 * done + 1] = x1[k];
                } else {
                    stored = x1[k];
                    has_stored = true;
                }
            }
        }
    }
};

}  // namespace fused

#endif
