import Failures
import Files

/// `metrics.jsonl`: one JSON object per line, in step order. It contains only complete lines, see `AppendOnlyFile`.
package struct MetricsLog {
    /// The file; lines that could not be written wait in its memory.
    package let file: AppendOnlyFile

    /// Opens the log for appending, or creates it. A run that resumes calls `truncate` first.
    package init(_ path: String) throws(Failure) {
        file = try AppendOnlyFile(path)
    }

    /// Appends `object` as a line, after the lines kept in memory. Numbers that are not finite become null.
    ///
    /// - Throws: `inputOutput` if the write fails; the line is kept in memory.
    package func append(_ object: JSON) throws(Failure) {
        precondition(object["step"]?.integerValue != nil, "Every line of the log has its step.")
        try file.append(Array((object.line + "\n").utf8))
    }

    /// Removes all lines with a step after `step`, which a resumed run will write again, and incomplete lines, as left
    /// by a crash.
    ///
    /// - Complexity: One pass, without holding the file in memory. The file is replaced atomically; it is not touched
    ///   if nothing is removed or it does not exist.
    /// - Throws: `badData` for a symbolic link and for a file that has contents but no line of a log.
    package static func truncate(_ path: String, afterStep step: Int) throws(Failure) {
        guard try FileSystem.kind(of: path) != nil else { return }
        let log = try File(path, .read, followingLinks: false)
        var (dropsAny, isLog) = (false, try log.size() == 0)
        try forEachLine(of: log) { (line, isComplete) throws(Failure) in
            let found = isComplete ? self.step(of: line) : nil
            if found ?? .max > step { dropsAny = true }
            // The first line of a run may be torn.
            if found != nil || (!isComplete && isTorn(line)) { isLog = true }
        }
        guard isLog else {
            throw Failure(.badData, "\(path): is not a metrics log. Move the file elsewhere.")
        }
        guard dropsAny else { return }
        try FileSystem.replaceContents(of: path, followingLinks: false) {
            (replacement: borrowing File) throws(Failure) in
            var kept: [UInt8] = []
            try forEachLine(of: log) { (line, isComplete) throws(Failure) in
                guard isComplete, let found = self.step(of: line), found <= step else { return }
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

    /// Returns the step of a line, or nil if it is not a line of a log.
    private static func step(of line: [UInt8]) -> Int? {
        // A quick check first: in a file that is not a log, each of a million lines would create an error.
        guard line.first == UInt8(ascii: "{") else { return nil }
        return (try? JSON(parsing: line, source: ""))?["step"]?.integerValue
    }

    /// Returns whether `line` may be the beginning of a line of a log.
    private static func isTorn(_ line: [UInt8]) -> Bool {
        let start = Array(#"{"step":"#.utf8)
        return line.starts(with: start) || start.starts(with: line)
    }

    /// Calls `body` with each line without its newline; only a last line without newline is incomplete.
    ///
    /// - Parameter start: The byte at which the first line begins.
    static func forEachLine(
        of file: borrowing File, from start: Int = 0,
        _ body: (_ line: [UInt8], _ isComplete: Bool) throws(Failure) -> Void
    ) throws(Failure) {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 1)
        defer { block.deallocate() }
        var offset = start
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
                    "\(file.path): the line before byte \(offset) is not a line of a metrics log. Move the file elsewhere."
                )
            }
        }
        if !line.isEmpty { try body(line, false) }
    }
}
