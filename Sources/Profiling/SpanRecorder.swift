import Glibc

/// Records when the spans of a step begin and end, on one thread.
///
/// Spans nest. Before `start`, a span costs two branches and the calls of the observers; afterwards it also reads the
/// clock twice. Nothing is allocated. Spans that exceed the capacity are dropped and counted.
package final class SpanRecorder {
    /// Receives every span, whether or not it is recorded.
    package protocol Observer: AnyObject {
        /// Called when a span has begun, inside the span that is open.
        func began(_ span: Span, _ index: Int)
        /// Called when the span that began last has ended.
        func ended()
    }

    /// One recorded span.
    package struct Event: Equatable, Sendable {
        /// The index of spans without an index.
        package static let noIndex = -1

        /// The time from `start` to the beginning of the span.
        package var startNanoseconds: Int
        /// The duration of the span; 0 until it ends.
        package var nanoseconds: Int
        /// The number of the block, bucket or step.
        package var index: Int32
        /// The number of enclosing spans.
        package var depth: UInt8
        package var span: Span
    }

    /// The maximum nesting depth.
    private static let depthLimit = 16

    /// Whether spans are recorded.
    package private(set) var isRecording = false
    /// The number of spans that were dropped because the buffer was full.
    package private(set) var leftOutCount = 0
    /// The observers, called in this order.
    package var observers: [any Observer] = []
    private var events: UnsafeMutableBufferPointer<Event>
    private var count = 0
    /// For each open span its index in `events`, or nil if it was dropped.
    private let open: UnsafeMutablePointer<Int?>
    private var depth = 0
    private var origin = 0
    private var finishedTransfers: [Event] = []
    /// The beginning of each transfer that is under way, by its kind.
    private var transferStarts = [Int?](repeating: nil, count: Span.allCases.count)

    /// A recorder that does not record yet.
    package init() {
        events = .init(start: nil, count: 0)
        open = .allocate(capacity: SpanRecorder.depthLimit)
        open.initialize(repeating: nil, count: SpanRecorder.depthLimit)
    }

    deinit {
        events.deallocate()
        open.deallocate()
    }

    /// The spans since `start` or the last `removeAll`, in the order in which they began.
    package var recorded: UnsafeBufferPointer<Event> { UnsafeBufferPointer(rebasing: events[..<count]) }

    /// Starts recording, up to `capacity` spans between two calls of `removeAll`. Times are relative to this call.
    package func start(capacity: Int) {
        precondition(depth == 0, "recording must start between steps")
        events.deallocate()
        events = .allocate(capacity: capacity)
        (count, leftOutCount, isRecording) = (0, 0, true)
        finishedTransfers.removeAll()
        origin = SpanRecorder.clockNanoseconds()
    }

    /// Stops recording for good and keeps the recorded spans.
    package func stop() {
        precondition(depth == 0, "recording must stop between steps")
        isRecording = false
    }

    /// Removes all spans and the transfers that have ended; no span may be open.
    package func removeAll() {
        precondition(depth == 0, "no span may be open")
        count = 0
        finishedTransfers.removeAll(keepingCapacity: true)
    }

    /// The transfers that have ended since `start` or the last `removeAll`: the times during which messages were under
    /// way, whether the rank waited for them or computed. They overlap spans, and have the depth 0.
    package var transfers: [Event] { finishedTransfers }

    /// Notes that messages are under way from now on.
    ///
    /// - Parameter kind: `averaging` for gradients, `weights` for new weights.
    package func transferBegan(_ kind: Span) {
        if isRecording { transferStarts[Int(kind.rawValue)] = SpanRecorder.clockNanoseconds() - origin }
    }

    /// Notes that all messages of `kind` have arrived.
    package func transferEnded(_ kind: Span) {
        guard isRecording, let start = transferStarts[Int(kind.rawValue)] else { return }
        transferStarts[Int(kind.rawValue)] = nil
        finishedTransfers.append(
            Event(
                startNanoseconds: start, nanoseconds: SpanRecorder.clockNanoseconds() - origin - start,
                index: Int32(Event.noIndex), depth: 0, span: kind))
    }

    /// Records `body` as a span inside the current one, even if it throws.
    @inline(__always)
    package func measure<Result, Error>(
        _ span: Span, _ index: Int = Event.noIndex, _ body: () throws(Error) -> Result
    ) throws(Error) -> Result {
        begin(span, index)
        defer { end() }
        return try body()
    }

    /// Opens a span inside the current one.
    package func begin(_ span: Span, _ index: Int = Event.noIndex) {
        for observer in observers { observer.began(span, index) }
        if !isRecording { return }
        precondition(depth < SpanRecorder.depthLimit, "the spans are nested too deeply")
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

    /// The monotonic clock, common to all processes of a host.
    private static func clockNanoseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
