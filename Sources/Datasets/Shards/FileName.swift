import Texts

/// The names of files within a directory.
enum FileName {
    /// What the names of a shard's files end with.
    static let tokens = ".bin"
    static let ends = ".ends"
    static let labels = ".labels"
    static let pixels = ".pixels"

    /// What the names of the files of a shard begin with: `train-00000`.
    static func shard(_ split: Split, _ index: Int) -> String {
        let digits = String(index)
        return "\(split.rawValue)-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits)"
    }

    /// Whether a preparation writes files of that name, the manifest aside.
    static func isOfPreparation(_ name: String) -> Bool {
        if name == TokenizerDescription.modelFileName { return true }
        guard let stem = [tokens, ends, labels, pixels].lazy.compactMap(name.withoutExactSuffix).first else {
            return false
        }
        let parts = stem.exactParts(at: "-")
        guard (2...3).contains(parts.count), let split = Split(rawValue: parts[0]), let index = Int(parts[1])
        else { return false }
        let isColumn = parts.count == 2 || RecordColumn(rawValue: parts[2]) != nil
        return isColumn && name.hasExactPrefix(shard(split, index))
    }

    /// Returns whether the name of a shard without a manifest says that it is held out: one of its words is `val`, `valid`,
    /// `validation`, `eval` or `evaluation`, in any case of letters.
    ///
    /// A word is a row of letters: `val.bin`, `foo_val_000001.bin` and `val0.bin` are held out, `medieval_train.bin` and
    /// `interval.bin` are not. Bytes of other alphabets count as letters.
    static func isOfValidation(_ name: String) -> Bool {
        let words = name.utf8.split { !(0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || $0 >= 0x80) }
        // Small letters: one bit tells them from capital ones.
        return words.contains { word in
            validationWords.contains { $0.utf8.elementsEqual(word.lazy.map { $0 < 0x80 ? $0 | 0x20 : $0 }) }
        }
    }

    private static let validationWords = ["val", "valid", "validation", "eval", "evaluation"]

    /// The last component of `path`.
    static func last(of path: String) -> String {
        path.exactParts(at: "/", omittingEmpty: true).last ?? path
    }

    /// Whether `name` names something in the directory it is looked up in, and nothing elsewhere.
    static func isPlain(_ name: String) -> Bool {
        // Bytes, not characters: a slash with an accent is one character, and still a slash for the system.
        let forbidden = ["/", "\\", "\0"].flatMap(\.utf8)
        return !name.isEmpty && name != "." && !name.containsExactly("..")
            && !name.utf8.contains(where: forbidden.contains)
    }
}
