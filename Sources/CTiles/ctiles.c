#include "ctiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TILES __attribute__((target("amx-tile,amx-bf16")))

int ctiles_enable(void) {
    unsigned a, b, c, d;
    // CPUID leaf 7 EDX: bit 24 is AMX-TILE, bit 22 AMX-BF16.
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (1u << 24)) == 0 || (d & (1u << 22)) == 0) return 0;
    // ARCH_REQ_XCOMP_PERM requests permission to use tile data for the whole process; Linux 5.16 and later.
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

TILES void ctiles_begin(void) {
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } whole __attribute__((aligned(64))) = {
        1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
}

TILES void ctiles_end(void) { _tile_release(); }

TILES void ctiles_load_sums(const float *sums, long row_bytes) {
    const char *lower = (const char *)sums + 16 * row_bytes;
    _tile_loadd(0, sums, row_bytes);
    _tile_loadd(1, sums + 16, row_bytes);
    _tile_loadd(2, lower, row_bytes);
    _tile_loadd(3, lower + 64, row_bytes);
}

TILES void ctiles_store_sums(float *sums, long row_bytes) {
    char *lower = (char *)sums + 16 * row_bytes;
    _tile_stored(0, sums, row_bytes);
    _tile_stored(1, sums + 16, row_bytes);
    _tile_stored(2, lower, row_bytes);
    _tile_stored(3, lower + 64, row_bytes);
}

// The bytes of a term: two tiles.
enum { term = 2048 };

TILES static inline __attribute__((always_inline)) void load_left(const char *two_tiles) {
    _tile_loadd(4, two_tiles, 64);
    _tile_loadd(5, two_tiles + term / 2, 64);
}

TILES static inline __attribute__((always_inline)) void load_right(const char *two_tiles) {
    _tile_loadd(6, two_tiles, 64);
    _tile_loadd(7, two_tiles + term / 2, 64);
}

// Adds to each accumulator Σ A · B over 16 pairs of bfloat16 values, in Float32.
TILES static inline __attribute__((always_inline)) void multiply(void) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

TILES void ctiles_accumulate(const void *left, const void *right, long steps, int terms) {
    const char *a = left, *b = right;
    for (long step = 0; step < steps; step++, a += terms * term, b += terms * term) {
        load_left(a);
        if (terms == 3) {
            load_right(b + 2 * term);
            multiply();
        }
        if (terms >= 2) {
            load_right(b + term);
            multiply();
        }
        load_right(b);
        multiply();
        if (terms == 1) continue;
        load_left(a + term);
        multiply();
        if (terms == 2) continue;
        load_right(b + term);
        multiply();
        load_left(a + 2 * term);
        load_right(b);
        multiply();
    }
}
#else
int ctiles_enable(void) { return 0; }
void ctiles_begin(void) {}
void ctiles_end(void) {}
void ctiles_load_sums(const float *sums, long row_bytes) {}
void ctiles_store_sums(float *sums, long row_bytes) {}
void ctiles_accumulate(const void *left, const void *right, long steps, int terms) {}
#endif
