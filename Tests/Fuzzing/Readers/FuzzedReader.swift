import Failures
import Files
import TestSupport

/// A parser of untrusted input, with seeds and a function to run it on an input.
///
/// It accepts bytes or rejects them with a `Failure`. Accepted input must also be usable: each parser here reads all of
/// it and, where the program can write the format, writes it again.
struct FuzzedReader: Sendable {
    /// The name on the command line and in the corpus.
    let name: String
    /// The exit codes that a rejection may have.
    let refusals: [ExitCode]
    /// Valid files, as the program writes them.
    let seeds: @Sendable () throws -> [[UInt8]]
    /// Prepares the parsing of a sequence of inputs; files are written to the directory, which exists until the parser
    /// is freed.
    let open: @Sendable (TemporaryDirectory) throws -> Body

    /// The number of mutations of the seeds that `launch/test` parses.
    var changes = 300

    /// Parses one input.
    typealias Body = ([UInt8]) throws -> Void

    /// All parsers.
    static let all: [FuzzedReader] = [
        safetensors, safetensorsHeader, checkpointManifest, checkpointState, metricsLog, eventFile, tokenShard,
        recordShard,
        datasetManifest, configuration, sentencePieceModel, tokenizerTraining, tokenizerJSON,
        vocabularyFile, textFile, idxFiles, pngFile, json,
        jsonLines, labelledLines,
        parallelLines, chatTemplate, chatLines, packedText, modelConfiguration, modelIndex, adapterConfiguration,
        commandLine, network, analogyFile,
    ]

    /// The same parser with another number of mutations.
    func with(changes: Int) -> FuzzedReader {
        var reader = self
        reader.changes = changes
        return reader
    }

    /// The parser of that name.
    static func named(_ name: String) -> FuzzedReader? { all.first { $0.name == name } }
}

/// A violation of a parser's contract.
struct Defect: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// Throws a defect unless `isTrue`.
    static func unless(_ isTrue: Bool, _ description: @autoclosure () -> String) throws(Defect) {
        if !isTrue { throw Defect(description()) }
    }
}

/// Applies a parser to a sequence of inputs.
final class ReaderRun {
    private let reader: FuzzedReader
    private let directory = TemporaryDirectory()
    private let body: FuzzedReader.Body

    /// The maximum length of an error message.
    private static let messageLimit = 1 << 17

    init(_ reader: FuzzedReader) throws {
        self.reader = reader
        body = try reader.open(directory)
    }

    /// Parses an input.
    ///
    /// - Returns: Whether it was accepted.
    /// - Throws: A `Defect` if it was neither accepted nor properly rejected.
    func accepts(_ bytes: [UInt8]) throws -> Bool {
        do {
            try body(bytes)
            return true
        } catch let failure as Failure {
            try Defect.unless(
                reader.refusals.contains(failure.exitCode), "refused with \(failure.exitCode): \(failure)")
            let message = failure.message
            try Defect.unless(
                !message.isEmpty && message.utf8.count <= Self.messageLimit, "a message of another length")
            let isPrintable = message.unicodeScalars.allSatisfy { scalar in
                scalar == "\n" || scalar.properties.generalCategory != .control
            }
            try Defect.unless(isPrintable, "control characters in the message: \(message.debugDescription)")
            return false
        }
    }
}

extension TemporaryDirectory {
    /// Returns the bytes that `write` writes to a file.
    func bytes(writing write: (_ path: String) throws -> Void) throws -> [UInt8] {
        let path = file("written")
        try write(path)
        return try FileSystem.contents(of: path)
    }
}

/// Splits an input into several files: each but the last is preceded by its length as two little-endian bytes.
func parts(_ count: Int, of bytes: [UInt8]) -> [[UInt8]] {
    var rest = bytes[...]
    var parts: [[UInt8]] = []
    while parts.count < count - 1 {
        let low = rest.popFirst() ?? 0, high = rest.popFirst() ?? 0
        let part = rest.prefix(Int(low) | Int(high) << 8)
        parts.append(Array(part))
        rest = rest.dropFirst(part.count)
    }
    return parts + [Array(rest)]
}

/// Joins several files to one input; each but the last must have fewer than 65,536 bytes.
func joined(_ parts: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in parts.dropLast() { bytes += littleEndian(UInt16(part.count)) + part }
    return bytes + (parts.last ?? [])
}

/// The bytes of `values`, concatenated, least significant byte first.
func littleEndian<Value: FixedWidthInteger>(_ values: Value...) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}
