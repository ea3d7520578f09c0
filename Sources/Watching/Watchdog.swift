import CProcess
import Failures
import Glibc
import Threads

/// Ends a job that makes no progress, with exit code 77.
///
/// In each rank, a thread watches the ranks of its node. If one of them stops, the others soon wait for it in a
/// collective, and no rank beats anymore. One of the watching threads then reports the state of all ranks and ends its
/// process, and with it the job. Other nodes have their own watchdogs; their heartbeats arrive in datagrams.
///
/// `@unchecked Sendable`: only the watching thread accesses `remote`, `idle`, `lastBeats` and `lastLook`.
package final class Watchdog: @unchecked Sendable {
    /// Time limits without progress.
    package struct Limits {
        /// The configured limit in seconds; nil: derived from the slowest step.
        var configured: Double?

        /// - Parameter configured: The limit in seconds; nil: derived from the slowest step.
        package init(configured: Double?) {
            self.configured = configured
        }

        /// The limit in seconds if a rank is suspended or lost. It is capped, since a step may have been slow because
        /// the host slept.
        func whenStopped(slowestStep: Double?) -> Double { configured ?? 15 + min(10 * (slowestStep ?? 0), 300) }

        /// The limit in seconds if every process is alive: a disk or a network may be slow.
        func whenAlive(slowestStep: Double?) -> Double {
            configured ?? max(600, 20 * whenStopped(slowestStep: slowestStep))
        }
    }

    private static let pollSeconds = 0.25
    /// The time without a heartbeat after which a rank of another node counts as lost.
    private static let silenceSeconds = 5.0

    private let heartbeats: Heartbeats
    private let remote: RemoteHeartbeats?
    private let limits: Limits
    private let end = Semaphore(count: 0)
    private var thread: BackgroundThread?
    private var lastBeats = -1
    private var lastLook: ContinuousClock.Instant?
    private var idle = 0.0

    /// Starts to watch.
    ///
    /// - Parameter remote: Heartbeats of other nodes, if there are any.
    package init(_ heartbeats: Heartbeats, remote: RemoteHeartbeats? = nil, _ limits: Limits) throws(Failure) {
        self.heartbeats = heartbeats
        self.remote = remote
        self.limits = limits
        cprocess_tell_stacks()
        thread = try BackgroundThread("dtrain-watch") { self.watch() }
    }

    /// Ends the watching thread and waits for it.
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
        // Time during which the host slept, or the whole job was suspended, does not count.
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
        // The lowest rank reports, unless it is itself suspended: each following rank waits one second longer.
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
            // Another rank is writing the report.
            sleep(2)
        }
        _exit(ExitCode.stalled.rawValue)
    }

    private func tell(
        _ readings: [Heartbeats.Reading], _ states: [ProcessState], _ silent: [Heartbeats.Reading]
    ) {
        let all = zip(readings, states).map { (reading: $0, state: $1) }
        let broken = all.filter { $0.state == .stopped || $0.state == .ended }
        // If all are alive, the rank with the fewest beats is the one that the others wait for, or it waits for another
        // node.
        let fewest = readings.map(\.beats).min() ?? 0
        let culprits = broken.isEmpty && silent.isEmpty ? all.filter { $0.reading.beats == fewest } : broken
        let names =
            culprits.map { reading, state in
                "rank \(reading.rank): \(reading.place), process \(reading.process) \(state.words)"
            } + silent.map { "rank \($0.rank), on another host: \($0.place) when last heard from" }
        let text =
            "dtrain: no progress for \(Int(idle)) s. \(names.joined(separator: "; ")). The job ends; repeat the same "
            + "command to resume from the last checkpoint. (training.stall_timeout_seconds is the limit.)\n"
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        // A suspended process, or one that waits for a disk, cannot print its stack.
        let asked = culprits.filter { $0.state == .running || $0.state == .sleeping }
        for (reading, _) in asked { cprocess_ask_for_stack(reading.process) }
        if !asked.isEmpty { usleep(300_000) }
    }
}
