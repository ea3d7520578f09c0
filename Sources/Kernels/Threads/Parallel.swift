import CThreads

/// Calls `body` once for each part 0 ..< `parts`, on the threads of `ThreadPool.shared`, and returns when all are done.
///
/// Which thread does what, and in what order, differs from call to call: a part must neither read what another one
/// writes nor write what another one reads or writes, and its bits may depend on its number alone. Then the result is
/// the same for any number of threads. Called from within a part, or while another thread has the pool, it runs all parts
/// by itself.
///
/// - Complexity: Allocates nothing; with one thread, a loop of plain calls.
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
///   - grain: The elements that a range has at least, unless there are fewer: what is worth another thread.
///   - multiple: What every range but the last is a multiple of.
package func parallel(_ count: Int, grain: Int, multiple: Int = 1, _ body: (_ range: Range<Int>) -> Void) {
    let threads = ThreadPool.shared.count
    if threads == 1 || count < 2 * grain { return body(0..<count) }
    // A few for each thread: one that is held up leaves some to the others.
    let parts = min(4 * threads, count / grain)
    let size = ((count + parts - 1) / parts + multiple - 1) / multiple * multiple
    parallel((count + size - 1) / size) { part in body(part * size..<min((part + 1) * size, count)) }
}

/// Gives `receiver` the closure as two words, which stay valid until it returns.
@_silgen_name("cthreads_lend")
private func lend(
    _ body: (Int) -> Void, _ parts: Int, to receiver: @convention(c) (UnsafePointer<cthreads_closure>?, Int) -> Void)
