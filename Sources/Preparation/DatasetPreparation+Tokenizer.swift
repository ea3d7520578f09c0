import Datasets
import Failures
import Files
import Tokenizers

extension DatasetPreparation {
    /// Creates the tokenizer, and writes its model file, if it has one, to the dataset.
    ///
    /// - Parameters:
    ///   - hasSpecialTokens: Whether a byte tokenizer has special tokens.
    ///   - sample: Returns the training text; called only if the tokenizer is to be trained.
    func chosenTokenizer(
        hasSpecialTokens: Bool, _ note: (String) -> Void, sample: () throws(Failure) -> TextSample
    ) throws(Failure) -> (tokenizer: any Tokenizer, file: RecordedFile?) {
        switch tokenizer {
        case .byte:
            return (ByteTokenizer(withSpecialTokens: hasSpecialTokens), nil)
        case .made(let tokenizer):
            return (tokenizer, nil)
        case .model(let path):
            let model = try FileSystem.contents(of: path, limitBytes: TokenizerDescription.modelBytesLimit)
            let tokenizer = try SentencePieceTokenizer(model: model, source: path)
            return (ComparedTokenizer(tokenizer, changes), try write(model))
        case .learned(let algorithm, let size, let coverage):
            let sample = try sample()
            note("learning \(size) \(algorithm.rawValue) tokens from \(sample.bytes.count >> 10) KiB of text")
            let learned = try algorithm.learn(size: size, from: sample, coverage: coverage)
            if let note = learned.note { remarks.add(note) }
            let tokenizer = try SentencePieceTokenizer(model: learned.model, source: "The learned tokenizer")
            return (tokenizer, try write(learned.model))
        }
    }

    private func write(_ model: [UInt8]) throws(Failure) -> RecordedFile {
        let writer = try RecordFileWriter("\(output)/\(TokenizerDescription.modelFileName)")
        try writer.append(model)
        return try writer.finish()
    }
}
