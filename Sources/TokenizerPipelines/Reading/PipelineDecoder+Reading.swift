import Failures
import Texts

extension PipelineDecoder {
    /// Reads a decoder; without one, tokens are joined with spaces.
    init(_ node: FileNode?) throws(Failure) {
        guard let node else {
            joinsWithSpaces = true
            return
        }
        var isFused = false
        try append(node, &isFused)
    }

    private mutating func append(_ node: FileNode, _ isFused: inout Bool) throws(Failure) {
        let kind = try node.kind()
        guard !isFused || kind.exact == "Strip" || kind.exact == "Fuse" else {
            throw node.failure("found \"\(shortened(kind))\" behind \"Fuse\"; allowed there: Strip.")
        }
        switch kind.exact {
        case "Sequence":
            try node.allow("type", "decoders")
            for part in try node.list("decoders") { try append(part, &isFused) }
        case "ByteLevel": steps.append(.byteLevel)
        case "WordPiece":
            try node.allow("type", "prefix", "cleanup")
            steps.append(
                .wordPiece(
                    prefix: Array(try node.text("prefix", "##").utf8), cleansUp: try node.flag("cleanup", default: true)
                ))
        case "Metaspace":
            let metaspace = try Metaspace(node)
            steps.append(.metaspace(metaspace.symbol, dropsFirst: metaspace.prepending != .never))
        case "Replace":
            try node.allow("type", "pattern", "content")
            guard case .text(let text) = try ReplacedPattern(node.required("pattern")) else {
                throw node.failure("replaces a regular expression; allowed in a decoder: a String.")
            }
            steps.append(.replace(text, by: Array(try node.text("content", "").utf8)))
        case "ByteFallback": steps.append(.byteFallback)
        case "Fuse": isFused = true
        case "Strip":
            try node.allow("type", "content", "start", "stop")
            let (content, start) = (try node.required("content"), node.value["start"]?.integerValue ?? 0)
            guard let text = content.value.stringValue, text.unicodeScalars.count == 1 else {
                throw content.wrong("one character")
            }
            guard isFused, (0...1).contains(start), node.value["stop"]?.integerValue ?? 0 == 0, strippedStart.isEmpty
            else {
                throw node.failure(
                    "found \(shortened(node.value.printedLine)); allowed: a single Strip behind Fuse with \"start\" 0 or 1 and "
                        + "\"stop\" 0.")
            }
            if start == 1 { strippedStart = Array(text.utf8) }
        default:
            throw node.unknownKind(
                kind, "ByteLevel, WordPiece, Metaspace, Replace, ByteFallback, Fuse, Strip and Sequence")
        }
    }
}

/// The special tokens around a text: a post-processor of `tokenizer.json`.
struct Frame {
    /// The tokens; nil stands for the text.
    private(set) var tokens: [Int32?] = [nil]

    /// Reads a post-processor; without one there are none.
    init(_ node: FileNode?, tokenCount: Int) throws(Failure) {
        if let node { try apply(node, tokenCount) }
    }

    private mutating func apply(_ node: FileNode, _ tokenCount: Int) throws(Failure) {
        func token(_ node: FileNode) throws(Failure) -> Int32 {
            let number = try node.token()
            guard number < tokenCount else { throw node.wrong("the number of a token, below \(tokenCount)") }
            return number
        }
        let kind = try node.kind()
        switch kind.exact {
        case "Sequence":
            try node.allow("type", "processors")
            for part in try node.list("processors") { try apply(part, tokenCount) }
        case "ByteLevel": break
        case "BertProcessing", "RobertaProcessing":
            try node.allow("type", "sep", "cls", "trim_offsets", "add_prefix_space")
            var ends: [Int32] = []
            for name in ["cls", "sep"] {
                let pair = try node.required(name).elements()
                guard pair.count == 2 else { throw node.failure("\"\(name)\" needs a token and its number.") }
                ends.append(try token(pair[1]))
            }
            tokens = [ends[0]] + tokens + [ends[1]]
        case "TemplateProcessing":
            try node.allow("type", "single", "pair", "special_tokens")
            var result: [Int32?] = []
            for part in try node.list("single") {
                if part.member("Sequence") != nil {
                    result += tokens
                    continue
                }
                let name = try part.required("SpecialToken").required("id")
                guard let text = name.value.stringValue, let special = node.member("special_tokens")?.member(text)
                else {
                    throw name.wrong("a name in special_tokens")
                }
                for number in try special.list("ids") { result.append(try token(number)) }
            }
            tokens = result
        default:
            throw node.unknownKind(
                kind, "ByteLevel, BertProcessing, RobertaProcessing, TemplateProcessing and Sequence")
        }
    }
}
