import Failures
import Files
import Texts

/// The contents of a `tokenizer.json` for the older files of tokenizers.
package enum VocabularyFiles {
    /// The tokens that GPT-2 and its relatives treat as special, if their vocabulary has them.
    private static let specialNames = [
        "<|endoftext|>", "<|startoftext|>", "<s>", "</s>", "<pad>", "<unk>", "<mask>",
    ]

    // MARK: GPT-2

    /// The tokenizer of GPT-2's `vocab.json` and `merges.txt`.
    ///
    /// - Throws: `badData` for files of another kind.
    package static func gpt2(
        vocabulary: [UInt8], _ vocabularyPath: String, merges: [UInt8], _ mergesPath: String
    ) throws(Failure) -> JSON {
        let json = try JSON(parsing: vocabulary, source: vocabularyPath)
        guard let members = json.objectValue, !members.isEmpty else {
            throw Failure(
                .badData, "\(vocabularyPath): is not an object of tokens and their numbers, as GPT-2's vocab.json is.")
        }
        var pairs: [JSON] = []
        for (index, line) in lines(merges).enumerated() {
            if line.isEmpty || index == 0 && line.hasExactPrefix("#version") { continue }
            guard line.exactParts(at: " ").count == 2 else {
                throw Failure(
                    .badData,
                    "\(mergesPath): line \(index + 1): found \(shortened(line)); needed: two pieces with a space between them."
                )
            }
            pairs.append(.string(line))
        }
        let known = Set(members.map(\.name.exact))
        for byte in 0...255 where !known.contains(name(ofByte: UInt8(byte)).exact) {
            throw Failure(
                .badData,
                "\(vocabularyPath): has no token for the byte \(byte), so it is not the vocabulary of a byte-level tokenizer. "
                    + "Give the tokenizer.json.")
        }
        guard !known.contains(ExactText("a</w>")) else {
            throw Failure(
                .badData, "\(vocabularyPath): marks the ends of words, unlike GPT-2's. Give the tokenizer.json.")
        }
        let special = members.filter { specialNames.containsExactly($0.name) }.compactMap { member in
            member.value.integerValue.map { (number: $0, text: member.name) }
        }
        return byteLevel(vocabulary: members, merges: pairs, special: special, ignoresMerges: false)
    }

    /// A byte-level tokenizer.
    ///
    /// - Parameters:
    ///   - special: The numbers and names of special tokens.
    ///   - pattern: The regular expression that splits texts; nil: that of GPT-2.
    package static func byteLevel(
        vocabulary: [JSON.Member], merges: [JSON], special: [(number: Int, text: String)], pattern: String? = nil,
        ignoresMerges: Bool
    ) -> JSON {
        func bytes(splits: Bool) -> JSON {
            [
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": .boolean(splits),
            ]
        }
        var splitting = bytes(splits: true)
        if let pattern {
            let split: JSON = [
                "type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": false,
            ]
            splitting = ["type": "Sequence", "pretokenizers": [split, bytes(splits: false)]]
        }
        return file(
            special: special, normalizer: .null, splitting: splitting, frame: .null,
            decoder: ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
            model: [
                "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
                "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": .boolean(ignoresMerges), "vocab": .object(vocabulary), "merges": .array(merges),
            ])
    }

    /// A tokenizer of whole words in lower case and of punctuation marks.
    ///
    /// - Parameters:
    ///   - special: The numbers and names of special tokens, which `vocabulary` has, too.
    ///   - unknown: The name of the token for all other words.
    package static func words(
        vocabulary: [JSON.Member], special: [(number: Int, text: String)], unknown: String
    ) -> JSON {
        file(
            special: special, normalizer: ["type": "Lowercase"], splitting: ["type": "BertPreTokenizer"], frame: .null,
            decoder: .null,
            model: ["type": "WordLevel", "vocab": .object(vocabulary), "unk_token": .string(unknown)])
    }

    private static func file(
        special: [(number: Int, text: String)], normalizer: JSON, splitting: JSON, frame: JSON, decoder: JSON,
        model: JSON
    ) -> JSON {
        let added = special.sorted { $0.number < $1.number }.map { token -> JSON in
            [
                "id": .integer(token.number), "content": .string(token.text), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            ]
        }
        return [
            "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
            "normalizer": normalizer, "pre_tokenizer": splitting, "post_processor": frame, "decoder": decoder,
            "model": model,
        ]
    }

    /// The visible character that stands for a byte.
    package static func name(ofByte byte: UInt8) -> String {
        String(Unicode.Scalar(ByteCharacters.scalar(of: byte))!)
    }

    // MARK: BERT

    /// The tokenizer of BERT's `vocab.txt`: a token on each line.
    ///
    /// - Parameter lowercases: Whether text becomes lower case and loses its accents; nil: if no token has upper case,
    ///   except special ones.
    /// - Throws: `badData` for a file of another kind.
    package static func bert(_ bytes: [UInt8], _ path: String, lowercases: Bool?) throws(Failure) -> JSON {
        var tokens = lines(bytes)
        while tokens.last == "" { tokens.removeLast() }
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        for name in special.dropFirst().dropLast() where !tokens.containsExactly(name) {
            throw Failure(
                .badData,
                "\(path): has no line \(name), so it is not the vocabulary of a BERT. Give the tokenizer.json.")
        }
        if let repeated = tokens.firstRepeated() {
            throw Failure(.badData, "\(path): the token \"\(shortened(repeated))\" is listed twice.")
        }
        let hasUpperCase = tokens.contains { token in
            !token.hasExactPrefix("[") && token.utf8.contains { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
        }
        let numbers = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1.exact, $0) })
        let ends = ["[SEP]", "[CLS]"].map { name -> JSON in [.string(name), .integer(numbers[name.exact]!)] }
        return file(
            special: special.compactMap { name in numbers[name.exact].map { ($0, name) } },
            normalizer: [
                "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": .null,
                "lowercase": .boolean(lowercases ?? !hasUpperCase),
            ],
            splitting: ["type": "BertPreTokenizer"], frame: ["type": "BertProcessing", "sep": ends[0], "cls": ends[1]],
            decoder: ["type": "WordPiece", "prefix": "##", "cleanup": true],
            model: [
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": .object(tokens.enumerated().map { JSON.Member($1, .integer($0)) }),
            ])
    }

    /// The lines of a text, without line ends.
    private static func lines(_ bytes: [UInt8]) -> [String] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
    }
}
