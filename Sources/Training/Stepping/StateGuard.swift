import Kernels
import Numbers
import Synchronization
import Tensors

/// Detects silent data corruption of the weights and optimizer state that a rank owns.
///
/// Faulty memory or CPUs occasionally flip a bit, and training would continue with wrong values. For each piece of each
/// arena, a checksum of the values written last is recorded. It is verified when the piece is overwritten, by the pass
/// that reads it anyway.
package final class StateGuard {
    /// An arena whose pieces are guarded.
    package struct GuardedArena {
        /// The name of its content, such as "weights".
        let name: String
        /// The address of the arena.
        let base: UnsafeRawPointer
        let format: FloatFormat
        /// The arena's kind of offset.
        let place: Place

        /// The kinds of offset of a piece: in an arena of all parameters, or in one of the shard.
        enum Place { case whole, shard }

        /// The offset of a piece in this arena.
        private func start(of piece: UpdatePiece) -> Int {
            switch place {
            case .whole: piece.start
            case .shard: piece.stateStart
            }
        }

        /// The bytes of a piece in this arena.
        func bytes(of piece: UpdatePiece) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(
                start: base + start(of: piece) * format.byteCount, count: piece.count * format.byteCount)
        }

        /// The checksum of a piece in this arena.
        func checksum(of piece: UpdatePiece) -> UInt64 {
            func checksum<Element: Storage>(_: Element.Type) -> UInt64 {
                MemoryChecksum(base.assumingMemoryBound(to: Element.self) + start(of: piece), count: piece.count).value
            }
            // It depends on the size of the elements only; arenas hold 4 or 2 bytes for each.
            return format.byteCount == 4 ? checksum(Float.self) : checksum(Float16.self)
        }
    }

    private let arenas: [GuardedArena]
    private let checksums: UnsafeMutableBufferPointer<UInt64>
    /// The index in `checksums` of a piece that was found changed, plus 1; 0 if there is none.
    private let broken = Atomic(0)

    /// Creates a guard of `arenas`, each divided into `pieces` pieces, which must all be recorded first.
    init(_ arenas: [GuardedArena], pieces: Int) {
        self.arenas = arenas
        checksums = .allocate(capacity: arenas.count * pieces)
        checksums.initialize(repeating: 0)
    }

    deinit { checksums.deallocate() }

    /// Records the current content of a piece. May be called concurrently for different pieces.
    package func note(_ piece: UpdatePiece) {
        for index in arenas.indices { checksums[place(piece, index)] = arenas[index].checksum(of: piece) }
    }

    /// Compares a piece with its recorded checksum, and stores the result in `change`.
    func compare(_ piece: UpdatePiece) {
        if let arena = changedArena(piece) { broken.store(place(piece, arena) + 1, ordering: .relaxed) }
    }

    /// Compares what arena `index` held of a piece with the recorded checksum, stores the result in `change`, and records
    /// what it holds now.
    func replace(_ piece: UpdatePiece, arena index: Int, _ checksums: OverwritingChecksums) {
        let place = place(piece, index)
        if self.checksums[place] != checksums.before.value { broken.store(place + 1, ordering: .relaxed) }
        self.checksums[place] = checksums.after.value
    }

    /// Whether a piece matches its recorded checksum.
    func isIntact(_ piece: UpdatePiece) -> Bool { changedArena(piece) == nil }

    /// The change that was detected: the name of the arena, and the number of the piece; nil if there is none.
    var change: (arena: String, piece: Int)? {
        let place = broken.load(ordering: .relaxed) - 1
        return place < 0 ? nil : (arenas[place % arenas.count].name, place / arenas.count)
    }

    private func changedArena(_ piece: UpdatePiece) -> Int? {
        arenas.indices.first { checksums[place(piece, $0)] != arenas[$0].checksum(of: piece) }
    }

    private func place(_ piece: UpdatePiece, _ arena: Int) -> Int { piece.number * arenas.count + arena }
}
