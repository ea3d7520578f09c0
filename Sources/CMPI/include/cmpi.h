// Open MPI as plain functions.
//
// MPI's handles and constants are macros, which Swift does not import, and its counts are C ints. Every function here
// returns MPI's error code, 0 for success, and never ends the process by itself: all communicators and windows return
// their errors. Buffers are contiguous; `count` counts elements.
#pragma once

#include <stdint.h>

typedef enum { cmpi_float32, cmpi_float64, cmpi_int64, cmpi_float16, cmpi_byte } cmpi_type;
typedef enum { cmpi_sum, cmpi_maximum, cmpi_logical_or } cmpi_operation;

// A communicator, a request and a window, by name instead of by pointer to an incomplete type.
typedef struct cmpi_communicator *cmpi_communicator;
typedef struct cmpi_request *cmpi_request;
typedef struct cmpi_window *cmpi_window;

// Starts MPI with one communicating thread a process (MPI_THREAD_FUNNELED) or with more; `provided` gets what MPI grants.
enum { cmpi_thread_single, cmpi_thread_funneled, cmpi_thread_serialized, cmpi_thread_multiple };
int cmpi_initialize(int thread_level, int *provided);
int cmpi_finalize(void);
// Ends every process of the job; `code` is 1 to 255, since Open MPI turns 256 into success.
void cmpi_abort(int code);

// The class of an error, and what kind of classes it belongs to.
int cmpi_error_class(int error);
typedef enum { cmpi_error_other, cmpi_error_argument, cmpi_error_truncated, cmpi_error_memory } cmpi_error_kind;
cmpi_error_kind cmpi_error_kind_of(int error);

// All processes of the job; those of this process's node, in the order of their ranks.
int cmpi_world(cmpi_communicator *world);
int cmpi_node(cmpi_communicator *node);
// The same processes under a name of their own, so that two rows of collectives never meet.
int cmpi_duplicate(cmpi_communicator communicator, cmpi_communicator *duplicate);
int cmpi_free_communicator(cmpi_communicator communicator);
int cmpi_rank(cmpi_communicator communicator, int *rank);
int cmpi_size(cmpi_communicator communicator, int *size);

int cmpi_barrier(cmpi_communicator communicator);
int cmpi_broadcast(cmpi_communicator communicator, void *bytes, int count, int root);
int cmpi_gather(cmpi_communicator communicator, const void *bytes, void *all, int count, int root);
// `count` bytes from one process to another, in the order in which they are sent.
int cmpi_send(cmpi_communicator communicator, const void *bytes, int count, int other);
int cmpi_receive(cmpi_communicator communicator, void *bytes, int count, int other);
int cmpi_allreduce(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_type type,
    cmpi_operation operation);

// The same without waiting. A request ends by a test that finds it done, or by a wait.
int cmpi_start_allreduce(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_type type,
    cmpi_operation operation, cmpi_request *request);
// Block i of `send` goes to rank i; block i of `receive` comes from it. `count` bytes a block.
int cmpi_start_alltoall(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_request *request);
// Every rank gets the `count` bytes of every rank, in order; `receive` already holds this rank's own.
int cmpi_start_allgather(cmpi_communicator communicator, void *receive, int count, cmpi_request *request);
int cmpi_test(cmpi_request *request, int *done);
int cmpi_wait(cmpi_request *request);

// Memory that the processes of one node share: `bytes` of this process's own, zeroed by the system, at `base`.
int cmpi_window_allocate(cmpi_communicator node, int64_t bytes, void **base, cmpi_window *window);
// The directory whose files are the memory of windows: at least 4096 bytes of text. Fails where this MPI does not say.
int cmpi_window_directory(char *directory, int size);
// Where this process sees the part of process `rank` of the node.
int cmpi_window_base(cmpi_window window, int rank, void **base);
// Makes this process's stores visible and others' stores seen; a barrier stands between two of them.
int cmpi_window_synchronize(cmpi_window window);
int cmpi_window_free(cmpi_window window);
