import Failures
import Synchronization
import Threads

/// Fills the batches of steps, in turn, on a thread of its own, as far ahead as there are places.
///
/// Sendable, though it shares plain memory: a place is touched by the thread between `free.wait()` and
/// `filled.signal()`, and by the consumer between `filled.wait()` and `free.signal()`; the semaphores make these
/// take turns. `deliveredCount` and `thrown` belong to the consumer, all that `fill` uses to the thread.
final class Prefetcher: @unchecked Sendable {
    /// Fills the batches of a step; called on the thread, for one step after another.
    typealias Fill = ([Batch]) throws(Failure) -> Void

    /// The batches of a step, and why they could not be filled: the failure of a step must not be seen a step too early.
    private final class Place {
        let batch: [Batch]
        var failure: Failure?
        init(_ batch: [Batch]) { self.batch = batch }
    }

    private let places: [Place]
    private let fill: Fill
    private let filled = Semaphore(count: 0)
    private let free: Semaphore
    private let isStopping = Atomic(false)
    private var thrown: Failure?
    private var deliveredCount = 0
    private var thread: BackgroundThread?

    /// Starts filling `batches`.
    ///
    /// - Parameter fill: Owns all that it uses: nobody else touches that from now on.
    init(_ batches: [[Batch]], fill: @escaping Fill) throws(Failure) {
        places = batches.map(Place.init)
        self.fill = fill
        free = Semaphore(count: UInt32(batches.count))
        thread = try BackgroundThread("dtrain-data") { self.run() }
    }

    /// The batches of the next step, which stay as they are until the next call. Those before are given back.
    ///
    /// - Throws: What filling threw, then and ever after.
    func next() throws(Failure) -> [Batch] {
        // The thread has ended: waiting would last for ever.
        if let thrown { throw thrown }
        if deliveredCount > 0 { free.signal() }
        filled.wait()
        let place = places[deliveredCount % places.count]
        if let failure = place.failure {
            thrown = failure
            throw failure
        }
        deliveredCount += 1
        return place.batch
    }

    /// Returns once the thread has ended; nothing else is called then.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        free.signal()
        thread?.join()
        thread = nil
    }

    private func run() {
        var index = 0
        while true {
            free.wait()
            if isStopping.load(ordering: .relaxed) { return }
            let place = places[index]
            do throws(Failure) {
                try fill(place.batch)
            } catch {
                place.failure = error
                filled.signal()
                return
            }
            filled.signal()
            index = (index + 1) % places.count
        }
    }
}
