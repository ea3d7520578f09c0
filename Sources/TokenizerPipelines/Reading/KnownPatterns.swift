import Texts

extension SplitPattern {
    /// Returns the pattern of a regular expression; nil if it is not one that tokenizers are known to use. An
    /// expression is recognized by its exact text.
    static func known(_ expression: String) -> SplitPattern? {
        table.first { $0.expressions.containsExactly(expression) }?.pattern
    }

    /// The regular expression that matches as a pattern of letters does.
    static func expression(of pattern: LetterPattern) -> String? {
        table.lazy.compactMap { entry in
            if case .letters(pattern) = entry.pattern { entry.expressions[0] } else { nil }
        }.first
    }

    /// The names of the patterns, for messages.
    static let knownNames =
        "the patterns of GPT-2, CLIP, cl100k (Llama 3), Qwen2, Qwen3.5, o200k, Mistral NeMo, DeepSeek "
        + #"and Falcon, \p{N}{1,3}, \p{N}+, \p{N} and \s+"#

    /// Patterns, and expressions with the same matches.
    private static let table: [(pattern: SplitPattern, expressions: [String])] = [
        (
            .letters(.gpt2),
            [
                #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
                #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
                #"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"#,
            ]
        ),
        (.letters(.clip), [#"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#]),
        (
            .letters(.llama3),
            [
                #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                    + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]
        ),
        (
            .letters(.cl100k),
            [
                #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"#
                    + #"\s*[\r\n]|\s+(?!\S)|\s"#
            ]
        ),
        (
            .letters(.qwen2),
            [
                #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                    + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]
        ),
        (
            .letters(.qwen3),
            [
                #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"#
                    + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]
        ),
        (
            .letters(.o200k),
            [
                #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"#
                    + #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"#
                    + #"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]
        ),
        (
            .letters(.nemo),
            [
                #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"#
                    + #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"#
                    + #"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]
        ),
        (
            .deepSeek,
            [
                ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"##
                    + #" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]
        ),
        (.hanAndKana, [#"[一-龥぀-ゟ゠-ヿ]+"#]),
        (.threeDigits, ["[0-9][0-9][0-9]"]),
        (.run(.number, limit: 3), [#"\p{N}{1,3}"#]),
        (.run(.number, limit: .max), [#"\p{N}+"#]),
        (.character(.number), [#"\p{N}"#]),
        (.run(.space, limit: .max), [#"\s+"#]),
    ]
}

extension LetterPattern {
    /// Of GPT-2, and of the pre-tokenizer `ByteLevel`.
    static let gpt2 = LetterPattern(numbersTakeSpace: true)
    static let clip = LetterPattern(prefix: .none, digitLimit: 1, matchesSpaces: false)
    /// Of Llama 3, and of GPT-4 in most files.
    static let llama3 = LetterPattern(
        contractions: .anyCase, prefix: .anyButLettersNumbersAndLineBreaks, digitLimit: 3, tail: .lineBreaks,
        lineBreaksEndSpaces: true)
    /// Of GPT-4 in tiktoken.
    static let cl100k = with(llama3) { $0.endKeepsSpaces = true }
    static let qwen2 = with(llama3) { $0.digitLimit = 1 }
    static let qwen3 = with(qwen2) { $0.joinsMarks = true }
    /// Of GPT-4o and gpt-oss.
    static let o200k = with(llama3) {
        $0.contractions = .endWords
        $0.separatesCases = true
        $0.tail = .lineBreaksAndSlashes
    }
    /// Of Mistral NeMo.
    static let nemo = with(o200k) {
        $0.contractions = .none
        $0.digitLimit = 1
    }

    private static func with(_ pattern: LetterPattern, _ change: (inout LetterPattern) -> Void) -> LetterPattern {
        var pattern = pattern
        change(&pattern)
        return pattern
    }
}
