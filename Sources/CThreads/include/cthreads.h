// Operations of threads that Swift cannot express, such as sleeping until a word of memory changes (futex).
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

// Hints to the CPU that the calling thread spins.
static inline void cthreads_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Sleeps while `*word` is `value`, until woken; spurious wake-ups are possible.
void cthreads_wait(const void *word, uint32_t value);

// Wakes up to `count` threads that sleep on `word`.
void cthreads_wake(const void *word, int count);

// Decrements a semaphore, or returns ETIMEDOUT after `nanoseconds` on the monotonic clock.
int cthreads_wait_semaphore(sem_t *semaphore, int64_t nanoseconds);

// Sets the name of a thread, shown by process listings; at most 15 characters.
void cthreads_set_name(pthread_t thread, const char *name);
