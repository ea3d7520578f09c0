import Averaging
import Checkpoints
import Collectives
import Failures
import Kernels
import Tensors

/// Optimizer state on its way between the ranks that own it and rank 0, which alone reads and writes files.
///
/// It travels in a fixed order that every rank knows: arena by arena, parameter by parameter, in blocks of at most
/// 1 MB, so that of another's state no rank needs more memory than for a block. While rank 0 reads, writes or copies,
/// all others `serve` it; whatever goes wrong there, it calls `finish`, so that nobody waits for ever.
final class StateTransfer {
    /// Which way the state goes.
    enum Direction {
        case toFirstRank, fromFirstRank
    }

    /// An arena of what each rank owns, and the prefix of its parameters' names in the file.
    typealias OwnedArena = (prefix: String, arena: Arena<Float>)

    private let direction: Direction
    private let arenas: [OwnedArena]
    private let layout: ParameterLayout
    private let communicator: any Communicator
    /// Of all arenas and parameters in turn.
    private let blocks: [Block]
    /// The blocks of each arena and parameter.
    private let blocksOfTensors: [Range<Int>]
    /// The next block to travel.
    private var next = 0
    private let staging: UnsafeMutableRawBufferPointer
    private var connectionError: MPIError?

    private struct Block {
        let arena: Int
        let owner: Int
        /// Where it starts in its owner's arena, and in its tensor.
        let start: Int
        let offset: Int
        let count: Int
    }

    /// The way of `arenas`, which hold what this rank owns of arenas of `layout`.
    ///
    /// - Parameter shards: What each rank owns.
    init(
        _ direction: Direction, _ arenas: [OwnedArena], _ layout: ParameterLayout, shards: [Shard],
        _ communicator: any Communicator
    ) {
        (self.direction, self.arenas, self.layout, self.communicator) = (direction, arenas, layout, communicator)
        let limit = TensorSource.blockBytes / MemoryLayout<Float>.stride
        var (blocks, blocksOfTensors): ([Block], [Range<Int>]) = ([], [])
        for arena in arenas.indices {
            for parameter in layout.parameters {
                let first = blocks.count
                let owned = shards.enumerated().flatMap { owner, shard in
                    shard.pieces(of: parameter.range).map { (owner: owner, piece: $0) }
                }
                for (owner, piece) in owned.sorted(by: { $0.piece.range.lowerBound < $1.piece.range.lowerBound }) {
                    for done in stride(from: 0, to: piece.range.count, by: limit) {
                        blocks.append(
                            Block(
                                arena: arena, owner: owner, start: piece.start + done,
                                offset: piece.range.lowerBound + done - parameter.offset,
                                count: min(limit, piece.range.count - done)))
                    }
                }
                blocksOfTensors.append(first..<blocks.count)
            }
        }
        (self.blocks, self.blocksOfTensors) = (blocks, blocksOfTensors)
        staging = .allocate(byteCount: TensorSource.blockBytes, alignment: 64)
    }

    deinit { staging.deallocate() }

    /// On rank 0: all tensors, to be written in this order.
    var sources: [TensorSource] {
        tensors { name, shape, range in
            TensorSource(name: name, type: .float32, shape: shape) { body throws(Failure) in
                precondition(self.next == range.lowerBound, "tensors are written in their order")
                for block in self.blocks[range] { try body(UnsafeRawBufferPointer(try self.take(block))) }
            }
        }
    }

    /// On rank 0: all tensors, to be read in this order.
    var destinations: [TensorDestination] {
        tensors { name, shape, range in
            TensorDestination(name: name, type: .float32, shape: shape) { read throws(Failure) in
                precondition(self.next == range.lowerBound, "tensors are read in their order")
                for block in self.blocks[range] {
                    let memory = self.memory(block)
                    try read(memory, block.offset * MemoryLayout<Float>.stride)
                    try self.pass(block)
                }
            }
        }
    }

    /// On every rank but 0: gives or takes what it owns.
    func serve() throws(MPIError) {
        for block in blocks where block.owner == communicator.rank {
            switch direction {
            case .toFirstRank: try communicator.send(UnsafeRawBufferPointer(memory(block)), to: 0)
            case .fromFirstRank: try communicator.receive(memory(block), from: 0)
            }
        }
    }

    /// On rank 0, at the end: sees to it that nobody waits, also where only a part was read or written.
    func finish() throws(MPIError) {
        if let connectionError { throw connectionError }
        while next < blocks.count { try move(blocks[next]) }
    }

    private func tensors<Tensor>(_ make: (String, [Int], Range<Int>) -> Tensor) -> [Tensor] {
        let parameters = layout.parameters
        return blocksOfTensors.indices.map { index in
            let parameter = parameters[index % parameters.count]
            let prefix = arenas[index / parameters.count].prefix
            return make(prefix + parameter.name, parameter.shape, blocksOfTensors[index])
        }
    }

    /// Where a block lies on this rank: at its owner's, or on its way.
    private func memory(_ block: Block) -> UnsafeMutableRawBufferPointer {
        if block.owner == communicator.rank {
            return arenas[block.arena].arena.bytes(of: block.start..<block.start + block.count)
        }
        return UnsafeMutableRawBufferPointer(rebasing: staging[..<(block.count * MemoryLayout<Float>.stride)])
    }

    /// Gets the next block from its owner.
    private func take(_ block: Block) throws(Failure) -> UnsafeMutableRawBufferPointer {
        try pass(block)
        return memory(block)
    }

    /// Moves the next block between rank 0 and its owner.
    private func pass(_ block: Block) throws(Failure) {
        do throws(MPIError) { try move(block) } catch {
            connectionError = error
            throw Failure(.internalError, "\(error)")
        }
    }

    private func move(_ block: Block) throws(MPIError) {
        next += 1
        if block.owner == 0 { return }
        switch direction {
        case .toFirstRank: try communicator.receive(memory(block), from: block.owner)
        case .fromFirstRank: try communicator.send(UnsafeRawBufferPointer(memory(block)), to: block.owner)
        }
    }
}
