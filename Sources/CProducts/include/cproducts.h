// Register kernels of matrix products for several instruction sets, of which the program chooses one when it starts.
// Swift cannot compile a function for other instructions than those of its module; C can.
#pragma once

#include <stdint.h>

// The rows of a strip of A.
enum { cproducts_rows = 12 };
// The maximum number of words (see below) in the depth of a panel, and the distance of rows in a packed row-major
// strip: rows at a multiple of 4 KiB would share few lines of the L1 cache.
enum { cproducts_depth = 384, cproducts_row_words = cproducts_depth + 16 };
// The words of a packed left strip, and the number of word-major strips that are packed at a time, so that whole lines of
// memory are read.
enum { cproducts_left_words = cproducts_rows * cproducts_row_words, cproducts_strips_ahead = 4 };

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
    cproducts_pack, // packs rows of A from elements of which words consist
    cproducts_round_and_pack, // packs rows of A, rounded from Float32 to bfloat16; for word-major strips
    cproducts_widen_and_pack, // packs rows of A, widened from Float16 to Float32; for row-major strips
} cproducts_task;

// What is read after the sums: it is prefetched, or packed in the layout of this kernel's left strip.
//
// A row-major strip is packed if the depth is a multiple of 16. Of word-major strips, four that are adjacent are packed,
// each `cproducts_left_words` after the other, and a fourth of the depth, which is a multiple of 4.
typedef struct {
    cproducts_task task;
    const char *source; // rows as they are stored
    long pitch; // the bytes from row to row
    void *packed; // where they are packed
} cproducts_ahead;

// What a kernel multiplies: a strip of A by strips of B.
typedef struct {
    const void *left; // the rows up to the next multiple of 12 must be readable
    long left_distance; // the words from row to row, or from word to word
    int rows; // up to 12
    long depth; // the number of words along k
    void *right; // word w of column c of strip s is at s * right_distance + w * columns + c
    long right_distance;
    int strips; // the number of strips of B
    const char *source; // B as it is stored in row-major order, for kernels that pack it into `right`; a pair of
                        // bfloat16 is in two rows
    long pitch; // the bytes from row to row
} cproducts_operands;

// Where sums go.
typedef struct {
    float *sums; // [12, columns * strips] with `stride` floats from row to row
    long stride;
    int adding; // whether the sums are added to `sums` instead of overwriting them
    const float *shift; // [columns * strips], added to each row of the result; null: nothing is added
    uint16_t *rounded; // null, or where the result goes instead of to `sums`: rounded to bfloat16 by kernels for pairs of
                       // them, and to Float16 by those for Float32 that also widen Float16
    long rounded_stride;
    cproducts_ahead ahead; // done while the last strip of B is multiplied
} cproducts_target;

// Computes sums[r][c] (+)= Σ left[r][w] · right[w][c], over the words in ascending order: one fused multiply-add after
// another in Float32, whose bits depend neither on the level nor on the number of rows. (Pairs of bfloat16 are multiplied
// and added by one instruction, whose rounding is the CPU's.) Rows of the target from `rows` on are undefined afterwards.
typedef void (*cproducts_kernel)(const cproducts_operands *operands, const cproducts_target *target);

// The variants of a kernel; null pointers: none.
typedef struct {
    cproducts_kernel multiply;
    cproducts_kernel pack_and_multiply; // packs B from elements of which words consist
    cproducts_kernel widen_and_multiply; // packs B from Float16, widened to Float32
    int columns; // the columns of a strip of B, which registers hold the sums of
} cproducts_kernels;

// Returns the kernels for a level that is supported, or none if the level has no instruction for such words.
cproducts_kernels cproducts_choose(cproducts_level level, cproducts_word word, cproducts_layout layout);
