import Failures
import Files

/// A file of spans in Chrome's trace event format, which Perfetto and chrome://tracing open.
///
/// Each rank has a track for what it does, and one for messages under way.
///
/// The file is a JSON array with one event per line; `jq -s add` merges the files of several ranks. It is replaced
/// atomically, so that it is valid even if the process is killed, and only after it has grown by a quarter, so that the
/// total time spent writing is linear in the size of the trace.
///
/// - Source: "Trace Event Format", Google, with complete events ("ph": "X") in microseconds.
package final class TraceFile {
    /// The size in bytes at which the trace counts as full.
    private static let limitBytes = 64 << 20

    /// A track of a rank.
    package enum Track: Int, CaseIterable {
        case main
        case network
    }

    /// The path of the file.
    package let path: String
    private let process: Int
    private var text: [UInt8]
    private var writtenBytes = 0

    /// Writes the trace of rank `rank`, still without spans.
    ///
    /// - Throws: `inputOutput` if the file cannot be written.
    package init(_ path: String, rank: Int) throws(Failure) {
        self.path = path
        process = rank
        text = Array(
            (#"[{"name":"process_name","ph":"M","pid":\#(rank),"tid":0,"args":{"name":"rank \#(rank)"}},"# + "\n"
                + #"{"name":"process_sort_index","ph":"M","pid":\#(rank),"tid":0,"args":{"sort_index":\#(rank)}}"#
                + Track.allCases.map {
                    ",\n"
                        + #"{"name":"thread_name","ph":"M","pid":\#(rank),"tid":\#($0.rawValue),"args":{"name":"\#($0)"}}"#
                }.joined()).utf8)
        try write()
    }

    /// Whether the trace has reached its maximum size.
    package var isFull: Bool { text.count >= TraceFile.limitBytes }

    /// Appends spans that have ended, and writes the file if it has grown by a quarter.
    package func append(
        _ events: UnsafeBufferPointer<SpanRecorder.Event>, to track: Track = .main
    ) throws(Failure) {
        for event in events {
            let index = event.index >= 0 ? " \(event.index)" : ""
            let line =
                ",\n"
                + #"{"name":"\#(event.span.name)\#(index)","ph":"X","pid":\#(process),"tid":\#(track.rawValue),"ts":"#
                + "\(microseconds(event.startNanoseconds)),\"dur\":\(microseconds(event.nanoseconds))}"
            text.append(contentsOf: line.utf8)
        }
        if text.count >= writtenBytes + writtenBytes / 4 { try write() }
    }

    /// Writes everything that was appended to the file.
    package func write() throws(Failure) {
        let text = text
        try FileSystem.replaceContents(of: path, followingLinks: false) { (file: borrowing File) throws(Failure) in
            try file.write(text)
            try file.write("\n]\n")
        }
        writtenBytes = text.count
    }

    /// Formats nanoseconds as microseconds with three decimal places.
    private func microseconds(_ nanoseconds: Int) -> String {
        let digits = String(nanoseconds % 1000)
        return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}
