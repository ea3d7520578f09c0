import Failures
import Files
import TokenizerPipelines

/// Trains a byte-level BPE tokenizer, as GPT-2 has one, and describes it in a `tokenizer.json`.
package enum ByteLevelTraining {
    /// The special tokens, whose numbers are their places.
    private static let special = ["<pad>", "<s>", "</s>", "<cls>", "<sep>", "<mask>"]
    /// The number of tokens that every tokenizer has: the special ones and the bytes.
    package static let fixedTokens = special.count + 256

    /// Trains a tokenizer of exactly `size` tokens. It encodes every text without loss.
    ///
    /// - Throws: `usage` if `size` is too small, or the sample has too few pairs for it.
    package static func learn(size: Int, from sample: TextSample) throws(Failure) -> PipelineTokenizer {
        guard size >= fixedTokens else {
            throw Failure(
                .usage,
                "--tokenizer bytebpe:\(size): bytes and special tokens alone need \(fixedTokens) tokens. Allowed: at least "
                    + "\(fixedTokens) tokens.")
        }
        let merges = sample.bytes.withUnsafeBufferPointer { text in
            var training = BytePairTraining(text, firstByte: Int32(special.count))
            return training.learn(size - fixedTokens)
        }
        guard merges.count == size - fixedTokens else {
            throw Failure(
                .usage,
                "--tokenizer bytebpe:\(size): cannot be learned from \(counted(sample.bytes.count, "byte")) of training text: "
                    + "it has no more pairs. Allowed: at most \(fixedTokens + merges.count) tokens.")
        }
        var names = special + BytePairTraining.byteOrder.map { VocabularyFiles.name(ofByte: $0) }
        var pairs: [JSON] = []
        for merge in merges {
            let (left, right) = (names[Int(merge.left)], names[Int(merge.right)])
            names.append(left + right)
            pairs.append(.string("\(left) \(right)"))
        }
        let file = VocabularyFiles.byteLevel(
            vocabulary: names.enumerated().map { JSON.Member($1, .integer($0)) }, merges: pairs,
            special: special.enumerated().map { ($0, $1) }, ignoresMerges: false)
        return try PipelineTokenizer(model: Array(file.line.utf8), source: "The learned tokenizer")
    }
}
