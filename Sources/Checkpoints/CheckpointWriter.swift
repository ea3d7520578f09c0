import Failures
import Synchronization
import Threads

/// Writes one checkpoint at a time on a thread of its own, beside the training.
///
/// Sendable, though it has plain memory: it belongs to whoever starts and finishes, and shares a job alone with its thread.
package final class CheckpointWriter: @unchecked Sendable {
    /// Writes a checkpoint and returns it. It owns all that it uses until `finish` has returned.
    package typealias Work = () throws(Failure) -> Written

    /// A checkpoint that was written.
    package struct Written: Sendable {
        package let checkpoint: Checkpoint
        /// What went wrong afterwards and matters less.
        package let note: String?

        package init(_ checkpoint: Checkpoint, note: String? = nil) {
            self.checkpoint = checkpoint
            self.note = note
        }
    }

    /// What the thread shares: its outcome belongs to the thread until that has ended, and to the caller afterwards;
    /// creating and joining a thread make these take turns.
    private final class Job: @unchecked Sendable {
        let work: Work
        var outcome: Result<Written, Failure>?
        let isOver = Atomic(false)

        init(_ work: @escaping Work) { self.work = work }

        func run() {
            do throws(Failure) { outcome = .success(try work()) } catch { outcome = .failure(error) }
            isOver.store(true, ordering: .releasing)
        }
    }

    private var job: Job?
    private var thread: BackgroundThread?

    package init() {}

    deinit { _ = try? finish() }

    /// Starts writing; what was started before has been finished.
    ///
    /// - Returns: Whether there is a thread for it; nothing is done where there is none.
    package func start(_ work: @escaping Work) -> Bool {
        precondition(thread == nil, "One checkpoint is written at a time.")
        // The thread never has the writer itself: it could be the last to let go of it, and nobody would wait.
        let job = Job(work)
        thread = try? BackgroundThread("dtrain-save") { job.run() }
        self.job = thread == nil ? nil : job
        return thread != nil
    }

    /// Whether what was started is over, so that `finish` does not wait.
    package var isDone: Bool { job?.isOver.load(ordering: .acquiring) ?? false }

    /// Waits for what was started.
    ///
    /// - Returns: What was written; nil where nothing was started since the last call.
    /// - Throws: What the work threw.
    package func finish() throws(Failure) -> Written? {
        guard let thread, let job else { return nil }
        thread.join()
        (self.thread, self.job) = (nil, nil)
        return try job.outcome!.get()
    }
}
