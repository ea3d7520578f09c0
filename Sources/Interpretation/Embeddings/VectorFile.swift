import Failures
import Files
import Texts

/// The formats of files of vectors.
package enum VectorFormat: String, CaseIterable, Sendable {
    /// Tab-separated numbers, a vector a line, and the names in a second file: what TensorBoard's projector loads.
    case tsv
    /// A directory with both files of `tsv` and the configuration by which TensorBoard finds them.
    case projector
    /// The text format of word2vec: a line "V C", then a name and its numbers on each line.
    case word2vec
}

extension TokenVectors {
    /// Writes all vectors.
    ///
    /// - Parameters:
    ///   - write: Receives lines of the file.
    ///   - writeNames: Receives lines of the file of names, one name each; not called for `word2vec`.
    package func write(
        _ format: VectorFormat, to write: ([UInt8]) throws(Failure) -> Void,
        names writeNames: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        var lines: [UInt8] = format == .word2vec ? Array("\(count) \(width)\n".utf8) : []
        let separator = format == .word2vec ? " " : "\t"
        var seen: [ExactText: Int] = [:]
        for token in 0..<Int32(count) {
            let numbers = vector(token).map { "\($0)" }.joined(separator: separator)
            // Names are unique: programs keep only one vector of a name.
            let count = seen[names[token].exact, default: 0]
            seen[names[token].exact] = count + 1
            let name = count == 0 ? names[token] : "\(names[token])#\(token)"
            switch format {
            case .tsv, .projector:
                lines += "\(numbers)\n".utf8
                try writeNames(Array("\(name)\n".utf8))
            case .word2vec: lines += "\(name) \(numbers)\n".utf8
            }
            if lines.count >= 1 << 16 {
                try write(lines)
                lines.removeAll(keepingCapacity: true)
            }
        }
        try write(lines)
    }

    /// The files of the format `projector`: of vectors, and of the configuration.
    package static let (projectorFileName, projectorConfigurationName) = ("embeddings.tsv", "projector_config.pbtxt")

    /// The configuration of TensorBoard's projector: a `ProjectorConfig` as text, with paths relative to its directory.
    package var projectorConfiguration: String {
        """
        embeddings {
          tensor_name: "\(parameter)"
          tensor_path: "\(TokenVectors.projectorFileName)"
          metadata_path: "\(TokenVectors.namesPath(beside: TokenVectors.projectorFileName))"
        }

        """
    }

    /// The name of the file of names beside the file `path` of format `tsv`.
    package static func namesPath(beside path: String) -> String {
        (path.withoutExactSuffix(".tsv") ?? path) + ".metadata.tsv"
    }
}
