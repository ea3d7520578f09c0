// One register kernel, and its variants that pack the right strip. The including file defines
//   NAME             the function's name
//   TARGET           its attributes
//   VECTOR           a vector of Float32
//   BLOCK, VECTORS   the rows and vectors of the sums that registers hold at a time
//   ROW, WORD        the distances of rows and words in the left strip, of which one is `distance`
//   MULTIPLY(s, l, r)  the sums s plus the product of the word l and the vector r of words
//   ELEMENTS         the elements in a word
//   STORE_ROUNDED(l, t)  stores the VECTORS vectors l at t, rounded to the type of the elements
//   UNPACKED(l, s, p)  sets the VECTORS vectors l to the words whose elements are at s, in rows that are p bytes apart
//   WIDENED(l, s)    if the level has an instruction for it: sets the VECTORS vectors l to the Float16 at s

// The sums of `row_count` ≤ BLOCK rows and VECTORS vectors. `right` is written if `type` is not nothing.
#define BODY JOIN(NAME, _block)

TARGET static inline __attribute__((always_inline)) void BODY(
    const uint32_t *left, long distance, VECTOR *right, const char *source, long pitch, enum source_type type, long depth,
    int row_count, const cproducts_target *target, long first_row, long first_column) {
    enum { line = cproducts_columns * sizeof(float) / sizeof(VECTOR) };
    const long stride = target->stride, rounded_stride = target->rounded_stride;
    const int adding = target->adding;
    float *sums = target->sums + first_row * stride + first_column;
    const float *shift = target->shift ? target->shift + first_column : NULL;
    uint16_t *rounded = target->rounded ? target->rounded + first_row * rounded_stride + first_column : NULL;
    // If there is nothing to prefetch: a line that is in the cache already.
    const char *ahead = target->ahead && !first_row && !first_column ? target->ahead : (const char *)left;
    const long ahead_pitch = ahead == target->ahead ? target->ahead_pitch : 0;
    VECTOR block[BLOCK][VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < row_count; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) block[r][v] = (VECTOR){0};
    // Each row of C is on its own page; prefetched now, it is available when the block is complete.
    for (int r = 0; rounded && r < row_count; r++) __builtin_prefetch(rounded + r * rounded_stride, 1, 3);
    for (int r = 0; !rounded && r < row_count; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) __builtin_prefetch((VECTOR *)(sums + r * stride) + v, 1, 3);
    for (long w = 0; w < depth; w++) {
        VECTOR line_of_right[VECTORS];
        if (type != nothing) {
            // Each stored row is on its own page; prefetched now, it is available some words later.
#pragma clang loop unroll(full)
            for (int e = 0; e < ELEMENTS; e++)
#pragma clang loop unroll(full)
                for (unsigned b = 0; b < VECTORS * sizeof(VECTOR) / (type == halves ? 2 : ELEMENTS); b += 64)
                    __builtin_prefetch(source + (ELEMENTS * words_ahead + e) * pitch + b, 0, 3);
#ifdef WIDENED
            if (type == halves)
                WIDENED(line_of_right, source);
            else
#endif
                UNPACKED(line_of_right, source, pitch);
#pragma clang loop unroll(full)
            for (int v = 0; v < VECTORS; v++) right[v] = line_of_right[v];
            source += ELEMENTS * pitch;
        } else {
#pragma clang loop unroll(full)
            for (int v = 0; v < VECTORS; v++) line_of_right[v] = right[v];
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < row_count; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < VECTORS; v++)
                block[r][v] = MULTIPLY(block[r][v], left[r * ROW], line_of_right[v]);
        // One line of each of 32 rows every 16 words.
        const char *ahead_line = ahead + (w & 15) * ahead_pitch + (w & ~15L) * 4;
        __builtin_prefetch(ahead_line, 0, 3);
        __builtin_prefetch(ahead_line + 16 * ahead_pitch, 0, 3);
        left += WORD;
        right += line;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < row_count; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) {
            VECTOR addend;
            char *place = (char *)(sums + r * stride) + v * sizeof(VECTOR);
            if (adding) {
                __builtin_memcpy(&addend, place, sizeof addend);
                block[r][v] = addend + block[r][v];
            }
            if (shift) {
                __builtin_memcpy(&addend, (char *)shift + v * sizeof(VECTOR), sizeof addend);
                block[r][v] += addend;
            }
            if (!rounded) __builtin_memcpy(place, &block[r][v], sizeof block[r][v]);
        }
        if (rounded) STORE_ROUNDED(block[r], rounded + r * rounded_stride);
    }
}

// The sums of `rows` rows and all columns; the first block of rows packs the strip.
#define STRIP JOIN(NAME, _strip)

TARGET static inline __attribute__((always_inline)) void STRIP(
    const uint32_t *left, long distance, float *right, const char *source, long pitch, enum source_type type, long depth,
    int rows, const cproducts_target *target) {
    enum { vector_columns = sizeof(VECTOR) / sizeof(float) };
    for (int column = 0; column < cproducts_columns; column += VECTORS * vector_columns) {
        VECTOR *strip = (VECTOR *)(right + column);
        const char *columns = source + column * (type == halves ? 2 : sizeof(float) / ELEMENTS);
        for (int row = 0; row < rows; row += BLOCK) {
            const uint32_t *first = left + row * ROW;
#define BLOCK_OF(count, type) \
    BODY(first, distance, strip, columns, pitch, type, depth, count, target, row, column)
#define ROWS_OF_BLOCK(type) \
    if (BLOCK <= 8 || rows - row > 8) \
        BLOCK_OF(BLOCK, type); \
    else if (rows - row > 4) \
        BLOCK_OF(8, type); \
    else \
        BLOCK_OF(4, type)
            if (row == 0) {
                ROWS_OF_BLOCK(type);
            } else {
                ROWS_OF_BLOCK(nothing);
            }
        }
    }
}

TARGET static void NAME(
    const void *left, long distance, const void *right, long depth, int rows, const cproducts_target *target) {
    STRIP(left, distance, (float *)right, NULL, 0, nothing, depth, rows, target);
}

TARGET static void JOIN(NAME, _packing)(
    const void *left, long distance, const void *source, long pitch, void *right, long depth, int rows,
    const cproducts_target *target) {
    STRIP(left, distance, right, source, pitch, words, depth, rows, target);
}

#ifdef WIDENED
TARGET static void JOIN(NAME, _widening)(
    const void *left, long distance, const void *source, long pitch, void *right, long depth, int rows,
    const cproducts_target *target) {
    STRIP(left, distance, right, source, pitch, halves, depth, rows, target);
}
#endif

#undef ROWS_OF_BLOCK
#undef BLOCK_OF
#undef STRIP
#undef BODY
