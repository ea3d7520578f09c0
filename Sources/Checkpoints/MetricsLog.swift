import Failures
import Files

/// `metrics.jsonl`: one JSON object a line, in the order of the steps.
///
/// Where the disk does not take a line, what came of it is undone, and the line waits in memory for the next: the file
/// holds whole lines only, in their order, and none is lost for as long as the process lives.
///
/// All of it is for one thread but `synchronize`, which any may call.
package final class MetricsLog {
    private let file: File
    /// The bytes of whole lines in the file.
    private var length: Int
    /// Whether a part of a line may follow them.
    private var isTorn = false
    private var waiting: [UInt8] = []
    /// Lines that the disk has not taken yet.
    package private(set) var waitingCount = 0

    /// The bytes of waiting lines beyond which the log gives up: some hundred thousand lines.
    package static let waitingLimitBytes = 64 << 20

    /// Opens the log for appending, or makes it. A run that resumes calls `truncate` first.
    package init(_ path: String) throws(Failure) {
        file = try File(path, .append)
        length = try file.size()
    }

    /// Appends `object` as a line, after those that wait. Numbers that are not finite become null.
    ///
    /// - Throws: `inputOutput` where the disk does not take it; the line waits.
    package func append(_ object: JSON) throws(Failure) {
        precondition(object["step"]?.integerValue != nil, "Every line of the log tells its step.")
        waiting += Array((object.line + "\n").utf8)
        waitingCount += 1
        try flush()
    }

    /// Writes the lines that wait.
    ///
    /// - Throws: `inputOutput` where the disk does not take them; they wait on.
    package func flush() throws(Failure) {
        if isTorn { try undo() }
        if waiting.isEmpty { return }
        isTorn = true
        do throws(Failure) {
            try file.write(waiting)
        } catch {
            try? undo()
            throw error
        }
        isTorn = false
        length += waiting.count
        waiting.removeAll(keepingCapacity: true)
        waitingCount = 0
    }

    /// Whether there are more lines waiting than memory should be given for.
    package var hasTooManyWaiting: Bool { waiting.count > MetricsLog.waitingLimitBytes }

    /// Returns once all lines that were written are on the disk: no checkpoint outlives the lines before it.
    package func synchronize() throws(Failure) { try file.synchronize() }

    /// Cuts off what is no whole line.
    private func undo() throws(Failure) {
        try file.truncate(to: length)
        isTorn = false
    }

    /// Keeps the complete lines whose step is at most `step`, and drops all others: later steps, which a resumed run
    /// will write again, and what a crash tore.
    ///
    /// - Complexity: One pass, without holding the file in memory. The file is replaced in one step, or not touched
    ///   where nothing is dropped or it does not exist.
    package static func truncate(_ path: String, afterStep step: Int) throws(Failure) {
        guard FileSystem.exists(path) else { return }
        let log = try File(path, .read)
        var dropsAny = false
        try forEachLine(of: log) { (line, isComplete) throws(Failure) in
            if !isComplete || !isKept(line, step: step) { dropsAny = true }
        }
        guard dropsAny else { return }
        try FileSystem.replaceContents(of: path) { (replacement: borrowing File) throws(Failure) in
            var kept: [UInt8] = []
            try forEachLine(of: log) { (line, isComplete) throws(Failure) in
                guard isComplete, isKept(line, step: step) else { return }
                kept += line + [newline]
                if kept.count >= blockBytes {
                    try replacement.write(kept)
                    kept.removeAll(keepingCapacity: true)
                }
            }
            try replacement.write(kept)
        }
    }

    private static let newline = UInt8(ascii: "\n")
    private static let blockBytes = 1 << 20

    private static func isKept(_ line: [UInt8], step: Int) -> Bool {
        // A file that is no log at all may have a million lines, each of which would make an error.
        guard line.first == UInt8(ascii: "{") else { return false }
        guard let object = try? JSON(parsing: line, source: ""), let found = object["step"]?.integerValue else {
            return false
        }
        return found <= step
    }

    /// Calls `body` with each line without its newline; only a last one that has none is not complete.
    private static func forEachLine(
        of file: borrowing File, _ body: (_ line: [UInt8], _ isComplete: Bool) throws(Failure) -> Void
    ) throws(Failure) {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 1)
        defer { block.deallocate() }
        var offset = 0
        var line: [UInt8] = []
        while true {
            let count = try file.readSome(into: block, at: offset)
            if count == 0 { break }
            offset += count
            var rest = block[..<count]
            while let end = rest.firstIndex(of: newline) {
                line += rest[..<end]
                try body(line, true)
                line.removeAll(keepingCapacity: true)
                rest = rest[(end + 1)...]
            }
            line += rest
            guard line.count <= 16 * blockBytes else {
                throw Failure(
                    .badData,
                    "\(file.path): the line before byte \(offset) is no line of a metrics log. Move the file away.")
            }
        }
        if !line.isEmpty { try body(line, false) }
    }
}
