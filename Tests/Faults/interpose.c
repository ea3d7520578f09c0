// Intercepts a program's calls to the C library, counts those that touch files under one path, and injects a fault at one of
// them: an error, a short write, or the end of the process.
//
//   cc -shared -fPIC -O1 -Wall -Werror -o interpose.so interpose.c -ldl -lpthread
//
// Environment variables:
//
//   INTERPOSE_PREFIX   the path under which calls count; absolute, without links
//   INTERPOSE_CALLS    the calls that count, for example "write,fsync"; default: all that are intercepted
//   INTERPOSE_LOG      a file to which a line is written for each counted call: its number, its name, its path
//   INTERPOSE_AT       the number of the first call, counted from 1, with a fault; 0 or not set: none
//   INTERPOSE_UNTIL    the number of the last call with a fault; 0: all from INTERPOSE_AT on; not set: only that one
//   INTERPOSE_ACTION   the fault:
//                        kill-before, kill-after   SIGKILL to the process, instead of the call or after it
//                        ENOSPC, EDQUOT, EIO, …    the call is not made and fails with this error
//                        short                     a write writes half of its bytes and returns that number
//                        torn-ENOSPC, …            the first write writes half, all later calls fail with this error

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

// Looks up the C library's function with the name of the calling function.
#define NEXT(type, name) \
    static __typeof__(type) next; \
    if (!next) next = (type)dlsym(RTLD_NEXT, name)

enum effect { PASS, FAIL, SHORT, KILL_AFTER };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long count;
static int isTorn;

static const struct {
    const char *name;
    int number;
} errors[] = {
    {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO},     {"EACCES", EACCES}, {"EROFS", EROFS},
    {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"EINTR", EINTR}, {"ESTALE", ESTALE}, {"EFBIG", EFBIG},
};

static int numberOfError(const char *name) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (!strcmp(errors[i].name, name)) return errors[i].number;
    static const char text[] = "interpose: an INTERPOSE_ACTION that is not known\n";
    syscall(SYS_write, 2, text, sizeof text - 1);
    _exit(64);
}

static long numberIn(const char *variable, long otherwise) {
    const char *text = getenv(variable);
    return text && *text ? strtol(text, NULL, 10) : otherwise;
}

// Whether `name` is an element of the list INTERPOSE_CALLS.
static int counts(const char *name) {
    const char *list = getenv("INTERPOSE_CALLS");
    if (!list || !*list) return 1;
    size_t length = strlen(name);
    for (const char *part = list; part; part = strchr(part, ',') ? strchr(part, ',') + 1 : NULL)
        if (!strncmp(part, name, length) && (part[length] == ',' || !part[length])) return 1;
    return 0;
}

