#include "cmpi.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

// Open MPI's handles are pointers, so they are cast to the pointer types of this header.
_Static_assert(sizeof(MPI_Comm) == sizeof(cmpi_communicator), "a communicator is a pointer");
_Static_assert(sizeof(MPI_Request) == sizeof(cmpi_request), "a request is a pointer");
_Static_assert(sizeof(MPI_Win) == sizeof(cmpi_window), "a window is a pointer");
_Static_assert(MPI_MAX_ERROR_STRING <= 256, "error texts fit their buffer");

#define COMMUNICATOR(handle) ((MPI_Comm)(void *)(handle))

// Whether all processes of the job run on this host, which is known before MPI_Init: the environment variables of
// `mpirun` state it, and a process without a launcher is the only one. Under another launcher it is unknown.
static int on_one_host(void) {
    const char *size = getenv("OMPI_COMM_WORLD_SIZE"), *local = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    if (size && local) return atoi(size) == atoi(local);
    return !size && !local && !getenv("PMIX_RANK") && !getenv("PMI_RANK");
}

int cmpi_initialize(int thread_level, int *provided) {
    static const int levels[] = {
        MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};
    if (thread_level < 0 || thread_level > cmpi_thread_multiple) return MPI_ERR_ARG;
    // Within a host Open MPI uses its messaging layer over shared memory. If it is named, the layers for fast networks are
    // not probed, which takes 0.2 of the 0.3 s of MPI_Init. A user's own choice is kept.
    if (on_one_host()) {
        setenv("OMPI_MCA_pml", "ob1", 0);
    } else {
        // Between hosts, a thread of Open MPI reads and writes sockets while the layers compute. Larger messages than the
        // eager limit move only after the receiver has answered, which it does inside MPI calls; so the limit is that of
        // the largest block of a bucket of the default size.
        setenv("OMPI_MCA_btl_tcp_progress_thread", "1", 0);
        const char *eager[] = {"OMPI_MCA_btl_tcp_eager_limit", "OMPI_MCA_btl_tcp_rndv_eager_limit",
                               "OMPI_MCA_btl_tcp_max_send_size"};
        for (int index = 0; index < 3; index++) setenv(eager[index], "2162688", 0);
    }
    int granted, error = MPI_Init_thread(NULL, NULL, levels[thread_level], &granted);
    if (error) return error;
    *provided = cmpi_thread_single;
    for (int level = 0; level <= cmpi_thread_multiple; level++)
        if (levels[level] <= granted) *provided = level;
    return MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

int cmpi_finalize(void) { return MPI_Finalize(); }

void cmpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code < 1 || code > 255 ? 70 : code); }

int cmpi_error_class(int error) {
    int class = MPI_ERR_UNKNOWN;
    MPI_Error_class(error, &class);
    return class;
}

cmpi_error_kind cmpi_error_kind_of(int error) {
    switch (cmpi_error_class(error)) {
    case MPI_ERR_TRUNCATE: return cmpi_error_truncated;
    case MPI_ERR_NO_MEM: return cmpi_error_memory;
    case MPI_ERR_BUFFER:
    case MPI_ERR_COUNT:
    case MPI_ERR_TYPE:
    case MPI_ERR_COMM:
    case MPI_ERR_RANK:
    case MPI_ERR_REQUEST:
    case MPI_ERR_ROOT:
    case MPI_ERR_OP:
    case MPI_ERR_ARG: return cmpi_error_argument;
    default: return cmpi_error_other;
    }
}

int cmpi_node(int group, cmpi_communicator *node) {
    MPI_Comm host, result;
    int error = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    if (error) return error;
    error = MPI_Comm_split(host, group, 0, &result);
    MPI_Comm_free(&host);
    if (error) return error;
    *node = (cmpi_communicator)(void *)result;
    return MPI_Comm_set_errhandler(result, MPI_ERRORS_RETURN);
}

