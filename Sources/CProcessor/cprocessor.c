#include "cprocessor.h"


#if defined(__x86_64__)
#include <cpuid.h>
#include <xmmintrin.h>

uint32_t cprocessor_features(void) {
    __builtin_cpu_init();
    uint32_t features = 0;
    if (__builtin_cpu_supports("avx2")) features |= cprocessor_avx2;
    if (__builtin_cpu_supports("fma")) features |= cprocessor_fma;
    if (__builtin_cpu_supports("avx512f")) features |= cprocessor_avx512f;
    if (__builtin_cpu_supports("avx512bw")) features |= cprocessor_avx512bw;
    if (__builtin_cpu_supports("avx512vl")) features |= cprocessor_avx512vl;
    unsigned a, b, c, d;
    // These two have no feature name that all clang and runtime versions know: CPUID leaf 1 ECX bit 29, leaf 7 EDX bit
    // 23.
    if (__get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 29)) && (features & cprocessor_avx2)) features |= cprocessor_f16c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & (1u << 23)) && (features & cprocessor_avx512f))
        features |= cprocessor_avx512fp16;
    return features;
}

void cprocessor_flush_denormals(void) {
    // MXCSR: flush-to-zero is bit 15, denormals-are-zero bit 6.
    _mm_setcsr(_mm_getcsr() | (1u << 15) | (1u << 6));
}

uint64_t cprocessor_floating_point_mode(void) { return _mm_getcsr(); }

void cprocessor_set_floating_point_mode(uint64_t mode) { _mm_setcsr((unsigned)mode); }
#elif defined(__aarch64__)
uint32_t cprocessor_features(void) { return 0; }

void cprocessor_flush_denormals(void) {
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    // FZ, bit 24, flushes denormal operands and results of Float32 and Float64.
    __asm__ volatile("msr fpcr, %0" : : "r"(control | (1ull << 24)));
}

uint64_t cprocessor_floating_point_mode(void) {
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

void cprocessor_set_floating_point_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
#error "dtrain is built for x86-64 and arm64"
#endif
