import Collectives
import Datasets
import Failures
import Metrics

extension Evaluation {
    /// Whether the model answers each record as a whole: a classifier or a translator.
    package var hasExamples: Bool { translator != nil || forwardPass.model.architecture.output == .sequence }

    /// The records of the validation split with the predictions of a classifier, computed on this rank alone.
    ///
    /// - Parameter shouldStop: Called before each batch; the remaining records are left out.
    /// - Throws: `badData` if a record cannot be read.
    package func classified(unless shouldStop: () -> Bool = { false }) throws(Failure) -> [Example] {
        let kind = forwardPass.prediction.loss.targetKind
        let outputs = forwardPass.model.head.outputWidth
        let records = try ValidationRecords(data)
        var examples: [Example] = []
        for index in 0..<batches.count where !shouldStop() {
            try batches.load(index, into: batch)
            _ = forwardPass.loss(of: batch) { logits, rows in
                for (place, row) in rows.enumerated() {
                    let row = Int(row)
                    let predicted = LabelPrediction(
                        UnsafeBufferPointer(start: logits + place * outputs, count: outputs), names: classNames, kind)
                    var example = Example(
                        record: Int(batch.sampleIndices[row]), reference: .number(0), prediction: .number(0), quality: 0
                    )
                    switch predicted {
                    case .classes(let ranked):
                        let name = classNames[Int(batch.fields.classTargets![row])]
                        (example.reference, example.prediction) = (.text(name), .text(ranked[0].label))
                        example.probability = ranked[0].probability
                        example.quality = ranked.first { $0.label.exact == name.exact }?.probability ?? 0
                    case .labels(let ranked):
                        let targets = batch.fields.valueTargets! + row * outputs
                        let expected = (0..<outputs).filter { targets[$0] > 0.5 }.map { classNames[$0] }
                        let found = Set(ranked.filter { $0.probability > 0.5 }.map(\.label.exact))
                        let predicted = classNames.filter { found.contains($0.exact) }
                        (example.reference, example.prediction) = (.labels(expected), .labels(predicted))
                        let wrong = Set(expected.map(\.exact)).symmetricDifference(predicted.map(\.exact)).count
                        example.quality = -Double(wrong)
                    case .number(let number):
                        let target = Double(batch.fields.valueTargets![row])
                        (example.reference, example.prediction) = (.number(target), .number(number))
                        example.quality = -abs(number - target)
                    }
                    examples.append(example)
                }
            }
        }
        let tokenizer = dataset.kind == .labelled ? try? dataset.makeTokenizer() : nil
        for index in examples.indices {
            let record = examples[index].record
            if let tokenizer { examples[index].input = try records.text(record, .text, tokenizer) }
            (examples[index].part, examples[index].record) = records.place(of: record)
        }
        return examples
    }

    /// The records of the validation split with the model's translations; nil on ranks other than 0, and for models
    /// that do not translate. Collective: every rank calls it.
    ///
    /// - Parameters:
    ///   - beams: The number of beams of the beam search.
    ///   - limit: The number of records that are translated, as many of each dataset of a mixture, from the first; nil:
    ///     all.
    /// - Throws: As `Generation`.
    package func translated(beams: Int, limit: Int? = nil) throws -> [Example]? {
        guard let translator else { return nil }
        var settings = GenerationSettings(checkpoint: translator.directory)
        settings.decoding.beams = beams
        let (records, indices, pairs) = try communicator.together { () throws(Failure) in
            let records = try ValidationRecords(data)
            let indices = records.indices(limit: limit)
            var pairs: [(source: String, target: String)] = []
            for record in indices {
                pairs.append(
                    (
                        try records.text(record, .source, translator.tokenizer),
                        try records.text(record, .target, translator.tokenizer)
                    ))
            }
            return (records, indices, pairs)
        }
        let translations = try Generation(settings, translator, communicator)
            .run(lines: pairs.map(\.source), name: "the validation split", shouldStop: { false })
        guard let translations, communicator.rank == 0 else { return nil }
        return indices.indices.map { index in
            let (pair, translation) = (pairs[index], translations[index])
            let (part, record) = records.place(of: indices[index])
            let counts = ChrFCounts(hypothesis: translation, reference: pair.target)
            return Example(
                part: part, record: record, input: pair.source, reference: .text(pair.target),
                prediction: .text(translation), quality: ChrF(counts).score)
        }
    }

    /// Beginnings of validation texts with their continuations, the true one and that of a decoder, which is greedy;
    /// none for other models. Computed on this rank alone.
    ///
    /// - Parameters:
    ///   - count: The number of beginnings, from different parts of the split.
    ///   - tokens: The maximum number of tokens of a continuation; half a context at most.
    ///   - shouldStop: Called before each token.
    /// - Throws: As `Generation`.
    package func continued(
        count: Int, tokens: Int, unless shouldStop: @escaping () -> Bool
    ) throws(Failure) -> [Example] {
        let context = forwardPass.model.sizes.contextLength
        guard forwardPass.model.architecture.response == .continuation, context >= 8 else { return [] }
        let trained = try trainedModel()
        var settings = GenerationSettings(checkpoint: checkpoint)
        settings.temperature = 0
        settings.decoding.tokens = min(tokens, context / 2)
        var examples: [Example] = []
        for index in Set((0..<count).map { $0 * batches.count / count }).sorted() where !shouldStop() {
            try batches.load(index, into: batch)
            let (length, begin) = (Int(batch.lengths[0]), min(context / 2, 64))
            guard let row = batch.fields.tokens, length > begin else { continue }
            func text(_ range: Range<Int>) -> String {
                String(decoding: trained.tokenizer.decode(range.map { row[$0] }), as: UTF8.self)
            }
            examples.append(
                Example(
                    record: Int(batch.sampleIndices[0]), input: text(0..<begin),
                    reference: .text(text(begin..<min(length, begin + settings.decoding.tokens))),
                    prediction: .text(""),
                    quality: 0))
        }
        let answers = try SoloCommunicator.run { communicator in
            try Generation(settings, trained, communicator).answers(
                to: examples.map { $0.input ?? "" }, shouldStop: shouldStop,
                refuse: { Failure(.badData, "\(checkpoint): sample \($0) of its validation split \($1)") })
        }
        for (place, answer) in answers.enumerated() { examples[place].prediction = .text(answer) }
        return examples
    }
}
