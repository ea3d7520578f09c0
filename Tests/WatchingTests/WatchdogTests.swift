import Collectives
import Glibc
import Profiling
import Testing

@testable import Watching

@Suite struct WatchdogTests {
    @Test func heartbeatsReportPosition() throws {
        let heartbeats = try Heartbeats(SoloCommunicator())
        let spans = SpanRecorder()
        spans.observers = [heartbeats]
        func place() -> String { heartbeats.readings()[0].place }
        #expect(place() == "at its start")
        #expect(heartbeats.readings()[0].process == getpid())
        spans.begin(.step, 3)
        #expect(place() == "in step 3")
        spans.begin(.forward)
        #expect(place() == "in step 3, forward")
        let before = heartbeats.readings()[0].beats
        // A span within a phase is not a phase, but counts as a heartbeat.
        spans.begin(.block, 0)
        spans.end()
        #expect(place() == "in step 3, forward" && heartbeats.readings()[0].beats == before + 2)
        spans.end()
        #expect(place() == "in step 3")
        spans.end()
        #expect(place() == "after step 3")
        #expect(heartbeats.slowestStepSeconds == nil)
        spans.begin(.step, 4)
        #expect(heartbeats.slowestStepSeconds != nil)
        #expect(heartbeats.allowing(bytes: 10_000_000) { heartbeats.readings()[0].allowance } == 2)
        #expect(heartbeats.readings()[0].allowance == 0)
        #expect(heartbeats.isFirstToTell() && !heartbeats.isFirstToTell())
    }

    @Test func limitsDependOnSlowestStep() {
        let automatic = Watchdog.Limits(configured: nil)
        #expect(automatic.whenStopped(slowestStep: nil) == 15)
        #expect(automatic.whenStopped(slowestStep: 2) == 35)
        // A step may be very slow because the host was suspended.
        #expect(automatic.whenStopped(slowestStep: 28_800) == 315)
        #expect(automatic.whenAlive(slowestStep: 2) == 700)
        #expect(automatic.whenAlive(slowestStep: nil) == 600)
        let configured = Watchdog.Limits(configured: 4)
        #expect(configured.whenStopped(slowestStep: 9) == 4 && configured.whenAlive(slowestStep: 9) == 4)
    }

    @Test func detectsProcessStates() throws {
        #expect(ProcessState(of: getpid()) == .running || ProcessState(of: getpid()) == .sleeping)
        var child = pid_t()
        var arguments = [strdup("sleep"), strdup("60"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawnp(&child, "sleep", nil, nil, &arguments, nil) == 0)
        kill(child, SIGSTOP)
        // The signal takes effect after a moment.
        for _ in 0..<1000 where ProcessState(of: child) != .stopped { usleep(1000) }
        #expect(ProcessState(of: child) == .stopped)
        kill(child, SIGKILL)
        for _ in 0..<1000 where ProcessState(of: child) != .ended { usleep(1000) }
        #expect(ProcessState(of: child) == .ended)
        waitpid(child, nil, 0)
        #expect(ProcessState(of: child) == .ended)
    }

    /// A rank with heartbeats is not ended, and the watchdog stops at once.
    @Test func rankWithHeartbeatsIsNotEnded() throws {
        let heartbeats = try Heartbeats(SoloCommunicator())
        let watchdog = try Watchdog(heartbeats, Watchdog.Limits(configured: 0.5))
        for _ in 0..<15 {
            heartbeats.beat()
            usleep(100_000)
        }
        watchdog.stop()
    }
}
