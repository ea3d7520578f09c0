/// Reports progress about ten times per second, and at the end.
package struct ProgressMeter {
    private let total: Int
    private var done = 0
    private var lastReport = ContinuousClock.now

    package init(total: Int) {
        self.total = total
    }

    /// Adds `count`, and reports if it is time.
    package mutating func advance(by count: Int, _ report: (_ done: Int, _ total: Int) -> Void) {
        done += count
        let now = ContinuousClock.now
        guard done == total || now - lastReport >= .milliseconds(100) else { return }
        lastReport = now
        report(done, total)
    }
}
