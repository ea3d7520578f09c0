import Files
import TestSupport
import Testing

@testable import Profiling

struct TraceFileTests {
    private func event(_ start: Int, _ duration: Int, index: Int32 = -1) -> SpanRecorder.Event {
        .init(startNanoseconds: start, nanoseconds: duration, index: index, depth: 0, span: .block)
    }

    private func spans(_ path: String) throws -> [JSON] {
        let trace = try JSON(parsing: FileSystem.contents(of: path), source: path)
        return try #require(trace.arrayValue).filter { $0["ph"]?.stringValue == "X" }
    }

    /// The file is valid JSON at any time and contains at least four fifths of the spans.
    @Test func fileIsAlwaysValid() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("trace.json")
        let trace = try TraceFile(path, rank: 3)
        #expect(try spans(path).isEmpty)
        for step in 1...200 {
            try [event(step * 1000, 999)].withUnsafeBufferPointer { try trace.append($0) }
            #expect(try spans(path).count >= step * 4 / 5 - 3)
        }
        try trace.write()
        #expect(try spans(path).count == 200)
        #expect(try FileSystem.list(directory.path) == ["trace.json"])
    }

    @Test func timesAreInMicroseconds() throws {
        let directory = TemporaryDirectory()
        let trace = try TraceFile(directory.file("trace.json"), rank: 3)
        let events = [event(1_234_567, 1_000_089, index: 11), event(5, 40)]
        try events.withUnsafeBufferPointer { try trace.append($0) }
        try [event(7, 1)].withUnsafeBufferPointer { try trace.append($0, to: .network) }
        try trace.write()
        let found = try spans(trace.path)
        #expect(found.map { $0["name"]?.stringValue } == ["block 11", "block", "block"])
        #expect(found.map { $0["ts"]?.doubleValue } == [1234.567, 0.005, 0.007])
        #expect(found.map { $0["dur"]?.doubleValue } == [1000.089, 0.04, 0.001])
        #expect(found.map { $0["tid"]?.integerValue } == [0, 0, 1])
        #expect(found.allSatisfy { $0["pid"]?.integerValue == 3 })
    }

    @Test func reportsUnwritablePath() {
        expectFailure(.inputOutput, "/proc/trace.json") { _ = try TraceFile("/proc/trace.json", rank: 0) }
    }
}
