// Lanes of vectors: what a loop of known length over neurons finds, without leaving the registers.
#ifndef EBN_BRIAN_LANES_H
#define EBN_BRIAN_LANES_H

#include <cstdint>

namespace fused {

// Lanes of one vector of 64 bytes.
template <class T> struct alignas(64) Vector {
    static const int LANES = 64 / sizeof(T);
    typedef T Type __attribute__((vector_size(64), may_alias));
};

// Neurons whose state a loop over time keeps in registers: those of whole vectors, so many that
// chips of 20 neurons leave few lanes empty.
template <class T> constexpr int WIDTH = sizeof(T) == 4 ? 64 : 40;

// Which lanes are not zero, as bits.
template <class T> inline unsigned bits(const typename Vector<T>::Type& lanes) {
#if defined(__AVX512F__) && !defined(__clang__)
    if constexpr (sizeof(T) == 4) {
        typedef int Whole __attribute__((vector_size(64)));
        return (uint16_t)__builtin_ia32_ptestmd512((Whole)lanes, (Whole)lanes, (short)-1);
    } else {
        typedef long long Whole __attribute__((vector_size(64)));
        return (uint8_t)__builtin_ia32_ptestmq512((Whole)lanes, (Whole)lanes, (char)-1);
    }
#else
    unsigned result = 0;
    for (int k = 0; k < Vector<T>::LANES; k++) result |= unsigned(lanes[k] != 0) << k;
    return result;
#endif
}

// A mark for each of `N` neurons, zero or not.
template <class T, int N> struct Marks {
    typedef typename Vector<T>::Type Lanes;
    alignas(64) T mark[N];
    const Lanes& lanes(int k) const { return *reinterpret_cast<const Lanes*>(mark + k); }
    bool any() const {
        Lanes all = lanes(0);
        for (int k = Vector<T>::LANES; k < N; k += Vector<T>::LANES) all |= lanes(k);
        return bits<T>(all);
    }
    template <class Act> void for_each(Act act) const {
        for (int k = 0; k < N; k += Vector<T>::LANES)
            for (unsigned left = bits<T>(lanes(k)); left; left &= left - 1)
                act(k + __builtin_ctz(left));
    }
};

}  // namespace fused
#endif
