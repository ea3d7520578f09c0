import Failures
import Synchronization

/// A tokenizer that notices where a text would not come back from its tokens.
///
/// Models of other programs may normalize characters, collapse spaces or not know a character; nothing else would tell.
struct ComparedTokenizer: Tokenizer {
    private let base: any Tokenizer
    private let changes: TextChanges

    /// The tokenizer `base`, whose changes are counted in `changes`.
    init(_ base: any Tokenizer, _ changes: TextChanges) {
        (self.base, self.changes) = (base, changes)
    }

    var description: TokenizerDescription { base.description }
    var vocabularySize: Int { base.vocabularySize }

    func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let first = tokens.count
        let taken = try base.encode(bytes, isLast: isLast, after: previous, appendingTo: &tokens)
        let lineBreak = UInt8(ascii: "\n")
        // Parts of lines that are longer than the tokenizer takes at once are not judged.
        if taken > 0, previous == nil || previous == lineBreak, isLast || bytes[taken - 1] == lineBreak {
            changes.compare(UnsafeRawBufferPointer(rebasing: bytes[..<taken]), base.decode(Array(tokens[first...])))
        }
        return taken
    }

    func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {
        base.decode(token, after: &state, appendingTo: &bytes)
    }
}

/// How many lines of texts a tokenizer changes.
final class TextChanges: Sendable {
    private let counts = Mutex((lines: 0, changed: 0))

    /// Counts the lines of `text`, and those that `decoded` has otherwise.
    func compare(_ text: UnsafeRawBufferPointer, _ decoded: [UInt8]) {
        let lineBreak = UInt8(ascii: "\n")
        let lines = text.split(separator: lineBreak, omittingEmptySubsequences: false)
        var changed = 0
        if !text.elementsEqual(decoded) {
            let others = decoded.split(separator: lineBreak, omittingEmptySubsequences: false)
            // Where line breaks are lost, no line is as it was.
            changed =
                lines.count == others.count
                ? zip(lines, others).count { !$0.elementsEqual($1) } : lines.count
        }
        counts.withLock { [count = lines.count, changed] in
            $0.lines += count
            $0.changed += changed
        }
    }

    /// What a person should know; nil where nothing is changed.
    var remark: String? {
        let (lines, changed) = counts.withLock { $0 }
        return changed == 0
            ? nil
            : "the tokenizer changes \(changed) of \(lines) lines: characters or spaces that it normalizes, line breaks that it "
                + "has no token for, or characters that it does not know do not come back from its tokens"
    }
}

/// What a preparation has to say beside the dataset that it makes.
final class PreparationRemarks: Sendable {
    private let texts = Mutex<[String]>([])

    func add(_ text: String) { texts.withLock { $0.append(text) } }

    var all: [String] { texts.withLock { $0 } }
}
