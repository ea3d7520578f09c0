import CThreads
import Glibc
import Synchronization

/// The threads of this process that compute: its main thread, and workers that wait for it to have work.
///
/// The caller and the workers take the parts of a job from one word of memory, in turn. A worker that the system does not
/// let run takes none, and nobody waits for it. Between jobs workers look for the next one for a moment, in which a
/// training mostly has one, and then sleep.
///
/// Sendable: all that changes is atomic, or changes only while `isTaken` is held and before `ticket` tells of it.
package final class ThreadPool: @unchecked Sendable {
    /// The pool that `parallel` uses: one thread, until `resize` is called.
    package static let shared = ThreadPool()

    /// Words that several threads write, each on a cache line of its own.
    private struct Words {
        /// The number of the job in the upper half; the parts that nobody has taken yet in the lower.
        let ticket: UnsafeMutablePointer<Atomic<UInt64>>
        /// The parts of the job that are done. The caller sleeps on it.
        let done: UnsafeMutablePointer<Atomic<UInt32>>
        /// Changes where workers must wake. They sleep on it.
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
    private var closure = cthreads_closure(function: nil, context: nil)
    private var parts = 0
    private var workers: [pthread_t] = []

    /// A pool of one thread: its caller's.
    package init() {}

    deinit {
        stopWorkers()
        words.ticket.deallocate()
    }

    /// The number of threads, the caller's included.
    package var count: Int { threadCount.load(ordering: .relaxed) }

    /// Makes the pool one of `count` threads, the caller's included.
    ///
    /// - Parameter mayWaitBusily: Whether every thread has a core of its own: then those that wait look for work for about
    ///   50 µs before they sleep. Others' work would suffer from it.
    /// - Returns: 0, or the system's reason why there are fewer threads than asked for.
    package func resize(to count: Int, mayWaitBusily: Bool = true) -> Int32 {
        precondition(count >= 1, "the caller's thread is always there")
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
    func run(_ closure: cthreads_closure, _ parts: Int) {
        // Whoever has the pool, or this very thread in a part of another job: either way nobody is free to help.
        guard parts <= UInt32.max, !isTaken.exchange(true, ordering: .acquiring) else {
            withUnsafePointer(to: closure) { for part in 0..<parts { cthreads_call($0, part) } }
            return
        }
        (self.closure, self.parts) = (closure, parts)
        words.done.pointee.store(0, ordering: .relaxed)
        let number = words.ticket.pointee.load(ordering: .relaxed) >> 32 &+ 1
        words.ticket.pointee.store(number << 32 | UInt64(parts), ordering: .sequentiallyConsistent)
        wakeWorkers(atMost: parts - 1)
        while doOnePart() {}
        waitUntilDone(UInt32(parts))
        isTaken.store(false, ordering: .releasing)
    }

    /// Takes a part and does it.
    ///
    /// - Returns: Whether there was one.
    private func doOnePart() -> Bool {
        var ticket = words.ticket.pointee.load(ordering: .relaxed)
        while true {
            if ticket & 0xFFFF_FFFF == 0 { return false }
            let (taken, now) = words.ticket.pointee.weakCompareExchange(
                expected: ticket, desired: ticket - 1, successOrdering: .acquiring, failureOrdering: .relaxed)
            if taken { break }
            ticket = now
        }
        // The job stays what it is until this part is done.
        let parts = parts
        withUnsafePointer(to: closure) { cthreads_call($0, parts - Int(ticket & 0xFFFF_FFFF)) }
        let done = words.done.pointee.add(1, ordering: .sequentiallyConsistent).newValue
        if done == parts, callerSleeps.load(ordering: .sequentiallyConsistent) { cthreads_wake(words.done, 1) }
        return true
    }

    private func waitUntilDone(_ parts: UInt32) {
        for _ in 0..<spins.load(ordering: .relaxed) {
            if words.done.pointee.load(ordering: .acquiring) == parts { return }
            cthreads_pause()
        }
        // Said first, looked then: whoever does the last part does it the other way round.
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
        Processor.prepareThread()
        while !isStopping.load(ordering: .relaxed) {
            if doOnePart() || lookForWork() { continue }
            words.sleepers.pointee.add(1, ordering: .sequentiallyConsistent)
            let alarm = words.alarm.pointee.load(ordering: .sequentiallyConsistent)
            // Looked after it was said: a job that comes now, or came just before, changes the alarm or is seen.
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
        // What a main thread has, whatever its limit here; only what is used takes memory.
        pthread_attr_setstacksize(&attributes, 8 << 20)
        // The thread starts with the caller's mask. Signals are for the main thread, which has a stack for them.
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        // Unretained: a pool outlives its workers, which `deinit` waits for.
        let status = pthread_create(
            &thread, &attributes,
            { pool in
                Unmanaged<ThreadPool>.fromOpaque(pool!).takeUnretainedValue().work()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        guard status == 0 else { return status }
        cthreads_set_name(thread, "dtrain-\(workers.count + 1)")
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
