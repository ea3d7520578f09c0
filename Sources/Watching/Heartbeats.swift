import Collectives
import Glibc
import Profiling
import Synchronization

/// The current activity of each rank of this node, in shared memory.
///
/// The begin and end of every span is a beat: a working rank beats many times per step, a waiting or hanging rank does
/// not.
package final class Heartbeats: SpanRecorder.Observer {
    /// The activity of one rank, as read by any rank of the node.
    struct Reading {
        let rank: Int
        /// The process ID; 0 for a rank of another node.
        let process: pid_t
        /// The number of beats so far.
        let beats: Int
        /// The current step; 0 before the first.
        let step: Int
        /// The raw value of the current span plus 1; 0 outside of any span.
        let phaseCode: Int
        /// The number of seconds that the phase may last beyond the usual limit.
        let allowance: Double

        /// The step and phase as text, such as "in step 13, backward".
        var place: String {
            guard step > 0 else { return "at its start" }
            let phase = phaseCode == 0 ? nil : Span(rawValue: UInt8(truncatingIfNeeded: phaseCode - 1))
            return phase.map { $0 == .step ? "in step \(step)" : "in step \(step), \($0.name)" } ?? "after step \(step)"
        }
    }

    /// The words of a rank's cache line.
    private enum Word: Int, CaseIterable { case rank, process, beats, step, phase, milliseconds }
    private typealias Value = Atomic<Int>
    private static let lineBytes = 64

    private let window: SharedWindow
    /// This rank's index among the ranks whose heartbeats it can read.
    package let localRank: Int
    private let localSize: Int
    private let clock = ContinuousClock()
    private var beats = 0
    private var depth = 0
    private var stepStart: ContinuousClock.Instant?
    /// The bit pattern of the duration of the slowest step, in seconds; written only by the training thread.
    private let slowest = Atomic<UInt64>(0)

    /// Allocates memory that is shared with the other ranks of the node. If shared memory is unavailable, each rank
    /// reads only its own heartbeats. Collective: every rank calls it.
    package init(_ communicator: any Communicator) throws {
        // One cache line for all ranks, and one for each.
        func bytes(_ ranks: Int) -> Int { (ranks + 1) * Heartbeats.lineBytes }
        if try communicator.obstacleToWindows(bytes: bytes(communicator.localSize) + 16384) == nil {
            window = try communicator.makeCommonWindow(bytes: bytes(communicator.localSize))
            (localRank, localSize) = (communicator.localRank, communicator.localSize)
        } else {
            window = SoloCommunicator().makeCommonWindow(bytes: bytes(1))
            (localRank, localSize) = (0, 1)
        }
        store(communicator.rank, .rank)
        store(Int(getpid()), .process)
        try window.synchronize()
    }

    // MARK: Called by the training thread

    package func began(_ span: Span, _ index: Int) {
        depth += 1
        if span == .step {
            let now = clock.now
            if let stepStart { noteStep((now - stepStart).seconds) }
            stepStart = now
            store(index, .step)
        }
        // A step with an evaluation or a checkpoint is not representative.
        if span == .evaluation || span == .checkpoint { stepStart = nil }
        // Only the step's direct child spans are phases, not their children.
        if depth <= 2 { store(Int(span.rawValue) + 1, .phase) }
        beat()
    }

    package func ended() {
        depth -= 1
        if depth == 1 { store(Int(Span.step.rawValue) + 1, .phase) }
        if depth == 0 { store(0, .phase) }
        beat()
    }

    /// Counts progress inside a phase.
    package func beat() {
        beats += 1
        store(beats, .beats)
    }

    /// Extends the limit of the current phase while `body` reads or writes about `bytes`, by the time that a slow disk
    /// needs. All ranks that wait for it call this too. Calls must not be nested.
    package func allowing<Result>(bytes: Int, _ body: () throws -> Result) rethrows -> Result {
        let slowestBytesPerSecond = 5e6
        store(Int(min(Double(bytes) / slowestBytesPerSecond, 1e9) * 1000), .milliseconds)
        defer { store(0, .milliseconds) }
        return try body()
    }

    private func noteStep(_ seconds: Double) {
        let known = Double(bitPattern: slowest.load(ordering: .relaxed))
        if seconds > known { slowest.store(seconds.bitPattern, ordering: .relaxed) }
    }

    // MARK: Called by any thread

    /// The duration of the slowest step without evaluation or checkpoint so far, in seconds; nil before the first is
    /// complete.
    var slowestStepSeconds: Double? {
        let bits = slowest.load(ordering: .relaxed)
        return bits == 0 ? nil : Double(bitPattern: bits)
    }

    /// The activity of every rank of the node.
    func readings() -> [Reading] {
        (0..<localSize).map { index in
            Reading(
                rank: load(.rank, index), process: pid_t(truncatingIfNeeded: load(.process, index)),
                beats: load(.beats, index), step: load(.step, index), phaseCode: load(.phase, index),
                allowance: Double(load(.milliseconds, index)) / 1000)
        }
    }

    /// Whether this call is the first one on the node.
    func isFirstToTell() -> Bool {
        word(0).pointee.compareExchange(expected: 0, desired: 1, ordering: .sequentiallyConsistent).exchanged
    }

    private func word(_ index: Int) -> UnsafeMutablePointer<Value> {
        window.base.assumingMemoryBound(to: Value.self) + index
    }

    private func word(_ word: Word, _ rank: Int) -> UnsafeMutablePointer<Value> {
        self.word((rank + 1) * Heartbeats.lineBytes / MemoryLayout<Value>.stride + word.rawValue)
    }

    private func store(_ value: Int, _ word: Word) {
        self.word(word, localRank).pointee.store(value, ordering: .relaxed)
    }

    private func load(_ word: Word, _ rank: Int) -> Int { self.word(word, rank).pointee.load(ordering: .relaxed) }
}
