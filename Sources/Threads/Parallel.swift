/// Calls `body` once for each part 0 ..< `parts` on the threads of `ThreadPool.shared`, and returns when all are done.
///
/// The assignment of parts to threads and their order are not deterministic: a part must not access memory that another
/// part writes, and its result may depend on its index only. The result is then the same for any number of threads.
/// When called from within a part, or while another thread uses the pool, it runs all parts on the calling thread.
///
/// - Complexity: With one thread, a loop of plain calls; with more, one small allocation.
@inline(never)
package func parallel(_ parts: Int, _ body: (_ part: Int) -> Void) {
    if parts <= 1 || ThreadPool.shared.count == 1 {
        for part in 0..<parts { body(part) }
    } else {
        // The pool keeps the closure until all parts are done.
        withoutActuallyEscaping(body) { ThreadPool.shared.run($0, parts) }
    }
}

/// Calls `body` for disjoint ranges that together are 0 ..< `count`, enough of them to keep all threads busy.
///
/// The boundaries depend on the number of threads: the bits of an element must not depend on the range it is in.
///
/// - Parameters:
///   - grain: The minimum number of elements that is worth another thread.
///   - multiple: The size of every range except the last is a multiple of this.
@inline(never)
package func parallel(_ count: Int, grain: Int, multiple: Int = 1, _ body: (_ range: Range<Int>) -> Void) {
    if count < 2 * grain || ThreadPool.shared.count == 1 { return body(0..<count) }
    // Several ranges per thread, so that other threads can take over the ranges of a delayed thread.
    let parts = min(4 * ThreadPool.shared.count, count / grain)
    let size = evenPart(count, in: parts, multiple: multiple)
    parallel((count + size - 1) / size) { part in body(part * size..<min((part + 1) * size, count)) }
}

/// Calls `body` for blocks that together are a matrix, which is split along its longer side into at most `parts` and
/// one per thread.
///
/// - Parameters:
///   - rowMultiple, columnMultiple: The rows or columns of every block except the last are a multiple of this.
@inline(never)
package func parallelBlocks(
    rows: Int, multiple rowMultiple: Int, columns: Int, multiple columnMultiple: Int, parts: Int,
    _ body: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void
) {
    let pieces = min(ThreadPool.shared.count, max(1, parts))
    if pieces == 1 { return body(0..<rows, 0..<columns) }
    let (count, multiple) = rows >= columns ? (rows, rowMultiple) : (columns, columnMultiple)
    let size = evenPart(count, in: pieces, multiple: multiple)
    parallel((count + size - 1) / size) { part in
        let range = part * size..<min((part + 1) * size, count)
        if rows >= columns { body(range, 0..<columns) } else { body(0..<rows, range) }
    }
}

/// Divides `count` elements into `pieces` equal parts; returns their size, rounded up to a multiple of `multiple`.
package func evenPart(_ count: Int, in pieces: Int, multiple: Int) -> Int {
    ((count + pieces - 1) / pieces + multiple - 1) / multiple * multiple
}

/// Divides `count` elements into as few equal parts of at most `limit` as possible; returns their size, rounded up to a
/// multiple of `multiple`.
package func evenPart(_ count: Int, atMost limit: Int, multiple: Int) -> Int {
    evenPart(count, in: (count + limit - 1) / limit, multiple: multiple)
}