int cmpi_world(cmpi_communicator node, cmpi_communicator *world) {
    int rank, size, first, error;
    if ((error = MPI_Comm_rank(MPI_COMM_WORLD, &rank)) || (error = MPI_Comm_size(MPI_COMM_WORLD, &size))) return error;
    // The number of the node is the lowest rank on it.
    first = rank;
    if ((error = MPI_Bcast(&first, 1, MPI_INT, 0, COMMUNICATOR(node)))) return error;
    int *nodes = malloc((size_t)size * sizeof *nodes);
    if (!nodes) return MPI_ERR_NO_MEM;
    error = MPI_Allgather(&first, 1, MPI_INT, nodes, 1, MPI_INT, MPI_COMM_WORLD);
    int is_ordered = 1;
    for (int other = 1; other < size; other++) is_ordered &= nodes[other - 1] <= nodes[other];
    free(nodes);
    MPI_Comm result = MPI_COMM_WORLD;
    if (!error && !is_ordered) error = MPI_Comm_split(MPI_COMM_WORLD, 0, first, &result);
    if (error) return error;
    *world = (cmpi_communicator)(void *)result;
    return MPI_Comm_set_errhandler(result, MPI_ERRORS_RETURN);
}

int cmpi_duplicate(cmpi_communicator communicator, cmpi_communicator *duplicate) {
    MPI_Comm result;
    int error = MPI_Comm_dup(COMMUNICATOR(communicator), &result);
    if (error) return error;
    *duplicate = (cmpi_communicator)(void *)result;
    return MPI_Comm_set_errhandler(result, MPI_ERRORS_RETURN);
}

int cmpi_free_communicator(cmpi_communicator communicator) {
    if (COMMUNICATOR(communicator) == MPI_COMM_WORLD) return MPI_SUCCESS;
    MPI_Comm handle = COMMUNICATOR(communicator);
    return MPI_Comm_free(&handle);
}

int cmpi_rank(cmpi_communicator communicator, int *rank) { return MPI_Comm_rank(COMMUNICATOR(communicator), rank); }

int cmpi_size(cmpi_communicator communicator, int *size) { return MPI_Comm_size(COMMUNICATOR(communicator), size); }

int cmpi_barrier(cmpi_communicator communicator) { return MPI_Barrier(COMMUNICATOR(communicator)); }

int cmpi_broadcast(cmpi_communicator communicator, void *bytes, int count, int root) {
    return MPI_Bcast(bytes, count, MPI_BYTE, root, COMMUNICATOR(communicator));
}

int cmpi_gather(cmpi_communicator communicator, const void *bytes, void *all, int count, int root) {
    return MPI_Gather(bytes, count, MPI_BYTE, all, count, MPI_BYTE, root, COMMUNICATOR(communicator));
}

int cmpi_send(cmpi_communicator communicator, const void *bytes, int count, int other) {
    return MPI_Send(bytes, count, MPI_BYTE, other, 0, COMMUNICATOR(communicator));
}

int cmpi_receive(cmpi_communicator communicator, void *bytes, int count, int other) {
    return MPI_Recv(bytes, count, MPI_BYTE, other, 0, COMMUNICATOR(communicator), MPI_STATUS_IGNORE);
}

// Returns the handles of a type and an operation.
static int resolve(cmpi_type type, cmpi_operation operation, MPI_Datatype *datatype, MPI_Op *op) {
    switch (type) {
        case cmpi_float32: *datatype = MPI_FLOAT; break;
        case cmpi_float64: *datatype = MPI_DOUBLE; break;
        case cmpi_int64: *datatype = MPI_INT64_T; break;
        default: return MPI_ERR_TYPE;
    }
    switch (operation) {
        case cmpi_sum: *op = MPI_SUM; break;
        case cmpi_maximum: *op = MPI_MAX; break;
        default: return MPI_ERR_OP;
    }
    return MPI_SUCCESS;
}

int cmpi_allreduce(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_type type,
    cmpi_operation operation) {
    MPI_Datatype datatype;
    MPI_Op op;
    int error = resolve(type, operation, &datatype, &op);
    if (error) return error;
    if (send == receive) send = MPI_IN_PLACE;
    return MPI_Allreduce(send, receive, count, datatype, op, COMMUNICATOR(communicator));
}

