import Files
import Synchronization
import Tensors

/// Detects silent data corruption of the weights and optimizer state that a rank owns.
///
/// Faulty memory or CPUs occasionally flip a bit, and training would continue with wrong values. For each piece of each
/// arena, a checksum of the values written last is recorded. It is verified just before the piece is overwritten, when
/// the piece is in the cache anyway.
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

        /// The bytes of a piece in this arena.
        func bytes(of piece: UpdatePiece) -> UnsafeRawBufferPointer {
            let start =
                switch place {
                case .whole: piece.start
                case .shard: piece.stateStart
                }
            return UnsafeRawBufferPointer(start: base + start * format.byteCount, count: piece.count * format.byteCount)
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
        for index in arenas.indices { checksums[place(piece, index)] = checksum(arenas[index].bytes(of: piece)) }
    }

    /// Compares a piece with its recorded checksum, and stores the result in `change`.
    func compare(_ piece: UpdatePiece) {
        if let arena = changedArena(piece) { broken.store(place(piece, arena) + 1, ordering: .relaxed) }
    }

    /// Whether a piece matches its recorded checksum.
    func isIntact(_ piece: UpdatePiece) -> Bool { changedArena(piece) == nil }

    /// The change that was detected: the name of the arena, and the number of the piece; nil if there is none.
    var change: (arena: String, piece: Int)? {
        let place = broken.load(ordering: .relaxed) - 1
        return place < 0 ? nil : (arenas[place % arenas.count].name, place / arenas.count)
    }

    private func changedArena(_ piece: UpdatePiece) -> Int? {
        arenas.indices.first { checksums[place(piece, $0)] != checksum(arenas[$0].bytes(of: piece)) }
    }

    private func place(_ piece: UpdatePiece, _ arena: Int) -> Int { piece.number * arenas.count + arena }
}
