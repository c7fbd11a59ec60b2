// The device's own random numbers, of which the programs under test draw none.
#pragma once
typedef int curandState;
inline void curand_init(unsigned long long, unsigned long long, unsigned long long, curandState*) {}
inline unsigned int curand_poisson(curandState*, double) { std::abort(); }
