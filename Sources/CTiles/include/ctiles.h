// Intel AMX, the matrix unit of recent x86-64 CPUs: eight tiles of 16 rows of 64 bytes. Swift has no intrinsics for it.
// The functions that use tiles are compiled for it whatever the program is compiled for.
#pragma once

#include <stdint.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

// Requests permission from the system to use tiles. Returns 1 if granted, 0 if the CPU or the system does not support
// them.
int ctiles_enable(void);

// One row of a tile: 64 bytes as 16 words.
typedef uint32_t ctiles_line __attribute__((ext_vector_type(16)));

// Tiles 0 to 3 are the accumulators: the quarters of a 32 × 32 block of Float32, in row-major order. Tiles 4 and 5 hold
// 32 rows of A, tiles 6 and 7 hold 32 columns of B. The functions between ctiles_begin and ctiles_end are called on the
// same thread, on a CPU for which ctiles_enable has returned 1.

// Makes the tiles available to the calling thread, and releases them.
void ctiles_begin(void);
void ctiles_end(void);

// Loads or stores the accumulators; the rows of the block are `row_bytes` apart.
void ctiles_load_sums(const float *sums, long row_bytes);
void ctiles_store_sums(float *sums, long row_bytes);

// Adds to the accumulators the products of packed operands over `steps` × 16 pairs of bfloat16. A step of an operand has
// `terms` ∈ {1, 2, 3} terms of two tiles each, the largest first. Accumulated are the products of terms i and j with
// i + j < terms, in each step the smallest first.
void ctiles_accumulate(const void *left, const void *right, long steps, int terms);

typedef float ctiles_numbers __attribute__((ext_vector_type(16)));
typedef uint16_t ctiles_halves __attribute__((ext_vector_type(16)));
typedef uint32_t ctiles_eight __attribute__((ext_vector_type(8)));

// Rounds Float32 to the nearest bfloat16, ties to even, by one instruction; denormals become 0. Whether the including
// file is compiled for a CPU that has it is a compile-time constant; without it, the result is undefined.
#ifdef __AVX512BF16__
static inline int ctiles_rounds_to_bfloat16(void) { return 1; }
static inline ctiles_halves ctiles_round_to_bfloat16(ctiles_numbers x) {
    return (ctiles_halves)_mm512_cvtneps_pbh((__m512)x);
}
#else
static inline int ctiles_rounds_to_bfloat16(void) { return 0; }
static inline ctiles_halves ctiles_round_to_bfloat16(ctiles_numbers x) { return (ctiles_halves){0}; }
#endif

