import Glibc

/// Notes when the parts of a step begin and end, for one thread.
///
/// Spans nest: `end` closes the one that began last. Until `start` is called nothing is noted, and both cost a branch and
/// the calls of the observers; afterwards both cost a look at the clock and allocate nothing. What has no room is left out
/// and counted.
package final class SpanRecorder {
    /// Told of every span, whether or not it is noted.
    package protocol Observer: AnyObject {
        /// A span has begun, inside the one that is open.
        func began(_ span: Span, _ index: Int)
        /// The span that began last has ended.
        func ended()
    }

    /// One span.
    package struct Event: Equatable, Sendable {
        /// The index of a span that has none.
        package static let noIndex = -1

        /// Since the recording was started.
        package var startNanoseconds: Int
        /// 0 until it ends.
        package var nanoseconds: Int
        /// Which of several: a block, a bucket, a step.
        package var index: Int32
        /// The spans around it.
        package var depth: UInt8
        package var span: Span
    }

    /// The deepest nesting.
    private static let depthLimit = 16

    /// Whether anything is noted.
    package private(set) var isRecording = false
    /// Spans that had no room.
    package private(set) var leftOutCount = 0
    /// Who is told, in turn.
    package var observers: [any Observer] = []
    private var events: UnsafeMutableBufferPointer<Event>
    private var count = 0
    /// For each open span its place in `events`, or nil where it had no room.
    private let open: UnsafeMutablePointer<Int?>
    private var depth = 0
    private var origin = 0

    /// A recorder that is off.
    package init() {
        events = .init(start: nil, count: 0)
        open = .allocate(capacity: SpanRecorder.depthLimit)
        open.initialize(repeating: nil, count: SpanRecorder.depthLimit)
    }

    deinit {
        events.deallocate()
        open.deallocate()
    }

    /// The spans since the start or the last `removeAll`, in the order in which they began.
    package var recorded: UnsafeBufferPointer<Event> { UnsafeBufferPointer(rebasing: events[..<count]) }

    /// Begins to note spans, up to `capacity` between two calls of `removeAll`. The time counts from now.
    package func start(capacity: Int) {
        precondition(depth == 0, "a recording starts between steps")
        events.deallocate()
        events = .allocate(capacity: capacity)
        (count, leftOutCount, isRecording) = (0, 0, true)
        origin = SpanRecorder.clockNanoseconds()
    }

    /// Ends the noting for good; what was noted stays.
    package func stop() {
        precondition(depth == 0, "a recording stops between steps")
        isRecording = false
    }

    /// Forgets all spans; none may be open.
    package func removeAll() {
        precondition(depth == 0, "an open span cannot be forgotten")
        count = 0
    }

    /// Opens a span, inside the one that is open.
    package func begin(_ span: Span, _ index: Int = Event.noIndex) {
        for observer in observers { observer.began(span, index) }
        if !isRecording { return }
        precondition(depth < SpanRecorder.depthLimit, "spans nest deeper than a step does")
        if count < events.count {
            events[count] = Event(
                startNanoseconds: SpanRecorder.clockNanoseconds() - origin, nanoseconds: 0,
                index: Int32(truncatingIfNeeded: index), depth: UInt8(depth), span: span)
            open[depth] = count
            count += 1
        } else {
            open[depth] = nil
            leftOutCount += 1
        }
        depth += 1
    }

    /// Closes the span that was opened last.
    package func end() {
        for observer in observers { observer.ended() }
        if !isRecording { return }
        precondition(depth > 0, "no span is open")
        depth -= 1
        if let place = open[depth] {
            events[place].nanoseconds = SpanRecorder.clockNanoseconds() - origin - events[place].startNanoseconds
        }
    }

    /// The clock that all processes of a host share.
    private static func clockNanoseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