// The path behind an open descriptor, or an empty string.
static int pathOf(int descriptor, char *path) {
    char link[64];
    if (descriptor == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}

// Counts a call and returns its fault. Without a fault, `errno` is unchanged.
static enum effect meet(const char *name, int directory, const char *relative) {
    const char *prefix = getenv("INTERPOSE_PREFIX");
    if (!prefix || !*prefix || !counts(name)) return PASS;
    int before = errno;
    enum effect effect = PASS;
    char path[2 * PATH_MAX + 2];
    if (relative && *relative == '/') {
        snprintf(path, sizeof path, "%s", relative);
    } else {
        if (!pathOf(directory, path)) path[0] = 0;
        if (relative) {
            if (!strncmp(relative, "./", 2)) relative += 2;
            size_t length = strlen(path);
            snprintf(path + length, sizeof path - length, "/%s", relative);
        }
    }
    size_t length = strlen(prefix);
    if (strncmp(path, prefix, length) || (path[length] && path[length] != '/' && path[length] != '.')) {
        errno = before;
        return PASS;
    }

    pthread_mutex_lock(&mutex);
    long number = ++count;
    const char *log = getenv("INTERPOSE_LOG");
    if (log && *log) {
        char line[2 * PATH_MAX + 64];
        int bytes = snprintf(line, sizeof line, "%ld %s %s\n", number, name, path);
        int descriptor = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (descriptor >= 0) {
            syscall(SYS_write, descriptor, line, bytes);
            syscall(SYS_close, descriptor);
        }
    }
    long first = numberIn("INTERPOSE_AT", 0), last = numberIn("INTERPOSE_UNTIL", first);
    const char *action = getenv("INTERPOSE_ACTION");
    if (first > 0 && number >= first && (last == 0 || number <= last) && action) {
        if (!strcmp(action, "kill-before")) {
            kill(getpid(), SIGKILL);
        } else if (!strcmp(action, "kill-after")) {
            effect = KILL_AFTER;
        } else if (!strcmp(action, "short")) {
            effect = SHORT;
        } else if (!strncmp(action, "torn-", 5)) {
            int isWrite = !strcmp(name, "write") || !strcmp(name, "pwrite");
            effect = isWrite && !isTorn ? SHORT : FAIL;
            isTorn |= isWrite;
            before = numberOfError(action + 5);
        } else {
            effect = FAIL;
            before = numberOfError(action);
        }
    }
    pthread_mutex_unlock(&mutex);
    errno = before;
    return effect;
}

// Ends the process after a call if the fault requires it.
static void leave(enum effect effect) {
    if (effect == KILL_AFTER) kill(getpid(), SIGKILL);
}

// Makes a call, or fails with `failed`.
#define CALL(type, name, signature, arguments, failed, directory, path) \
    type name signature { \
        NEXT(type(*) signature, #name); \
        enum effect effect = meet(#name, directory, path); \
        if (effect == FAIL) return failed; \
        type result = next arguments; \
        leave(effect); \
        return result; \
    }

CALL(int, fsync, (int file), (file), -1, file, NULL)
CALL(int, ftruncate, (int file, off_t size), (file, size), -1, file, NULL)
CALL(int, rename, (const char *from, const char *to), (from, to), -1, AT_FDCWD, from)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, AT_FDCWD, path)
CALL(int, unlink, (const char *path), (path), -1, AT_FDCWD, path)
CALL(int, unlinkat, (int directory, const char *path, int flags), (directory, path, flags), -1, directory, path)
CALL(int, access, (const char *path, int mode), (path, mode), -1, AT_FDCWD, path)
CALL(int, stat, (const char *path, struct stat *status), (path, status), -1, AT_FDCWD, path)
CALL(int, lstat, (const char *path, struct stat *status), (path, status), -1, AT_FDCWD, path)
CALL(int, fstat, (int file, struct stat *status), (file, status), -1, file, NULL)
CALL(int, statvfs, (const char *path, struct statvfs *status), (path, status), -1, AT_FDCWD, path)
CALL(ssize_t, read, (int file, void *bytes, size_t size), (file, bytes, size), -1, file, NULL)
CALL(ssize_t, pread, (int file, void *bytes, size_t size, off_t at), (file, bytes, size, at), -1, file, NULL)
CALL(DIR *, opendir, (const char *path), (path), NULL, AT_FDCWD, path)
CALL(DIR *, fdopendir, (int file), (file), NULL, file, NULL)
CALL(struct dirent *, readdir, (DIR *directory), (directory), NULL, dirfd(directory), NULL)

// A write may also be short.
ssize_t write(int file, const void *bytes, size_t size) {
    NEXT(ssize_t(*)(int, const void *, size_t), "write");
    enum effect effect = meet("write", file, NULL);
    if (effect == FAIL) return -1;
    ssize_t result = next(file, bytes, effect == SHORT ? (size + 1) / 2 : size);
    leave(effect);
    return result;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    NEXT(ssize_t(*)(int, const void *, size_t, off_t), "pwrite");
    enum effect effect = meet("pwrite", file, NULL);
    if (effect == FAIL) return -1;
    ssize_t result = next(file, bytes, effect == SHORT ? (size + 1) / 2 : size, at);
    leave(effect);
    return result;
}

// A close that fails has closed the descriptor nevertheless.
int close(int file) {
    NEXT(int (*)(int), "close");
    enum effect effect = meet("close", file, NULL);
    int before = errno;
    int result = next(file);
    leave(effect);
    if (effect != FAIL) return result;
    errno = before;
    return -1;
}

int closedir(DIR *directory) {
    NEXT(int (*)(DIR *), "closedir");
    enum effect effect = meet("closedir", dirfd(directory), NULL);
    int before = errno;
    int result = next(directory);
    leave(effect);
    if (effect != FAIL) return result;
    errno = before;
    return -1;
}

// The mode argument is present only if a file may be created.
int open(const char *path, int flags, ...) {
    NEXT(int (*)(const char *, int, ...), "open");
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    enum effect effect = meet("open", AT_FDCWD, path);
    if (effect == FAIL) return -1;
    int result = next(path, flags, mode);
    leave(effect);
    return result;
}

int openat(int directory, const char *path, int flags, ...) {
    NEXT(int (*)(int, const char *, int, ...), "openat");
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    enum effect effect = meet("openat", directory, path);
    if (effect == FAIL) return -1;
    int result = next(directory, path, flags, mode);
    leave(effect);
    return result;
}

// The same functions under their names for 64-bit file offsets.
int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
int ftruncate64(int, off64_t) __attribute__((alias("ftruncate")));
ssize_t pread64(int, void *, size_t, off64_t) __attribute__((alias("pread")));
ssize_t pwrite64(int, const void *, size_t, off64_t) __attribute__((alias("pwrite")));
