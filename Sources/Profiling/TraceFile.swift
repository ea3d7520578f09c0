import Failures
import Files

/// A file of spans in Chrome's trace event format, which Perfetto and chrome://tracing open.
///
/// The file is an array of events, one a line: `jq -s add` makes one trace of several ranks' files. It is replaced as a
/// whole, so that it is valid whenever the process may be killed, each time that it has grown by a quarter: writing takes
/// a time that grows with the trace, not with its square.
///
/// - Source: "Trace Event Format", Google, with complete events ("ph": "X") in microseconds.
package final class TraceFile {
    /// The size at which nothing is added any more.
    private static let limitBytes = 64 << 20

    /// Where it is written.
    package let path: String
    private let process: Int
    private var text: [UInt8]
    private var writtenBytes = 0

    /// Writes the trace of rank `rank`, without spans yet.
    ///
    /// - Throws: `inputOutput` where it cannot be written.
    package init(_ path: String, rank: Int) throws(Failure) {
        self.path = path
        process = rank
        text = Array(
            (#"[{"name":"process_name","ph":"M","pid":\#(rank),"tid":0,"args":{"name":"rank \#(rank)"}},"# + "\n"
                + #"{"name":"process_sort_index","ph":"M","pid":\#(rank),"tid":0,"args":{"sort_index":\#(rank)}}"#).utf8
        )
        try write()
    }

    /// Whether it is as large as it may become.
    package var isFull: Bool { text.count >= TraceFile.limitBytes }

    /// Adds spans that have ended, and writes the file where enough has been added.
    package func append(_ events: UnsafeBufferPointer<SpanRecorder.Event>) throws(Failure) {
        for event in events {
            let index = event.index >= 0 ? " \(event.index)" : ""
            let line =
                ",\n" + #"{"name":"\#(event.span.name)\#(index)","ph":"X","pid":\#(process),"tid":0,"ts":"#
                + "\(microseconds(event.startNanoseconds)),\"dur\":\(microseconds(event.nanoseconds))}"
            text.append(contentsOf: line.utf8)
        }
        if text.count >= writtenBytes + writtenBytes / 4 { try write() }
    }

    /// Brings everything that was added to the file.
    package func write() throws(Failure) {
        let text = text
        try FileSystem.replaceContents(of: path) { (file: borrowing File) throws(Failure) in
            try file.write(text)
            try file.write("\n]\n")
        }
        writtenBytes = text.count
    }

    /// A decimal number with three places.
    private func microseconds(_ nanoseconds: Int) -> String {
        let digits = String(nanoseconds % 1000)
        return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}
