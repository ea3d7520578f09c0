import Texts
import Failures

/// The progress of an output file, recorded so that the same command can resume after an interruption.
///
/// The journal is a hidden file `.dtrain-DIGEST.progress` next to the output, with the digest of the output's name. Its
/// first line identifies the work. Every other line records a number of lines, their size in bytes and their digest:
/// the part of the output that was complete at that time. The journal is removed when the work is done.
package final class OutputJournal {
    /// The number of lines that the output already has.
    package let linesDone: Int
    /// Whether earlier lines were discarded because they belong to other work or the output was changed since.
    package let startedOver: Bool
    private let output: OutputFile
    private let path: String
    /// nil if the file cannot be created in the directory; an interrupted command then starts over.
    private let file: File?
    private var digest = Digest()
    private var lines: Int

    /// Prepares `output` for the lines of `work`, keeping valid lines of an earlier attempt.
    ///
    /// - Parameters:
    ///   - output: An open output; a regular file.
    ///   - work: An identifier, without spaces, of everything that the lines depend on: equal identifiers mean equal
    ///     lines.
    /// - Throws: `inputOutput` if the output cannot be read or the journal cannot be written.
    package init(_ output: OutputFile, work: String) throws(Failure) {
        precondition(output.isRegular, "Only a regular file keeps its lines.")
        self.output = output
        let target = output.resolvedPath()
        path = FileSystem.parent(of: target) + "/" + OutputJournal.name(of: target)
        let header = "dtrain output 1 \(work)\n"
        var kept: Entry?
        var hadLines = false
        if try FileSystem.isPresent(path) {
            let text = try FileSystem.contents(of: path, limitBytes: 1 << 30, followingLinks: false)
            kept = OutputJournal.lastEntry(of: text, header)
            hadLines = !text.elementsEqual(header.utf8)
        }
        if let entry = kept {
            digest = try Digest.ofFile(target, first: entry.bytes)
            if digest.hexadecimal() != entry.digest { kept = nil }
        }
        lines = kept?.lines ?? 0
        linesDone = lines
        startedOver = hadLines && kept == nil
        if let entry = kept {
            let journal = try File(path, .append, followingLinks: false)
            try journal.truncate(to: entry.journalBytes)
            file = consume journal
        } else {
            digest = Digest()
            file = try OutputJournal.make(path, header)
        }
        try output.begin(keeping: kept?.bytes ?? 0)
    }

    /// Appends `count` lines to the output and records the progress.
    ///
    /// - Throws: `inputOutput` as `OutputFile.write`.
    package func write(_ text: [UInt8], lines count: Int) throws(Failure) {
        try output.write(text)
        text.withUnsafeBytes { digest.update($0) }
        lines += count
        try file?.write("\(lines) \(output.length) \(digest.hexadecimal())\n")
    }

    /// Whether the output has lines, which an interrupted command keeps.
    package var hasLines: Bool { lines > 0 }

    /// Completes the work: closes the output and removes the journal.
    ///
    /// - Throws: `inputOutput` if another program has changed the output, or it cannot be closed.
    package func complete() throws(Failure) {
        try output.checkUnchanged()
        try output.close()
        try FileSystem.removeFile(path)
    }

    // MARK: The file

    /// Creates a journal with its first line; returns nil if the file cannot be created in the directory.
    private static func make(_ path: String, _ header: String) throws(Failure) -> File? {
        try? FileSystem.removeFile(path)
        guard let file = try? File(path, .new) else { return nil }
        do throws(Failure) {
            try file.write(header)
        } catch {
            try? FileSystem.removeFile(path)
            throw error
        }
        return file
    }

    /// A progress line of the journal.
    private struct Entry {
        var lines = 0
        var bytes = 0
        var digest = ""
        /// The offset in the journal of the end of this line.
        var journalBytes = 0
    }

    private static func name(of target: String) -> String {
        let name = target.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        return ".dtrain-\(Digest.of(name).utf8.prefix(16).map { String(Unicode.Scalar($0)) }.joined()).progress"
    }

    /// Returns the last complete progress line of a journal that begins with `header`, or nil if there is none.
    private static func lastEntry(of text: [UInt8], _ header: String) -> Entry? {
        let newline = UInt8(ascii: "\n")
        guard text.starts(with: header.utf8), let end = text.lastIndex(of: newline) else { return nil }
        let start = text[..<end].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let words = String(decoding: text[start..<end], as: UTF8.self).exactParts(at: " ", omittingEmpty: true)
        guard start > 0, words.count == 3, let lines = Int(words[0]), let bytes = Int(words[1]), lines >= 0, bytes >= 0
        else { return nil }
        return Entry(lines: lines, bytes: bytes, digest: words[2], journalBytes: end + 1)
    }
}
