import Collectives

/// Messages under way.
final class Transfers {
    /// A message in a list, which cannot hold a `PendingOperation` itself.
    private final class Message {
        var operation: PendingOperation
        init(_ operation: consuming PendingOperation) { self.operation = operation }
    }

    private var messages: [Message] = []

    /// Whether no message is under way, as far as known.
    var isEmpty: Bool { messages.isEmpty }

    /// Adds a message.
    func add(_ operation: consuming PendingOperation) { messages.append(Message(operation)) }

    /// Gives MPI the opportunity to make progress, and returns whether all messages are complete.
    func test() throws(MPIError) -> Bool {
        while let last = messages.last, try last.operation.test() { messages.removeLast() }
        return messages.isEmpty
    }

    /// Waits until all messages are complete.
    func wait() throws(MPIError) {
        for message in messages { try message.operation.wait() }
        messages.removeAll(keepingCapacity: true)
    }
}
