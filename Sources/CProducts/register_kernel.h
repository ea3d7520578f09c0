// One register kernel. The including file defines
//   NAME             the function's name
//   TARGET           its attributes
//   VECTOR           a vector of Float32
//   BLOCK, VECTORS   the rows and vectors of the sums that registers hold at a time
//   ROW, WORD        the distances of rows and words in the left strip, of which one is `distance`
//   MULTIPLY(s, l, r)  the sums s plus the product of the word l and the vector r of words

// The sums of `row_count` ≤ BLOCK rows and VECTORS vectors.
#define BODY JOIN(NAME, _block)

TARGET static inline __attribute__((always_inline)) void BODY(
    const uint32_t *left, long distance, const VECTOR *right, long depth, float *sums, long stride, int row_count,
    int adding, const float *shift) {
    enum { line = cproducts_columns * sizeof(float) / sizeof(VECTOR) };
    VECTOR block[BLOCK][VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < row_count; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) block[r][v] = (VECTOR){0};
    // Each row of sums is on its own page; prefetched now, it is available when the block is complete.
#pragma clang loop unroll(full)
    for (int r = 0; r < row_count; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) __builtin_prefetch((char *)(sums + r * stride) + v * sizeof(VECTOR), 1, 3);
    for (long w = 0; w < depth; w++) {
        VECTOR line_of_right[VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) line_of_right[v] = right[v];
#pragma clang loop unroll(full)
        for (int r = 0; r < row_count; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < VECTORS; v++)
                block[r][v] = MULTIPLY(block[r][v], left[r * ROW], line_of_right[v]);
        left += WORD;
        right += line;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < row_count; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) {
            VECTOR result = block[r][v], before;
            char *target = (char *)(sums + r * stride) + v * sizeof(VECTOR);
            if (adding) {
                __builtin_memcpy(&before, target, sizeof before);
                result = before + result;
            }
            if (shift) {
                VECTOR shifts;
                __builtin_memcpy(&shifts, (char *)shift + v * sizeof(VECTOR), sizeof shifts);
                result += shifts;
            }
            __builtin_memcpy(target, &result, sizeof result);
        }
}

TARGET static void NAME(
    const void *left, long distance, const void *right, long depth, float *sums, long stride, int rows, int adding,
    const float *shift) {
    const uint32_t *words = left;
    enum { vector_columns = sizeof(VECTOR) / sizeof(float) };
    for (int column = 0; column < cproducts_columns; column += VECTORS * vector_columns) {
        const VECTOR *strip = (const VECTOR *)((const float *)right + column);
        for (int row = 0; row < rows; row += BLOCK) {
            const uint32_t *first = words + row * ROW;
            float *target = sums + row * stride + column;
            const float *shifts = shift ? shift + column : shift;
            if (BLOCK <= 8 || rows - row > 8)
                BODY(first, distance, strip, depth, target, stride, BLOCK, adding, shifts);
            else if (rows - row > 4)
                BODY(first, distance, strip, depth, target, stride, 8, adding, shifts);
            else
                BODY(first, distance, strip, depth, target, stride, 4, adding, shifts);
        }
    }
}

#undef BODY
