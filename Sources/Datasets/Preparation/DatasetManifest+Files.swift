import Failures
import Files
import FoundationEssentials

extension DatasetManifest {
    /// Reads and checks the manifest of the dataset in `directory`.
    ///
    /// - Throws: `badData` for what is not a manifest of the current version, or promises the impossible.
    package init(readingFrom directory: String) throws(Failure) {
        let path = directory + "/" + DatasetManifest.fileName
        let bytes = Data(try FileSystem.contents(of: path))
        let version = try decodeJSON(ManifestVersion.self, from: bytes, path).version
        guard version == DatasetManifest.currentVersion else {
            throw Failure(
                .badData,
                "\(path): version \(version), this program reads version \(DatasetManifest.currentVersion). "
                    + "Prepare the dataset again, or use the program that made it.")
        }
        self = try decodeJSON(DatasetManifest.self, from: bytes, path)
        try check(path)
    }

    /// Writes the manifest into `directory`, in one step.
    package func write(to directory: String) throws(Failure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let path = directory + "/" + DatasetManifest.fileName
        do {
            let text = String(decoding: try encoder.encode(self), as: UTF8.self)
            try FileSystem.replaceContents(of: path, with: text + "\n")
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.internalError, "\(path): could not be written as JSON: \(error).")
        }
    }

    private func check(_ path: String) throws(Failure) {
        func require(_ isTrue: Bool, _ found: @autoclosure () -> String) throws(Failure) {
            guard isTrue else { throw Failure(.badData, "\(path): \(found()). Prepare the dataset again.") }
        }
        try require(
            (1...Int(Int32.max)).contains(vocabularySize),
            "vocabulary_size is \(vocabularySize), from 1 to \(Int32.max) are allowed")
        var names: Set<String> = []
        for split in Split.allCases {
            for (index, shard) in splits[split].enumerated() {
                let place = "splits.\(split.rawValue)[\(index)]"
                try require(
                    FileName.isPlain(shard.file),
                    "\(place).file is '\(shard.file)', only a plain name without '/', '\\' or '..' is allowed")
                try require(
                    names.insert(shard.file).inserted, "\(place).file is '\(shard.file)', which stands there twice")
                try require(
                    (1...TokenShardFormat.maximumTokenCount).contains(shard.tokens),
                    "\(place).tokens is \(shard.tokens), from 1 to \(TokenShardFormat.maximumTokenCount) are allowed")
                let isDigest = shard.digest.utf8.count == 32 && shard.digest.allSatisfy(\.isHexDigit)
                try require(
                    isDigest, "\(place).xxh3_128 is '\(shard.digest)', 32 hexadecimal digits are expected")
            }
        }
    }
}

/// What every version of a manifest has.
private struct ManifestVersion: Decodable {
    var version: Int
}

/// The value that the JSON in `bytes` stands for; a failure names the file and the key.
private func decodeJSON<Value: Decodable>(
    _ type: Value.Type, from bytes: Data, _ path: String
) throws(Failure) -> Value {
    do {
        return try JSONDecoder().decode(type, from: bytes)
    } catch {
        let (keys, problem): ([any CodingKey], String) =
            switch error {
            case DecodingError.keyNotFound(let key, let context): (context.codingPath + [key], "is missing")
            case DecodingError.typeMismatch(_, let context): (context.codingPath, context.debugDescription)
            case DecodingError.valueNotFound(_, let context): (context.codingPath, context.debugDescription)
            case DecodingError.dataCorrupted(let context): (context.codingPath, context.debugDescription)
            default: ([], "\(error)")
            }
        let place = keys.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined().dropFirst()
        throw Failure(
            .badData,
            "\(path): not a dataset manifest: \(place.isEmpty ? "" : "\(place): ")\(problem) "
                + "Prepare the dataset again.")
    }
}
