import Failures
import Files
import FoundationEssentials

extension DatasetManifest {
    /// Reads and checks the manifest of the dataset in `directory`.
    ///
    /// - Throws: `badData` if it is not a manifest, has an unsupported version, was altered, or has impossible values.
    package init(readingFrom directory: String) throws(Failure) {
        let path = directory + "/" + DatasetManifest.fileName
        let contents = try FileSystem.contents(of: path)
        let bytes = Data(contents)
        let version = try decodeJSON(ManifestVersion.self, from: bytes, path).version
        let readable = DatasetManifest.readableVersions
        guard readable.contains(version) else {
            throw Failure(
                .badData,
                "\(path): version \(version); this program reads versions \(readable.lowerBound) to "
                    + "\(readable.upperBound). Prepare the dataset again, or use the program version that wrote it.")
        }
        try DatasetManifest.checkSeal(contents, version: version, path)
        self = try decodeJSON(DatasetManifest.self, from: bytes, path)
        try checkPromises(path)
    }

    /// Atomically writes the manifest to `directory`.
    package func write(to directory: String) throws(Failure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let path = directory + "/" + DatasetManifest.fileName
        do {
            // Without the last brace, which comes after the checksum.
            let body = String(decoding: try encoder.encode(self).dropLast(2), as: UTF8.self)
            try FileSystem.replaceContents(of: path, with: body + DatasetManifest.seal(Array(body.utf8)))
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(
                .internalError, "\(path): could not be written as JSON: a number is not finite. Report this bug.")
        }
    }
}

extension DatasetManifest {
    private static let sealName = "manifest_xxh3_128"
    private static let firstSealedVersion = 3

    /// The last member and the end of the JSON: the XXH3-128 of all bytes before it.
    static func seal(_ body: [UInt8]) -> String { ",\n  \"\(sealName)\" : \"\(Digest.of(body))\"\n}\n" }

    /// Checks the manifest's checksum.
    private static func checkSeal(_ bytes: [UInt8], version: Int, _ path: String) throws(Failure) {
        let body = bytes.dropLast(seal([]).utf8.count)
        if bytes.dropFirst(body.count).elementsEqual(seal(Array(body)).utf8) { return }
        // A damaged version number must not disable the check.
        let isOld = version < firstSealedVersion && !String(decoding: bytes, as: UTF8.self).contains("\"\(sealName)\"")
        guard isOld else {
            throw Failure(
                .badData,
                "\(path): its own XXH3-128 does not match: it was changed after it was written. Copy or prepare the dataset "
                    + "again."
            )
        }
    }
}

/// The member that manifests of every version have.
private struct ManifestVersion: Decodable {
    var version: Int
}

/// Decodes the JSON in `bytes`; errors name the file and the key.
private func decodeJSON<Value: Decodable>(
    _ type: Value.Type, from bytes: Data, _ path: String
) throws(Failure) -> Value {
    // dtrain's own parser reports malformed JSON with its position.
    let root = try JSON(parsing: Array(bytes), source: path)
    do {
        return try JSONDecoder().decode(type, from: bytes)
    } catch {
        var (keys, problem): ([any CodingKey], String) = ([], "")
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            (keys, problem) = (context.codingPath + [key], "is missing")
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            keys = context.codingPath
        default: break
        }
        if problem.isEmpty {
            var value: JSON? = root
            for key in keys {
                if let index = key.intValue {
                    value = value?.arrayValue.flatMap { $0.indices.contains(index) ? $0[index] : nil }
                } else {
                    value = value?[key.stringValue]
                }
            }
            problem =
                value.map { "found \($0.line.prefix(60)), which no version of this program writes there" }
                ?? "is missing"
        }
        let place = keys.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined().dropFirst()
        throw Failure(
            .badData,
            "\(path): not a dataset manifest: \(place.isEmpty ? "" : "\(place): ")\(problem). "
                + "Prepare the dataset again.")
    }
}