int cmpi_start_allreduce(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_type type,
    cmpi_operation operation, cmpi_request *request) {
    MPI_Datatype datatype;
    MPI_Op op;
    int error = resolve(type, operation, &datatype, &op);
    if (error) return error;
    return MPI_Iallreduce(
        send, receive, count, datatype, op, COMMUNICATOR(communicator), (MPI_Request *)(void *)request);
}

int cmpi_start_alltoall(
    cmpi_communicator communicator, const void *send, void *receive, int count, cmpi_request *request) {
    return MPI_Ialltoall(
        send, count, MPI_BYTE, receive, count, MPI_BYTE, COMMUNICATOR(communicator), (MPI_Request *)(void *)request);
}

int cmpi_start_allgather(cmpi_communicator communicator, void *receive, int count, cmpi_request *request) {
    return MPI_Iallgather(
        MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, receive, count, MPI_BYTE, COMMUNICATOR(communicator),
        (MPI_Request *)(void *)request);
}

int cmpi_start_send(cmpi_communicator communicator, const void *bytes, int count, int other, cmpi_request *request) {
    return MPI_Isend(bytes, count, MPI_BYTE, other, 0, COMMUNICATOR(communicator), (MPI_Request *)(void *)request);
}

int cmpi_start_receive(cmpi_communicator communicator, void *bytes, int count, int other, cmpi_request *request) {
    return MPI_Irecv(bytes, count, MPI_BYTE, other, 0, COMMUNICATOR(communicator), (MPI_Request *)(void *)request);
}

int cmpi_test(cmpi_request *request, int *done) {
    return MPI_Test((MPI_Request *)(void *)request, done, MPI_STATUS_IGNORE);
}

int cmpi_wait(cmpi_request *request) { return MPI_Wait((MPI_Request *)(void *)request, MPI_STATUS_IGNORE); }

int cmpi_window_allocate(cmpi_communicator node, int64_t bytes, void **base, cmpi_window *window) {
    MPI_Info info;
    int error = MPI_Info_create(&info);
    if (error) return error;
    // Each rank's segment starts on its own page, so that it is placed on the NUMA node of the process that first
    // writes it.
    MPI_Info_set(info, "alloc_shared_noncontig", "true");
    MPI_Win result;
    error = MPI_Win_allocate_shared((MPI_Aint)bytes, 1, info, COMMUNICATOR(node), base, &result);
    MPI_Info_free(&info);
    if (error) return error;
    // A single process gets memory of malloc (Open MPI 4.1.4), which may hold anything.
    int size;
    if ((error = MPI_Comm_size(COMMUNICATOR(node), &size))) return error;
    if (size == 1) memset(*base, 0, (size_t)bytes);
    *window = (cmpi_window)(void *)result;
    if ((error = MPI_Win_set_errhandler(result, MPI_ERRORS_RETURN))) return error;
    return MPI_Win_lock_all(MPI_MODE_NOCHECK, result);
}

int cmpi_window_base(cmpi_window window, int rank, void **base) {
    MPI_Aint bytes;
    int unit;
    return MPI_Win_shared_query((MPI_Win)(void *)window, rank, &bytes, &unit, base);
}

int cmpi_window_directory(char *directory, int size) {
    int provided, error = MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    if (error) return error;
    int index, count;
    MPI_T_cvar_handle handle;
    directory[0] = 0;
    error = MPI_T_cvar_get_index("osc_sm_backing_directory", &index);
    if (!error && !(error = MPI_T_cvar_handle_alloc(index, NULL, &handle, &count))) {
        error = count < size ? MPI_T_cvar_read(handle, directory) : MPI_ERR_COUNT;
        MPI_T_cvar_handle_free(&handle);
    }
    MPI_T_finalize();
    return error;
}

int cmpi_window_synchronize(cmpi_window window) { return MPI_Win_sync((MPI_Win)(void *)window); }

int cmpi_window_free(cmpi_window window) {
    MPI_Win handle = (MPI_Win)(void *)window;
    int error = MPI_Win_unlock_all(handle);
    if (error) return error;
    return MPI_Win_free(&handle);
}
