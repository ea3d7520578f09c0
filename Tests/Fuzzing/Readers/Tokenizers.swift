import Failures

@testable import Tokenizers

extension FuzzedReader {
    /// A text on which a tokenizer is trained, preceded by a byte with the options; the tokenizer must encode every
    /// text losslessly.
    static let tokenizerTraining = FuzzedReader(name: "tokenizer-training", refusals: [.usage]) {
        ["0the quick brown fox jumps over the lazy dog\n", "\u{1}to be or not to be\nthat is the question 漢字 é\n"]
            .map { Array($0.utf8) }
    } open: { _ in
        return { bytes in
            let algorithm = TokenizerAlgorithm.allCases[Int(bytes.first ?? 0) % TokenizerAlgorithm.allCases.count]
            // Training text is validated before training; SentencePiece itself uses U+2581 for a space.
            guard let text = String(validating: bytes.dropFirst(), as: UTF8.self),
                !text.unicodeScalars.contains("\u{2581}")
            else {
                throw Failure(.usage, "no text")
            }
            // All bytes, the special tokens, every character, and a few more.
            let size = 256 + 8 + Set(text.unicodeScalars).count + Int((bytes.first ?? 0) >> 4)
            var sample = TextSample(totalBytes: bytes.count)
            Array(text.utf8).withUnsafeBytes { sample.append($0) }
            let tokenizer = try SentencePieceTokenizer(
                model: algorithm.learn(size: size, from: sample).model, source: "learned")
            let tokens = try tokenizer.encode(text)
            try Defect.unless(Array(text.utf8) == tokenizer.decode(tokens), "\(text.debugDescription) is changed")
        }
    }.with(changes: 20)

    /// A SentencePiece model: a model that loads also encodes and decodes.
    static let sentencePieceModel = FuzzedReader(name: "tokenizer-model", refusals: [.badData]) {
        let text = "the quick brown fox jumps over the lazy dog, and the dog barks\n"
        var sample = TextSample(totalBytes: text.utf8.count * 20)
        Array(String(repeating: text, count: 20).utf8).withUnsafeBytes { sample.append($0) }
        // A piece for unknown text, and one for "a".
        let unknown: [UInt8] = [0x0A, 9, 0x0A, 5] + Array("<unk>".utf8) + [0x18, 2]
        let known: [UInt8] = [0x0A, 8, 0x0A, 1, 0x61, 0x15, 0, 0, 0, 0x40]
        let (merges, unigrams) = (TokenizerAlgorithm.bpe, TokenizerAlgorithm.unigram)
        return [
            try merges.learn(size: 310, from: sample).model, try unigrams.learn(size: 294, from: sample).model,
            unknown + known,
        ]
    } open: { _ in
        let texts = ["a", "the dog\n\nbarks", " \t  é漢🙂\u{0}\u{2581}", String(repeating: "aab ", count: 50)]
        return { bytes in
            let tokenizer = try SentencePieceTokenizer(model: bytes, source: "some.model")
            let vocabulary = Int32(tokenizer.vocabularySize)
            try Defect.unless(vocabulary > 0, "a vocabulary of \(vocabulary)")
            try Defect.unless(
                tokenizer.specialTokens.all.allSatisfy { 0..<vocabulary ~= $0 },
                "a special token outside the vocabulary")
            for text in texts {
                let tokens = try tokenizer.encode(text)
                try Defect.unless(tokens.allSatisfy { 0..<vocabulary ~= $0 }, "a token outside the vocabulary")
                _ = tokenizer.decode(tokens)
            }
            _ = tokenizer.decode(Array(0..<min(vocabulary, 2000)))
            try Defect.unless(tokenizer.pieceNames.count == Int(vocabulary), "names of other tokens")
            _ = tokenizer.byteCounts()
        }
    }
}
