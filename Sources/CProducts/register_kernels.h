// The register kernels of one level for both layouts of the left strip. The including file defines LEVEL, the beginning
// of their names, and what register_kernel.h needs except NAME and IS_ROW_MAJOR; without ELEMENTS, words are Float32.
// What does not describe vectors ends here.
#define JOIN(x, y) JOIN_(x, y)
#define JOIN_(x, y) x##y

#ifndef ELEMENTS
#define ELEMENTS 1
#define PACK_WORD(t, s, p, task) __builtin_memcpy(t, s, cproducts_rows * 4)
#define UNPACKED(l, s, p) __builtin_memcpy(l, s, sizeof l)
#endif
#ifndef STORE_ROUNDED
#define STORE_ROUNDED(l, t) (void)(t)
#endif

#define NAME JOIN(LEVEL, _row_major)
#define IS_ROW_MAJOR 1
#include "register_kernel.h"
#undef NAME
#undef IS_ROW_MAJOR

#define NAME JOIN(LEVEL, _word_major)
#define IS_ROW_MAJOR 0
#include "register_kernel.h"
#undef NAME
#undef IS_ROW_MAJOR

#undef LEVEL
#undef TARGET
#undef MULTIPLY
#undef ELEMENTS
#undef PACK_WORD
#undef STORE_ROUNDED
#undef UNPACKED
#undef WIDENED
#undef JOIN
#undef JOIN_
