import Failures
import Texts

extension TextNormalizer {
    /// Reads a normalizer.
    init(_ node: FileNode) throws(Failure) {
        let kind = try node.kind()
        switch kind.exact {
        case "Sequence":
            try node.allow("type", "normalizers")
            var parts: [TextNormalizer] = []
            for part in try node.list("normalizers") { parts.append(try TextNormalizer(part)) }
            self = .sequence(parts)
        case "NFC": self = .form(.nfc)
        case "NFD": self = .form(.nfd)
        case "NFKC": self = .form(.nfkc)
        case "NFKD": self = .form(.nfkd)
        case "Lowercase": self = .lowercase
        case "StripAccents": self = .stripAccents
        case "Nmt": self = .nmt
        case "BertNormalizer":
            try node.allow("type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
            let lowercases = try node.flag("lowercase", default: true)
            self = .bert(
                BERTNormalizer(
                    cleansText: try node.flag("clean_text", default: true),
                    separatesHan: try node.flag("handle_chinese_chars", default: true),
                    stripsAccents: try node.flag("strip_accents", default: lowercases), lowercases: lowercases))
        case "Replace":
            try node.allow("type", "pattern", "content")
            self = .replace(try ReplacedPattern(node.required("pattern")), by: Array(try node.text("content", "").utf8))
        case "Prepend":
            try node.allow("type", "prepend")
            self = .prepend(Array(try node.text("prepend", "").utf8))
        case "Strip":
            try node.allow("type", "strip_left", "strip_right")
            self = .strip(
                left: try node.flag("strip_left", default: true), right: try node.flag("strip_right", default: true))
        case "Precompiled":
            try node.allow("type", "precompiled_charsmap")
            let map = try node.required("precompiled_charsmap")
            guard let bytes = map.value.stringValue.flatMap(base64), let table = CharacterMap(bytes[...]), table.isSound
            else { throw map.failure("is damaged; needed: the base64 text of a SentencePiece model's table.") }
            self = .precompiled(table)
        default:
            throw node.unknownKind(
                kind,
                "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Nmt, BertNormalizer, Replace, Prepend, Strip, Precompiled "
                    + "and Sequence")
        }
    }
}

extension ReplacedPattern {
    /// Reads the pattern of a normalizer or decoder.
    init(_ node: FileNode) throws(Failure) {
        if let text = try node.text("String") {
            guard !text.isEmpty else { throw node.failure("is an empty text; needed: one with characters.") }
            self = .text(Array(text.utf8))
            return
        }
        let expression = try node.text("Regex") ?? ""
        switch expression.exact {
        case " {2,}": self = .repeatedSpaces
        case #"\s+"#: self = .whiteSpace
        case #"[\n\r\t]"#: self = .lineBreak
        case #"\s{2,}|[\n\r\t]"#: self = .repeatedWhiteSpaceOrLineBreak
        default:
            throw node.unknownKind(
                expression, #"a String, or the expressions " {2,}", "\s+", "[\n\r\t]" and "\s{2,}|[\n\r\t]""#)
        }
    }
}

extension FileNode {
    /// The text of a member; `standard` if it is missing.
    func text(_ name: String, _ standard: String) throws(Failure) -> String { try text(name) ?? standard }
}
