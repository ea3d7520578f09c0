import CProcess
import Collectives
import Failures
import Glibc
import Threads

/// Ends a job that makes no progress, with exit code 77.
///
/// In each rank a thread looks after the ranks of its node. Where one of them stops, the others soon wait for it in a
/// collective, and nobody's heart beats any more; the threads see that, and one of them tells what it sees and ends its
/// process, and with it the job. Ranks of other nodes have watchdogs of their own, and are heard by datagrams.
///
/// Sendable: `remote`, `idle`, `lastBeats` and `lastLook` belong to the thread.
package final class Watchdog: @unchecked Sendable {
    /// How long is too long.
    package struct Limits {
        /// What the configuration says; nil to derive it from the slowest step.
        var configured: Double?

        package init(configured: Double?) {
            self.configured = configured
        }

        /// Seconds after which a rank that is stopped or gone ends the job. A step may have been slow because the host slept.
        func whenStopped(slowestStep: Double?) -> Double { configured ?? 15 + min(10 * (slowestStep ?? 0), 300) }

        /// Seconds after which the job ends although every process is alive: a disk or a network may be slow.
        func whenAlive(slowestStep: Double?) -> Double {
            configured ?? max(600, 20 * whenStopped(slowestStep: slowestStep))
        }
    }

    private static let pollSeconds = 0.25
    /// A rank of another node is missed after as long without a sign of life.
    private static let silenceSeconds = 5.0

    private let heartbeats: Heartbeats
    private let remote: RemoteHeartbeats?
    private let limits: Limits
    private let end = Semaphore(count: 0)
    private var thread: BackgroundThread?
    private var lastBeats = -1
    private var lastLook: ContinuousClock.Instant?
    private var idle = 0.0

    /// Begins to watch.
    ///
    /// - Parameter remote: The way to ranks of other nodes, where there are any.
    package init(_ heartbeats: Heartbeats, remote: RemoteHeartbeats? = nil, _ limits: Limits) throws(Failure) {
        self.heartbeats = heartbeats
        self.remote = remote
        self.limits = limits
        cprocess_tell_stacks()
        thread = try BackgroundThread("dtrain-watch") { self.watch() }
    }

    /// Returns when nobody watches any more.
    package func stop() {
        end.signal()
        thread?.join()
        thread = nil
    }

    private func watch() {
        while !end.wait(seconds: Watchdog.pollSeconds) { look() }
    }

    private func look() {
        let now = ContinuousClock().now
        // A host that slept, or a job that was stopped as a whole, has not waited for anything.
        let elapsed = min(lastLook.map { (now - $0).seconds } ?? 0, 4 * Watchdog.pollSeconds)
        lastLook = now
        let readings = heartbeats.readings()
        remote?.exchange(readings[heartbeats.localRank], elapsed: elapsed)
        let beats = readings.reduce(0) { $0 &+ $1.beats }
        if beats != lastBeats {
            (lastBeats, idle) = (beats, 0)
            return
        }
        idle += elapsed
        // The lowest rank tells, unless it is the one that is stopped.
        let patience = idle - Double(heartbeats.localRank) - (readings.map(\.allowance).max() ?? 0)
        let slowest = heartbeats.slowestStepSeconds
        guard patience >= limits.whenStopped(slowestStep: slowest) else { return }
        let states = readings.map { ProcessState(of: $0.process) }
        let silent = remote?.silent(for: Watchdog.silenceSeconds) ?? []
        let isAlive = silent.isEmpty && !states.contains { $0 == .stopped || $0 == .ended }
        if isAlive, patience < limits.whenAlive(slowestStep: slowest) { return }
        if heartbeats.isFirstToTell() {
            tell(readings, states, silent)
        } else {
            // Whoever was first is saying what happened.
            sleep(2)
        }
        _exit(ExitCode.stalled.rawValue)
    }

    private func tell(
        _ readings: [Heartbeats.Reading], _ states: [ProcessState], _ silent: [Heartbeats.Reading]
    ) {
        let all = zip(readings, states).map { (reading: $0, state: $1) }
        let broken = all.filter { $0.state == .stopped || $0.state == .ended }
        // Where all are alive, whoever has done least is what the others wait for, or waits for another node.
        let fewest = readings.map(\.beats).min() ?? 0
        let culprits = broken.isEmpty && silent.isEmpty ? all.filter { $0.reading.beats == fewest } : broken
        let names =
            culprits.map { reading, state in
                "rank \(reading.rank): \(reading.place), process \(reading.process) \(state.words)"
            } + silent.map { "rank \($0.rank), on another host: \($0.place) when it was heard last" }
        let text =
            "dtrain: no progress for \(Int(idle)) s. \(names.joined(separator: "; ")). The job ends; the same command "
            + "continues from the last checkpoint. (training.stall_timeout_seconds says how long is too long.)\n"
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        // Who is stopped, or waits for a disk that does not answer, cannot say where.
        let asked = culprits.filter { $0.state == .running || $0.state == .sleeping }
        for (reading, _) in asked { cprocess_ask_for_stack(reading.process) }
        if !asked.isEmpty { usleep(300_000) }
    }
}
