// The register kernels of one level for both layouts of the left strip. The including file defines LEVEL, the beginning
// of their names, and what register_kernel.h needs except NAME, ROW and WORD; without ELEMENTS, words are Float32. What
// does not describe vectors ends here.
#define JOIN(x, y) JOIN_(x, y)
#define JOIN_(x, y) x##y

#ifndef ELEMENTS
#define ELEMENTS 1
#define UNPACKED(l, s, p) __builtin_memcpy(l, s, sizeof l)
#define STORE_ROUNDED(l, t) (void)(t)
#endif

#define NAME JOIN(LEVEL, _row_major)
#define ROW distance
#define WORD 1
#include "register_kernel.h"
#undef NAME
#undef ROW
#undef WORD

#define NAME JOIN(LEVEL, _word_major)
#define ROW 1
#define WORD distance
#include "register_kernel.h"
#undef NAME
#undef ROW
#undef WORD

#undef LEVEL
#undef TARGET
#undef MULTIPLY
#undef ELEMENTS
#undef STORE_ROUNDED
#undef UNPACKED
#undef WIDENED
#undef JOIN
#undef JOIN_
