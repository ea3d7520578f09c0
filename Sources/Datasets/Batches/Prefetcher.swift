import Failures
import Synchronization
import Threads

/// Fills the batches of consecutive steps on a background thread, as many steps ahead as there are buffers.
///
/// `@unchecked Sendable` because of its mutable state. A buffer is accessed by the thread between `free.wait()` and
/// `filled.signal()`, and by the consumer between `filled.wait()` and `free.signal()`; the semaphores order these
/// accesses. `deliveredCount` and `thrown` belong to the consumer, everything that `fill` uses to the thread.
final class Prefetcher: @unchecked Sendable {
    /// Fills the batches of the next step; called on the background thread.
    typealias Fill = ([Batch]) throws(Failure) -> Void

    /// The batches of a step, and the error if they could not be filled; the error must not be thrown before that step
    /// is due.
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
    /// - Parameter fill: Fills the batches of a step. Everything that it uses may from now on be used by the background
    ///   thread only.
    init(_ batches: [[Batch]], fill: @escaping Fill) throws(Failure) {
        places = batches.map(Place.init)
        self.fill = fill
        free = Semaphore(count: UInt32(batches.count))
        thread = try BackgroundThread("dtrain-data") { self.run() }
    }

    /// Returns the batches of the next step, unchanged until the next call; the previous batches are released for
    /// filling.
    ///
    /// - Throws: The error that `fill` threw; later calls throw it again.
    func next() throws(Failure) -> [Batch] {
        // The thread has ended, so waiting would never return.
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

    /// Ends the thread and waits for it; no other method may be called afterwards.
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
