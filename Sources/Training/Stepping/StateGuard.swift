import Files
import Synchronization

/// Notices when something other than an update changes what a rank owns: its weights, and all that the optimizer keeps.
///
/// Memory and processors flip a bit now and then, and nothing else would tell; the training would go on with other numbers.
/// For each piece of each arena there is a checksum of what was written last. It is compared just before the piece is
/// written anew, when the piece is in the cache anyway.
package final class StateGuard {
    /// An arena of which every piece is guarded.
    package struct GuardedArena {
        /// What it holds, such as "weights".
        let name: String
        let base: UnsafeRawPointer
        let elementBytes: Int
        let place: Place

        /// Where a piece starts in it.
        enum Place { case whole, shard, master }

        /// The bytes of a piece.
        func bytes(of piece: UpdatePiece) -> UnsafeRawBufferPointer {
            let start =
                switch place {
                case .whole: piece.start
                case .shard: piece.stateStart
                case .master: piece.masterStart
                }
            return UnsafeRawBufferPointer(start: base + start * elementBytes, count: piece.count * elementBytes)
        }
    }

    private let arenas: [GuardedArena]
    private let checksums: UnsafeMutableBufferPointer<UInt64>
    /// One more than the place, in `checksums`, of a piece that was found changed; 0: none was.
    private let broken = Atomic(0)

    /// A guard of `arenas`, cut into `pieces` pieces; all are to be noted first.
    init(_ arenas: [GuardedArena], pieces: Int) {
        self.arenas = arenas
        checksums = .allocate(capacity: arenas.count * pieces)
        checksums.initialize(repeating: 0)
    }

    deinit { checksums.deallocate() }

    /// Remembers a piece as it is now. Several threads may do so with different pieces.
    package func note(_ piece: UpdatePiece) {
        for index in arenas.indices { checksums[place(piece, index)] = checksum(arenas[index].bytes(of: piece)) }
    }

    /// Compares a piece with what was noted of it.
    func compare(_ piece: UpdatePiece) {
        if let arena = changedArena(piece) { broken.store(place(piece, arena) + 1, ordering: .relaxed) }
    }

    /// Whether a piece is what was noted of it.
    func isIntact(_ piece: UpdatePiece) -> Bool { changedArena(piece) == nil }

    /// What a comparison has found changed: the name of the arena, and the number of the piece.
    var change: (arena: String, piece: Int)? {
        let place = broken.load(ordering: .relaxed) - 1
        return place < 0 ? nil : (arenas[place % arenas.count].name, place / arenas.count)
    }

    private func changedArena(_ piece: UpdatePiece) -> Int? {
        arenas.indices.first { checksums[place(piece, $0)] != checksum(arenas[$0].bytes(of: piece)) }
    }

    private func place(_ piece: UpdatePiece, _ arena: Int) -> Int { piece.number * arenas.count + arena }
}
