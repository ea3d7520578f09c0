import Failures
import Glibc
import Synchronization

extension ThreadPool {
    /// Processes items on all threads of the pool, and hands over their products in the order of the items.
    ///
    /// The calling thread calls `next` and `take`; while it waits for a product it processes items too. A few items per
    /// thread are held at a time, so that memory does not depend on their number. If the pool is in use, the calling
    /// thread does all of the work.
    ///
    /// - Parameters:
    ///   - next: Returns the next item; nil after the last one.
    ///   - process: Makes the product of an item; called on any thread.
    ///   - take: Receives the next product.
    /// - Throws: The first failure in the order of the items, which does not depend on the number of threads: a failure
    ///   of `next` follows the products of all items before it. No item is in process any more.
    package func inOrder<Item: Sendable, Product: Sendable>(
        next: () throws(Failure) -> Item?,
        process: @Sendable (Item) throws(Failure) -> Product,
        take: (Product) throws(Failure) -> Void
    ) throws(Failure) {
        let (caller, threads) = (pthread_self(), count)
        var outcome: Result<Void, Failure>?
        // The pool keeps the closures until all of its threads are done.
        withoutActuallyEscaping(process) { process in
            withoutActuallyEscaping(next) { next in
                withoutActuallyEscaping(take) { take in
                    let work = OrderedWork(process, threads: threads)
                    let part = { (_: Int) in
                        guard pthread_equal(caller, pthread_self()) != 0 else { return work.help() }
                        // A pool that is in use runs all parts on the calling thread.
                        guard outcome == nil else { return }
                        outcome = Result { () throws(Failure) in try work.lead(next: next, take: take) }
                    }
                    run(part, threads)
                }
            }
        }
        try outcome?.get()
    }
}

/// Items on their way through the threads of a pool.
private final class OrderedWork<Item: Sendable, Product: Sendable>: Sendable {
    private struct State {
        /// The items that no thread has claimed, with their numbers, in order.
        var unclaimed: [(number: Int, item: Item)] = []
        /// The products by the numbers of their items.
        var products: [Int: Result<Product, Failure>] = [:]
        var isOver = false
    }

    private let state = Mutex(State())
    /// Signalled for each new item, and for each thread at the end.
    private let news = Semaphore(count: 0)
    /// Signalled for each product.
    private let finished = Semaphore(count: 0)
    private let process: @Sendable (Item) throws(Failure) -> Product
    private let threads: Int

    init(_ process: @escaping @Sendable (Item) throws(Failure) -> Product, threads: Int) {
        self.process = process
        self.threads = threads
    }

    /// The number of items that are held at a time: enough that no thread runs out of items while the leading thread
    /// processes one.
    private var limit: Int { threads == 1 ? 1 : 3 * threads }

    /// Reads the items and takes the products; in between, processes items.
    func lead(next: () throws(Failure) -> Item?, take: (Product) throws(Failure) -> Void) throws(Failure) {
        defer { end() }
        var (read, taken) = (0, 0)
        var (isAtEnd, failure) = (false, nil as Failure?)
        while true {
            while !isAtEnd, read - taken < limit {
                do throws(Failure) {
                    if let item = try next() {
                        add(item, read)
                        read += 1
                    } else {
                        isAtEnd = true
                    }
                } catch {
                    (isAtEnd, failure) = (true, error)
                }
            }
            guard taken < read else { break }
            if let product = state.withLock({ $0.products.removeValue(forKey: taken) }) {
                taken += 1
                try take(try product.get())
            } else if !processOne() {
                finished.wait()
            }
        }
        if let failure { throw failure }
    }

    /// Processes items until `lead` has ended.
    func help() {
        while !state.withLock({ $0.isOver }) {
            news.wait()
            _ = processOne()
        }
    }

    private func add(_ item: Item, _ number: Int) {
        state.withLock { $0.unclaimed.append((number, item)) }
        news.signal()
    }

    /// Processes the first unclaimed item.
    ///
    /// - Returns: Whether there was one.
    private func processOne() -> Bool {
        guard let (number, item) = state.withLock({ $0.unclaimed.isEmpty ? nil : $0.unclaimed.removeFirst() }) else {
            return false
        }
        let product = Result { () throws(Failure) in try process(item) }
        state.withLock { $0.products[number] = product }
        finished.signal()
        return true
    }

    private func end() {
        state.withLock {
            $0.unclaimed = []
            $0.isOver = true
        }
        for _ in 0..<threads { news.signal() }
    }
}
