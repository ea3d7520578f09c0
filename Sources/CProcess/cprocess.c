#define _GNU_SOURCE
#include "cprocess.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_requested = 0;

// The handlers run on a separate stack. When they used the interrupted stack, which may be that of oneDNN's generated
// code, the heap was corrupted in 5 of 105 jobs; with a separate stack, in 0 of 80.
static char handler_stack[1 << 17] __attribute__((aligned(64)));

// Whether this is rank 0 of a job.
static volatile sig_atomic_t is_first_rank = 0;

// While mpirun waits for ranks that it has sent SIGTERM, after a Ctrl-C, it forwards none of their output. Rank 0 therefore
// writes to the terminal itself, if the job has one. SIGTTOU, which could suspend it there, is blocked in the handler.
static void tell_terminal(void) {
    static const char text[] = "\ndtrain: stopping: the ranks save the run if mpirun gives them enough time\n";
    int terminal = open("/dev/tty", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal < 0) return;
    ssize_t written = write(terminal, text, sizeof text - 1);
    (void)written;
    close(terminal);
}

static void note(int number) {
    int kept = errno;
    if (number == SIGTERM && is_first_rank && !stop_requested) tell_terminal();
    stop_requested = 1;
    errno = kept;
}

// The first SIGINT requests to save and stop, a later one kills the process. Some senders, such as timeout(1), signal a
// process and then its group, so signals within half a second count as one request.
static void note_interrupt(int number) {
    static struct timespec first;
    int kept = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!first.tv_sec) {
        first = now;
        if (!stop_requested) {
            static const char text[] = "\ndtrain: stopping; a second Ctrl-C ends the program immediately\n";
            ssize_t written = isatty(STDERR_FILENO) ? write(STDERR_FILENO, text, sizeof text - 1) : 0;
            (void)written;
        }
        stop_requested = 1;
    } else if ((now.tv_sec - first.tv_sec) * 1000 + (now.tv_nsec - first.tv_nsec) / 1000000 > 500) {
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = kept;
}

void cprocess_note_stop_requests(void) {
    stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    sigaltstack(&stack, NULL);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    sigaddset(&action.sa_mask, SIGTTOU);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    // A background process of a shell ignores SIGINT; this is preserved.
    struct sigaction before;
    if (!sigaction(SIGINT, NULL, &before) && before.sa_handler != SIG_IGN) {
        action.sa_handler = note_interrupt;
        sigaction(SIGINT, &action, NULL);
    }
    // The parent may have blocked these signals.
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
}

void cprocess_forget_stop_requests(void) {
    signal(SIGUSR1, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    struct sigaction interrupt;
    if (!sigaction(SIGINT, NULL, &interrupt) && interrupt.sa_handler == note_interrupt) signal(SIGINT, SIG_DFL);
}

int cprocess_stop_was_requested(void) { return stop_requested; }

// A signal without a handler kills the rank, and with it the job, and a launcher may forward a signal at any moment.
// Functions in this section run before all other code of the process except the dynamic linker.
static void note_early(int count, char **arguments, char **environment) {
    (void)count, (void)arguments;
    static const char *const marks[] = {"OMPI_COMM_WORLD_RANK=", "PMIX_RANK=", "PMI_RANK="};
    for (char **variable = environment; variable && *variable; variable++)
        for (unsigned i = 0; i < sizeof marks / sizeof *marks; i++)
            if (!strncmp(*variable, marks[i], strlen(marks[i]))) {
                is_first_rank = !strcmp(*variable + strlen(marks[i]), "0");
                cprocess_note_stop_requests();
                return;
            }
}
__attribute__((section(".preinit_array"), used)) static void (*const early)(int, char **, char **) = note_early;

// If a standard descriptor is closed, a file opened later would get its number and be used as standard output or error.
// Each closed descriptor is therefore opened to /dev/null: standard input and output in the direction in which their
// use still fails, standard error so that output is discarded.
static void hold_standard_descriptors(int count, char **arguments, char **environment) {
    (void)count, (void)arguments, (void)environment;
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", descriptor == 1 ? O_RDONLY : O_WRONLY) < 0) return;
}
__attribute__((section(".preinit_array"), used)) static void (*const hold)(int, char **, char **) =
    hold_standard_descriptors;

int cprocess_die_with_parent(void) {
    pid_t parent = getppid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL)) return errno;
    // The parent may have ended before the request.
    if (getppid() != parent) raise(SIGKILL);
    return 0;
}

_Noreturn void cprocess_trap(void) { __builtin_trap(); }

// Runs on the interrupted thread and allocates nothing, because the process may hang while it holds a lock of the
// allocator.
static void tell_stack(int number) {
    (void)number;
    int kept = errno;
    void *frames[64];
    char head[32] = "process ";
    size_t end = strlen(head);
    unsigned process = (unsigned)getpid(), power = 1;
    while (process / power >= 10) power *= 10;
    for (; power; power /= 10) head[end++] = (char)('0' + process / power % 10);
    static const char tail[] = " is at:\n";
    struct iovec parts[] = {{head, end}, {(char *)tail, sizeof tail - 1}};
    if (writev(STDERR_FILENO, parts, 2) > 0) backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    errno = kept;
}

void cprocess_tell_stacks(void) {
    // The first call of `backtrace` loads a library, which a signal handler must not do.
    void *frame;
    backtrace(&frame, 1);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = tell_stack;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
}

void cprocess_ask_for_stack(int process) { syscall(SYS_tgkill, process, process, SIGUSR2); }
