import Collectives
import Datasets
import Failures
import Kernels
import Metrics
import Numbers

/// The counts and sums of an evaluation.
struct ScoreCounts {
    /// The kind of predictions.
    enum Kind {
        /// Tokens; `bytes` is the number of bytes of text of each token, if bytes are counted.
        case tokens(bytes: [Int32]?)
        case classes(count: Int)
        case labels(count: Int)
        case numbers
        /// Words among words of noise, of which only the losses count.
        case words
    }

    let kind: Kind
    /// Integers, which can be added across ranks in any order.
    package var tokens = TokenCounts()
    var matrix: ConfusionMatrix
    package var labels: MultiLabelCounts
    /// The sum of losses, the number of targets and the regression sums of each batch; 0 for batches of other ranks.
    var losses: [Double]
    var targets: [Double]
    var numbers: [RegressionSums]

    init(_ kind: Kind, batches: Int) {
        self.kind = kind
        var (classCount, labelCount) = (0, 0)
        if case .classes(let count) = kind { classCount = count }
        if case .labels(let count) = kind { labelCount = count }
        matrix = ConfusionMatrix(classCount: classCount)
        labels = MultiLabelCounts(classCount: labelCount)
        losses = Array(repeating: 0, count: batches)
        targets = losses
        numbers = Array(repeating: RegressionSums(), count: batches)
    }

    /// Adds the predictions for some rows of batch `index`.
    ///
    /// - Parameter among: The number of valid classes: outputs from this index on are padding and never predicted.
    mutating func add(
        _ logits: UnsafePointer<Float>, rows: UnsafeBufferPointer<Int32>, outputs: Int, among classes: Int,
        _ batch: Batch, index: Int
    ) {
        switch kind {
        case .tokens(let bytes):
            forEachPrediction(logits, rows, outputs, among: classes) { row, prediction in
                let target = batch.fields.classTargets![row]
                tokens += TokenCounts(
                    targets: 1, correct: prediction == target ? 1 : 0, bytes: bytes.map { Int($0[Int(target)]) } ?? 0)
            }
        case .classes:
            forEachPrediction(logits, rows, outputs, among: classes) { row, prediction in
                matrix.add(target: Int(batch.fields.classTargets![row]), prediction: Int(prediction))
            }
        case .labels:
            for (place, row) in rows.enumerated() {
                labels.add(
                    targets: (0..<outputs).map { batch.fields.valueTargets![Int(row) * outputs + $0] > 0.5 },
                    predictions: (0..<outputs).map { logits[place * outputs + $0] > 0 })
            }
        case .words: break
        case .numbers:
            for (place, row) in rows.enumerated() {
                numbers[index] += RegressionSums(
                    prediction: Double(logits[place]), target: Double(batch.fields.valueTargets![Int(row)]))
            }
        }
    }

    private func forEachPrediction(
        _ logits: UnsafePointer<Float>, _ rows: UnsafeBufferPointer<Int32>, _ outputs: Int, among known: Int,
        _ body: (_ row: Int, _ prediction: Int32) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: max(1, rows.count)) { classes in
            predictedClass(
                logits, into: classes.baseAddress!, rows: rows.count, vocabulary: outputs, among: known)
            for (place, row) in rows.enumerated() { body(Int(row), classes[place]) }
        }
    }

    /// The scores over all ranks; their bits do not depend on the number of ranks.
    func scores(_ communicator: any Communicator) throws -> Scores {
        var all = self
        let whole = try communicator.total(tokens.values + matrix.values + labels.values)
        all.tokens.values = Array(whole[..<tokens.values.count])
        all.matrix.values = Array(whole[tokens.values.count...].prefix(matrix.values.count))
        all.labels.values = Array(whole[(tokens.values.count + matrix.values.count)...])
        // Each value is nonzero on one rank only, so the sum over ranks is exact.
        let real = try communicator.total(losses + targets + numbers.flatMap(\.values))
        let batches = losses.count
        let (lossSum, targetSum) = real.withUnsafeBufferPointer { real in
            (
                TreeSum.sum(UnsafeBufferPointer(rebasing: real[..<batches])),
                TreeSum.sum(UnsafeBufferPointer(rebasing: real[batches..<2 * batches]))
            )
        }
        var regression = RegressionSums()
        let width = regression.values.count
        for batch in 0..<batches {
            var sums = RegressionSums()
            sums.values = Array(real[(2 * batches + batch * width)...].prefix(width))
            regression += sums
        }
        let details: Scores.Details =
            switch kind {
            case .tokens: .tokens(TokenScores(lossSum: lossSum, all.tokens))
            case .classes: .classes(all.matrix)
            case .labels: .labels(all.labels)
            case .numbers: .numbers(regression)
            case .words: .words
            }
        return Scores(loss: lossSum / targetSum, targetCount: Int(targetSum), details: details)
    }
}

extension Communicator {
    /// The sum over ranks of each element of `own`.
    package func total<Number: Reducible>(_ own: [Number]) throws -> [Number] {
        var all = own
        try own.withUnsafeBufferPointer { own in
            try all.withUnsafeMutableBufferPointer { try allreduce(own, into: $0, .sum) }
        }
        return all
    }
}

extension ForwardPass {
    /// Evaluates each sample of `batches` once. The result's bits do not depend on the number of ranks.
    ///
    /// - Parameters:
    ///   - batch: The memory into which batches are read.
    ///   - bytes: The number of bytes of text of each token; nil: bytes are not counted.
    func scores(
        of batches: EvaluationBatches, _ batch: Batch, bytes: [Int32]? = nil, _ communicator: any Communicator
    ) throws -> Scores {
        try scores(of: batches, batch, bytes: bytes, communicator, unless: { false })!
    }

    /// Evaluates each sample of `batches` once, unless stopped.
    ///
    /// - Parameter shouldStop: Called before each batch.
    /// - Returns: nil on all ranks if any of them was stopped.
    /// - Throws: `AgreedFailure` if any rank cannot read a batch.
    package func scores(
        of batches: EvaluationBatches, _ batch: Batch, bytes: [Int32]? = nil, _ communicator: any Communicator,
        unless shouldStop: () -> Bool
    ) throws -> Scores? {
        let outputs = model.head.outputWidth
        let kind: ScoreCounts.Kind =
            switch (prediction.loss.targetKind, model.architecture.output) {
            case _ where prediction.loss == .negativeSampling: .words
            case (.classIndex, .tokens): .tokens(bytes: bytes)
            case (.classIndex, .sequence): .classes(count: outputs)
            case (.labels, _): .labels(count: outputs)
            case (.numbers, _): .numbers
            }
        var counts = ScoreCounts(kind, batches: batches.count)
        let wasStopped = try communicator.together { () throws(Failure) in
            for index in stride(from: communicator.rank, to: batches.count, by: communicator.size) {
                if shouldStop() { return true }
                do throws(Failure) { try batches.load(index, into: batch) } catch {
                    throw communicator.namingHost(error)
                }
                counts.losses[index] = loss(of: batch) { logits, rows in
                    counts.add(
                        logits, rows: rows, outputs: outputs, among: self.prediction.classes ?? outputs, batch,
                        index: index)
                }
                counts.targets[index] = Double(batch.targetCount)
            }
            return false
        }
        return try communicator.sum(wasStopped ? 1 : 0) > 0 ? nil : counts.scores(communicator)
    }
}
