// Exponentials and powers of whole vectors, with the bits of the C library's.
//
// glibc (2.28 and later) computes exp by a table of powers of two and a polynomial of degree 5, pow
// from a logarithm in two parts by another table, and expm1 as Sun's FDLIBM has it. Here they stand
// without branches, so that a compiler can work on whole vectors. Whether this machine's library
// gives the same bits is tried when the simulation starts; if not, the library itself is called.
#ifndef EBN_BRIAN_EXACT_MATH_H
#define EBN_BRIAN_EXACT_MATH_H

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

// Constants are written in as many digits as tell a double: hexadecimal ones are of C++17.

// A call would stop the vectors too.
#define FUSED_INLINE inline __attribute__((always_inline))

namespace fused {
namespace exact {

FUSED_INLINE int64_t bits(double x) {
    int64_t b;
    std::memcpy(&b, &x, 8);
    return b;
}
FUSED_INLINE double number(int64_t b) {
    double x;
    std::memcpy(&x, &b, 8);
    return x;
}
// What to add to a number's bits to multiply it by 2^k.
FUSED_INLINE int64_t exponent(int64_t k) { return (int64_t)((uint64_t)k << 52); }
// What is chosen has been computed on both sides: a branch would stop the vectors.
FUSED_INLINE double choose(bool condition, double yes, double no) {
    const int64_t mask = -(int64_t)condition;
    return number((bits(yes) & mask) | (bits(no) & ~mask));
}
// The library's function is compiled for processors that multiply and add in one.
FUSED_INLINE double fma(double a, double b, double c) {
#ifdef __FMA__
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

// A number in two parts, good to 106 bits, for tables that are made at the start.
struct Pair {
    double high, low;
    Pair operator+(Pair b) const {
        const double sum = high + b.high, back = sum - high;
        return normal(sum, (high - (sum - back)) + (b.high - back) + low + b.low);
    }
    Pair operator*(Pair b) const {
        const double product = high * b.high;
        return normal(product, __builtin_fma(high, b.high, -product) + high * b.low + low * b.high);
    }
    Pair operator/(double b) const {
        const double quotient = high / b;
        return normal(quotient, (__builtin_fma(-quotient, b, high) + low) / b);
    }
    static Pair normal(double high, double low) {
        const double sum = high + low;
        return {sum, (high - sum) + low};
    }
};

// 2^(k/128), less k/128 in its exponent, and what rounding it has left out, relative to it. For
// powers, the inverse of a number c near the middle of each 128th of an octave, to 8 bits, and
// log(c), of which the first part has 43 bits after the point.
struct Tables {
    int64_t scale[128];
    double rest[128], inverse[128], log_high[128], log_low[128];
    Tables() {
        const Pair ln2{0.6931471805599453, 2.3190468138462996e-17};
        for (int k = 0; k < 128; k++) {
            Pair power{1, 0}, term{1, 0};
            for (int n = 1; n < 30; n++) {
                term = term * (ln2 * Pair{k / 128.0, 0}) / n;
                power = power + term;
            }
            scale[k] = bits(power.high) - ((int64_t)k << 45);
            rest[k] = power.low / power.high;
            const double middle = number(FIRST + ((int64_t)k << 45) + (1LL << 44));
            const double steps = middle < 1 ? 128 : 256;
            inverse[k] = std::floor(steps / middle + 0.5) / steps;
            const Pair s = Pair{1 - inverse[k], 0} / (1 + inverse[k]);
            Pair odd = s, log = s;
            for (int n = 3; n < 60; n += 2) {
                odd = odd * s * s;
                log = log + odd / n;
            }
            log = log * Pair{2, 0};
            log_high[k] = std::floor(log.high * 8796093022208.0 + 0.5) * 1.1368683772161603e-13;
            log_low[k] = (log.high - log_high[k]) + log.low;
        }
    }
    static const int64_t FIRST = 0x3fe6955500000000;
};
static const Tables tables;

// e^(x + tail), where the tail is small.
FUSED_INLINE double exp_of(double x, double tail) {
    const double shift = 6755399441055744.0;
    const double inside = choose(x < -746, -746, choose(x > 710, 710, x));  // NaN stays
    const double shifted = fma(1.4426950408889634 * 128, inside, shift);
    const int64_t k = bits(shifted);
    const double whole = shifted - shift;
    const double r =
        fma(whole, -1.2864023111638344e-14, fma(whole, -0.005415212348111709, inside)) + tail;
    const double r2 = r * r;
    const double odd = fma(r, 0.16666666666665886, 0.49999999999996786);
    const double even = fma(r, 0.008333335853059549, 0.0416666808410674);
    const double part = fma(r2 * r2, even, fma(r2, odd, tables.rest[k & 127] + r));
    // where 2^k would be too large or too small by itself, it is moved, and moved back at the end
    const bool large = inside > 709, small = inside <= -512;
    const int64_t moved = (-(int64_t)small & (1022LL << 52)) - (-(int64_t)large & (1009LL << 52));
    const int64_t scaled = tables.scale[k & 127] + (int64_t)((uint64_t)k << 45);
    const double scale = number(scaled + moved), back = number((1023LL << 52) - moved);
    const double usual = fma(scale, part, scale);
    const double product = scale * part;  // added twice, so not in one
    const double y = scale + product, low = (scale - y) + product, sum = 1.0 + y;
    const double rounded = (sum + ((1.0 - sum + y) + low)) - 1.0;
    double result = choose(small, choose(y < 1.0, rounded, y), usual) * back;
    result = choose(x > 710, std::numeric_limits<double>::infinity(), result);
    return choose(x < -746, 0.0, result);
}
FUSED_INLINE double exp(double x) { return exp_of(x, 0.0); }

// x^y for a y that is not 0, nor very large or small, and whose parity the compiler knows.
FUSED_INLINE double pow(double x, double y) {
    const double infinity = std::numeric_limits<double>::infinity(), size = std::fabs(x);
    const bool tiny = size < 2.2250738585072014e-308;
    const double scaled = choose(tiny, size * 4503599627370496.0, size);
    const int64_t b = bits(scaled) - (-(int64_t)tiny & (52LL << 52));
    const int64_t above = b - Tables::FIRST, k = above >> 52;
    const int i = (above >> 45) & 127;
    const double z = number(b - exponent(k)), octaves = (double)k;
    const double r = fma(z, tables.inverse[i], -1.0);
    const double t1 = fma(octaves, 0.6931471805598903, tables.log_high[i]), t2 = t1 + r;
    const double lo1 = fma(octaves, 5.497923018708371e-14, tables.log_low[i]);
    const double lo2 = (t1 - t2) + r;
    const double ar = -0.5 * r, ar2 = r * ar, ar3 = r * ar2;
    const double head = t2 + ar2, lo3 = fma(ar, r, -ar2), lo4 = (t2 - head) + ar2;
    const double p1 = fma(r, -0.25000000000000033 * -2, 0.3333333333333339 * -2);
    const double p2 = fma(r, -0.16666666658719348 * 4, 0.1999999998830994 * 4);
    const double p3 = fma(r, -0.12500519079594427 * -8, 0.14286370355743763 * -8);
    const double low = fma(ar3, fma(ar2, fma(ar2, p3, p2), p1), ((lo1 + lo2) + lo3) + lo4);
    const double log = head + low, log_low = (head - log) + low;
    const double total = y * log, tail = fma(y, log_low, fma(y, log, -total));
    const bool is_whole = std::floor(y) == y, is_odd = is_whole && std::floor(y / 2) * 2 != y;
    double result = exp_of(total, tail);
    result = choose(size == 0, y > 0 ? 0.0 : infinity, result);
    result = choose(size == infinity, y > 0 ? infinity : 0.0, result);
    result = is_odd ? std::copysign(result, x) : result;
    const bool none = (x < 0) & (size < infinity) & !is_whole;
    result = choose(none, std::numeric_limits<double>::quiet_NaN(), result);
    return choose(x != x, x, result);
}

// Without its fraction; NaN stays.
FUSED_INLINE double whole(double x) {
    const double shift = 6755399441055744.0, nearest = (std::fabs(x) + shift) - shift;
    return std::copysign(nearest - choose(nearest > std::fabs(x), 1, 0), x);
}

FUSED_INLINE double expm1(double x) {
    const double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    const double size = std::fabs(x);
    // x = k*ln2 + r, where r is kept in two parts
    const double far = fma(1.44269504088896338700e+00, x, choose(x < 0, -0.5, 0.5));
    const double bounded = choose(far > 1100, 1100, choose(far < -100, -100, far));
    double k = choose(size < 1.0397207708399179, choose(x < 0, -1, 1), whole(bounded));
    k = choose(size <= 0.34657359027997264, 0, k);
    const double high = x - k * ln2_high, low = k * ln2_low;
    const double r = high - low, c = (high - r) - low;
    const double hfx = 0.5 * r, hxs = r * hfx;
    const double h2 = hxs * hxs, h4 = h2 * h2;
    const double r_1 = fma(hxs, -3.33333333333331316428e-02, 1.0);
    const double r_2 = fma(hxs, -7.93650757867487942473e-05, 1.58730158725481460165e-03);
    const double r_3 = fma(hxs, -2.01099218183624371326e-07, 4.00821782732936239552e-06);
    const double r1 = fma(h4, r_3, fma(h2, r_2, r_1));
    const double t = fma(-r1, hfx, 3.0);
    const double e0 = hxs * ((r1 - t) / fma(-r, t, 6.0));
    const double alone = r - fma(r, e0, -hxs);  // k = 0
    const double e = fma(r, e0 - c, -c) - hxs;
    const double minus = 0.5 * (r - e) - 0.5;
    const double plus = choose(r < -0.25, -2.0 * (e - (r + 0.5)), 1.0 + 2.0 * (r - e));
    // the power of two is added to the exponent
    const int64_t up = exponent((int64_t)k);
    const double many = number(bits(1.0 - (e - r)) + up) - 1.0;
    const double inverse = number(exponent((int64_t)(1023 - k)));  // 2^-k
    const double some = number(bits((1.0 - inverse) - (e - r)) + up);
    const double few = number(bits((r - (e + inverse)) + 1.0) + up);
    double result = choose(k < 20, some, few);
    result = choose((k <= -2) | (k > 56), many, result);
    result = choose(k == 1, plus, choose(k == -1, minus, choose(k == 0, alone, result)));
    result = choose(size < 5.551115123125783e-17, x, result);
    result = choose(x < -38.816242, -1.0, result);
    return choose(x > 709.78271289338397, std::numeric_limits<double>::infinity(), result);
}

FUSED_INLINE double square(double x) { return x * x; }

// Brian2's expm1(x)/x.
FUSED_INLINE double exprel(double x) {
    const double infinity = std::numeric_limits<double>::infinity();
    return choose(std::fabs(x) < 1e-16, 1.0, choose(x > 717, infinity, expm1(x) / x));
}

// Whether the library gives the same bits, at numbers of all sizes.
template <class Ours, class Library> bool same(Ours ours, Library library) {
    for (int k = 0; k < 20000; k++) {
        const double fraction = k * 0.6180339887498949 - (int64_t)(k * 0.6180339887498949);
        const double size = k % 2 ? 12 * fraction : 760 * fraction * fraction * fraction;
        const double x = k % 4 < 2 ? size : -size;
        if (bits(ours(x)) != bits(library(x))) return false;
    }
    return true;
}

inline bool is_the_librarys() {
    static const bool result =
        same([](double x) { return exp(x); }, [](double x) { return std::exp(x); }) &&
        same([](double x) { return expm1(x); }, [](double x) { return std::expm1(x); }) &&
        same([](double x) { return pow(x, 3); }, [](double x) { return std::pow(x, 3); }) &&
        same([](double x) { return pow(std::fabs(x), 0.3); },
             [](double x) { return std::pow(std::fabs(x), 0.3); });
    return result;
}

}  // namespace exact
}  // namespace fused
#endif
