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
        case .made(let tokenizer): return try compared(tokenizer)
        case .file(let path): return try compared(try TokenizerSource.load(path))
        case .byteLevel(let size):
            let sample = try sample()
            note("learning \(size) bytebpe tokens from \(sample.bytes.count >> 10) KiB of text")
            let tokenizer = try ByteLevelTraining.learn(size: size, from: sample)
            return (tokenizer, try write(tokenizer))
        case .words(let size):
            let sample = try sample()
            note("choosing at most \(size) words from \(sample.bytes.count >> 10) KiB of text")
            return try compared(try WordTraining.learn(size: size, from: sample))
        case .learned(let algorithm, let size, let coverage):
            let sample = try sample()
            note("learning \(size) \(algorithm.rawValue) tokens from \(sample.bytes.count >> 10) KiB of text")
            let learned = try algorithm.learn(size: size, from: sample, coverage: coverage)
            if let note = learned.note { remarks.add(note) }
            let tokenizer = try SentencePieceTokenizer(model: learned.model, source: "The learned tokenizer")
            return (tokenizer, try write(tokenizer))
        }
    }

    /// A tokenizer that may change the texts, and its file.
    private func compared(_ tokenizer: any Tokenizer) throws(Failure) -> (tokenizer: any Tokenizer, file: RecordedFile?)
    {
        let file = try write(tokenizer)
        return (file == nil ? tokenizer : ComparedTokenizer(tokenizer, changes), file)
    }

    /// Writes the tokenizer's file to the dataset; nil if it has none.
    private func write(_ tokenizer: any Tokenizer) throws(Failure) -> RecordedFile? {
        guard let name = tokenizer.description.fileName else { return nil }
        let writer = try RecordFileWriter("\(output)/\(name)")
        try writer.append(tokenizer.model)
        return try writer.finish()
    }
}
