import Texts
import Failures
import Files

/// The list of a checkpoint's files, `manifest.json`; it is written last.
package struct CheckpointManifest: Equatable, Sendable {
    /// A file of the checkpoint, with its expected size and hash.
    package struct File: Equatable, Sendable {
        package let name: String
        /// Length in bytes.
        package let size: Int
        /// The XXH3-128 of its bytes.
        package let digest: String
    }

    /// The name and version of the program that wrote it.
    package let program: String
    /// The number of steps so far, including skipped ones.
    package let step: Int
    /// The digest of the run: see `Checkpoint.verify`.
    package let digest: String
    /// All files except the manifest.
    package let files: [File]
    /// The data by which the run is recognized: configuration, layout, dataset, tokenizer.
    package let identity: JSON
}

extension CheckpointManifest {
    package static let fileName = "manifest.json"
    static let stateFileName = "state.json"
    private static let (sentencePieceName, tokenizerJSONName) = ("tokenizer.model", "tokenizer.json")
    static let tokenizerFileNames = [sentencePieceName, tokenizerJSONName]
    static let tensorFileExtension = ".safetensors"

    private static let format = "dtrain checkpoint"
    private static let version = 1
    /// The maximum size in bytes. A manifest may contain the names of many classes, but no plausible one is larger.
    private static let limitBytes = 256 << 20

    /// The manifest as JSON, with a checksum of its own text as the last member.
    var text: String {
        let manifest: JSON = [
            "format": .string(Self.format),
            "version": .integer(Self.version),
            "program": .string(program),
            "step": .integer(step),
            "digest": .string(digest),
            "files": .array(
                files.map { ["name": .string($0.name), "size": .integer($0.size), "xxh3_128": .string($0.digest)] }),
            "identity": identity,
        ]
        let body = String(manifest.page.dropLast("\n}\n".count))
        return body + Self.seal(Array(body.utf8))
    }

    /// Reads and checks the manifest in `directory`; links are not followed.
    ///
    /// - Throws: `badData` if it is missing, altered, of an unsupported version, or names a file that is not allowed.
    static func read(in directory: String) throws(Failure) -> CheckpointManifest {
        let path = directory + "/" + fileName
        guard try FileSystem.isPresent(path) else {
            guard try FileSystem.isPresent(directory) else { throw Failure(.badData, Checkpoint.missing(directory)) }
            throw Failure(
                .badData, "\(directory): holds no \(fileName): it is not a checkpoint, or writing it was interrupted."
            )
        }
        let bytes = try FileSystem.contents(of: path, limitBytes: limitBytes, followingLinks: false)
        let value = try JSON(parsing: bytes, source: path)
        let fields = CheckedFields(value, source: path)
        // The version is checked before the checksum, so that a newer manifest is not reported as damaged.
        let (format, version) = (try fields.string("format"), try fields.count("version"))
        guard format == self.format, version == self.version else {
            throw Failure(
                .badData,
                "\(path): is a \"\(format)\" of version \(version); this program reads \"\(self.format)\" of version "
                    + "\(self.version).")
        }
        let body = bytes.dropLast(seal([]).utf8.count)
        guard bytes.dropFirst(body.count).elementsEqual(seal(Array(body)).utf8) else {
            throw Failure(.badData, "\(path): its own XXH3-128 does not match: it was changed after it was written.")
        }
        let manifest = CheckpointManifest(
            program: try fields.string("program"), step: try fields.count("step"), digest: try fields.string("digest"),
            files: try parseFiles(try fields.list("files")), identity: try fields.any("identity"))
        try manifest.checkNames(path)
        try manifest.checkSizes(path)
        return manifest
    }

    private static func parseFiles(_ list: [CheckedFields]) throws(Failure) -> [File] {
        var files: [File] = []
        for file in list {
            files.append(
                File(
                    name: try file.string("name"), size: try file.count("size"), digest: try file.string("xxh3_128")))
        }
        return files
    }

    private func checkNames(_ path: String) throws(Failure) {
        for name in files.map(\.name) where !Self.isAllowed(name) {
            throw Failure(
                .badData,
                "\(path): names a file \(JSON.string(name).line); only \(Self.stateFileName), "
                    + "\(Self.tokenizerFileNames.joined(separator: ", ")) and plain names that end in "
                    + "\(Self.tensorFileExtension) are allowed.")
        }
        let names = files.map(\.name)
        guard names.firstRepeated() == nil, names.containsExactly(Self.stateFileName) else {
            throw Failure(.badData, "\(path): must list \(Self.stateFileName), and no file more than once.")
        }
    }

    private func checkSizes(_ path: String) throws(Failure) {
        // Other code sums the sizes, so the sum must not overflow.
        var (total, overflows) = (0, false)
        for size in files.map(\.size) where !overflows { (total, overflows) = total.addingReportingOverflow(size) }
        guard !overflows else { throw Failure(.badData, "\(path): the sizes of its files are implausibly large.") }
    }

    /// The name of the file of a tokenizer: a SentencePiece model never begins with a brace.
    static func tokenizerFileName(of model: [UInt8]) -> String {
        model.first == UInt8(ascii: "{") ? tokenizerJSONName : sentencePieceName
    }

    /// Whether a checkpoint may contain a file of that name; names cannot lead out of the directory.
    static func isAllowed(_ name: String) -> Bool {
        if name == stateFileName || tokenizerFileNames.containsExactly(name) { return true }
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isPlain && !name.hasExactPrefix(".") && name.hasExactSuffix(tensorFileExtension)
    }

    /// The last member and the end of the JSON: the XXH3-128 of all bytes before it.
    private static func seal(_ body: [UInt8]) -> String {
        ",\n  \"manifest_xxh3_128\": \"\(Digest.of(body))\"\n}\n"
    }
}
