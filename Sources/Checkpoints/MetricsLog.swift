import Failures
import Files

/// `metrics.jsonl`: one JSON object a line, in the order of the steps.
package struct MetricsLog: ~Copyable {
    private let file: File

    /// Opens the log for appending, or makes it. A run that resumes calls `truncate` first.
    package init(_ path: String) throws(Failure) {
        file = try File(path, .append)
    }

    /// Appends `object` as a line, in one write. Numbers that are not finite become null.
    package func append(_ object: JSON) throws(Failure) {
        precondition(object["step"]?.integerValue != nil, "Every line of the log tells its step.")
        try file.write(object.line + "\n")
    }

    /// Returns once all lines are on the disk, so that a checkpoint never outlives the lines before it.
    package func synchronize() throws(Failure) { try file.synchronize() }

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
