import Texts
import CSentencePiece
import Failures
import Files

/// The algorithms with which SentencePiece trains a tokenizer.
package enum TokenizerAlgorithm: String, CaseIterable, Sendable {
    /// Byte-pair encoding: Sennrich, Haddow & Birch 2016, arXiv:1508.07909.
    case bpe
    /// A unigram language model: Kudo 2018, arXiv:1804.10959.
    case unigram

    /// The number of pieces that every model has: special tokens, a line break and the 256 bytes.
    static let fixedPieces = 8 + 256

    /// A trained model.
    package struct Learned {
        /// The model in SentencePiece's file format.
        package let model: [UInt8]
        /// A remark for the user about characters without a token; nil if the default coverage was reached.
        package let note: String?
    }

    /// Trains a model of `size` tokens on `sample`. The same sample gives the same bytes.
    ///
    /// The model is lossless and can encode every text: characters without a piece are encoded as bytes. Its special
    /// tokens are the pieces <pad>, <unk>, <s>, </s>, <cls>, <sep>, <mask>; the line break is a piece too.
    ///
    /// - Parameter coverage: The fraction of the sample that characters with their own pieces must cover, most frequent
    ///   first; other characters get no piece. nil: 0.9995, or less if `size` is too small.
    /// - Throws: `usage` if the sample has too few pieces for `size` tokens, or requires more tokens.
    package func learn(size: Int, from sample: TextSample, coverage: Double? = nil) throws(Failure) -> Learned {
        guard !sample.ends.isEmpty else {
            throw Failure(
                .usage,
                "--tokenizer \(rawValue):\(size): cannot be learned from a training text that has only line breaks. "
                    + "Prepare more text, or use --tokenizer byte.")
        }
        if coverage == nil {
            let (model, reason) = try train(size, sample, allCharacters: false)
            if let model { return Learned(model: model, note: nil) }
            guard reason.containsExactly("smaller than required_chars"), size > TokenizerAlgorithm.fixedPieces else {
                throw failure(size, sample, reason)
            }
        }
        let characters = sample.characters()
        let total = characters.reduce(0) { $0 + $1.count }
        func share(_ count: Int) -> Double {
            Double(characters.prefix(count).reduce(0) { $0 + $1.count }) / Double(max(1, total))
        }
        // The space needs a piece too.
        let room = size - TokenizerAlgorithm.fixedPieces - 1
        var count = min(max(0, room), characters.count)
        /// The number of most frequent characters that make up the fraction `coverage` of the sample.
        func needed(_ coverage: Double) -> Int {
            var covered = 0
            return characters.prefix { character in
                defer { covered += character.count }
                return Double(covered) < coverage * Double(total)
            }.count
        }
        if let coverage {
            count = needed(coverage)
            guard count <= room else {
                throw Failure(
                    .usage,
                    "--tokenizer \(rawValue):\(size): the \(count) most frequent characters, \(coverage) of the text, need "
                        + "one token each, in addition to bytes and special tokens. Allowed: at least "
                        + "\(TokenizerAlgorithm.fixedPieces + 1 + count) tokens, or a lower --coverage, such as "
                        + "\(rounded(share(max(0, room)))).")
            }
        }
        guard count > 0 || characters.isEmpty else {
            throw Failure(
                .usage,
                "--tokenizer \(rawValue):\(size): bytes, special tokens and the space leave no token for a character. "
                    + "Allowed: at least \(TokenizerAlgorithm.fixedPieces + 2) tokens; "
                    + "\(TokenizerAlgorithm.fixedPieces + 1 + needed(0.9995)) cover nearly every character of the text. For "
                    + "bytes alone: --tokenizer byte.")
        }
        let kept = sample.keeping(Set(characters.prefix(count).map(\.character)))
        let (model, reason) = try train(size, kept, allCharacters: true)
        guard let model else { throw failure(size, sample, reason) }
        let note =
            count == characters.count
            ? nil
            : "\(count) of \(characters.count) characters have their own tokens, \(rounded(100 * share(count))) % of the text; the "
                + "others are encoded as bytes"
        return Learned(model: model, note: note)
    }

    /// Rounds down to three digits.
    private func rounded(_ number: Double) -> Double { (number * 1000).rounded(.down) / 1000 }

    /// Rejects learning if the limits of this process leave too little memory, because SentencePiece ends the process
    /// if one of its threads cannot allocate.
    static func requireMemory(_ sample: TextSample, available: Int) throws(Failure) {
        let needed = sample.bytes.count * bytesPerSampleByte + threadBytes
        guard needed > available else { return }
        throw Failure(
            .usage,
            "learning a tokenizer from \(sample.bytes.count) bytes of text needs about \(needed / 1_000_000) MB of memory; "
                + "\(available / 1_000_000) MB are available. Free some memory, raise the limit of the address space (ulimit -v), "
                + "or use --tokenizer byte.")
    }

    /// An upper bound of SentencePiece's memory per byte of the sample: it needs less than 1 GB for
    /// `TextSample.limitBytes`.
    private static let bytesPerSampleByte = 32
    /// The additional memory for the stacks and heaps of its four threads.
    private static let threadBytes = 64 << 20

    /// Trains with SentencePiece. On failure returns its error message, which is only parsed and never shown.
    ///
    /// - Throws: `usage` or `inputOutput` if memory does not suffice.
    private func train(
        _ size: Int, _ sample: TextSample, allCharacters: Bool
    ) throws(Failure) -> (model: [UInt8]?, reason: String) {
        try TokenizerAlgorithm.requireMemory(sample, available: SystemMemory.availableBytes())
        var error = csentencepiece_error()
        var count = 0
        let model = sample.bytes.withUnsafeBytes { bytes in
            sample.ends.withUnsafeBufferPointer { ends in
                csentencepiece_train(
                    rawValue, Int32(size), "<cls>,<sep>,<mask>", allCharacters,
                    bytes.bindMemory(to: CChar.self).baseAddress, ends.baseAddress, ends.count, &count, &error)
            }
        }
        guard let model else {
            if error.is_out_of_memory { throw SentencePieceHandle.outOfMemory("--tokenizer \(rawValue):\(size)") }
            let said = withUnsafeBytes(of: error.text) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            return (nil, said)
        }
        defer { csentencepiece_release(model) }
        return (Array(UnsafeRawBufferPointer(start: model, count: count)), "")
    }

    /// Explains a training failure in terms of dtrain's options.
    private func failure(_ size: Int, _ sample: TextSample, _ said: String) -> Failure {
        let number = said.split { !$0.isNumber }.compactMap { Int($0) }
        let reason =
            if size <= TokenizerAlgorithm.fixedPieces {
                "bytes and special tokens alone need \(TokenizerAlgorithm.fixedPieces) tokens. Allowed: at least "
                    + "\(TokenizerAlgorithm.fixedPieces + 2) tokens."
            } else if said.containsExactly("too high"), let most = number.last {
                "it has no more pieces. Allowed: at most \(most) tokens."
            } else {
                "it is too short or too uniform for that many. Choose another number of tokens, prepare more text, or use "
                    + "--tokenizer byte."
            }
        return Failure(
            .usage,
            "--tokenizer \(rawValue):\(size): cannot be learned from \(counted(sample.bytes.count, "byte")) of training text: \(reason)"
        )
    }
}
