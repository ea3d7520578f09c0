import Testing
import Threads

/// Calls `body` with a pool of `threads` threads, which end afterwards.
package func withThreadPool<Result>(_ threads: Int, _ body: (ThreadPool) throws -> Result) rethrows -> Result {
    // Not the name of the program's threads, which other tests count.
    let pool = ThreadPool(named: "test")
    defer { _ = pool.resize(to: 1) }
    #expect(pool.resize(to: threads) == 0)
    return try body(pool)
}
