#define _GNU_SOURCE
#include "cthreads.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Swift's calling convention (`swiftcall` in clang's documentation) passes a closure's context in a dedicated register.
typedef __attribute__((swiftcall)) void (*swift_function)(intptr_t part, __attribute__((swift_context)) void *context);

void cthreads_call(const cthreads_closure *closure, intptr_t part) {
    ((swift_function)closure->function)(part, closure->context);
}

// Declared in Swift as: func lend(_ body: (Int) -> Void, _ parts: Int, to receiver: @convention(c) (…) -> Void). Swift
// does not allow storing a non-escaping closure, which may be on its caller's stack. Here it is two words, valid until
// the receiver returns.
__attribute__((swiftcall)) void cthreads_lend(
    const void *function, void *context, intptr_t parts,
    void (*receiver)(const cthreads_closure *closure, intptr_t parts)) {
    cthreads_closure closure = {function, context};
    receiver(&closure, parts);
}

void cthreads_wait(const void *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void cthreads_wake(const void *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void cthreads_set_name(pthread_t thread, const char *name) { pthread_setname_np(thread, name); }

int cthreads_wait_semaphore(sem_t *semaphore, int64_t nanoseconds) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    nanoseconds += end.tv_nsec;
    end.tv_sec += nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    while (sem_clockwait(semaphore, CLOCK_MONOTONIC, &end))
        if (errno != EINTR) return errno;
    return 0;
}
