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
        let readable = DatasetManifest.readableVersions
        guard readable.contains(version) else {
            throw Failure(
                .badData,
                "\(path): version \(version), this program reads versions \(readable.lowerBound) to "
                    + "\(readable.upperBound). Prepare the dataset again, or use the program that made it.")
        }
        self = try decodeJSON(DatasetManifest.self, from: bytes, path)
        try checkPromises(path)
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
