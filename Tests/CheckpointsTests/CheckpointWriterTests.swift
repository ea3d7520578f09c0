import Failures
import Files
import Glibc
import Synchronization
import Testing

@testable import Checkpoints

struct CheckpointWriterTests {
    let sample = SampleRun()

    @Test func finishReturnsTheCheckpoint() throws {
        let writer = CheckpointWriter()
        #expect(!writer.isDone)
        #expect(try writer.finish() == nil)
        let sample = sample
        for step in [100, 200] {
            sample.state.step = step
            let work: CheckpointWriter.Work = { () throws(Failure) in
                .init(
                    try Checkpoint.commit(
                        run: sample.run, state: sample.state, program: "", identity: [:], files: sample.files),
                    note: "a note")
            }
            #expect(writer.start(work))
            let written = try #require(try writer.finish())
            #expect(written.checkpoint.step == step)
            #expect(written.note == "a note")
            #expect(!writer.isDone)
            #expect(try writer.finish() == nil)
        }
        #expect(try Checkpoint.list(sample.run).map(\.step) == [100, 200])
    }

    @Test func failureIsThrownOnce() throws {
        let writer = CheckpointWriter()
        let failure = Failure(.inputOutput, "the disk is full")
        #expect(writer.start { () throws(Failure) in throw failure })
        #expect(throws: failure) { _ = try writer.finish() }
        #expect(try writer.finish() == nil)
        let checkpoint = try sample.commit()
        #expect(writer.start { () throws(Failure) in .init(checkpoint) })
        #expect(try writer.finish()?.checkpoint.step == checkpoint.step)
    }

    /// `isDone` becomes true when the work is done, without waiting.
    @Test func isDoneAfterTheWork() throws {
        let writer = CheckpointWriter()
        let checkpoint = try sample.commit()
        let gate = Atomic(false)
        #expect(
            writer.start { () throws(Failure) in
                while !gate.load(ordering: .acquiring) { usleep(100) }
                return .init(checkpoint)
            })
        #expect(!writer.isDone)
        gate.store(true, ordering: .releasing)
        while !writer.isDone { usleep(100) }
        #expect(try writer.finish() != nil)
    }

    /// Signals that request a stop must be delivered to the training thread.
    @Test func threadBlocksSignals() throws {
        let writer = CheckpointWriter()
        let checkpoint = try sample.commit()
        var (before, seen, after) = (sigset_t(), sigset_t(), sigset_t())
        pthread_sigmask(SIG_BLOCK, nil, &before)
        withUnsafeMutablePointer(to: &seen) { seen in
            #expect(
                writer.start { () throws(Failure) in
                    pthread_sigmask(SIG_BLOCK, nil, seen)
                    return .init(checkpoint)
                })
            #expect(throws: Never.self) { _ = try writer.finish() }
        }
        pthread_sigmask(SIG_BLOCK, nil, &after)
        for signal in [SIGUSR1, SIGTERM, SIGINT] {
            #expect(sigismember(&seen, signal) == 1)
            #expect(sigismember(&before, signal) == sigismember(&after, signal))
        }
    }

    @Test func deinitWaitsForTheWork() throws {
        let sample = sample
        defer { withExtendedLifetime(sample) {} }
        do {
            let writer = CheckpointWriter()
            #expect(
                writer.start { () throws(Failure) in
                    usleep(20_000)
                    return .init(
                        try Checkpoint.commit(
                            run: sample.run, state: sample.state, program: "", identity: [:], files: sample.files))
                })
        }
        #expect(try FileSystem.list(sample.run.checkpoints) == ["step-00000400"])
    }
}
