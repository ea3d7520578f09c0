import Failures
import Files
import Texts

/// Reads a `tokenizer.json` of the library `tokenizers`.
///
/// What the file names and dtrain does not know is refused. The settings of truncation and padding are ignored: they
/// belong to the one who uses a tokenizer.
package struct TokenizerFile {
    /// The largest vocabulary.
    static let tokenLimit = 1 << 24

    private let file: FileNode

    /// Parses a file.
    ///
    /// - Parameter source: The path of the file, for messages.
    /// - Throws: `badData` for another kind of file.
    package init(parsing bytes: [UInt8], source: String) throws(Failure) {
        try self.init(JSON(parsing: bytes, source: source), source: source)
    }

    /// A file that was parsed.
    package init(_ json: JSON, source: String) throws(Failure) {
        file = FileNode(value: json, place: source)
        guard json.objectValue != nil, json["model"] != nil else {
            throw file.failure(
                "is not a tokenizer.json of the library tokenizers, which is an object with a \"model\". Give a "
                    + "tokenizer.json, a vocab.json beside its merges.txt, a vocab.txt, a FILE.tiktoken or a FILE.model."
            )
        }
    }

    /// Makes the tokenizer.
    ///
    /// - Throws: `badData` with the place in the file for what is unknown, missing or contradictory.
    package func pipeline() throws(Failure) -> TokenizerPipeline {
        try file.allow(
            "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
            "decoder",
            "model")
        let normalizer = try file.member("normalizer").map { node throws(Failure) in try TextNormalizer(node) }
        let splitting = try Splitting(file.member("pre_tokenizer"))
        let reader = try ModelReading(file.required("model"), isByteLevel: splitting.endsWithBytes)
        var pipeline = TokenizerPipeline(model: reader.model)
        pipeline.normalizer = normalizer
        pipeline.splitting = splitting
        pipeline.unknown = reader.unknown
        pipeline.addedTokens = try addedTokens()
        pipeline.names = try names(reader, pipeline.addedTokens)
        pipeline.tokenCount = pipeline.names.count
        pipeline.frame = try Frame(file.member("post_processor"), tokenCount: pipeline.tokenCount).tokens
        pipeline.isSpecial = Array(repeating: false, count: pipeline.tokenCount)
        for token in pipeline.addedTokens where token.isSpecial { pipeline.isSpecial[Int(token.number)] = true }
        pipeline.rawSearch = AddedTokenSearch(
            pipeline.addedTokens.filter { !$0.isNormalized }.map { ($0.content, $0) })
        let normalized = pipeline.addedTokens.filter(\.isNormalized).map { token in
            var text = token.content
            normalizer?.apply(to: &text, continues: false)
            return (text: text, token: token)
        }
        pipeline.normalizedSearch = AddedTokenSearch(normalized)
        // A token that is searched in the normalized text decodes to that text.
        var texts = pipeline.names
        for (text, token) in normalized { texts[Int(token.number)] = text }
        let decoder = try PipelineDecoder(file.member("decoder"))
        pipeline.pieces = texts.map(decoder.piece)
        pipeline.cuts = TextCuts(
            normalizer, splitting, reader.model, added: pipeline.addedTokens.map { ($0.content, $0) } + normalized)
        return pipeline
    }

    private func addedTokens() throws(Failure) -> [AddedToken] {
        var tokens: [AddedToken] = []
        for node in try file.list("added_tokens") {
            try node.allow("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special")
            let content = try node.required("content")
            guard let text = content.value.stringValue, !text.isEmpty else { throw content.wrong("a text") }
            let isSpecial = try node.flag("special", default: false)
            tokens.append(
                AddedToken(
                    content: Array(text.utf8), number: try node.required("id").token(),
                    isSingleWord: try node.flag("single_word", default: false),
                    takesLeft: try node.flag("lstrip", default: false),
                    takesRight: try node.flag("rstrip", default: false),
                    isNormalized: try node.flag("normalized", default: !isSpecial), isSpecial: isSpecial))
        }
        return tokens
    }

    /// The text of every token: the model's, then the added ones.
    private func names(_ reader: ModelReading, _ added: [AddedToken]) throws(Failure) -> [[UInt8]] {
        var texts = reader.pieces
        var contents = Vocabulary(capacity: added.count)
        for token in added {
            let name = String(decoding: token.content, as: UTF8.self)
            guard contents.insert(token.content, token.number) else {
                throw file.failure("added_tokens: the token \"\(shortened(name))\" is listed twice.")
            }
            if let number = reader.number(of: token.content) {
                guard number == token.number else {
                    throw file.failure(
                        "added_tokens: \"\(shortened(name))\" has the number \(token.number), but \(number) in the model's "
                            + "vocabulary; needed: the same number.")
                }
            } else {
                texts.append((token.content, token.number))
            }
        }
        var names = [[UInt8]?](repeating: nil, count: texts.count)
        for (text, number) in texts {
            guard Int(number) < texts.count else {
                let used = Set(texts.map(\.number))
                let missing = (0..<Int32(texts.count)).first { !used.contains($0) }!
                throw file.failure(
                    "has \(texts.count) tokens, but no token with the number \(missing), and "
                        + "\"\(shortened(String(decoding: text, as: UTF8.self)))\" has \(number); needed: the numbers from 0 to "
                        + "\(texts.count - 1).")
            }
            if let other = names[Int(number)] {
                let both = [other, text].map { "\"\(shortened(String(decoding: $0, as: UTF8.self)))\"" }
                throw file.failure(
                    "the tokens \(both[0]) and \(both[1]) have the same number \(number); needed: a number for each.")
            }
            names[Int(number)] = text
        }
        return names.compactMap(\.self)
    }
}
