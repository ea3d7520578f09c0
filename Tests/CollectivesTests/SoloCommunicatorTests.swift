import Collectives
import Testing

@Suite struct SoloCommunicatorTests {
    private let communicator: any Communicator = SoloCommunicator()

    @Test func isRankZeroOfOne() throws {
        #expect(communicator.rank == 0 && communicator.size == 1)
        #expect(communicator.localRank == 0 && communicator.localSize == 1)
        try communicator.barrier()
    }

    @Test func reductionsReturnTheInput() throws {
        for reduction in [Reduction.sum, .maximum] {
            #expect(try reduced([1.5, -2, .infinity] as [Float], reduction) == [1.5, -2, .infinity])
            #expect(try reduced([1.5, -2] as [Double], reduction) == [1.5, -2])
        }
        #expect(try communicator.sum(-7) == -7)
        #expect(try communicator.maximum(-7) == -7)
    }

    private func reduced<Number: Reducible>(_ numbers: [Number], _ reduction: Reduction) throws -> [Number] {
        var (receive, later) = (numbers, numbers)
        receive.reverse()
        later.reverse()
        try numbers.withUnsafeBufferPointer { send in
            try receive.withUnsafeMutableBufferPointer { try communicator.allreduce(send, into: $0, reduction) }
            try later.withUnsafeMutableBufferPointer {
                var pending = try communicator.startAllreduce(send, into: $0, reduction)
                #expect(try pending.test())
                try pending.wait()
            }
        }
        #expect(receive.elementsEqual(later) { "\($0)" == "\($1)" })
        return receive
    }

    @Test(arguments: ["", "a", "größer 🌍", String(repeating: "x", count: 10_000)])
    func broadcastAndGatherCopyStrings(text: String) throws {
        #expect(try communicator.broadcast(text) == text)
        #expect(try communicator.gather(text) == [text])
    }

    @Test func broadcastAndGatherCopyBytes() throws {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 6, alignment: 8)
        let other = UnsafeMutableRawBufferPointer.allocate(byteCount: 6, alignment: 8)
        defer {
            bytes.deallocate()
            other.deallocate()
        }
        bytes.copyBytes(from: [1, 2, 3, 4, 5, 6])
        try communicator.broadcast(bytes, from: 0)
        #expect(Array(bytes) == [1, 2, 3, 4, 5, 6])
        try communicator.gather(UnsafeRawBufferPointer(bytes), into: other, at: 0)
        #expect(Array(other) == [1, 2, 3, 4, 5, 6])

        other.initializeMemory(as: UInt8.self, repeating: 0)
        var exchange = try communicator.startExchange(UnsafeRawBufferPointer(bytes), into: other)
        try exchange.wait()
        #expect(Array(other) == [1, 2, 3, 4, 5, 6])
        var gathering = try communicator.startAllgather(other)
        #expect(try gathering.test())
        #expect(Array(other) == [1, 2, 3, 4, 5, 6])
    }

    @Test(arguments: [0, 1, 1000])
    func windowsAreZeroedAndAligned(bytes: Int) throws {
        for window in [try communicator.makeWindow(bytes: bytes), try communicator.makeCommonWindow(bytes: bytes)] {
            #expect(window.parts == [window.base])
            #expect(Int(bitPattern: window.base) % 64 == 0)
            #expect(UnsafeRawBufferPointer(start: window.base, count: bytes).allSatisfy { $0 == 0 })
            try window.synchronize()
            withExtendedLifetime(window) {}
        }
    }
}
