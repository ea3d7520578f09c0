/// The time that a rank has spent in spans of kind `waiting`, without spans inside them.
package final class WaitingTime: SpanRecorder.Observer {
    /// The seconds of all waits that have ended.
    package private(set) var seconds = 0.0
    private let clock = ContinuousClock()
    private var depth = 0
    /// The depth of the open wait; 0 if there is none.
    private var waitDepth = 0
    private var start = ContinuousClock().now

    package init() {}

    package func began(_ span: Span, _ index: Int) {
        depth += 1
        if waitDepth == 0, span == .waiting {
            waitDepth = depth
            start = clock.now
        } else if depth == waitDepth + 1, waitDepth > 0 {
            count()
        }
    }

    package func ended() {
        if depth == waitDepth {
            count()
            waitDepth = 0
        } else if depth == waitDepth + 1, waitDepth > 0 {
            start = clock.now
        }
        depth -= 1
    }

    private func count() {
        seconds += (clock.now - start).seconds
    }
}
