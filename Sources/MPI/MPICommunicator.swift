import CMPI
import Collectives
import Glibc
import Tensors
import Texts

/// The processes that `mpirun` (or Slurm's `srun`) started together.
///
/// Ranks are those of `mpirun`, unless it has not placed the ranks of a host next to each other: then they are numbered
/// again, host by host, because the averaging sends less if a host's ranks are consecutive.
///
/// All calls must be made on the thread that created the communicator.
package final class MPICommunicator: Communicator {
    package let rank: Int
    package let size: Int
    package let localRank: Int
    package let localSize: Int
    package let nodes: [Range<Int>]
    private let world: cmpi_communicator
    private let node: cmpi_communicator
    // All-to-all and all-gather operations of several buckets are pending at the same time, and ranks interleave the
    // two kinds differently. MPI matches collectives by their order on a communicator, so each kind has its own, on
    // which its order is fixed.
    private let exchanges: cmpi_communicator
    private let gathers: cmpi_communicator
    /// The communicator of each `MessageChannel`, on which no collective runs at the same time.
    private let channels: [cmpi_communicator]
    private var windows: [cmpi_window] = []

    /// Initializes MPI; only the calling thread may communicate.
    ///
    /// - Throws: `MPIError`; `Failure` with `usage` if `LaunchEnvironment.nodesVariable` is invalid.
    package init() throws {
        let group = try LaunchEnvironment.simulatedNode()
        var provided: Int32 = 0
        let required = Int32(cmpi_thread_funneled)
        try MPIError.check(cmpi_initialize(required, &provided), "MPI_Init_thread")
        guard provided >= required else {
            throw MPIError.refused("MPI_Init_thread", "this MPI was built without support for threads")
        }
        var (world, node, exchanges, gathers):
            (
                cmpi_communicator?, cmpi_communicator?, cmpi_communicator?, cmpi_communicator?
            )
        try MPIError.check(cmpi_node(Int32(group), &node), "MPI_Comm_split_type")
        try MPIError.check(cmpi_world(node, &world), "MPI_Comm_split")
        try MPIError.check(cmpi_duplicate(world, &exchanges), "MPI_Comm_dup")
        try MPIError.check(cmpi_duplicate(world, &gathers), "MPI_Comm_dup")
        var (rank, size, localRank, localSize): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        try MPIError.check(cmpi_rank(world, &rank), "MPI_Comm_rank")
        try MPIError.check(cmpi_size(world, &size), "MPI_Comm_size")
        try MPIError.check(cmpi_rank(node, &localRank), "MPI_Comm_rank")
        try MPIError.check(cmpi_size(node, &localSize), "MPI_Comm_size")
        (self.world, self.node, self.exchanges, self.gathers) = (world!, node!, exchanges!, gathers!)
        (self.rank, self.size) = (Int(rank), Int(size))
        (self.localRank, self.localSize) = (Int(localRank), Int(localSize))
        channels = try MessageChannel.allCases.map { _ in
            var channel: cmpi_communicator?
            try MPIError.check(cmpi_duplicate(world, &channel), "MPI_Comm_dup")
            return channel!
        }
        nodes = try MPICommunicator.nodes(world!, rank: Int(rank), size: Int(size), first: Int(rank - localRank))
    }

    /// The ranks of each node, from the first rank on the node of each rank.
    private static func nodes(
        _ world: cmpi_communicator, rank: Int, size: Int, first: Int
    ) throws(MPIError) -> [Range<Int>] {
        var firsts = [Int32](repeating: 0, count: size)
        firsts[rank] = Int32(first)
        var request: cmpi_request?
        let code = firsts.withUnsafeMutableBytes {
            var code = cmpi_start_allgather(world, $0.baseAddress, 4, &request)
            if code == 0 { code = cmpi_wait(&request) }
            return code
        }
        try MPIError.check(code, "MPI_Iallgather")
        let starts = firsts.indices.filter { Int(firsts[$0]) == $0 }
        return zip(starts, starts.dropFirst() + [size]).map { $0..<$1 }
    }

    /// Frees all windows and finalizes MPI; no call may follow.
    package func finalize() throws(MPIError) {
        for window in windows { try MPIError.check(cmpi_window_free(window), "MPI_Win_free") }
        for communicator in [node, exchanges, gathers, world] + channels {
            try MPIError.check(cmpi_free_communicator(communicator), "MPI_Comm_free")
        }
        try MPIError.check(cmpi_finalize(), "MPI_Finalize")
    }

    package func abort(_ code: Int32) { cmpi_abort(code) }

    package func barrier() throws(MPIError) { try MPIError.check(cmpi_barrier(world), "MPI_Barrier") }

    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(MPIError) {
        try checkRoot(root, size: size, "MPI_Bcast")
        for start in stride(from: 0, to: bytes.count, by: maximumCallBytes) {
            let count = min(bytes.count - start, maximumCallBytes)
            let code = cmpi_broadcast(world, bytes.baseAddress! + start, Int32(count), Int32(root))
            try MPIError.check(code, "MPI_Bcast")
        }
    }

    package func gather(
        _ bytes: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, at root: Int
    ) throws(MPIError) {
        try checkRoot(root, size: size, "MPI_Gather")
        if rank == root { try checkBlocks(all.count, of: bytes.count, size: size, "MPI_Gather") }
        guard bytes.count * size <= maximumCallBytes else {
            throw .refused("MPI_Gather", "\(bytes.count * size) bytes at once; allowed: at most \(maximumCallBytes)")
        }
        let code = cmpi_gather(world, bytes.baseAddress, all.baseAddress, Int32(bytes.count), Int32(root))
        try MPIError.check(code, "MPI_Gather")
    }

    package func send(_ bytes: UnsafeRawBufferPointer, to other: Int) throws(MPIError) {
        try checkPeer(other, "MPI_Send")
        try checkLimit(bytes.count, "MPI_Send")
        try MPIError.check(cmpi_send(world, bytes.baseAddress, Int32(bytes.count), Int32(other)), "MPI_Send")
    }

    package func receive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) throws(MPIError) {
        try checkPeer(other, "MPI_Recv")
        try checkLimit(bytes.count, "MPI_Recv")
        try MPIError.check(cmpi_receive(world, bytes.baseAddress, Int32(bytes.count), Int32(other)), "MPI_Recv")
    }

    package func startSend(
        _ bytes: UnsafeRawBufferPointer, to other: Int, _ channel: MessageChannel
    ) throws(MPIError) -> PendingOperation {
        try start("MPI_Isend", other, bytes.count) {
            cmpi_start_send(channels[channel.rawValue], bytes.baseAddress, Int32(bytes.count), Int32(other), &$0)
        }
    }

    package func startReceive(
        _ bytes: UnsafeMutableRawBufferPointer, from other: Int, _ channel: MessageChannel
    ) throws(MPIError) -> PendingOperation {
        try start("MPI_Irecv", other, bytes.count) {
            cmpi_start_receive(channels[channel.rawValue], bytes.baseAddress, Int32(bytes.count), Int32(other), &$0)
        }
    }

    /// Checks the arguments of a message and starts it.
    private func start(
        _ name: String, _ other: Int, _ bytes: Int, _ call: (inout cmpi_request?) -> Int32
    ) throws(MPIError) -> PendingOperation {
        try checkPeer(other, name)
        try checkLimit(bytes, name)
        var request: cmpi_request?
        try MPIError.check(call(&request), name)
        return PendingOperation(MPIRequest(request!))
    }

    package func allreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError) {
        try checkBuffers(
            UnsafeRawBufferPointer(send), UnsafeMutableRawBufferPointer(receive), mayBeSame: true, "MPI_Allreduce")
        let limit = maximumCallBytes / MemoryLayout<Number>.stride
        for start in stride(from: 0, to: send.count, by: limit) {
            let code = cmpi_allreduce(
                world, send.baseAddress! + start, receive.baseAddress! + start,
                Int32(min(send.count - start, limit)), cmpi_type(Number.numberType.rawValue),
                cmpi_operation(reduction.rawValue))
            try MPIError.check(code, "MPI_Allreduce")
        }
    }

    package func startAllreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError) -> PendingOperation {
        let call = "MPI_Iallreduce"
        let (sent, received) = (UnsafeRawBufferPointer(send), UnsafeMutableRawBufferPointer(receive))
        try checkBuffers(sent, received, mayBeSame: false, call)
        try checkLimit(sent.count, call)
        var request: cmpi_request?
        let code = cmpi_start_allreduce(
            world, send.baseAddress, receive.baseAddress, Int32(send.count), cmpi_type(Number.numberType.rawValue),
            cmpi_operation(reduction.rawValue), &request)
        try MPIError.check(code, call)
        return PendingOperation(MPIRequest(request!))
    }

    package func startExchange(
        _ send: UnsafeRawBufferPointer, into receive: UnsafeMutableRawBufferPointer
    ) throws(MPIError) -> PendingOperation {
        let call = "MPI_Ialltoall"
        try checkBuffers(send, receive, mayBeSame: false, call)
        try checkBlocks(send.count, of: send.count / size, size: size, call)
        try checkLimit(send.count / size, call)
        var request: cmpi_request?
        let code = cmpi_start_alltoall(
            exchanges, send.baseAddress, receive.baseAddress, Int32(send.count / size), &request)
        try MPIError.check(code, call)
        return PendingOperation(MPIRequest(request!))
    }

    package func startAllgather(_ blocks: UnsafeMutableRawBufferPointer) throws(MPIError) -> PendingOperation {
        let call = "MPI_Iallgather"
        try checkBlocks(blocks.count, of: blocks.count / size, size: size, call)
        try checkLimit(blocks.count / size, call)
        var request: cmpi_request?
        let code = cmpi_start_allgather(gathers, blocks.baseAddress, Int32(blocks.count / size), &request)
        try MPIError.check(code, call)
        return PendingOperation(MPIRequest(request!))
    }

    package var windowDirectory: String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            guard cmpi_window_directory(buffer.baseAddress, Int32(buffer.count)) == 0 else { return nil }
            return PathText.text(of: UnsafePointer(buffer.baseAddress!))
        }
    }

    package func makeWindow(bytes: Int) throws(MPIError) -> SharedWindow {
        let window = try allocate(bytes)
        var parts: [UnsafeMutableRawPointer] = []
        for index in 0..<localSize { parts.append(try part(index, of: window)) }
        return shared(window, parts: parts, ownIndex: localRank)
    }

    package func makeCommonWindow(bytes: Int) throws(MPIError) -> SharedWindow {
        let window = try allocate(localRank == 0 ? bytes : nil)
        return shared(window, parts: [try part(0, of: window)], ownIndex: 0)
    }

    private func shared(_ window: cmpi_window, parts: [UnsafeMutableRawPointer], ownIndex: Int) -> SharedWindow {
        SharedWindow(parts: parts, ownIndex: ownIndex) { [self] () throws(MPIError) in
            try MPIError.check(cmpi_window_synchronize(window), "MPI_Win_sync")
            try MPIError.check(cmpi_barrier(node), "MPI_Barrier")
            try MPIError.check(cmpi_window_synchronize(window), "MPI_Win_sync")
        }
    }

    /// Allocates a shared window with an aligned part of `bytes` for this rank, or without a part for it; collective
    /// over the node.
    ///
    /// Open MPI places a part after its own data, at any multiple of 8 bytes (4.1.4), so more memory is allocated.
    private func allocate(_ bytes: Int?) throws(MPIError) -> cmpi_window {
        var base: UnsafeMutableRawPointer?
        var window: cmpi_window?
        try MPIError.check(
            cmpi_window_allocate(node, Int64(bytes.map { $0 + arenaAlignmentBytes } ?? 0), &base, &window),
            "MPI_Win_allocate_shared")
        windows.append(window!)
        return window!
    }

    /// The aligned address, in this process, of the part that belongs to local rank `index`. All processes map the
    /// window at a multiple of the page size, so they align it alike.
    private func part(_ index: Int, of window: cmpi_window) throws(MPIError) -> UnsafeMutableRawPointer {
        var base: UnsafeMutableRawPointer?
        try MPIError.check(cmpi_window_base(window, Int32(index), &base), "MPI_Win_shared_query")
        return base!.alignedUp(toMultipleOf: arenaAlignmentBytes)
    }

    private func checkPeer(_ other: Int, _ call: String) throws(MPIError) {
        guard (0..<size).contains(other), other != rank else {
            throw .refused(call, "\(other) is not another rank in 0 ..< \(size)")
        }
    }

    private func checkLimit(_ bytes: Int, _ call: String) throws(MPIError) {
        guard bytes <= maximumCallBytes else {
            throw .refused(call, "\(bytes) bytes at once; allowed: at most \(maximumCallBytes)")
        }
    }
}
