import Checkpoints
import Collectives
import Failures
import Inference
import Metrics
import Models
import Settings
import Texts

/// What a checkpoint makes of the validation data of its run, computed in a bounded time.
package struct ModelFindings: Sendable {
    /// The checkpoint's directory, and its step.
    package let checkpoint: String
    package let step: Int
    /// The digest of the run at the checkpoint.
    package let digest: String
    /// The names of the classes, and how often each was taken for which; nil for other models.
    package var classes: (names: [String], matrix: ConfusionMatrix)?
    /// The records with their predictions; empty for models that predict tokens.
    package var examples: [Example] = []
    /// The beginnings of validation texts, how they continue, and how a decoder continues them.
    package var continuations: [Example] = []
    /// The scores of the translations in `examples`.
    package var translations: TranslationScores?
    /// The look into the model.
    package var insights = ModelInsights()

    /// Findings about a checkpoint that is not evaluated yet.
    init(checkpoint: String, step: Int, digest: String) {
        (self.checkpoint, self.step, self.digest) = (checkpoint, step, digest)
    }

    /// Evaluates the best checkpoint of `run`, or the newest one.
    ///
    /// - Parameter seconds: The time after which nothing further is computed; the last third of it is for `insights`.
    /// - Throws: `badData` if the run has no checkpoint; the failures of `Evaluation`, such as missing data.
    package init(of run: RunHistory, seconds: Double) throws(Failure) {
        let best = try? Checkpoint.find(run.directory.best)
        let checkpoint = if let best { best.checkpoint } else { try Checkpoint.find(run.directory.path).checkpoint }
        self.init(checkpoint: checkpoint.directory, step: checkpoint.step, digest: checkpoint.digest)
        try compute(checkpoint.directory, seconds)
    }

    private mutating func compute(_ directory: String, _ seconds: Double) throws(Failure) {
        let found = try SoloCommunicator.run { communicator -> ModelFindings in
            var findings = self
            let evaluation = try Evaluation(checkpoint: directory, data: nil, weights: nil, communicator)
            let clock = ContinuousClock()
            let start = clock.now
            let end = start + .seconds(seconds * 2 / 3)
            if let first = try evaluation.translated(beams: 1, limit: 8) {
                let perRecord = max(1e-4, (clock.now - start).seconds / 8)
                let limit = Int(min(200, (end - clock.now).seconds / perRecord))
                findings.examples = try limit > 8 ? evaluation.translated(beams: 1, limit: limit) ?? first : first
                findings.translations = TranslationScores(findings.examples)
            } else if evaluation.hasExamples {
                findings.examples = try evaluation.classified { clock.now >= end }
                findings.classes = ModelFindings.classes(findings.examples, evaluation.classNames)
            } else {
                findings.continuations = try evaluation.continued(count: 4, tokens: 48) { clock.now >= end }
            }
            findings.insights = ModelInsights(evaluation, until: start + .seconds(seconds))
            return findings
        }
        self = found
    }

    /// The confusion matrix of examples with one class each; nil for others.
    private static func classes(_ examples: [Example], _ names: [String]) -> (names: [String], matrix: ConfusionMatrix)?
    {
        var places: [ExactText: Int] = [:]
        for (place, name) in names.enumerated() { places[name.exact] = place }
        var matrix = ConfusionMatrix(classCount: names.count)
        for example in examples {
            guard case .text(let target) = example.reference, case .text(let prediction) = example.prediction,
                let row = places[target.exact], let column = places[prediction.exact]
            else { return nil }
            matrix.add(target: row, prediction: column)
        }
        return examples.isEmpty ? nil : (names, matrix)
    }
}
