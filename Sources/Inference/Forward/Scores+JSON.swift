import Files
import Metrics

extension Scores {
    /// All metrics by name, then the counts, as members of a JSON object.
    ///
    /// - Parameter names: The names of the classes.
    func members(names: [String]) -> [JSON.Member] {
        let shared = named.map { JSON.Member($0.metric.rawValue, .number($0.value)) }
        let targets = JSON.Member("targets", .integer(targetCount))
        switch details {
        case .tokens(let scores):
            let bits = scores.bitsPerByte.map { [JSON.Member("bits_per_byte", .number($0))] } ?? []
            return shared + [.init("perplexity", .number(scores.perplexity))] + bits + [targets]
        case .classes(let matrix):
            let rows = (0..<matrix.classCount).map { target in
                JSON.array((0..<matrix.classCount).map { .integer(matrix[target, $0]) })
            }
            return shared + averages(matrix) + [
                targets, .init("sequences", .integer(matrix.sampleCount)), classes(matrix, names),
                .init("confusion", .array(rows)),
            ]
        case .labels(let counts):
            return shared + averages(counts) + [
                targets, .init("sequences", .integer(counts.sampleCount)), classes(counts, names),
            ]
        case .numbers(let sums):
            return shared + [
                .init("mean_squared_error", .number(sums.meanSquaredError)), targets,
                .init("sequences", .integer(sums.sampleCount)),
            ]
        case .words: return shared + [targets]
        }
    }

    /// The averages over classes; the macro F1 is already in `named`.
    private func averages(_ classification: some Classification) -> [JSON.Member] {
        let (macro, micro) = (classification.macroAverage, classification.microAverage)
        return [
            .init("validation_precision", .number(macro.precision)), .init("validation_recall", .number(macro.recall)),
            .init("micro_precision", .number(micro.precision)), .init("micro_recall", .number(micro.recall)),
            .init("micro_f1", .number(micro.f1)),
        ]
    }

    private func classes(_ classification: some Classification, _ names: [String]) -> JSON.Member {
        let rows = zip(classification.classes, names).map { counts, name -> JSON in
            [
                "name": .string(name), "precision": .number(counts.scores.precision),
                "recall": .number(counts.scores.recall), "f1": .number(counts.scores.f1),
                "sequences": .integer(counts.support),
            ]
        }
        return .init("classes", .array(rows))
    }
}

extension Evaluation {
    /// The results of the evaluation as one JSON object.
    ///
    /// - Parameter translated: The records with their translations, if the model is an encoder-decoder.
    package func json(_ scores: Scores, _ translated: [Example]?) -> JSON {
        let whole = translated.map { TranslationScores($0).members } ?? []
        let parts = TranslationScores.ofParts(translated ?? []).map { name, scores in
            JSON.object([.init("dataset", .string(name))] + scores.members)
        }
        return .object(
            [
                .init("checkpoint", .string(checkpoint)), .init("step", .integer(step)),
                .init("dataset", .string(dataDirectory)), .init("split", "validation"),
                .init("weights", .string(weightChoice.rawValue)),
            ] + scores.members(names: classNames) + whole + (parts.isEmpty ? [] : [.init("parts", .array(parts))]))
    }
}
