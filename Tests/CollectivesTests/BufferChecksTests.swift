import Testing

@testable import Collectives

/// Argument checks for mistakes that MPI would accept silently.
@Suite struct BufferChecksTests {
    struct Buffers: Sendable {
        /// Byte ranges of a buffer of 16 bytes.
        let send: Range<Int>
        let receive: Range<Int>
        var mayBeSame = false
        let reason: String?
    }

    @Test(arguments: [
        Buffers(send: 0..<8, receive: 8..<16, reason: nil), Buffers(send: 8..<16, receive: 0..<8, reason: nil),
        Buffers(send: 0..<0, receive: 0..<0, reason: nil),
        Buffers(send: 0..<8, receive: 0..<8, mayBeSame: true, reason: nil),
        Buffers(send: 0..<8, receive: 0..<8, reason: "overlap"),
        Buffers(send: 0..<8, receive: 7..<15, reason: "overlap"),
        Buffers(send: 4..<12, receive: 0..<8, mayBeSame: true, reason: "overlap"),
        Buffers(send: 0..<8, receive: 8..<12, reason: "8 bytes are sent and 4 received"),
        Buffers(send: 0..<8, receive: 8..<8, reason: "8 bytes are sent and 0 received"),
    ])
    func rejectsOverlapsAndUnequalSizes(_ buffers: Buffers) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 8)
        defer { memory.deallocate() }
        expect(buffers.reason) { () throws(MPIError) in
            try checkBuffers(
                UnsafeRawBufferPointer(rebasing: memory[buffers.send]),
                UnsafeMutableRawBufferPointer(rebasing: memory[buffers.receive]), mayBeSame: buffers.mayBeSame,
                "MPI_Test")
        }
    }

    static let blockCases: [(total: Int, block: Int, size: Int, reason: String?)] = [
        (0, 0, 4, nil), (12, 3, 4, nil), (11, 3, 4, "4 blocks of 3 bytes do not make 11 bytes"),
    ]

    @Test(arguments: blockCases)
    func rejectsWrongBlockSizes(total: Int, block: Int, size: Int, reason: String?) {
        expect(reason) { () throws(MPIError) in try checkBlocks(total, of: block, size: size, "MPI_Test") }
    }

    static let rootCases: [(root: Int, reason: String?)] = [
        (0, nil), (3, nil), (4, "the root 4 is not a rank in 0 ..< 4"), (-1, "the root -1"),
    ]

    @Test(arguments: rootCases)
    func rejectsRootsOutOfRange(root: Int, reason: String?) {
        expect(reason) { () throws(MPIError) in try checkRoot(root, size: 4, "MPI_Test") }
    }

    private func expect(
        _ reason: String?, sourceLocation: SourceLocation = #_sourceLocation, _ check: () throws(MPIError) -> Void
    ) {
        do throws(MPIError) {
            try check()
            #expect(reason == nil, sourceLocation: sourceLocation)
        } catch {
            #expect(error.call == "MPI_Test" && error.errorClass == 0, sourceLocation: sourceLocation)
            #expect(error.text.contains(reason ?? "no error"), sourceLocation: sourceLocation)
            #expect(error.description.hasPrefix("MPI_Test failed"), sourceLocation: sourceLocation)
        }
    }

    /// The solo communicator rejects the same arguments as the MPI communicator.
    @Test func soloCommunicatorChecksArguments() {
        let communicator = SoloCommunicator()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 8)
        defer { memory.deallocate() }
        let whole = UnsafeRawBufferPointer(memory)
        #expect(throws: MPIError.self) { try communicator.broadcast(memory, from: 1) }
        #expect(throws: MPIError.self) { try communicator.gather(whole, into: memory, at: 1) }
        #expect(throws: MPIError.self) {
            try communicator.gather(UnsafeRawBufferPointer(rebasing: whole[..<8]), into: memory, at: 0)
        }
        #expect(throws: MPIError.self) { _ = try communicator.startExchange(whole, into: memory) }
        let numbers = memory.bindMemory(to: Float.self)
        #expect(throws: MPIError.self) {
            try communicator.allreduce(
                UnsafeBufferPointer(rebasing: numbers[..<3]),
                into: UnsafeMutableBufferPointer(rebasing: numbers[1...]), .sum)
        }
    }
}
