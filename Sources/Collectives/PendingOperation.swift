import CMPI

/// A communication under way. MPI moves it only inside MPI calls: test it between pieces of work.
package struct PendingOperation: ~Copyable {
    private var request: cmpi_request?
    private var isDone: Bool

    /// One that is done already.
    init() {
        request = nil
        isDone = true
    }

    init(_ request: cmpi_request) {
        self.request = request
        isDone = false
    }

    /// Lets it move, and tells whether it is done.
    package mutating func test() throws(MPIError) -> Bool {
        if isDone { return true }
        var done: Int32 = 0
        try MPIError.check(cmpi_test(&request, &done), "MPI_Test")
        isDone = done != 0
        return isDone
    }

    /// Returns when it is done.
    package mutating func wait() throws(MPIError) {
        if isDone { return }
        try MPIError.check(cmpi_wait(&request), "MPI_Wait")
        isDone = true
    }
}
