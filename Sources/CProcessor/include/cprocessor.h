// CPU features and floating-point modes, queried and set directly.
#pragma once

#include <stdint.h>

// The instruction-set extensions that code may be compiled for, one bit each.
enum {
    cprocessor_avx2 = 1 << 0,
    cprocessor_fma = 1 << 1,
    cprocessor_f16c = 1 << 2,
    cprocessor_avx512f = 1 << 3,
    cprocessor_avx512bw = 1 << 4,
    cprocessor_avx512vl = 1 << 5,
    cprocessor_avx512fp16 = 1 << 6,
};

// Returns the extensions that the including file is compiled for: a compile-time constant that depends on its flags.
static inline uint32_t cprocessor_built_for(void) {
    uint32_t features = 0;
#ifdef __AVX2__
    features |= cprocessor_avx2;
#endif
#ifdef __FMA__
    features |= cprocessor_fma;
#endif
#ifdef __F16C__
    features |= cprocessor_f16c;
#endif
#ifdef __AVX512F__
    features |= cprocessor_avx512f;
#endif
#ifdef __AVX512BW__
    features |= cprocessor_avx512bw;
#endif
#ifdef __AVX512VL__
    features |= cprocessor_avx512vl;
#endif
#ifdef __AVX512FP16__
    features |= cprocessor_avx512fp16;
#endif
    return features;
}

// Returns the extensions that this CPU has. This function is compiled for the architecture's baseline.
uint32_t cprocessor_features(void);

// Makes the calling thread treat denormal Float32 values as zero, as operands and as results.
void cprocessor_flush_denormals(void);

// Returns the calling thread's control register of floating-point arithmetic.
uint64_t cprocessor_floating_point_mode(void);

// Sets the calling thread's control register to a value that cprocessor_floating_point_mode has returned.
void cprocessor_set_floating_point_mode(uint64_t mode);
