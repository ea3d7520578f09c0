import CMPI

/// A nonblocking communication operation. MPI makes progress only inside MPI calls, so call `test` regularly between
/// other work.
package struct PendingOperation: ~Copyable {
    private var request: cmpi_request?
    private var isDone: Bool

    /// An operation that is already complete.
    init() {
        request = nil
        isDone = true
    }

    init(_ request: cmpi_request) {
        self.request = request
        isDone = false
    }

    /// Gives MPI an opportunity to make progress, and returns whether the operation is complete.
    package mutating func test() throws(MPIError) -> Bool {
        if isDone { return true }
        var done: Int32 = 0
        try MPIError.check(cmpi_test(&request, &done), "MPI_Test")
        isDone = done != 0
        return isDone
    }

    /// Blocks until the operation is complete.
    package mutating func wait() throws(MPIError) {
        if isDone { return }
        try MPIError.check(cmpi_wait(&request), "MPI_Wait")
        isDone = true
    }
}
