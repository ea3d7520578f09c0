import Collectives
import Datasets
import Metrics
import TestSupport
import Testing

@testable import Inference

/// The counts of an evaluation, checked against results computed by hand.
struct ScoreCountsTests {
    private func batch(sequences: Int, values: Int = 0) throws -> Batch {
        var shape = BatchShape(positions: 1)
        shape.hasTargetPerPosition = false
        shape.values = values
        let batch = try Batch(capacity: sequences, shape)
        batch.fillRandomly(vocabularySize: 2, outputs: 2, targetShare: 1, seed: 1)
        return batch
    }

    /// Counts the rows of two batches.
    private func counts(
        _ kind: ScoreCounts.Kind, _ logits: [[Float]], outputs: Int, _ batch: Batch, rows: [Int32]
    ) -> ScoreCounts {
        var counts = ScoreCounts(kind, batches: 2)
        for (index, logits) in logits.enumerated() {
            rows.withUnsafeBufferPointer {
                counts.add(logits, rows: $0, outputs: outputs, among: outputs, batch, index: index)
            }
            counts.losses[index] = Double(index + 1)
            counts.targets[index] = Double(rows.count)
        }
        return counts
    }

    /// Only rows with a target are counted.
    @Test func countsTokens() throws {
        let batch = try batch(sequences: 4)
        for (row, target) in [1, -1, 0, 2].enumerated() { batch.fields.classTargets![row] = Int32(target) }
        // Correct, correct, wrong; then wrong, correct (the first of two equal logits), correct.
        let logits: [[Float]] = [[0, 1, 0, 5, 4, 3, 0, 1, 0], [1, 0, 0, 2, 2, 1, 0, 0, 1]]
        let counts = counts(.tokens(bytes: [1, 2, 4]), logits, outputs: 3, batch, rows: [0, 2, 3])
        let scores = try counts.scores(SoloCommunicator())
        guard case .tokens(let tokens) = scores.details else { throw Unexpected() }
        #expect(scores.loss == 0.5 && tokens.accuracy == 4.0 / 6)
        #expect(
            tokens.bitsPerByte == TokenScores(lossSum: 3, TokenCounts(targets: 6, correct: 4, bytes: 14)).bitsPerByte)
        #expect(scores.named.map(\.metric) == [.loss, .accuracy])
        #expect(scores.summary() == "validation loss 0.5000, accuracy 0.6667")
    }

    @Test func countsClasses() throws {
        let batch = try batch(sequences: 3)
        for (row, target) in [1, 0, 1].enumerated() { batch.fields.classTargets![row] = Int32(target) }
        let counts = counts(
            .classes(count: 2), [[0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 0, 1]], outputs: 2, batch, rows: [0, 1, 2])
        let scores = try counts.scores(SoloCommunicator())
        guard case .classes(let matrix) = scores.details else { throw Unexpected() }
        #expect([matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]] == [1, 1, 1, 3])
        #expect(scores.named.map(\.metric) == [.loss, .accuracy, .f1])
        #expect(scores.named[1].value == 4.0 / 6)
        let report = scores.report(names: ["no", "yes"])
        #expect(report.hasPrefix("validation loss 0.5000, accuracy 0.6667, f1 0.6250\n"), "\(report)")
        #expect(report.contains("yes") && report.contains("target \\ prediction"))
    }

    @Test func countsLabels() throws {
        let batch = try batch(sequences: 2, values: 2)
        for (index, value) in [1, 0, 1, 1].enumerated() { batch.fields.valueTargets![index] = Float(value) }
        let counts = counts(.labels(count: 2), [[1, -1, 1, -1], [1, 1, 0, 2]], outputs: 2, batch, rows: [0, 1])
        let scores = try counts.scores(SoloCommunicator())
        guard case .labels(let labels) = scores.details else { throw Unexpected() }
        // One of four rows has both labels correct; a logit of 0 does not predict the label.
        #expect(labels.subsetAccuracy == 0.25)
        #expect(scores.named.map(\.metric) == [.loss, .accuracy, .f1])
    }

    @Test func sumsNumbers() throws {
        let batch = try batch(sequences: 2, values: 1)
        (batch.fields.valueTargets![0], batch.fields.valueTargets![1]) = (1, 3)
        let counts = counts(.numbers, [[2, 3], [0, 5]], outputs: 1, batch, rows: [0, 1])
        let scores = try counts.scores(SoloCommunicator())
        guard case .numbers(let sums) = scores.details else { throw Unexpected() }
        #expect(sums.meanSquaredError == 1.5)
        // Predictions 2, 3, 0, 5 for targets 1, 3, 1, 3: covariance 1.5, variances 3.25 and 1.
        expectClose(scores.named[1].value, 1.5 / 3.25.squareRoot(), absolute: 1e-12)
        #expect(scores.report(names: []).hasPrefix("validation mean squared error 1.500000, correlation 0.83"))
    }

    private struct Unexpected: Error {}
}
