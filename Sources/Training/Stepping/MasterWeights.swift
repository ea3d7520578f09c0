import Averaging
import Inference
import Numbers
import Tensors

/// The Float32 weights of this rank's shard, which the optimizer updates.
///
/// If the working weights are Float32, they are the master weights; otherwise these are a copy of the shard. No other
/// type distinguishes the two cases.
struct MasterWeights<Element: Storage> {
    private let working: Arena<Element>
    private let shard: Shard
    /// Either all working weights, of which this rank writes only its shard, or a copy of the shard.
    let arena: Arena<Float>

    /// Whether the master weights are a copy.
    static var areCopies: Bool { Element.self != Float.self }

    /// The master weights of `shard` of the working weights; a copy is initially zero.
    init(of working: Arena<Element>, _ shard: Shard) {
        self.working = working
        self.shard = shard
        arena = working as? Arena<Float> ?? Arena<Float>(count: shard.count)
    }

    /// The master weights of a piece.
    func at(_ piece: UpdatePiece) -> UnsafeMutablePointer<Float> {
        arena.base + (MasterWeights.areCopies ? piece.stateStart : piece.start)
    }

    /// The working weights of a piece, or nil if they are the master weights.
    func working(_ piece: UpdatePiece) -> UnsafeMutablePointer<Element>? {
        MasterWeights.areCopies ? working.base + piece.start : nil
    }

    /// Sets the working weights of a piece to its master weights.
    func refreshWorkingWeights(_ piece: UpdatePiece) {
        guard let working = working(piece) else { return }
        convert(UnsafePointer(at(piece)), into: working, count: piece.count)
    }

    /// Calls `body` with the master weights of each range within `range` that this rank owns.
    func forEach(
        in range: Range<Int>, _ body: (_ part: Range<Int>, _ master: UnsafeMutablePointer<Float>) -> Void
    ) {
        for (own, start) in zip(shard.ranges, shard.starts) {
            let part = own.clamped(to: range)
            if part.isEmpty { continue }
            let first = MasterWeights.areCopies ? start : own.lowerBound
            body(part, arena.base + first + part.lowerBound - own.lowerBound)
        }
    }

    /// All weights that this rank owns.
    var guarded: [StateGuard.GuardedArena] {
        let masters = StateGuard.GuardedArena(
            name: "weights", base: UnsafeRawPointer(arena.base), format: .float32,
            place: MasterWeights.areCopies ? .shard : .whole)
        if !MasterWeights.areCopies { return [masters] }
        return [
            masters,
            StateGuard.GuardedArena(
                name: "working weights", base: UnsafeRawPointer(working.base),
                format: Element.format, place: .whole),
        ]
    }

    /// What checkpoints store with the optimizer state, besides the working weights.
    var stored: [StateTransfer.OwnedArena] { MasterWeights.areCopies ? [(masterPrefix, arena)] : [] }
}
