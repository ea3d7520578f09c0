import Texts
import Tokenizers

/// The names of files within a directory.
package enum FileName {
    /// The file name extensions of a shard's files.
    package static let tokens = ".bin"
    package static let ends = ".ends"
    package static let labels = ".labels"
    package static let pixels = ".pixels"

    /// The common prefix of a shard's file names, for example `train-00000`.
    package static func shard(_ split: Split, _ index: Int) -> String {
        let digits = String(index)
        return "\(split.rawValue)-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits)"
    }

    private static let unpackedSuffix = ".unpacked"

    /// The name of a plain copy of a compressed input, which exists only during a preparation.
    package static func unpacked(_ index: Int) -> String { "input-\(index)\(unpackedSuffix)" }

    /// Whether a preparation writes a file of that name; false for the manifest.
    static func isOfPreparation(_ name: String) -> Bool {
        if [TokenizerDescription.modelFileName, TokenizerDescription.pipelineFileName].containsExactly(name)
            || name.hasExactSuffix(unpackedSuffix)
        {
            return true
        }
        guard let stem = [tokens, ends, labels, pixels].lazy.compactMap(name.withoutExactSuffix).first else {
            return false
        }
        let parts = stem.exactParts(at: "-")
        guard (2...3).contains(parts.count), let split = Split(rawValue: parts[0]), let index = Int(parts[1])
        else { return false }
        let isColumn = parts.count == 2 || RecordColumn(rawValue: parts[2]) != nil
        return isColumn && name.hasExactPrefix(shard(split, index))
    }

    /// Whether the name of a shard without a manifest marks it as validation data: one of its words is `val`, `valid`,
    /// `validation`, `eval` or `evaluation`, ignoring case.
    ///
    /// A word is a maximal sequence of letters: `val.bin`, `foo_val_000001.bin` and `val0.bin` are validation shards,
    /// `medieval_train.bin` and `interval.bin` are not. Bytes of non-ASCII characters count as letters.
    static func isOfValidation(_ name: String) -> Bool {
        let words = name.utf8.split { !(0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || $0 >= 0x80) }
        // ASCII letters are converted to lower case by setting one bit.
        return words.contains { word in
            validationWords.contains { $0.utf8.elementsEqual(word.lazy.map { $0 < 0x80 ? $0 | 0x20 : $0 }) }
        }
    }

    private static let validationWords = ["val", "valid", "validation", "eval", "evaluation"]

    /// The last component of `path`.
    package static func last(of path: String) -> String {
        path.exactParts(at: "/", omittingEmpty: true).last ?? path
    }

    /// Whether `name` is a file name without a path, so that it cannot lead outside its directory.
    static func isPlain(_ name: String) -> Bool {
        // Compares bytes: a slash followed by a combining accent is one `Character`, but still a path separator.
        let forbidden = ["/", "\\", "\0"].flatMap(\.utf8)
        return !name.isEmpty && name != "." && !name.containsExactly("..")
            && !name.utf8.contains(where: forbidden.contains)
    }
}
