// What a generated CUDA program needs of the toolkit, on the CPU: one thread after the other.
#pragma once
#include <cuda_runtime.h>
#include <curand.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <random>

#define EBN_CUDA_ARCH 900

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;

template <class Kernel>
void ebn_launch(unsigned blocks, unsigned threads, Kernel kernel) {
    gridDim = dim3(blocks);
    blockDim = dim3(threads);
    for (unsigned b = 0; b < blocks; b++)
        for (unsigned t = 0; t < threads; t++) {
            blockIdx = {EBN_BACKWARDS ? blocks - 1 - b : b, 0, 0};
            threadIdx = {EBN_BACKWARDS ? threads - 1 - t : t, 0, 0};
            kernel();
        }
}

inline void __syncthreads() {}
inline void __threadfence() {}
template <class T> T atomicAdd(T* p, T value) { T old = *p; *p += value; return old; }
template <class T, class U> T atomicCAS(T* p, T compare, U value) {
    const T old = *p;
    if (old == compare) *p = value;
    return old;
}
template <class To, class From> To ebn_bits(From x) { To y; std::memcpy(&y, &x, sizeof(y)); return y; }
#define __double_as_longlong ebn_bits<long long, double>
#define __longlong_as_double ebn_bits<double, unsigned long long>
#define __float_as_int ebn_bits<int, float>
#define __int_as_float ebn_bits<float, int>

#define cudaOccupancyMaxPotentialBlockSize ebn_block_size
#define cudaOccupancyMaxActiveBlocksPerMultiprocessor ebn_active_blocks
#define cudaFuncGetAttributes ebn_attributes
#define cudaMemcpyToSymbol ebn_to_symbol
template <class T> cudaError_t ebn_to_symbol(T& symbol, const void* from, size_t n) {
    std::memcpy((void*)&symbol, from, n);
    return cudaSuccess;
}
template <class T> cudaError_t ebn_block_size(int* grid, int* block, T, size_t = 0, int = 0) {
    *grid = 1;
    *block = 64;
    return cudaSuccess;
}
template <class T> cudaError_t ebn_active_blocks(int* n, T, int, size_t) { *n = 1; return cudaSuccess; }
template <class T> cudaError_t ebn_attributes(cudaFuncAttributes* attributes, T) {
    std::memset(attributes, 0, sizeof(*attributes));
    attributes->maxThreadsPerBlock = 128;
    return cudaSuccess;
}

#ifdef EBN_WARPS
#include "warps_on_cpu.h"
#endif

extern "C" {
cudaError_t cudaMalloc(void** p, size_t n) { *p = std::malloc(n ? n : 1); return cudaSuccess; }
cudaError_t cudaFree(void* p) { std::free(p); return cudaSuccess; }
cudaError_t cudaMemcpy(void* to, const void* from, size_t n, cudaMemcpyKind) { if (n) std::memcpy(to, from, n); return cudaSuccess; }
cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind) {
    for (size_t k = 0; k < height; k++) std::memcpy((char*)to + k * to_pitch, (const char*)from + k * from_pitch, width);
    return cudaSuccess;
}
cudaError_t cudaMemset(void* p, int value, size_t n) { std::memset(p, value, n); return cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t* left, size_t* all) { *left = *all = size_t(1) << 30; return cudaSuccess; }
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaDeviceSetLimit(cudaLimit, size_t) { return cudaSuccess; }
cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaPeekAtLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t) { return "no error"; }
cudaError_t cudaProfilerStart() { return cudaSuccess; }
cudaError_t cudaProfilerStop() { return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
    std::memset(p, 0, sizeof(*p));
    p->multiProcessorCount = 4;
    p->maxThreadsPerBlock = 128;
    p->maxThreadsPerMultiProcessor = 2048;
    p->sharedMemPerBlock = 49152;
    p->warpSize = 32;
    return cudaSuccess;
}

static std::mt19937_64 ebn_random;
curandStatus_t curandCreateGenerator(curandGenerator_t*, curandRngType_t) { return CURAND_STATUS_SUCCESS; }
curandStatus_t curandDestroyGenerator(curandGenerator_t) { return CURAND_STATUS_SUCCESS; }
curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t, unsigned long long seed) { ebn_random.seed(seed); return CURAND_STATUS_SUCCESS; }
curandStatus_t curandSetGeneratorOffset(curandGenerator_t, unsigned long long) { return CURAND_STATUS_SUCCESS; }
curandStatus_t curandGenerateNormalDouble(curandGenerator_t, double* p, size_t n, double, double) {
    std::normal_distribution<double> normal;
    for (size_t k = 0; k < n; k++) p[k] = normal(ebn_random);
    return CURAND_STATUS_SUCCESS;
}
curandStatus_t curandGenerateNormal(curandGenerator_t, float* p, size_t n, float, float) {
    std::normal_distribution<float> normal;
    for (size_t k = 0; k < n; k++) p[k] = normal(ebn_random);
    return CURAND_STATUS_SUCCESS;
}
curandStatus_t curandGeneratePoisson(curandGenerator_t, unsigned int*, size_t, double) { std::abort(); }
curandStatus_t curandGenerateUniformDouble(curandGenerator_t, double* p, size_t n) {
    std::uniform_real_distribution<double> uniform;
    for (size_t k = 0; k < n; k++) p[k] = uniform(ebn_random);
    return CURAND_STATUS_SUCCESS;
}
curandStatus_t curandGenerateUniform(curandGenerator_t, float* p, size_t n) {
    std::uniform_real_distribution<float> uniform;
    for (size_t k = 0; k < n; k++) p[k] = uniform(ebn_random);
    return CURAND_STATUS_SUCCESS;
}
}
