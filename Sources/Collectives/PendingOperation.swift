/// A nonblocking request of a communication library.
package protocol CommunicationRequest: AnyObject {
    /// Lets the library make progress, and returns whether the request is complete.
    func test() throws(MPIError) -> Bool

    /// Blocks until the request is complete.
    func wait() throws(MPIError)
}

/// A nonblocking communication operation. MPI makes progress only inside MPI calls, so call `test` regularly between
/// other work.
package struct PendingOperation: ~Copyable {
    /// nil when the operation is complete.
    private var request: (any CommunicationRequest)?

    /// An operation that is already complete.
    package init() { request = nil }

    /// The operation of an active request.
    package init(_ request: any CommunicationRequest) { self.request = request }

    /// Gives MPI an opportunity to make progress, and returns whether the operation is complete.
    package mutating func test() throws(MPIError) -> Bool {
        guard let request else { return true }
        guard try request.test() else { return false }
        self.request = nil
        return true
    }

    /// Returns whether the operation is complete.
    ///
    /// - Parameter waiting: Whether to block until it is.
    package mutating func isComplete(waiting: Bool) throws(MPIError) -> Bool {
        guard waiting else { return try test() }
        try wait()
        return true
    }

    /// Blocks until the operation is complete.
    package mutating func wait() throws(MPIError) {
        try request?.wait()
        request = nil
    }
}
