#include <stdint.h>
#include <xxhash.h>
// The library's own functions are compiled for any x86-64 CPU. This header dispatches to the widest vector extension of
// the CPU, which is three times as fast.
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif

// The header defines macros, which Swift does not import.
static inline void cxxhash_update(XXH3_state_t *state, const void *bytes, size_t count) {
    (void)XXH3_128bits_update(state, bytes, count);
}
static inline uint64_t cxxhash_64(const void *bytes, size_t count) { return XXH3_64bits(bytes, count); }
