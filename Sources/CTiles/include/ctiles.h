// Intel AMX, the matrix unit of recent x86-64 CPUs: eight tiles of 16 rows of 64 bytes. Swift has no intrinsics for it.
// Each function is one instruction or a fixed group of them; their use is documented in Kernels.
#pragma once

#include <stdint.h>

// Requests permission from the system to use tiles. Returns 1 if granted, 0 if the CPU or the system does not support
// them.
int ctiles_enable(void);

// One row of a tile: 64 bytes as 16 words.
typedef uint32_t ctiles_line __attribute__((ext_vector_type(16)));

// Returns whether the including file is compiled for AMX-BF16: a compile-time constant that depends on its flags.
static inline int ctiles_built_for(void) {
#ifdef __AMX_BF16__
    return 1;
#else
    return 0;
#endif
}

// Tiles 0 to 3 are the accumulators: the quarters of a 32 × 32 block of Float32, in row-major order. Tiles 4 and 5 hold
// 32 rows of A, tiles 6 and 7 hold 32 columns of B.
#ifdef __AMX_BF16__
#include <immintrin.h>

static inline void ctiles_begin(void) {
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } whole __attribute__((aligned(64))) = {
        1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
}

static inline void ctiles_end(void) { _tile_release(); }

static inline void ctiles_load_sums(const float *sums, long row_bytes) {
    const char *lower = (const char *)sums + 16 * row_bytes;
    _tile_loadd(0, sums, row_bytes);
    _tile_loadd(1, sums + 16, row_bytes);
    _tile_loadd(2, lower, row_bytes);
    _tile_loadd(3, lower + 64, row_bytes);
}

static inline void ctiles_store_sums(float *sums, long row_bytes) {
    char *lower = (char *)sums + 16 * row_bytes;
    _tile_stored(0, sums, row_bytes);
    _tile_stored(1, sums + 16, row_bytes);
    _tile_stored(2, lower, row_bytes);
    _tile_stored(3, lower + 64, row_bytes);
}

static inline void ctiles_load_left(const void *two_tiles) {
    _tile_loadd(4, two_tiles, 64);
    _tile_loadd(5, (const char *)two_tiles + 1024, 64);
}

static inline void ctiles_load_right(const void *two_tiles) {
    _tile_loadd(6, two_tiles, 64);
    _tile_loadd(7, (const char *)two_tiles + 1024, 64);
}

// Adds to each accumulator Σ A · B over 16 pairs of bfloat16 values, in Float32.
static inline void ctiles_multiply(void) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}
#else
static inline void ctiles_begin(void) {}
static inline void ctiles_end(void) {}
static inline void ctiles_load_sums(const float *sums, long row_bytes) {}
static inline void ctiles_store_sums(float *sums, long row_bytes) {}
static inline void ctiles_load_left(const void *two_tiles) {}
static inline void ctiles_load_right(const void *two_tiles) {}
static inline void ctiles_multiply(void) {}
#endif

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
