// A thin C interface to Open MPI.
//
// MPI's handles and constants are macros, which Swift does not import. Every function returns MPI's error code, 0 for
// success; no error ends the process, because all communicators and windows use MPI_ERRORS_RETURN. Buffers are
// contiguous. `count` is in elements of the given type, or in bytes for functions without a type.
#pragma once

#include <stdint.h>

typedef enum { cmpi_float32, cmpi_float64, cmpi_int64 } cmpi_type;
typedef enum { cmpi_sum, cmpi_maximum } cmpi_operation;

// Opaque handles of a communicator, a request and a window.
typedef struct cmpi_communicator *cmpi_communicator;
typedef struct cmpi_request *cmpi_request;
typedef struct cmpi_window *cmpi_window;

// Initializes MPI with the requested thread level; `provided` receives the level that MPI grants.
enum { cmpi_thread_single, cmpi_thread_funneled, cmpi_thread_serialized, cmpi_thread_multiple };
int cmpi_initialize(int thread_level, int *provided);
int cmpi_finalize(void);
// Ends all processes of the job with `code`, which must be 1 to 255: Open MPI reports 256 as success.
void cmpi_abort(int code);

// The MPI class of an error, and the kind that groups several classes.
int cmpi_error_class(int error);
typedef enum { cmpi_error_other, cmpi_error_argument, cmpi_error_truncated, cmpi_error_memory } cmpi_error_kind;
cmpi_error_kind cmpi_error_kind_of(int error);

// The communicator of the processes on this node, ordered by rank. `group` divides them further: only processes with the
// same number are together.
int cmpi_node(int group, cmpi_communicator *node);
// The communicator of all processes of the job, numbered so that those of a node are consecutive, nodes in the order of
// their lowest rank and processes of a node by rank: MPI_COMM_WORLD if its ranks are in this order already.
int cmpi_world(cmpi_communicator node, cmpi_communicator *world);
// Duplicates a communicator, so that collectives on the two communicators cannot be mixed up.
int cmpi_duplicate(cmpi_communicator communicator, cmpi_communicator *duplicate);
int cmpi_free_communicator(cmpi_communicator communicator);
int cmpi_rank(cmpi_communicator communicator, int *rank);
int cmpi_size(cmpi_communicator communicator, int *size);

int cmpi_barrier(cmpi_communicator communicator);
int cmpi_broadcast(cmpi_communicator communicator, void *bytes, int count, int root);
int cmpi_gather(cmpi_communicator communicator, const void *bytes, void *all, int count, int root);
// Sends and receives `count` bytes between two processes; messages arrive in the order in which they are sent.
int cmpi_send(cmpi_communicator communicator, const void *bytes, int count, int other);
int cmpi_receive(cmpi_communicator communicator, void *bytes, int count, int other);
int cmpi_allreduce(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_type type,
    cmpi_operation operation);

// Non-blocking variants. A request is complete when `cmpi_test` reports it done or `cmpi_wait` returns.
int cmpi_start_allreduce(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_type type,
    cmpi_operation operation, cmpi_request *request);
// Sends block i of `send` to rank i and receives block i of `receive` from it; a block has `count` bytes.
int cmpi_start_alltoall(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_request *request);
// Gathers `count` bytes from every rank, in rank order, on every rank; this rank's block must already be in `receive`.
int cmpi_start_allgather(cmpi_communicator communicator, void *receive, int count, cmpi_request *request);
// Messages of two processes on one communicator arrive in the order in which they are sent.
int cmpi_start_send(cmpi_communicator communicator, const void *bytes, int count, int other, cmpi_request *request);
int cmpi_start_receive(cmpi_communicator communicator, void *bytes, int count, int other, cmpi_request *request);
int cmpi_test(cmpi_request *request, int *done);
int cmpi_wait(cmpi_request *request);

// Allocates memory shared by the processes of one node: `bytes` bytes for this process, all zero, at `base`.
int cmpi_window_allocate(cmpi_communicator node, int64_t bytes, void **base, cmpi_window *window);
// The directory of the files that back windows; `size` must be at least 4096. Fails if this MPI does not report it.
int cmpi_window_directory(char *directory, int size);
// The address, in this process, of the segment of process `rank` of the node.
int cmpi_window_base(cmpi_window window, int rank, void **base);
// Makes this process's stores visible to others and theirs to this process; call it before and after a barrier.
int cmpi_window_synchronize(cmpi_window window);
int cmpi_window_free(cmpi_window window);
