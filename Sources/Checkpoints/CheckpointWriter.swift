import Failures
import Synchronization
import Threads

/// Writes one checkpoint at a time on a thread of its own, beside the training.
///
/// Sendable, though it shares plain memory: `work` and `outcome` belong to the thread from `start` on until it has
/// ended, and to the caller before that and after `finish`; creating and joining a thread make these take turns.
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

    private var work: Work?
    private var outcome: Result<Written, Failure>?
    private var thread: BackgroundThread?
    private let isOver = Atomic(false)

    package init() {}

    deinit { _ = try? finish() }

    /// Starts writing; what was started before has been finished.
    ///
    /// - Returns: Whether there is a thread for it; nothing is done where there is none.
    package func start(_ work: @escaping Work) -> Bool {
        precondition(thread == nil, "One checkpoint is written at a time.")
        self.work = work
        isOver.store(false, ordering: .relaxed)
        // Whoever has the writer waits for the thread before it lets go.
        thread = try? BackgroundThread("dtrain-save") { [unowned(unsafe) self] in run() }
        if thread == nil { self.work = nil }
        return thread != nil
    }

    /// Whether what was started is over, so that `finish` does not wait.
    package var isDone: Bool { thread != nil && isOver.load(ordering: .acquiring) }

    /// Waits for what was started.
    ///
    /// - Returns: What was written; nil where nothing was started since the last call.
    /// - Throws: What the work threw.
    package func finish() throws(Failure) -> Written? {
        guard let thread else { return nil }
        thread.join()
        self.thread = nil
        defer { (work, outcome) = (nil, nil) }
        return try outcome!.get()
    }

    private func run() {
        do throws(Failure) { outcome = .success(try work!()) } catch { outcome = .failure(error) }
        isOver.store(true, ordering: .releasing)
    }
}
