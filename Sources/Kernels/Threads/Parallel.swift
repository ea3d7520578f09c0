import CThreads

/// Calls `body` once for each part 0 ..< `parts`, on the threads of `ThreadPool.shared`, and returns when all are done.
///
/// Which thread does what, and in what order, differs from call to call: a part must neither read what another one
/// writes nor write what another one reads or writes, and its bits may depend on its number alone. Then the result is
/// the same for any number of threads. Called from within a part, or while another thread has the pool, it runs all parts
/// by itself.
///
/// - Complexity: Allocates nothing; with one thread, a loop of plain calls.
@inline(never)
package func parallel(_ parts: Int, _ body: (_ part: Int) -> Void) {
    if parts <= 1 || ThreadPool.shared.count == 1 {
        for part in 0..<parts { body(part) }
    } else {
        lend(body, parts, to: { closure, parts in ThreadPool.shared.run(closure!.pointee, parts) })
    }
}

/// Calls `body` for ranges that together are 0 ..< `count`, as many as keep the threads busy.
///
/// Where it is cut depends on the number of threads: the bits of an element must not depend on the range it is in.
///
/// - Parameters:
///   - grain: The elements that a range has at least: what is worth another thread.
///   - multiple: What every range but the last is a multiple of.
@inline(__always)
package func parallel(_ count: Int, grain: Int, multiple: Int = 1, _ body: (_ range: Range<Int>) -> Void) {
    // Here, where the body is known, a loop over all elements; elsewhere a call for each range.
    if count < 2 * grain || ThreadPool.shared.count == 1 {
        body(0..<count)
    } else {
        parallelRanges(count, grain: grain, multiple: multiple, body)
    }
}

@inline(never)
private func parallelRanges(_ count: Int, grain: Int, multiple: Int, _ body: (_ range: Range<Int>) -> Void) {
    // A few for each thread: one that is held up leaves some to the others.
    let parts = min(4 * ThreadPool.shared.count, count / grain)
    let size = ((count + parts - 1) / parts + multiple - 1) / multiple * multiple
    parallel((count + size - 1) / size) { part in body(part * size..<min((part + 1) * size, count)) }
}

/// Gives `receiver` the closure as two words, which stay valid until it returns.
@_silgen_name("cthreads_lend")
private func lend(
    _ body: (Int) -> Void, _ parts: Int, to receiver: @convention(c) (UnsafePointer<cthreads_closure>?, Int) -> Void)

// How kernels are cut: along what they do not sum over, so that threads change no bits.

/// Elements that are worth another thread: what takes several times as long as to call one.
private let grainElements = 1 << 15

/// Ranges of 0 ..< `count` whose every element is computed by itself, in whole vectors but for the last.
@inline(__always)
func parallelElements(_ count: Int, _ body: (_ range: Range<Int>) -> Void) {
    parallel(count, grain: grainElements, multiple: lanes, body)
}

/// Ranges of rows that are computed each by itself.
@inline(__always)
func parallelRows(_ rows: Int, columns: Int, _ body: (_ rows: Range<Int>) -> Void) {
    parallel(rows, grain: max(1, grainElements / max(columns, 1)), body)
}

/// Ranges of columns that are summed each by itself over all rows, in whole stretches of `multiple` but for the last.
@inline(__always)
func parallelColumns(_ columns: Int, rows: Int, multiple: Int = lanes, _ body: (_ columns: Range<Int>) -> Void) {
    parallel(columns, grain: max(multiple, grainElements / max(rows, 1)), multiple: multiple, body)
}

/// Blocks of rows, in turn: as small as is worth all threads, so that a second pass finds them in cache.
@inline(__always)
func forEachRowBlock(_ rows: Int, columns: Int, _ body: (_ block: Range<Int>) -> Void) {
    let threads = ThreadPool.shared.count
    let elements = threads == 1 ? 1 << 12 : 2 * grainElements * threads
    let size = max(1, elements / max(columns, 1))
    for start in stride(from: 0, to: rows, by: size) { body(start..<min(start + size, rows)) }
}
