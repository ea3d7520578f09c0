import Threads

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
@inline(__always)
package func parallel(_ count: Int, grain: Int, multiple: Int = 1, _ body: (_ range: Range<Int>) -> Void) {
    // On one thread, the body is inlined as a single loop; otherwise it is called once per range.
    if count < 2 * grain || ThreadPool.shared.count == 1 {
        body(0..<count)
    } else {
        parallelRanges(count, grain: grain, multiple: multiple, body)
    }
}

@inline(never)
private func parallelRanges(_ count: Int, grain: Int, multiple: Int, _ body: (_ range: Range<Int>) -> Void) {
    // Several ranges per thread, so that other threads can take over the ranges of a delayed thread.
    let parts = min(4 * ThreadPool.shared.count, count / grain)
    let size = ((count + parts - 1) / parts + multiple - 1) / multiple * multiple
    parallel((count + size - 1) / size) { part in body(part * size..<min((part + 1) * size, count)) }
}

// Kernels are parallelized over dimensions that they do not sum over, so that the number of threads changes no bit.

/// The minimum number of elements that is worth another thread: several times the cost of waking one.
private let grainElements = 1 << 15

/// Calls `body` for ranges of elements that are computed independently; all but the last consist of whole vectors.
@inline(__always)
func parallelElements(_ count: Int, _ body: (_ range: Range<Int>) -> Void) {
    parallel(count, grain: grainElements, multiple: lanes, body)
}

/// Calls `body` for ranges of rows that are computed independently.
@inline(__always)
func parallelRows(_ rows: Int, columns: Int, _ body: (_ rows: Range<Int>) -> Void) {
    parallel(rows, grain: max(1, grainElements / max(columns, 1)), body)
}

/// Calls `body` for ranges of columns that are summed over all rows independently; all but the last are multiples of
/// `multiple`.
@inline(__always)
func parallelColumns(_ columns: Int, rows: Int, multiple: Int = lanes, _ body: (_ columns: Range<Int>) -> Void) {
    parallel(columns, grain: max(multiple, grainElements / max(rows, 1)), multiple: multiple, body)
}

/// Calls `body` for consecutive blocks of rows that are large enough for all threads but small enough to stay in cache
/// for a second pass.
@inline(__always)
func forEachRowBlock(_ rows: Int, columns: Int, _ body: (_ block: Range<Int>) -> Void) {
    let threads = ThreadPool.shared.count
    let elements = threads == 1 ? 1 << 12 : 2 * grainElements * threads
    let size = max(1, elements / max(columns, 1))
    for start in stride(from: 0, to: rows, by: size) { body(start..<min(start + size, rows)) }
}

/// Calls `body` for blocks that together are a matrix, which is split along its longer side into at most `parts` and one
/// per thread.
///
/// - Parameters:
///   - rowMultiple, columnMultiple: The rows or columns of every block except the last are a multiple of this.
func parallelBlocks(
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

/// Divides `count` elements into as few equal parts of at most `limit` as possible; returns their size, rounded up to a
/// multiple of `multiple`.
func evenPart(_ count: Int, atMost limit: Int, multiple: Int) -> Int {
    evenPart(count, in: (count + limit - 1) / limit, multiple: multiple)
}

/// Divides `count` elements into `pieces` equal parts; returns their size, rounded up to a multiple of `multiple`.
private func evenPart(_ count: Int, in pieces: Int, multiple: Int) -> Int {
    ((count + pieces - 1) / pieces + multiple - 1) / multiple * multiple
}
