// What a pool of threads needs and Swift cannot say: calling a closure that lies on another thread's stack, and sleeping
// until a word of memory changes.
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

// A Swift closure `(Int) -> Void`, as its two words.
typedef struct {
    const void *function;
    void *context;
} cthreads_closure;

// Calls the closure with `part`, on any thread, while the function that it was passed to has not returned.
void cthreads_call(const cthreads_closure *closure, intptr_t part);

// Tells the processor that this is a loop that waits.
static inline void cthreads_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Sleeps while `*word` is `value`, until somebody wakes it, or for no reason.
void cthreads_wait(const void *word, uint32_t value);

// Wakes up to `count` threads that sleep on `word`.
void cthreads_wake(const void *word, int count);

// Takes one off a semaphore, or returns ETIMEDOUT after so long, by a clock that nobody sets.
int cthreads_wait_semaphore(sem_t *semaphore, int64_t nanoseconds);

// Names a thread, for whoever looks at the process; at most 15 characters.
void cthreads_set_name(pthread_t thread, const char *name);

// cthreads_lend, which Swift declares by itself (`lend` in Sources/Kernels/Threads), has no declaration here: its first
// parameter is a closure that does not escape, a type that only Swift has.
