import Profiling
import Testing

struct SpanRecorderTests {
    /// Records the spans of a step with two blocks.
    private func record(_ recorder: SpanRecorder) {
        recorder.begin(.step, 7)
        recorder.begin(.forward)
        for block in 0..<2 {
            recorder.begin(.block, block)
            recorder.end()
        }
        recorder.end()
        recorder.begin(.update)
        recorder.end()
        recorder.end()
    }

    @Test func recordsNothingBeforeStart() {
        let recorder = SpanRecorder()
        record(recorder)
        #expect(recorder.recorded.isEmpty)
        #expect(!recorder.isRecording)
        #expect(recorder.leftOutCount == 0)
    }

    @Test func recordsNestedSpans() throws {
        let recorder = SpanRecorder()
        recorder.start(capacity: 10)
        record(recorder)
        let events = Array(recorder.recorded)
        #expect(events.map(\.span) == [.step, .forward, .block, .block, .update])
        #expect(events.map(\.index) == [7, -1, 0, 1, -1])
        #expect(events.map(\.depth) == [0, 1, 2, 2, 1])
        func end(_ index: Int) -> Int { events[index].startNanoseconds + events[index].nanoseconds }
        for (inner, outer) in [(1, 0), (2, 1), (3, 1), (4, 0)] {
            #expect(events[inner].startNanoseconds >= events[outer].startNanoseconds)
            #expect(end(inner) <= end(outer))
        }
        #expect(events[3].startNanoseconds >= end(2))
        #expect(events[4].startNanoseconds >= end(1))
        #expect(events[0].nanoseconds > 0)
    }

    /// When the buffer is full, further spans are counted but not recorded, and the enclosing spans still get their
    /// end.
    @Test func countsDroppedSpans() {
        let recorder = SpanRecorder()
        recorder.start(capacity: 3)
        record(recorder)
        #expect(recorder.recorded.map(\.span) == [.step, .forward, .block])
        #expect(recorder.leftOutCount == 2)
        #expect(recorder.recorded[0].nanoseconds >= recorder.recorded[1].nanoseconds)
        recorder.removeAll()
        record(recorder)
        #expect(recorder.recorded.count == 3)
        #expect(recorder.leftOutCount == 4)
        recorder.stop()
        recorder.begin(.step)
        #expect(recorder.recorded.count == 3)
    }

    /// A transfer may last beyond the step in which it began.
    @Test func recordsTransfers() {
        let recorder = SpanRecorder()
        recorder.transferBegan(.averaging)
        recorder.start(capacity: 10)
        recorder.transferEnded(.averaging)
        recorder.transferBegan(.weights)
        record(recorder)
        recorder.removeAll()
        #expect(recorder.transfers.isEmpty)
        recorder.transferEnded(.weights)
        recorder.transferEnded(.weights)
        #expect(recorder.transfers.map(\.span) == [.weights])
        #expect(recorder.transfers[0].nanoseconds > 0 && recorder.recorded.isEmpty)
        recorder.removeAll()
        #expect(recorder.transfers.isEmpty)
    }

    @Test func namesAreDistinct() {
        #expect(Set(Span.allCases.map(\.name)).count == Span.allCases.count)
    }

    /// Observers receive spans even if nothing is recorded.
    @Test func observersReceiveEverySpan() {
        final class Listener: SpanRecorder.Observer {
            var heard: [String] = []
            func began(_ span: Span, _ index: Int) { heard.append("\(span) \(index)") }
            func ended() { heard.append("end") }
        }
        let (recorder, listener) = (SpanRecorder(), Listener())
        recorder.observers = [listener]
        recorder.begin(.step, 7)
        recorder.begin(.forward)
        recorder.end()
        recorder.end()
        #expect(listener.heard == ["step 7", "forward -1", "end", "end"])
        #expect(recorder.recorded.isEmpty)
    }
}
