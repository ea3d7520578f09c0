// One register kernel, and its variants that pack the right strip. The including file defines
//   NAME             the function's name
//   TARGET           its attributes
//   VECTOR           a vector of Float32
//   BLOCK, VECTORS   the rows and vectors of the sums that registers hold at a time; the vectors are a strip's columns
//   IS_ROW_MAJOR     whether words of a row are adjacent in the left strip, and rows `distance` apart, or the opposite
//   MULTIPLY(s, l, r)  the sums s plus the product of the word l and the vector r of words
//   ELEMENTS         the elements in a word
//   STORE_ROUNDED(l, t)  stores the VECTORS vectors l at t, rounded to 16 bits; without it nothing is stored
//   UNPACKED(l, s, p)  sets the VECTORS vectors l to the words whose elements are at s, in rows that are p bytes apart
//   PACK_WORD(t, s, p, task)  stores a word of 12 rows at t from elements at s, in rows that are p bytes apart
//   WIDENED(l, s)    if the level has an instruction for it: sets the VECTORS vectors l to the Float16 at s

#if IS_ROW_MAJOR
#define ROW distance
#define WORD 1
#else
#define ROW 1
#define WORD distance
#endif

// The columns of a strip of B.
#define COLUMNS ((int)(VECTORS * sizeof(VECTOR) / sizeof(float)))

// Does the part of the task that belongs to word w.
#define DO_TASK JOIN(NAME, _do_task)

TARGET static inline __attribute__((always_inline)) void DO_TASK(
    cproducts_task task, long w, const char *source, long pitch, uint32_t *packed) {
    if (task == cproducts_nothing) return;
    // One vector or line of each row every 16 words.
    long row = w & 15;
    const long first = w & ~15L;
    if (task == cproducts_prefetch) {
        __builtin_prefetch(source + row * pitch + first * 4, 0, 3);
        __builtin_prefetch(source + (row + 16) * pitch + first * 4, 0, 3);
        return;
    }
#if IS_ROW_MAJOR
    // Not a branch: the loop's sums would not stay in registers.
    row = row < cproducts_rows ? row : cproducts_rows - 1;
    packed += row * cproducts_row_words + first;
    if (task == cproducts_pack) {
        source += row * pitch + first * 4;
        __builtin_memcpy(packed, source, 64);
        __builtin_prefetch(source + 4 * words_ahead, 0, 3);
        return;
    }
#ifdef WIDENED
    VECTOR widened[16 * sizeof(float) / sizeof(VECTOR)];
    source += row * pitch + first * 2;
    for (unsigned v = 0; v < sizeof widened / sizeof(VECTOR); v += VECTORS)
        WIDENED(widened + v, source + v * sizeof(VECTOR) / 2);
    __builtin_memcpy(packed, widened, sizeof widened);
    __builtin_prefetch(source + 2 * words_ahead, 0, 3);
#endif
#else
    // A word of each strip, then the next word of each.
    const unsigned long index = w, word = index / cproducts_strips_ahead, strip = index % cproducts_strips_ahead;
    source += (long)word * ELEMENTS * pitch + strip * cproducts_rows * (task == cproducts_pack ? 4 / ELEMENTS : 4);
#pragma clang loop unroll(full)
    for (int e = 0; e < ELEMENTS; e++) __builtin_prefetch(source + (rows_ahead + e) * pitch, 0, 3);
    PACK_WORD(packed + strip * cproducts_left_words + word * cproducts_rows, source, pitch, task);
#endif
}

// The sums of `row_count` ≤ BLOCK rows and VECTORS vectors. `right` is written if `type` is not nothing.
#define BODY JOIN(NAME, _block)

