import Files
import Metrics
import Reporting
import Texts

/// The similarity of a model's translations or summaries to the targets of a dataset's validation split.
package struct TranslationScores: Sendable {
    /// BLEU: n-grams of up to 4 words, on detokenized text.
    package let bleu: BLEU
    /// chrF: n-grams of up to 6 characters.
    package let chrF: ChrF
    /// ROUGE: words, pairs of words and longest common subsequences, without stemming.
    package let rouge: CorpusROUGE

    /// Compares translations with their references.
    package init(_ examples: [Example]) {
        var (bleu, chrF, rouge) = (BLEUCounts(), ChrFCounts(), CorpusROUGE())
        for example in examples {
            bleu += BLEUCounts(hypothesis: example.prediction.text, reference: example.reference.text)
            chrF += ChrFCounts(hypothesis: example.prediction.text, reference: example.reference.text)
            rouge.add(hypothesis: example.prediction.text, reference: example.reference.text)
        }
        (self.bleu, self.chrF, self.rouge) = (BLEU(bleu), ChrF(chrF), rouge)
    }

    /// The scores of each dataset of a mixture with its name, in their order; empty without one.
    package static func ofParts(_ examples: [Example]) -> [(name: String, scores: TranslationScores)] {
        var parts: [(name: String, examples: [Example])] = []
        for example in examples {
            guard let part = example.part else { continue }
            if let last = parts.indices.last, parts[last].name.exact == part.exact {
                parts[last].examples.append(example)
            } else {
                parts.append((part, [example]))
            }
        }
        return parts.map { ($0, TranslationScores($1)) }
    }

    /// The scores as one line.
    package var text: String {
        "BLEU \(fixed(bleu.score, 2)) (brevity penalty \(fixed(bleu.brevityPenalty, 3))), chrF \(fixed(chrF.score, 2)), "
            + "ROUGE-1, -2 and -L \(ROUGE.Kind.allCases.map { fixed(rouge[$0].f1, 2) }.joined(separator: ", "))"
    }

    /// The scores as members of a JSON object.
    var members: [JSON.Member] {
        [
            .init("bleu", .number(bleu.score)), .init("brevity_penalty", .number(bleu.brevityPenalty)),
            .init("chrf", .number(chrF.score)),
        ] + ROUGE.Kind.allCases.map { .init($0.rawValue, .number(rouge[$0].f1)) }
    }
}
