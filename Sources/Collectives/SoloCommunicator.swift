/// A single process: rank 0 of 1. Every operation is complete on return, and MPI is never initialized.
package final class SoloCommunicator: Communicator {
    package let rank = 0
    package let size = 1
    package let localRank = 0
    package let localSize = 1
    package let nodes = [0..<1]
    package let windowDirectory: String? = nil

    /// A communicator for a process that was not started by `mpirun`.
    package init() {}

    package func barrier() {}

    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(MPIError) {
        try checkRoot(root, size: size, "MPI_Bcast")
    }

    package func gather(
        _ bytes: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, at root: Int
    ) throws(MPIError) {
        try checkRoot(root, size: size, "MPI_Gather")
        try checkBlocks(all.count, of: bytes.count, size: size, "MPI_Gather")
        all.copyMemory(from: bytes)
    }

    package func send(_ bytes: UnsafeRawBufferPointer, to other: Int) throws(MPIError) {
        throw .refused("MPI_Send", "there is only one rank, so no receiver")
    }

    package func receive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) throws(MPIError) {
        throw .refused("MPI_Recv", "there is only one rank, so no sender")
    }

    package func startSend(
        _ bytes: UnsafeRawBufferPointer, to other: Int, _ channel: MessageChannel
    ) throws(MPIError) -> PendingOperation {
        throw .refused("MPI_Isend", "there is only one rank, so no receiver")
    }

    package func startReceive(
        _ bytes: UnsafeMutableRawBufferPointer, from other: Int, _ channel: MessageChannel
    ) throws(MPIError) -> PendingOperation {
        throw .refused("MPI_Irecv", "there is only one rank, so no sender")
    }

    package func allreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError) {
        try checkBuffers(
            UnsafeRawBufferPointer(send), UnsafeMutableRawBufferPointer(receive), mayBeSame: true, "MPI_Allreduce")
        UnsafeMutableRawBufferPointer(receive).copyMemory(from: UnsafeRawBufferPointer(send))
    }

    package func startAllreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError) -> PendingOperation {
        try allreduce(send, into: receive, reduction)
        return PendingOperation()
    }

    package func startExchange(
        _ send: UnsafeRawBufferPointer, into receive: UnsafeMutableRawBufferPointer
    ) throws(MPIError) -> PendingOperation {
        try checkBuffers(send, receive, mayBeSame: false, "MPI_Ialltoall")
        receive.copyMemory(from: send)
        return PendingOperation()
    }

    package func startAllgather(_ blocks: UnsafeMutableRawBufferPointer) -> PendingOperation { PendingOperation() }

    package func makeWindow(bytes: Int) -> SharedWindow { SharedWindow(bytes: bytes) }

    package func makeCommonWindow(bytes: Int) -> SharedWindow { SharedWindow(bytes: bytes) }

    package func abort(_ code: Int32) {}
}