TARGET static inline __attribute__((always_inline)) void BODY(
    const uint32_t *left, long distance, VECTOR *right, const char *source, long pitch, enum source_type type, long depth,
    int row_count, cproducts_task task, const cproducts_target *target, long first_row, long first_column) {
    const long stride = target->stride, rounded_stride = target->rounded_stride;
    const int adding = target->adding;
    const cproducts_ahead ahead = target->ahead;
    float *sums = target->sums + first_row * stride + first_column;
    const float *shift = target->shift ? target->shift + first_column : NULL;
    uint16_t *rounded = target->rounded ? target->rounded + first_row * rounded_stride + first_column : NULL;
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
        DO_TASK(task, w, ahead.source, ahead.pitch, ahead.packed);
        VECTOR line_of_right[VECTORS];
        if (type != nothing) {
            // Each stored row is on its own page; prefetched now, it is available some words later. The strip after
            // this one is on the same pages.
            const unsigned bytes = VECTORS * sizeof(VECTOR) / (type == halves ? 2 : ELEMENTS);
#pragma clang loop unroll(full)
            for (int e = 0; e < ELEMENTS; e++)
#pragma clang loop unroll(full)
                for (unsigned b = 0; b < bytes; b += 64) {
                    __builtin_prefetch(source + (ELEMENTS * words_ahead + e) * pitch + b, 0, 3);
                    __builtin_prefetch(source + e * pitch + bytes + b, 0, 2);
                }
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
        // Words of A that were loaded before packing would displace sums from registers.
        if (type != nothing || task > cproducts_prefetch) __asm__ volatile("" ::: "memory");
#pragma clang loop unroll(full)
        for (int r = 0; r < row_count; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < VECTORS; v++)
                block[r][v] = MULTIPLY(block[r][v], left[r * ROW], line_of_right[v]);
        left += WORD;
        right += VECTORS;
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

// The sums of the strip's rows and the strip `s` of B, which the first block of rows packs.
#define STRIP JOIN(NAME, _strip)

TARGET static inline __attribute__((always_inline)) void STRIP(
    const cproducts_operands *operands, const cproducts_target *target, enum source_type type, int s) {
    const int rows = operands->rows, column = s * COLUMNS;
    const long distance = operands->left_distance, depth = operands->depth, pitch = operands->pitch;
    VECTOR *right = (VECTOR *)((float *)operands->right + s * operands->right_distance);
    const char *source = operands->source + column * (type == halves ? 2 : sizeof(float) / ELEMENTS);
    for (int row = 0; row < rows; row += BLOCK) {
        const uint32_t *left = (const uint32_t *)operands->left + row * ROW;
#define BLOCK_OF(count, type, task) \
    BODY(left, distance, right, source, pitch, type, depth, count, task, target, row, column)
#define ROWS_OF_BLOCK(type) \
    if (BLOCK <= 8 || rows - row > 8) \
        BLOCK_OF(BLOCK, type, cproducts_nothing); \
    else if (rows - row > 4) \
        BLOCK_OF(8, type, cproducts_nothing); \
    else \
        BLOCK_OF(4, type, cproducts_nothing)
        const int has_task = s + 1 == operands->strips && row == 0;
        const cproducts_task task = has_task ? target->ahead.task : cproducts_nothing;
        // A strip that is packed ahead is whole, and so is the one before.
        if (task == cproducts_prefetch && rows >= BLOCK) {
            BLOCK_OF(BLOCK, type, cproducts_prefetch);
        } else if (task == cproducts_pack) {
            BLOCK_OF(BLOCK, type, cproducts_pack);
#if IS_ROW_MAJOR
        } else if (task == cproducts_widen_and_pack) {
            BLOCK_OF(BLOCK, type, cproducts_widen_and_pack);
#else
        } else if (task == cproducts_round_and_pack && ELEMENTS == 2) {
            BLOCK_OF(BLOCK, type, cproducts_round_and_pack);
#endif
        } else if (row == 0) {
            ROWS_OF_BLOCK(type);
        } else {
            ROWS_OF_BLOCK(nothing);
        }
    }
}

TARGET static void NAME(const cproducts_operands *operands, const cproducts_target *target) {
    for (int s = 0; s < operands->strips; s++) STRIP(operands, target, nothing, s);
}

TARGET static void JOIN(NAME, _packing)(const cproducts_operands *operands, const cproducts_target *target) {
    for (int s = 0; s < operands->strips; s++) STRIP(operands, target, words, s);
}

#ifdef WIDENED
TARGET static void JOIN(NAME, _widening)(const cproducts_operands *operands, const cproducts_target *target) {
    for (int s = 0; s < operands->strips; s++) STRIP(operands, target, halves, s);
}
#endif

#undef ROWS_OF_BLOCK
#undef BLOCK_OF
#undef STRIP
#undef COLUMNS
#undef BODY
#undef DO_TASK
#undef ROW
#undef WORD
