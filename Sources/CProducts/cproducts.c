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

// What a strip of B is packed from: from nothing, because it is packed already, from words, or from Float16.
enum source_type { nothing, words, halves };
// The number of words by which packing prefetches ahead, and of stored rows if several word-major strips are packed.
enum { words_ahead = 32, rows_ahead = 16 };

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

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define VECTOR vector8
#define BLOCK 6
#define VECTORS 2
#define MULTIPLY(s, l, r) FUSED(vector8, s, l, r)
#define WIDENED(l, s) \
    ((l)[0] = (vector8)_mm256_cvtph_ps(_mm_loadu_si128((const void *)(s))), \
     (l)[1] = (vector8)_mm256_cvtph_ps(_mm_loadu_si128((const void *)((s) + 16))))
#define STORE_ROUNDED(l, t) \
    (_mm_storeu_si128((void *)(t), _mm256_cvtps_ph((__m256)(l)[0], _MM_FROUND_TO_NEAREST_INT)), \
     _mm_storeu_si128((void *)((t) + 8), _mm256_cvtps_ph((__m256)(l)[1], _MM_FROUND_TO_NEAREST_INT)))
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
#define WIDENED(l, s) \
    ((l)[0] = (vector16)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)(s))), \
     (l)[1] = (vector16)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)((s) + 32))))
#define STORE_ROUNDED(l, t) \
    (_mm256_storeu_si256((void *)(t), _mm512_cvtps_ph((__m512)(l)[0], _MM_FROUND_TO_NEAREST_INT)), \
     _mm256_storeu_si256((void *)((t) + 16), _mm512_cvtps_ph((__m512)(l)[1], _MM_FROUND_TO_NEAREST_INT)))
#define LEVEL avx512
#include "register_kernels.h"

// --- AVX-512 with products of bfloat16. ---

// The words of the pairs of two rows of 32 bfloat16.
__attribute__((target("avx512f,avx512bw"))) static inline __attribute__((always_inline)) void unpack_pairs(
    vector16 words[2], const char *source, long pitch) {
    // Lane 2c is from the first row, lane 2c + 1 from the second.
    const __m512i count = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i lower = _mm512_or_si512(count, _mm512_slli_epi32(_mm512_add_epi32(count, _mm512_set1_epi32(32)), 16));
    const __m512i upper = _mm512_add_epi16(lower, _mm512_set1_epi16(16));
    const __m512i first = _mm512_loadu_si512(source), second = _mm512_loadu_si512(source + pitch);
    words[0] = (vector16)_mm512_permutex2var_epi16(first, lower, second);
    words[1] = (vector16)_mm512_permutex2var_epi16(first, upper, second);
}

// The words of the pairs of two rows of 12 elements.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) static inline __attribute__((always_inline)) void
pack_pairs(uint32_t *words, const char *source, long pitch, cproducts_task task) {
    const __mmask16 rows = (1 << cproducts_rows) - 1;
    __m256i first, second;
    if (task == cproducts_pack) {
        first = _mm256_maskz_loadu_epi16(rows, source);
        second = _mm256_maskz_loadu_epi16(rows, source + pitch);
    } else {
        first = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rows, source));
        second = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rows, source + pitch));
    }
    const __m512i upper = _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16);
    _mm512_mask_storeu_epi32(words, rows, _mm512_or_si512(_mm512_cvtepu16_epi32(first), upper));
}

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define MULTIPLY(s, l, r) ((vector16)_mm512_dpbf16_ps((__m512)(s), (__m512bh)_mm512_set1_epi32((int)(l)), (__m512bh)(r)))
#define ELEMENTS 2
#define PACK_WORD(t, s, p, task) pack_pairs(t, s, p, task)
#define UNPACKED(l, s, p) unpack_pairs(l, s, p)
#define STORE_ROUNDED(l, t) _mm512_storeu_si512(t, (__m512i)_mm512_cvtne2ps_pbh((__m512)(l)[1], (__m512)(l)[0]))
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

// The kernels of a level, without and with the one that packs Float16.
#define KERNELS(level, columns) \
    {{level##_row_major, level##_row_major_packing, NULL, columns}, \
     {level##_word_major, level##_word_major_packing, NULL, columns}}
#define WIDENING_KERNELS(level, columns) \
    {{level##_row_major, level##_row_major_packing, level##_row_major_widening, columns}, \
     {level##_word_major, level##_word_major_packing, level##_word_major_widening, columns}}

cproducts_kernels cproducts_choose(cproducts_level level, cproducts_word word, cproducts_layout layout) {
#ifdef __x86_64__
    static const cproducts_kernels pairs[] = KERNELS(pairs, 32), avx512[] = WIDENING_KERNELS(avx512, 32),
                                   avx2[] = WIDENING_KERNELS(avx2, 16);
    if (word == cproducts_bfloat16_pair && level >= cproducts_avx512_bf16) return pairs[layout];
    if (word == cproducts_float32 && level >= cproducts_avx512) return avx512[layout];
    if (word == cproducts_float32 && level >= cproducts_avx2) return avx2[layout];
#endif
    static const cproducts_kernels portable[] = KERNELS(portable, 16);
    return word == cproducts_float32 ? portable[layout] : (cproducts_kernels){NULL, NULL, NULL, 0};
}
