import Collectives
import Glibc
import Profiling
import Synchronization

/// What each rank of this node does just now, in memory that all of them see.
///
/// Every span that begins or ends is a beat: a rank that works beats many times a step, one that waits or hangs does not.
package final class Heartbeats: SpanRecorder.Observer {
    /// What a rank does, as another rank reads it.
    struct Reading {
        let rank: Int
        let process: pid_t
        /// Grows with everything that the rank does.
        let beats: Int
        /// 0 before the first.
        let step: Int
        /// One more than the span that it is in; 0 outside of any.
        let phaseCode: Int
        /// Seconds that the phase may last beyond the usual.
        let allowance: Double

        /// The place in a run, as people read it.
        var place: String {
            guard step > 0 else { return "at its start" }
            let phase = phaseCode == 0 ? nil : Span(rawValue: UInt8(truncatingIfNeeded: phaseCode - 1))
            return phase.map { $0 == .step ? "in step \(step)" : "in step \(step), \($0.name)" } ?? "after step \(step)"
        }
    }

    /// The words of a rank, a cache line.
    private enum Word: Int, CaseIterable { case rank, process, beats, step, phase, milliseconds }
    private typealias Value = Atomic<Int>
    private static let lineBytes = 64

    private let window: SharedWindow
    /// This rank's number among those that it sees.
    package let localRank: Int
    private let localSize: Int
    private let clock = ContinuousClock()
    private var beats = 0
    private var depth = 0
    private var stepStart: ContinuousClock.Instant?
    /// Written by the thread that trains.
    private let slowest = Atomic<UInt64>(0)

    /// Shares memory with the other ranks of the node. Where they have none to share, each sees itself alone. Every rank calls
    /// it.
    package init(_ communicator: any Communicator) throws {
        // A line for all of them, and one each.
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

    // MARK: The thread that trains

    package func began(_ span: Span, _ index: Int) {
        depth += 1
        if span == .step {
            let now = clock.now
            if let stepStart { noteStep((now - stepStart).seconds) }
            stepStart = now
            store(index, .step)
        }
        // A step with an evaluation or a save says nothing about others.
        if span == .evaluation || span == .checkpoint { stepStart = nil }
        // A phase is what a step consists of, not what that consists of.
        if depth <= 2 { store(Int(span.rawValue) + 1, .phase) }
        beat()
    }

    package func ended() {
        depth -= 1
        if depth == 1 { store(Int(Span.step.rawValue) + 1, .phase) }
        if depth == 0 { store(0, .phase) }
        beat()
    }

    /// Something has gone on inside a phase.
    package func beat() {
        beats += 1
        store(beats, .beats)
    }

    /// While `body` reads or writes about `bytes`, its phase may last longer than others, by the time of a slow disk. All ranks
    /// that wait for it say so too; one such phase holds no other.
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

    // MARK: Any thread

    /// The seconds of the slowest step so far that no evaluation or save followed; nil before the first is done.
    var slowestStepSeconds: Double? {
        let bits = slowest.load(ordering: .relaxed)
        return bits == 0 ? nil : Double(bitPattern: bits)
    }

    /// What every rank of the node does.
    func readings() -> [Reading] {
        (0..<localSize).map { index in
            Reading(
                rank: load(.rank, index), process: pid_t(truncatingIfNeeded: load(.process, index)),
                beats: load(.beats, index), step: load(.step, index), phaseCode: load(.phase, index),
                allowance: Double(load(.milliseconds, index)) / 1000)
        }
    }

    /// Whether this is the first process of the node that asks.
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
