import Failures
import Files
import TestSupport

/// A reader of bytes from outside, as a fuzzer drives it.
///
/// It accepts bytes or refuses them with a `Failure`. What it accepts it must also be able to use: each reader here reads on
/// what it was given, and writes it again where the program can.
struct FuzzedReader: Sendable {
    /// What it is called on the command line and in the corpus.
    let name: String
    /// The exit codes that a refusal may have.
    let refusals: [ExitCode]
    /// Files that it accepts, as the program writes them.
    let seeds: @Sendable () throws -> [[UInt8]]
    /// Prepares what one input after another is read with; files go into the directory, which lives as long.
    let open: @Sendable (TemporaryDirectory) throws -> Body

    /// How many changes of the seeds `launch/test` reads.
    var changes = 300

    /// Reads one input.
    typealias Body = ([UInt8]) throws -> Void

    /// All of them.
    static let all: [FuzzedReader] = [
        safetensors, safetensorsHeader, checkpointManifest, checkpointState, metricsLog, tokenShard, recordShard,
        datasetManifest, configuration, sentencePieceModel, tokenizerTraining, textFile, idxFiles, pngFile, json,
        jsonLines, labelledLines,
        parallelLines, modelConfiguration, modelIndex, commandLine,
    ]

    /// The same reader with another number of changes.
    func with(changes: Int) -> FuzzedReader {
        var reader = self
        reader.changes = changes
        return reader
    }

    /// The reader of that name.
    static func named(_ name: String) -> FuzzedReader? { all.first { $0.name == name } }
}

/// A reader did what it never may.
struct Defect: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// Throws a defect where `isTrue` is not.
    static func unless(_ isTrue: Bool, _ description: @autoclosure () -> String) throws(Defect) {
        if !isTrue { throw Defect(description()) }
    }
}

/// A reader at work: one input after another.
final class ReaderRun {
    private let reader: FuzzedReader
    private let directory = TemporaryDirectory()
    private let body: FuzzedReader.Body

    /// No message for a person is longer.
    private static let messageLimit = 1 << 17

    init(_ reader: FuzzedReader) throws {
        self.reader = reader
        body = try reader.open(directory)
    }

    /// Reads an input.
    ///
    /// - Returns: Whether it was accepted.
    /// - Throws: A `Defect` where it was neither accepted nor refused as it has to be.
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
    /// The path of a file with those bytes.
    func file(_ name: String, holding bytes: [UInt8]) throws -> String {
        let path = file(name)
        try File(path, .create).write(bytes)
        return path
    }

    /// What `write` writes to a file.
    func bytes(writing write: (_ path: String) throws -> Void) throws -> [UInt8] {
        let path = file("written")
        try write(path)
        return try FileSystem.contents(of: path)
    }
}

/// An input that stands for several files: before each but the last, its length as two little-endian bytes.
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

/// The input that stands for several files; each but the last has fewer than 65,536 bytes.
func joined(_ parts: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in parts.dropLast() { bytes += littleEndian(UInt16(part.count)) + part }
    return bytes + (parts.last ?? [])
}

/// The bytes of `values`, one after another, the lowest byte first.
func littleEndian<Value: FixedWidthInteger>(_ values: Value...) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}
