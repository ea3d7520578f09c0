import Failures
import Synchronization
import Threads

/// Writes checkpoints asynchronously on a background thread, one at a time.
///
/// `@unchecked Sendable` because of its mutable state: only one thread may call it, and it shares with the background
/// thread only the job.
package final class CheckpointWriter: @unchecked Sendable {
    /// Writes a checkpoint and returns it. Everything that the closure uses must stay unchanged until `finish` has
    /// returned.
    package typealias Work = () throws(Failure) -> Written

    /// A checkpoint that was written.
    package struct Written: Sendable {
        package let checkpoint: Checkpoint
        /// A problem that occurred afterwards and does not invalidate the checkpoint.
        package let note: String?

        package init(_ checkpoint: Checkpoint, note: String? = nil) {
            self.checkpoint = checkpoint
            self.note = note
        }
    }

    /// The state shared with the background thread. `outcome` belongs to that thread until it has ended, then to the
    /// caller; thread creation and join synchronize the accesses.
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

    /// Starts writing; the previous checkpoint must have been finished.
    ///
    /// - Returns: Whether a thread could be created; if not, nothing is written.
    package func start(_ work: @escaping Work) -> Bool {
        precondition(thread == nil, "One checkpoint is written at a time.")
        // The closure does not capture the writer: if the thread released the last reference, `deinit` would run on
        // that thread and could not join it.
        let job = Job(work)
        thread = try? BackgroundThread("dtrain-save") { job.run() }
        self.job = thread == nil ? nil : job
        return thread != nil
    }

    /// Whether the work is done, so that `finish` returns without waiting.
    package var isDone: Bool { job?.isOver.load(ordering: .acquiring) ?? false }

    /// Waits until the started checkpoint is written.
    ///
    /// - Returns: The checkpoint; nil if nothing was started since the last call.
    /// - Throws: The error that the work threw.
    package func finish() throws(Failure) -> Written? {
        guard let thread, let job else { return nil }
        thread.join()
        (self.thread, self.job) = (nil, nil)
        return try job.outcome!.get()
    }
}
