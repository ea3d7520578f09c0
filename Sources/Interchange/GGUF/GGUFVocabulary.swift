import Tokenizers

/// The tokenizer of a model as metadata of a GGUF file.
package struct GGUFVocabulary {
    let metadata: [(key: String, value: GGUFFile.Value)]
    /// Whether the file has a tokenizer that programs can use.
    package let isComplete: Bool

    /// Describes a tokenizer for a model of `vocabularySize` tokens. Of a tokenizer without pieces of SentencePiece,
    /// only the special tokens are recorded.
    package init(_ tokenizer: any Tokenizer, vocabularySize: Int) {
        var metadata: [(key: String, value: GGUFFile.Value)]
        if let pieces = (tokenizer as? SentencePieceTokenizer)?.learnedPieces?.pieces {
            isComplete = true
            let missing = max(0, vocabularySize - pieces.count)
            // 1: text, 3: special, 5: unused, 6: byte.
            let kinds = pieces.map { piece in
                switch piece.kind {
                case .learned: 1
                case .byte: 6
                case .taken: 3
                }
            }
            metadata = [
                ("tokenizer.ggml.model", .text("llama")), ("tokenizer.ggml.pre", .text("default")),
                (
                    "tokenizer.ggml.tokens",
                    .texts(pieces.map(\.text) + (0..<missing).map { "<unused\($0)>" })
                ),
                ("tokenizer.ggml.scores", .reals(pieces.map(\.score) + [Float](repeating: -1e4, count: missing))),
                ("tokenizer.ggml.token_type", .integers(kinds + [Int](repeating: 5, count: missing))),
            ]
        } else {
            isComplete = false
            metadata = [("tokenizer.ggml.model", .text("none"))]
        }
        let special = tokenizer.specialTokens
        for (name, token) in [
            ("bos", special.bos), ("eos", special.eos), ("padding", special.pad),
        ] {
            if let token { metadata.append(("tokenizer.ggml.\(name)_token_id", .integer(Int(token)))) }
        }
        self.metadata = metadata
    }
}
