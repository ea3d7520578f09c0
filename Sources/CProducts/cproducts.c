#include "cproducts.h"

#include <stddef.h>
#include <stdint.h>

typedef float vector4 __attribute__((vector_size(16)));
typedef float vector8 __attribute__((vector_size(32)));
typedef float vector16 __attribute__((vector_size(64)));

// The word as a Float32 in all lanes.
#define BROADCAST(VECTOR, word) \
    ({                                             \
        float number;                              \
        __builtin_memcpy(&number, &(word), 4);     \
        number - (VECTOR){0};                      \
    })
#define FUSED(VECTOR, s, l, r) __builtin_elementwise_fma(BROADCAST(VECTOR, l), r, s)

// --- The instructions that this file is compiled for: 32 registers of 128 bits on Arm, 16 on x86-64. ---

#define TARGET
#define VECTOR vector4
#define BLOCK 6
#define VECTORS 4
#define MULTIPLY(s, l, r) FUSED(vector4, s, l, r)
#define LEVEL portable
#include "register_kernels.h"
#undef VECTOR
#undef BLOCK
#undef VECTORS

#ifdef __x86_64__
#include <immintrin.h>

// --- AVX2: 16 registers of 256 bits. ---

#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR vector8
#define BLOCK 6
#define VECTORS 2
#define MULTIPLY(s, l, r) FUSED(vector8, s, l, r)
#define LEVEL avx2
#include "register_kernels.h"
#undef VECTOR
#undef BLOCK
#undef VECTORS

// --- AVX-512: 32 registers of 512 bits. ---

#define TARGET __attribute__((target("avx512f")))
#define VECTOR vector16
#define BLOCK 12
#define VECTORS 2
#define MULTIPLY(s, l, r) FUSED(vector16, s, l, r)
#define LEVEL avx512
#include "register_kernels.h"

// --- AVX-512 with products of bfloat16. ---

#define TARGET __attribute__((target("avx512f,avx512bf16")))
#define MULTIPLY(s, l, r) ((vector16)_mm512_dpbf16_ps((__m512)(s), (__m512bh)_mm512_set1_epi32((int)(l)), (__m512bh)(r)))
#define LEVEL pairs
#include "register_kernels.h"
#undef VECTOR
#undef BLOCK
#undef VECTORS

cproducts_level cproducts_supported(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
        return cproducts_portable;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq")
        || !__builtin_cpu_supports("avx512vl"))
        return cproducts_avx2;
    return __builtin_cpu_supports("avx512bf16") ? cproducts_avx512_bf16 : cproducts_avx512;
}
#else
cproducts_level cproducts_supported(void) { return cproducts_portable; }
#endif

cproducts_kernel cproducts_choose(cproducts_level level, cproducts_word word, cproducts_layout layout) {
    const int row_major = layout == cproducts_row_major;
    if (word == cproducts_bfloat16_pair) {
#ifdef __x86_64__
        if (level >= cproducts_avx512_bf16) return row_major ? pairs_row_major : pairs_word_major;
#endif
        return NULL;
    }
#ifdef __x86_64__
    if (level >= cproducts_avx512) return row_major ? avx512_row_major : avx512_word_major;
    if (level >= cproducts_avx2) return row_major ? avx2_row_major : avx2_word_major;
#endif
    return row_major ? portable_row_major : portable_word_major;
}
