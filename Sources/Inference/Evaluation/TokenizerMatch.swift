import Datasets
import Metrics
import Texts
import Tokenizers

/// Whether token IDs of a dataset and of a model have the same meaning.
package enum TokenizerMatch: Equatable {
    /// Both have the same tokenizer.
    case same
    /// The dataset records no tokenizer, and its token IDs fit into the model's vocabulary: assumed to match.
    case assumed
    /// They differ, with a description of the difference.
    case different(String)

    /// Compares the tokenizer of `dataset` with that of a model of `modelVocabularySize` tokens.
    package init(_ dataset: Dataset, model: TokenizerDescription, modelVocabularySize: Int) {
        let data = dataset.tokenizer
        if data.kind == .none, dataset.vocabularySize <= modelVocabularySize {
            self = .assumed
        } else if data == model {
            self = .same
        } else {
            self = .different(
                "the dataset has \(TokenizerMatch.words(data, dataset.vocabularySize)), but the model "
                    + TokenizerMatch.words(model, modelVocabularySize))
        }
    }

    /// A description that distinguishes tokenizers: kind, vocabulary size, hash of the model, special tokens.
    private static func words(_ tokenizer: TokenizerDescription, _ vocabularySize: Int) -> String {
        switch tokenizer.kind {
        case .none: return "no recorded tokenizer (token IDs below \(vocabularySize))"
        case .byte:
            let special = tokenizer.specialTokens == .none ? "without" : "with"
            return "the tokenizer byte \(special) special tokens (vocabulary \(vocabularySize))"
        case .sentencepiece, .pipeline:
            let digest = tokenizer.modelDigest.map { ", model XXH3-128 \($0.prefix(8))…" } ?? ""
            return "the tokenizer \(tokenizer.kind.rawValue) (vocabulary \(vocabularySize)\(digest))"
        }
    }

    /// Advice if the tokenizers differ.
    ///
    /// - Parameters:
    ///   - modelVocabularySize: The model's vocabulary size, which a tokenizer must not exceed.
    ///   - checkpoint: The directory of the model's checkpoint.
    ///   - dataset: The dataset with the different tokenizer.
    package static func advice(
        _ model: TokenizerDescription, modelVocabularySize: Int, checkpoint: String, _ dataset: Dataset
    ) -> String {
        switch model.kind {
        case .sentencepiece:
            "Prepare the dataset with --tokenizer "
                + "\(shellWord("\(checkpoint)/\(TokenizerDescription.modelFileName)"))."
        case .pipeline: "Prepare the dataset with --tokenizer \(shellWord(checkpoint))."
        case .byte: "Prepare the dataset with --tokenizer byte."
        case .none:
            "Import the model again with the tokenizer that it was trained with: "
                + importOptions(modelVocabularySize, dataset).joined(separator: ", ")
                + "; or use token shards without a tokenizer (*.bin of llm.c or nanoGPT) that were made with the model's tokenizer."
        }
    }

    /// The values of `import --tokenizer` that are possible for a model of `modelVocabularySize` tokens.
    private static func importOptions(_ modelVocabularySize: Int, _ dataset: Dataset) -> [String] {
        var options: [String] = []
        if ByteTokenizer().vocabularySize <= modelVocabularySize { options.append("--tokenizer byte") }
        if let name = dataset.tokenizer.fileName, dataset.vocabularySize <= modelVocabularySize {
            let file = "\(dataset.directory)/\(name)"
            options.append("--tokenizer \(shellPath(file)) (the dataset's)")
        }
        return options + ["--tokenizer FILE (at most \(modelVocabularySize) tokens)"]
    }

    /// The notice that token IDs are assumed to match.
    package static func assumption(_ dataset: String, _ checkpoint: String, _ model: TokenizerDescription) -> String {
        model.kind == .none
            ? "neither \(dataset) nor \(checkpoint) records a tokenizer: assuming that both use the same token IDs"
            : "\(dataset) records no tokenizer: assuming that its token IDs are those of \(checkpoint) "
                + "(tokenizer \(model.kind.rawValue))"
    }
}