// The first `count` < 16 words or halves of a vector in memory: loaded, with 0 in the other lanes, or stored, by masked
// instructions where the including file is compiled for a CPU that has them.
#if defined(__AVX512BW__) && defined(__AVX512VL__)
static inline ctiles_line ctiles_load_words(const void *words, long count) {
    return (ctiles_line)_mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), words);
}
static inline ctiles_halves ctiles_load_halves(const void *halves, long count) {
    return (ctiles_halves)_mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), halves);
}
static inline void ctiles_store_words(ctiles_line line, void *words, long count) {
    _mm512_mask_storeu_epi32(words, (__mmask16)((1u << count) - 1), (__m512i)line);
}
static inline void ctiles_store_halves(ctiles_halves vector, void *halves, long count) {
    _mm256_mask_storeu_epi16(halves, (__mmask16)((1u << count) - 1), (__m256i)vector);
}
#else
// Lane by lane, because a call would keep the caller's sums in memory.
#define CTILES_LANES _Pragma("clang loop unroll(full)") for (int lane = 0; lane < 15; lane++) if (lane < count)
#ifdef __AVX2__
static inline __m256i ctiles_first_eight(long count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline ctiles_line ctiles_load_words(const void *words, long count) {
    const int *lower = (const int *)words;
    const __m256i a = _mm256_maskload_epi32(lower, ctiles_first_eight(count));
    const __m256i b = _mm256_maskload_epi32(lower + 8, ctiles_first_eight(count - 8));
    return __builtin_shufflevector(
        (ctiles_eight)a, (ctiles_eight)b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
static inline void ctiles_store_words(ctiles_line line, void *words, long count) {
    int *lower = (int *)words;
    _mm256_maskstore_epi32(
        lower, ctiles_first_eight(count), (__m256i)__builtin_shufflevector(line, line, 0, 1, 2, 3, 4, 5, 6, 7));
    _mm256_maskstore_epi32(
        lower + 8, ctiles_first_eight(count - 8),
        (__m256i)__builtin_shufflevector(line, line, 8, 9, 10, 11, 12, 13, 14, 15));
}
#else
static inline ctiles_line ctiles_load_words(const void *words, long count) {
    ctiles_line line = 0;
    CTILES_LANES line[lane] = ((const uint32_t *)words)[lane];
    return line;
}
static inline void ctiles_store_words(ctiles_line line, void *words, long count) {
    CTILES_LANES ((uint32_t *)words)[lane] = line[lane];
}
#endif
static inline ctiles_halves ctiles_load_halves(const void *halves, long count) {
    ctiles_halves vector = 0;
    CTILES_LANES vector[lane] = ((const uint16_t *)halves)[lane];
    return vector;
}
static inline void ctiles_store_halves(ctiles_halves vector, void *halves, long count) {
    CTILES_LANES ((uint16_t *)halves)[lane] = vector[lane];
}
#undef CTILES_LANES
#endif

// Conversions of all lanes; Swift's own compile to loops of calls, or to pieces of vectors. Float32 is rounded to the
// nearest Float16, ties to even.
typedef _Float16 ctiles_float16s __attribute__((ext_vector_type(16)));
static inline ctiles_numbers ctiles_float16_to_numbers(ctiles_halves x) {
    return __builtin_convertvector((ctiles_float16s)x, ctiles_numbers);
}
static inline ctiles_halves ctiles_numbers_to_float16(ctiles_numbers x) {
    return (ctiles_halves)__builtin_convertvector(x, ctiles_float16s);
}
static inline ctiles_line ctiles_halves_to_words(ctiles_halves x) { return __builtin_convertvector(x, ctiles_line); }
static inline ctiles_halves ctiles_words_to_halves(ctiles_line x) { return __builtin_convertvector(x, ctiles_halves); }

// Returns the first `count` lanes of `x`, and `filler` in the others.
static inline ctiles_numbers ctiles_filled(ctiles_numbers x, long count, float filler) {
    const ctiles_line lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return lanes < (uint32_t)count ? x : (ctiles_numbers)filler;
}

// Eight Float64 at once: √x, x / y and x · y + z. Swift's own operations are computed lane by lane.
typedef double ctiles_doubles __attribute__((ext_vector_type(8)));
static inline ctiles_doubles ctiles_square_root(ctiles_doubles x) { return __builtin_elementwise_sqrt(x); }
static inline ctiles_doubles ctiles_quotient(ctiles_doubles x, ctiles_doubles y) { return x / y; }
static inline ctiles_doubles ctiles_fused(ctiles_doubles x, ctiles_doubles y, ctiles_doubles z) {
    return __builtin_elementwise_fma(x, y, z);
}

// Prefetches a cache line for reading or for writing.
static inline void ctiles_prefetch(const void *line) { __builtin_prefetch(line, 0, 3); }
static inline void ctiles_prefetch_to_write(const void *line) { __builtin_prefetch(line, 1, 3); }

// The shuffles of a 16 × 16 transposition: interleave 32-bit words, 64-bit pairs, and 128-bit quarters of a line.
static inline ctiles_line ctiles_low_numbers(ctiles_line a, ctiles_line b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
}

static inline ctiles_line ctiles_high_numbers(ctiles_line a, ctiles_line b) {
    return __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
}

static inline ctiles_line ctiles_low_pairs(ctiles_line a, ctiles_line b) {
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
}

static inline ctiles_line ctiles_high_pairs(ctiles_line a, ctiles_line b) {
    return __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}

static inline ctiles_line ctiles_even_quarters(ctiles_line a, ctiles_line b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
}

static inline ctiles_line ctiles_odd_quarters(ctiles_line a, ctiles_line b) {
    return __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}
