import CThreads
import Failures
import Glibc
import Synchronization

/// The compute threads of this process: the calling thread and the worker threads.
///
/// The caller and the workers claim the parts of a job from one atomic word. A worker that is not scheduled claims no
/// part, so no thread waits for it. Between jobs workers spin briefly, because the next job usually follows at once in
/// training, and then sleep.
///
/// Sendable: all mutable state is atomic, or changes only while `isTaken` is held and before `ticket` publishes it.
package final class ThreadPool: @unchecked Sendable {
    /// The pool used by `parallel`; it has one thread until `resize` is called.
    package static let shared = ThreadPool()

    /// Words written by several threads, each on its own cache line.
    private struct Words {
        /// The job number in the upper half, the number of unclaimed parts in the lower half.
        let ticket: UnsafeMutablePointer<Atomic<UInt64>>
        /// The number of completed parts of the job. The caller sleeps on this word.
        let done: UnsafeMutablePointer<Atomic<UInt32>>
        /// Incremented to wake workers. Workers sleep on this word.
        let alarm: UnsafeMutablePointer<Atomic<UInt32>>
        let sleepers: UnsafeMutablePointer<Atomic<UInt32>>

        init() {
            let lines = UnsafeMutableRawPointer.allocate(byteCount: 4 * 128, alignment: 128)
            func word<Value: AtomicRepresentable>(_ line: Int, _ zero: Value) -> UnsafeMutablePointer<Atomic<Value>> {
                let pointer = (lines + line * 128).bindMemory(to: Atomic<Value>.self, capacity: 1)
                pointer.initialize(to: Atomic(zero))
                return pointer
            }
            ticket = word(0, UInt64(0))
            done = word(1, UInt32(0))
            alarm = word(2, UInt32(0))
            sleepers = word(3, UInt32(0))
        }
    }

    private let words = Words()
    private let threadCount = Atomic(1)
    private let isTaken = Atomic(false)
    private let isStopping = Atomic(false)
    private let callerSleeps = Atomic(false)
    private let spins = Atomic(0)
    /// The body of the job. Only `callBody` reads it, which holds no reference to it after it returns.
    private var body: (_ part: Int) -> Void = { _ in }
    private var parts = 0
    private var workers: [pthread_t] = []

    /// The beginning of its threads' names in process listings.
    private let name: String

    /// A pool of one thread, the caller's.
    ///
    /// - Parameter name: The beginning of the names of its other threads in process listings; at most 10 characters.
    package init(named name: String = "dtrain") { self.name = name }

    deinit {
        stopWorkers()
        words.ticket.deallocate()
    }

    /// The number of threads, including the caller's.
    package var count: Int { threadCount.load(ordering: .relaxed) }

    /// Changes the number of threads to `count`, including the caller's.
    ///
    /// - Parameter mayWaitBusily: Whether every thread has its own core; waiting threads then spin for about 50 µs
    ///   before they sleep. Spinning would slow down other work on a shared core.
    /// - Returns: 0, or the errno value that explains why there are fewer threads than requested.
    package func resize(to count: Int, mayWaitBusily: Bool = true) -> Int32 {
        require(count >= 1, "a pool has at least the caller's thread")
        while isTaken.exchange(true, ordering: .acquiring) { sched_yield() }
        defer { isTaken.store(false, ordering: .releasing) }
        stopWorkers()
        spins.store(mayWaitBusily ? 1000 : 0, ordering: .relaxed)
        var status: Int32 = 0
        while workers.count < count - 1, status == 0 { status = startWorker() }
        threadCount.store(workers.count + 1, ordering: .relaxed)
        return status
    }

    /// Runs all parts of a job.
    package func run(_ body: @escaping (_ part: Int) -> Void, _ parts: Int) {
        // The pool is in use by another thread, or by this thread in a part of another job; no worker is free in either
        // case.
        guard parts <= UInt32.max, !isTaken.exchange(true, ordering: .acquiring) else {
            for part in 0..<parts { body(part) }
            return
        }
        (self.body, self.parts) = (body, parts)
        words.done.pointee.store(0, ordering: .relaxed)
        let number = words.ticket.pointee.load(ordering: .relaxed) >> 32 &+ 1
        words.ticket.pointee.store(number << 32 | UInt64(parts), ordering: .sequentiallyConsistent)
        wakeWorkers(atMost: parts - 1)
        while doOnePart() {}
        waitUntilDone(UInt32(parts))
        self.body = { _ in }
        isTaken.store(false, ordering: .releasing)
    }

    /// Claims a part and runs it.
    ///
    /// - Returns: Whether a part was left.
    private func doOnePart() -> Bool {
        var ticket = words.ticket.pointee.load(ordering: .relaxed)
        while true {
            if ticket & 0xFFFF_FFFF == 0 { return false }
            let (taken, now) = words.ticket.pointee.weakCompareExchange(
                expected: ticket, desired: ticket - 1, successOrdering: .acquiring, failureOrdering: .relaxed)
            if taken { break }
            ticket = now
        }
        // The job cannot change until this part is done.
        let parts = parts
        callBody(parts - Int(ticket & 0xFFFF_FFFF))
        let done = words.done.pointee.add(1, ordering: .sequentiallyConsistent).newValue
        if done == parts, callerSleeps.load(ordering: .sequentiallyConsistent) { cthreads_wake(words.done, 1) }
        return true
    }

    /// Calls the body with `part`.
    ///
    /// Not inlined, so that the references that the call takes end before `done` counts the part: the caller of
    /// `run` requires that none is left.
    @inline(never)
    private func callBody(_ part: Int) { body(part) }

    private func waitUntilDone(_ parts: UInt32) {
        for _ in 0..<spins.load(ordering: .relaxed) {
            if words.done.pointee.load(ordering: .acquiring) == parts { return }
            cthreads_pause()
        }
        // This thread sets the flag, then reads the count; the thread that completes the last part does the opposite.
        callerSleeps.store(true, ordering: .sequentiallyConsistent)
        while true {
            let done = words.done.pointee.load(ordering: .sequentiallyConsistent)
            if done == parts { break }
            cthreads_wait(words.done, done)
        }
        callerSleeps.store(false, ordering: .relaxed)
    }

    private func wakeWorkers(atMost count: Int) {
        guard words.sleepers.pointee.load(ordering: .sequentiallyConsistent) > 0 else { return }
        words.alarm.pointee.add(1, ordering: .sequentiallyConsistent)
        cthreads_wake(words.alarm, Int32(clamping: count))
    }

    // MARK: Workers

    private func work() {
        ComputeThread.prepare()
        while !isStopping.load(ordering: .relaxed) {
            if doOnePart() || lookForWork() { continue }
            words.sleepers.pointee.add(1, ordering: .sequentiallyConsistent)
            let alarm = words.alarm.pointee.load(ordering: .sequentiallyConsistent)
            // The worker checks for work after it has registered as a sleeper: a job that arrives at this time is
            // either seen or changes the alarm.
            if !hasWork, !isStopping.load(ordering: .sequentiallyConsistent) {
                cthreads_wait(words.alarm, alarm)
            }
            words.sleepers.pointee.subtract(1, ordering: .sequentiallyConsistent)
        }
    }

    private func lookForWork() -> Bool {
        for _ in 0..<spins.load(ordering: .relaxed) {
            if hasWork { return true }
            cthreads_pause()
        }
        return false
    }

    private var hasWork: Bool { words.ticket.pointee.load(ordering: .sequentiallyConsistent) & 0xFFFF_FFFF != 0 }

    private func startWorker() -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        // The usual stack size of a main thread, independent of the current limit; only the used part consumes memory.
        pthread_attr_setstacksize(&attributes, 8 << 20)
        // A thread inherits the signal mask of its creator. Signals must be handled by the main thread, which has an
        // alternate stack for them.
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        // Unretained, because the pool outlives its workers: `deinit` joins them.
        let status = pthread_create(
            &thread, &attributes,
            { pool in
                Unmanaged<ThreadPool>.fromOpaque(pool!).takeUnretainedValue().work()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        guard status == 0 else { return status }
        cthreads_set_name(thread, "\(name)-\(workers.count + 1)")
        workers.append(thread)
        return 0
    }

    private func stopWorkers() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        words.alarm.pointee.add(1, ordering: .sequentiallyConsistent)
        cthreads_wake(words.alarm, Int32.max)
        for worker in workers { pthread_join(worker, nil) }
        workers = []
        isStopping.store(false, ordering: .sequentiallyConsistent)
    }
}
