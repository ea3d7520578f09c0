import Glibc
import Synchronization

import Collectives

/// A communicator whose ranks are threads of this process: every call waits for all ranks and is complete when it
/// returns.
package final class LoopbackCommunicator: Communicator, @unchecked Sendable {
    package let rank: Int
    package let size: Int
    package let nodes: [Range<Int>]
    package var localRank: Int { rank - nodes[nodeIndex].lowerBound }
    package var localSize: Int { nodes[nodeIndex].count }
    package let windowDirectory: String? = nil
    private let room: Room

    /// The shared state of the ranks, with one buffer entry per rank.
    private final class Room {
        let barrier = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)
        let buffers: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>
        /// The messages that have been sent, by sender, receiver and channel; -1: no channel.
        let messages = Mutex<[[Int]: [[UInt8]]]>([:])
        /// The number of messages that have been received or are awaited.
        let receipts = Mutex<[[Int]: Int]>([:])
        /// The shared memory of windows, which is freed with the room.
        let windows = Mutex<[UInt]>([])

        init(size: Int) {
            pthread_barrier_init(barrier, nil, UInt32(size))
            buffers = .allocate(capacity: size)
            buffers.initialize(repeating: UnsafeRawBufferPointer(start: nil, count: 0))
        }

        deinit {
            pthread_barrier_destroy(barrier)
            barrier.deallocate()
            for address in windows.withLock(\.self) { UnsafeMutableRawPointer(bitPattern: address)!.deallocate() }
            buffers.deallocate()
        }
    }

    private init(rank: Int, nodes: [Range<Int>], _ room: Room) {
        (self.rank, size, self.nodes, self.room) = (rank, nodes.last!.upperBound, nodes, room)
    }

    /// Runs `body` on `size` ranks, each on a node of its own, and returns when all of them have.
    package static func run(size: Int, _ body: @escaping (any Communicator) -> Void) {
        run(nodes: (0..<size).map { $0..<$0 + 1 }, body)
    }

    /// Runs `body` on the ranks of `nodes`, and returns when all of them have.
    package static func run(nodes: [Range<Int>], _ body: @escaping (any Communicator) -> Void) {
        let size = nodes.last!.upperBound
        final class Start {
            let body: (any Communicator) -> Void
            let communicator: LoopbackCommunicator
            init(_ body: @escaping (any Communicator) -> Void, _ communicator: LoopbackCommunicator) {
                (self.body, self.communicator) = (body, communicator)
            }
        }
        let room = Room(size: size)
        let threads = (0..<size).map { rank in
            var thread = pthread_t()
            let start = Start(body, LoopbackCommunicator(rank: rank, nodes: nodes, room))
            pthread_create(
                &thread, nil,
                { argument in
                    let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                    start.body(start.communicator)
                    return nil
                }, Unmanaged.passRetained(start).toOpaque())
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Makes `bytes` readable by all ranks while `look` runs on each of them.
    private func meet(_ bytes: UnsafeRawBufferPointer, _ look: ([UnsafeRawBufferPointer]) -> Void) {
        room.buffers[rank] = bytes
        barrier()
        look(Array(room.buffers))
        barrier()
    }

    package func barrier() { pthread_barrier_wait(room.barrier) }

    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) {
        meet(UnsafeRawBufferPointer(bytes)) { if rank != root { bytes.copyMemory(from: $0[root]) } }
    }

    package func gather(_ bytes: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, at root: Int) {
        meet(bytes) { parts in
            guard rank == root else { return }
            for (index, part) in parts.enumerated() {
                UnsafeMutableRawBufferPointer(rebasing: all[(index * part.count)...]).copyMemory(from: part)
            }
        }
    }

    package func send(_ bytes: UnsafeRawBufferPointer, to other: Int) { send(bytes, to: other, channel: -1) }

    package func receive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) {
        Receipt(room, [other, rank, -1], bytes).wait()
    }

    package func startSend(
        _ bytes: UnsafeRawBufferPointer, to other: Int, _ channel: MessageChannel
    ) -> PendingOperation {
        send(bytes, to: other, channel: channel.rawValue)
        return PendingOperation()
    }

    package func startReceive(
        _ bytes: UnsafeMutableRawBufferPointer, from other: Int, _ channel: MessageChannel
    ) -> PendingOperation {
        PendingOperation(Receipt(room, [other, rank, channel.rawValue], bytes))
    }

    private func send(_ bytes: UnsafeRawBufferPointer, to other: Int, channel: Int) {
        let message = Array(bytes)
        room.messages.withLock { $0[[rank, other, channel], default: []].append(message) }
    }

    /// A message that may not have been sent yet.
    private final class Receipt: CommunicationRequest {
        private let room: Room
        private let key: [Int]
        private let index: Int
        private let bytes: UnsafeMutableRawBufferPointer

        init(_ room: Room, _ key: [Int], _ bytes: UnsafeMutableRawBufferPointer) {
            (self.room, self.key, self.bytes) = (room, key, bytes)
            index = room.receipts.withLock { receipts in
                receipts[key, default: 0] += 1
                return receipts[key]! - 1
            }
        }

        func test() -> Bool {
            let message = room.messages.withLock { messages -> [UInt8]? in
                messages[key].flatMap { index < $0.count ? $0[index] : nil }
            }
            guard let message else { return false }
            precondition(message.count == bytes.count, "as many bytes as are sent")
            bytes.copyBytes(from: message)
            return true
        }

        func wait() { while !test() { usleep(50) } }
    }

    package func allreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) {
        var results: [Number] = []
        meet(UnsafeRawBufferPointer(send)) { parts in
            let all = parts.map { Array($0.bindMemory(to: Number.self)) }
            results = all[0].indices.map { index in
                all.dropFirst().reduce(all[0][index]) { LoopbackCommunicator.combine($0, $1[index], reduction) }
            }
        }
        _ = receive.update(from: results)
    }

    private static func combine<Number: Reducible>(_ a: Number, _ b: Number, _ reduction: Reduction) -> Number {
        switch (a, b, reduction) {
        case (let a as Int64, let b as Int64, .sum): a + b as! Number
        case (let a as Double, let b as Double, .sum): a + b as! Number
        case (let a as Int64, let b as Int64, .maximum): max(a, b) as! Number
        case (let a as Double, let b as Double, .maximum): max(a, b) as! Number
        default: preconditionFailure("not among the reductions that are tested")
        }
    }

    package func startAllreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) -> PendingOperation {
        allreduce(send, into: receive, reduction)
        return PendingOperation()
    }

    package func startExchange(_ send: UnsafeRawBufferPointer, into receive: UnsafeMutableRawBufferPointer)
        -> PendingOperation
    {
        let block = send.count / size
        meet(send) { parts in
            for (index, part) in parts.enumerated() {
                let own = UnsafeRawBufferPointer(rebasing: part[rank * block..<(rank + 1) * block])
                UnsafeMutableRawBufferPointer(rebasing: receive[(index * block)...]).copyMemory(from: own)
            }
        }
        return PendingOperation()
    }

    package func startAllgather(_ blocks: UnsafeMutableRawBufferPointer) -> PendingOperation {
        let block = blocks.count / size
        meet(UnsafeRawBufferPointer(blocks)) { parts in
            for (index, part) in parts.enumerated() where index != rank {
                let theirs = UnsafeRawBufferPointer(rebasing: part[index * block..<(index + 1) * block])
                UnsafeMutableRawBufferPointer(rebasing: blocks[(index * block)...]).copyMemory(from: theirs)
            }
        }
        return PendingOperation()
    }

    package func makeWindow(bytes: Int) -> SharedWindow {
        let parts = allocate(bytes)
        return SharedWindow(parts: Array(parts[nodes[nodeIndex]]), ownIndex: localRank) { [self] in barrier() }
    }

    package func makeCommonWindow(bytes: Int) -> SharedWindow {
        let parts = allocate(bytes)
        return SharedWindow(parts: [parts[nodes[nodeIndex].lowerBound]], ownIndex: 0) { [self] in barrier() }
    }

    /// The memory that each rank allocates.
    private func allocate(_ bytes: Int) -> [UnsafeMutableRawPointer] {
        let own = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes, 1), alignment: 64)
        own.initializeMemory(as: UInt8.self, repeating: 0)
        room.windows.withLock { $0.append(UInt(bitPattern: own.baseAddress!)) }
        var all: [UnsafeMutableRawPointer] = []
        meet(UnsafeRawBufferPointer(own)) { all = $0.map { UnsafeMutableRawPointer(mutating: $0.baseAddress!) } }
        return all
    }

    package func abort(_ code: Int32) { preconditionFailure("no test ends the process") }
}
