import Failures
import Glibc
import Synchronization

/// A tokenizer that counts the lines that are not reproduced when their tokens are decoded.
///
/// Foreign models may normalize characters, collapse spaces or lack characters, and would otherwise do so silently.
package struct ComparedTokenizer: Tokenizer {
    private let base: any Tokenizer
    private let changes: TextChanges

    /// Wraps the tokenizer `base` and counts changes in `changes`.
    package init(_ base: any Tokenizer, _ changes: TextChanges) {
        (self.base, self.changes) = (base, changes)
    }

    package var description: TokenizerDescription { base.description }
    package var vocabularySize: Int { base.vocabularySize }

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let first = tokens.count
        let taken = try base.encode(bytes, isLast: isLast, after: previous, appendingTo: &tokens)
        let lineBreak = UInt8(ascii: "\n")
        if taken > 0 {
            changes.compare(
                UnsafeRawBufferPointer(rebasing: bytes[..<taken]), base.decode(Array(tokens[first...])),
                beginsLine: previous == nil || previous == lineBreak, endsLine: isLast || bytes[taken - 1] == lineBreak)
        }
        return taken
    }

    package func prefixCount(of bytes: UnsafeRawBufferPointer, after previous: UInt8?) throws(Failure) -> Int {
        try base.prefixCount(of: bytes, after: previous)
    }

    package var model: [UInt8] { base.model }

    package func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {
        base.decode(token, after: &state, appendingTo: &bytes)
    }

    package func encode(_ text: [UInt8], withSpecial: Bool) throws(Failure) -> [Int32] {
        try base.encode(text, withSpecial: withSpecial)
    }

    package func markedParts(_ text: [UInt8]) throws(Failure) -> [MarkedPart] { try base.markedParts(text) }

    package func name(ofSpecial token: Int32) -> [UInt8] { base.name(ofSpecial: token) }

    package func decode(_ tokens: [Int32], keepsSpecial: Bool) -> [UInt8] {
        base.decode(tokens, keepsSpecial: keepsSpecial)
    }
}

/// Counts the lines that a tokenizer changes.
package final class TextChanges: Sendable {
    package init() {}

    private let counts = Mutex((lines: 0, changed: 0))

    /// Counts the lines of `text`, and those that differ in `decoded`.
    ///
    /// - Parameters:
    ///   - beginsLine: Whether the text begins with a whole line; otherwise its first line is not counted.
    ///   - endsLine: Whether the text ends with a whole line; otherwise its last line is not counted.
    func compare(_ text: UnsafeRawBufferPointer, _ decoded: [UInt8], beginsLine: Bool, endsLine: Bool) {
        func whole<Line>(_ lines: [Line]) -> ArraySlice<Line> {
            lines.dropFirst(beginsLine ? 0 : 1).dropLast(endsLine ? 0 : 1)
        }
        let lineBreak = UInt8(ascii: "\n")
        let all = text.split(separator: lineBreak, omittingEmptySubsequences: false)
        let count = whole(all).count
        var changed = 0
        if text.count != decoded.count || memcmp(decoded, text.baseAddress!, text.count) != 0 {
            let others = decoded.split(separator: lineBreak, omittingEmptySubsequences: false)
            // If line breaks are lost, all lines count as changed.
            changed =
                all.count == others.count
                ? zip(whole(all), whole(others)).count { !$0.elementsEqual($1) } : count
        }
        counts.withLock { [count, changed] in
            $0.lines += count
            $0.changed += changed
        }
    }

    /// The remark for the user; nil if no line was changed.
    package var remark: String? {
        let (lines, changed) = counts.withLock { $0 }
        return changed == 0
            ? nil
            : "the tokenizer changes \(changed) of \(counted(lines, "line")): it normalizes characters or spaces, "
                + "has no token for line breaks, or does not know some characters"
    }
}

/// Collects a preparation's remarks for the user.
package final class PreparationRemarks: Sendable {
    package init() {}

    private let texts = Mutex<[String]>([])

    package func add(_ text: String) { texts.withLock { $0.append(text) } }

    package var all: [String] { texts.withLock { $0 } }
}
