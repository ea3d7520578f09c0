import Collectives
import Datasets
import Failures
import Metrics
import Reporting

/// The similarity of a model's translations or summaries to the targets of a dataset's validation split.
package struct TranslationScores: Sendable {
    /// BLEU: n-grams of up to 4 words, on detokenized text.
    package let bleu: BLEU
    /// chrF: n-grams of up to 6 characters.
    package let chrF: ChrF
    /// ROUGE: words, pairs of words and longest common subsequences, without stemming.
    package let rouge: CorpusROUGE

    /// Translates the sources of the validation split, divided among the ranks, and compares the translations with the
    /// targets.
    ///
    /// - Parameters:
    ///   - dataset: A parallel dataset with the model's tokenizer and a validation split.
    ///   - settings: The decoding settings.
    /// - Returns: nil on all ranks except 0.
    /// - Throws: As `Generation`.
    static func measure(
        _ dataset: Dataset, _ settings: GenerationSettings, _ trained: TrainedModel,
        _ communicator: any Communicator
    ) throws -> TranslationScores? {
        let (sources, references) = try communicator.together { () throws(Failure) in
            let (records, tokenizer) = (try dataset.records(.validation), trained.tokenizer)
            var texts: [RecordColumn: [String]] = [:]
            for column in [RecordColumn.source, .target] {
                for record in 0..<records.count {
                    var tokens = [Int32](repeating: 0, count: records.length(record, column))
                    try records.read(record, column, from: 0, count: tokens.count, into: &tokens)
                    texts[column, default: []].append(String(decoding: tokenizer.decode(tokens), as: UTF8.self))
                }
            }
            return (texts[.source]!, texts[.target]!)
        }
        let translations = try Generation(settings, trained, communicator)
            .run(lines: sources, name: "the validation split", shouldStop: { false })
        guard let translations, communicator.rank == 0 else { return nil }
        var (bleu, chrF, rouge) = (BLEUCounts(), ChrFCounts(), CorpusROUGE())
        for (translation, reference) in zip(translations, references) {
            bleu += BLEUCounts(hypothesis: translation, reference: reference)
            chrF += ChrFCounts(hypothesis: translation, reference: reference)
            rouge.add(hypothesis: translation, reference: reference)
        }
        return TranslationScores(bleu: BLEU(bleu), chrF: ChrF(chrF), rouge: rouge)
    }

    /// The scores as one line.
    package var text: String {
        "BLEU \(fixed(bleu.score, 2)) (brevity penalty \(fixed(bleu.brevityPenalty, 3))), chrF \(fixed(chrF.score, 2)), "
            + "ROUGE-1, -2 and -L \(ROUGE.Kind.allCases.map { fixed(rouge[$0].f1, 2) }.joined(separator: ", "))"
    }
}
