import Failures
import Synchronization
import TestSupport
import Testing
import Threads

@Suite struct ThreadPoolOrderTests {
    /// Runs a job of `count` items, in which the items of `failing` fail, and the one after the last if `endsBadly`.
    ///
    /// - Returns: The products that were taken.
    private func run(
        _ pool: ThreadPool, count: Int, failing: Set<Int> = [], endsBadly: Bool = false, stopAt: Int? = nil
    ) -> (taken: [Int], failure: String?) {
        var (read, taken) = (0, [] as [Int])
        do throws(Failure) {
            try pool.inOrder {
                () throws(Failure) -> Int? in
                if read == count, endsBadly { throw Failure(.badData, "end") }
                if read == count { return nil }
                read += 1
                return read - 1
            } process: { item throws(Failure) in
                // The time of an item varies.
                var sum = item
                for step in 0..<(item * 7919 % 5) * 2000 { sum = (sum &* 31 &+ step) % 1_000_003 }
                if failing.contains(item) { throw Failure(.badData, "item \(item)") }
                return sum < 0 ? -1 : item * item
            } take: { product throws(Failure) in
                if taken.count == stopAt { throw Failure(.stopped, "stopped") }
                taken.append(product)
            }
        } catch {
            return (taken, error.message)
        }
        return (taken, nil)
    }

    @Test(arguments: [1, 2, 3, 8]) func productsArriveInOrder(threads: Int) {
        withThreadPool(threads) { pool in
            for count in [0, 1, 2, 100, 1000] {
                let (taken, failure) = run(pool, count: count)
                #expect(failure == nil && taken == (0..<count).map { $0 * $0 })
            }
        }
    }

    /// The first failure in the order of the items is thrown, after all products before it.
    @Test(arguments: [1, 2, 3, 8]) func firstFailureIsThrown(threads: Int) {
        withThreadPool(threads) { pool in
            for (failing, endsBadly, count, message) in [
                ([40, 39, 90], true, 39, "item 39"), ([0], false, 0, "item 0"), ([99], true, 99, "item 99"),
                ([], true, 100, "end"),
            ] as [(Set<Int>, Bool, Int, String)] {
                let (taken, failure) = run(pool, count: 100, failing: failing, endsBadly: endsBadly)
                #expect(failure == message && taken == (0..<count).map { $0 * $0 })
            }
            let (taken, failure) = run(pool, count: 100, failing: [50], stopAt: 20)
            #expect(failure == "stopped" && taken.count == 20)
        }
    }

    @Test func poolCanBeUsedAgainAfterFailures() {
        withThreadPool(4) { pool in
            for _ in 0..<20 {
                #expect(run(pool, count: 30, failing: [11]).failure == "item 11")
                #expect(run(pool, count: 30).taken.count == 30)
            }
        }
    }

    /// Only a few items per thread are read before the first product is taken.
    @Test(arguments: [1, 2, 8]) func heldItemsAreLimited(threads: Int) throws {
        var (read, taken, most) = (0, 0, 0)
        try withThreadPool(threads) { pool in
            try pool.inOrder {
                () throws(Failure) -> Int? in
                read += 1
                most = max(most, read - taken)
                return read <= 500 ? read : nil
            } process: { item throws(Failure) in
                item
            } take: { _ throws(Failure) in
                taken += 1
            }
        }
        #expect(taken == 500 && most <= 3 * threads + 1)
    }

    /// All threads take part: each of two items waits for the other one.
    @Test func itemsAreProcessedConcurrently() throws {
        let (first, second) = (Semaphore(count: 0), Semaphore(count: 0))
        var items = [true, false]
        try withThreadPool(2) { pool in
            try pool.inOrder {
                () throws(Failure) in
                items.popLast()
            } process: { isFirst throws(Failure) in
                (isFirst ? first : second).signal()
                (isFirst ? second : first).wait()
            } take: { _ throws(Failure) in
            }
        }
        #expect(items.isEmpty)
    }

    /// A job within a job runs on the thread that starts it.
    @Test func nestedJobRunsOnOneThread() {
        let taken = Mutex<[[Int]]>([])
        withThreadPool(3) { pool in
            pool.run(
                { _ in
                    var (read, products) = (0, [] as [Int])
                    try? pool.inOrder {
                        () throws(Failure) -> Int? in
                        read += 1
                        return read <= 10 ? read : nil
                    } process: { item throws(Failure) in
                        item
                    } take: { product throws(Failure) in
                        products.append(product)
                    }
                    taken.withLock { [products] in $0.append(products) }
                }, 5)
        }
        #expect(taken.withLock { $0 } == Array(repeating: Array(1...10), count: 5))
    }
}
