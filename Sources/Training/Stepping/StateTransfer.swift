import Averaging
import Checkpoints
import Collectives
import Failures
import Tensors

/// The transfer of optimizer state between the ranks that own it and rank 0, the only rank that reads and writes files.
///
/// The order is fixed and known to every rank: arena by arena, parameter by parameter, in blocks of at most 1 MB, so
/// that no rank needs memory for more than one block of another rank's state. While rank 0 reads, writes or copies, all
/// others execute `serve`. Rank 0 must call `finish` in any case, so that no rank waits forever.
final class StateTransfer {
    /// The direction of the transfer.
    enum Direction {
        case toFirstRank, fromFirstRank
    }

    /// A rank's part of an arena, and the prefix of its parameters' names in the file.
    typealias OwnedArena = (prefix: String, arena: Arena<Float>)

    private let direction: Direction
    private let arenas: [OwnedArena]
    private let layout: ParameterLayout
    private let communicator: any Communicator
    /// The blocks of all arenas and parameters, in the order of the transfer.
    private let blocks: [Block]
    /// The blocks of each arena and parameter, as ranges of `blocks`.
    private let blocksOfTensors: [Range<Int>]
    /// The index of the next block to transfer.
    private var next = 0
    private let staging: UnsafeMutableRawBufferPointer
    private var connectionError: MPIError?

    private struct Block {
        let arena: Int
        let owner: Int
        /// The offset of its first element in the owner's arena.
        let start: Int
        /// The offset of its first element in the tensor.
        let offset: Int
        let count: Int
    }

    /// Creates a transfer of `arenas`, which hold this rank's part of arenas of `layout`.
    ///
    /// - Parameter shards: The shard of each rank.
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

    /// On rank 0: all tensors, which must be written in this order.
    var sources: [TensorSource] {
        tensors { name, shape, range in
            TensorSource(name: name, type: .float32, shape: shape) { body throws(Failure) in
                precondition(self.next == range.lowerBound, "tensors are written in their order")
                for block in self.blocks[range] { try body(UnsafeRawBufferPointer(try self.take(block))) }
            }
        }
    }

    /// On rank 0: all tensors, which must be read in this order.
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

    /// On every rank except 0: sends or receives the blocks that it owns.
    func serve() throws(MPIError) {
        for block in blocks where block.owner == communicator.rank {
            switch direction {
            case .toFirstRank: try communicator.send(UnsafeRawBufferPointer(memory(block)), to: 0)
            case .fromFirstRank: try communicator.receive(memory(block), from: 0)
            }
        }
    }

    /// On rank 0: transfers all remaining blocks, so that no rank waits for one. Must be called at the end.
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

    /// The memory of a block on this rank: in its own arena, or the staging buffer.
    private func memory(_ block: Block) -> UnsafeMutableRawBufferPointer {
        if block.owner == communicator.rank {
            return arenas[block.arena].arena.bytes(of: block.start..<block.start + block.count)
        }
        return UnsafeMutableRawBufferPointer(rebasing: staging[..<(block.count * MemoryLayout<Float>.stride)])
    }

    /// Transfers the next block to rank 0.
    ///
    /// - Returns: Its memory.
    private func take(_ block: Block) throws(Failure) -> UnsafeMutableRawBufferPointer {
        try pass(block)
        return memory(block)
    }

    /// Transfers the next block between rank 0 and its owner.
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
