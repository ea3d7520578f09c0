// Register kernels of matrix products for several instruction sets, of which the program chooses one when it starts.
// Swift cannot compile a function for other instructions than those of its module; C can.
#pragma once

#include <stdint.h>

// The extent of a block of sums, in rows and columns.
enum { cproducts_rows = 12, cproducts_columns = 32 };
// The maximum number of words (see below) in the depth of a panel, and the distance of rows in a packed row-major
// strip: rows at a multiple of 4 KiB would share few lines of the L1 cache.
enum { cproducts_depth = 384, cproducts_row_words = cproducts_depth + 16 };

// The instruction sets, in ascending order.
typedef enum {
    cproducts_portable, // the instructions that this file is compiled for
    cproducts_avx2, // AVX2 with FMA and F16C
    cproducts_avx512, // AVX-512 F, BW, DQ and VL
    cproducts_avx512_bf16, // and AVX512_BF16
} cproducts_level;

// Returns the highest level that the CPU and the system support.
cproducts_level cproducts_supported(void);

// What a word, 32 bits of a packed panel, holds.
typedef enum {
    cproducts_float32, // a Float32
    cproducts_bfloat16_pair, // two bfloat16 that are adjacent along k, the first in the lower half
} cproducts_word;

// The layout of a left strip of up to 12 rows.
typedef enum {
    cproducts_row_major, // word w of row r is at r * distance + w
    cproducts_word_major, // word w of row r is at w * distance + r
} cproducts_layout;

// What a kernel does while it multiplies, for what is read next.
typedef enum {
    cproducts_nothing,
    cproducts_prefetch, // prefetches up to 32 rows of words
    cproducts_pack, // packs 12 rows of A from elements of which words consist
    cproducts_round_and_pack, // packs 12 rows of A, rounded from Float32 to bfloat16
    cproducts_widen_and_pack, // packs 12 rows of A, widened from Float16 to Float32
} cproducts_task;

// What is read after a block of sums: it is prefetched, or packed in the layout of this block's left strip, with
// `cproducts_row_words` words from row to row or 12 from word to word. `cproducts_round_and_pack` is for word-major
// strips, `cproducts_widen_and_pack` for row-major ones. Row-major strips can be packed if the depth is a multiple of 16.
typedef struct {
    cproducts_task task;
    const char *source; // rows as they are stored
    long pitch; // the bytes from row to row
    void *packed; // where they are packed
} cproducts_ahead;

// Where a block of sums goes.
typedef struct {
    float *sums; // [12, 32] with `stride` floats from row to row
    long stride;
    int adding; // whether the sums are added to `sums` instead of overwriting them
    const float *shift; // [32], added to each row of the result; null: nothing is added
    uint16_t *rounded; // null, or where the result goes instead of to `sums`: rounded to bfloat16 by kernels for pairs of
                       // them, and to Float16 by those for Float32 that also widen Float16
    long rounded_stride;
    cproducts_ahead ahead;
} cproducts_target;

// Computes a block of sums, sums[r][c] (+)= Σ left[r][w] · right[w][c], over `depth` words in ascending order: one
// fused multiply-add after another in Float32, whose bits depend neither on the level nor on the number of rows. (Pairs
// of bfloat16 are multiplied and added by one instruction, whose rounding is the CPU's.)
//
// left: `rows` rows; the ones up to the next multiple of 12 must be readable.
// right: word w of column c is at w * cproducts_columns + c.
// target: rows from `rows` on are undefined afterwards.
typedef void (*cproducts_kernel)(
    const void *left, long distance, const void *right, long depth, int rows, const cproducts_target *target);

// Computes the same from columns that are not packed yet, and packs them into `right`.
//
// source: `depth` words of 32 columns as matrix B is stored in row-major order, with `pitch` bytes from row to row. A
// pair of bfloat16 is in two rows.
typedef void (*cproducts_packing_kernel)(
    const void *left, long distance, const void *source, long pitch, void *right, long depth, int rows,
    const cproducts_target *target);

// The variants of a kernel; null pointers: none.
typedef struct {
    cproducts_kernel multiply;
    cproducts_packing_kernel pack_and_multiply; // from elements of which words consist
    cproducts_packing_kernel widen_and_multiply; // from Float16 to Float32
} cproducts_kernels;

// Returns the kernels for a level that is supported, or none if the level has no instruction for such words.
cproducts_kernels cproducts_choose(cproducts_level level, cproducts_word word, cproducts_layout layout);
