import Threads

// Kernels are parallelized over dimensions that they do not sum over, so that the number of threads changes no bit.

/// The minimum number of elements that is worth another thread: several times the cost of waking one.
private let grainElements = 1 << 15

/// Calls `body` for ranges of elements that are computed independently; all but the last consist of whole vectors.
package func parallelElements(_ count: Int, _ body: (_ range: Range<Int>) -> Void) {
    parallel(count, grain: grainElements, multiple: lanes, body)
}

/// Calls `body` for ranges of rows that are computed independently.
package func parallelRows(_ rows: Int, columns: Int, _ body: (_ rows: Range<Int>) -> Void) {
    parallel(rows, grain: max(1, grainElements / max(columns, 1)), body)
}

/// Calls `body` for ranges of columns that are summed over all rows independently; all but the last are multiples of
/// `multiple`.
package func parallelColumns(_ columns: Int, rows: Int, multiple: Int = lanes, _ body: (_ columns: Range<Int>) -> Void)
{
    parallel(columns, grain: max(multiple, grainElements / max(rows, 1)), multiple: multiple, body)
}

/// Calls `body` for consecutive blocks of rows that are large enough for all threads but small enough to stay in cache
/// for a second pass.
package func forEachRowBlock(_ rows: Int, columns: Int, _ body: (_ block: Range<Int>) -> Void) {
    let threads = ThreadPool.shared.count
    let elements = threads == 1 ? 1 << 12 : 2 * grainElements * threads
    let size = max(1, elements / max(columns, 1))
    for start in stride(from: 0, to: rows, by: size) { body(start..<min(start + size, rows)) }
}
