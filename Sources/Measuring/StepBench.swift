import Collectives
import Datasets
import Failures
import Files
import Layers
import Models
import Numbers
import Profiling
import Reporting
import Resources
import Tensors
import Threads
import Training

/// Benchmark of complete training steps on random data.
package final class StepBench {
    private let communicator: any Communicator
    /// Executes a step; if it completes, it ends when all new weights have arrived.
    private let train: (_ completes: Bool) throws -> Void
    /// Waits for the weights of the last step.
    private let complete: () throws -> Void
    /// Computes the loss of a batch of an evaluation.
    private let evaluateBatch: (Batch) -> Void
    private let spans: SpanRecorder
    private let products: [Product]
    private var parts = StepParts()
    private var communication = CommunicationTimes()
    private let loopTimes: () throws -> Double
    private var loopSeconds: [(step: Double, loop: Double)] = []
    private var peakBytes = 0
    private let estimatedBytes: Int
    private let tokensPerStep: Int
    private let flopsPerToken: Double
    private let limit: ProcessorLimit
    private let clock = ContinuousClock()
    private let startedAt: ContinuousClock.Instant
    private var seconds: [Double] = []
    private var secondsToFirstStep = 0.0

    /// Creates the model that `subject` describes on every rank.
    ///
    /// - Parameter data: Training samples, and the steps of the run that are executed in turn; this bench then uses the
    ///   samples alone. nil: random sequences of full length.
    package init(
        _ subject: BenchSubject, data: (samples: any Samples, steps: [Int])? = nil, _ communicator: any Communicator
    ) throws {
        startedAt = clock.now
        self.communicator = communicator
        let (configuration, sizes) = (subject.configuration, subject.sizes)
        tokensPerStep = configuration.batch.sequences * sizes.contextLength
        let targetShare = configuration.targetShare(sizes)
        flopsPerToken = configuration.model.flopsPerTarget(sizes, targetShare: targetShare) * targetShare
        limit = try ProcessorLimit(configuration.precision.format, measuringWith: communicator)
        let recomputation = try configuration.requireTrainingMemory(
            sizes, SequenceLengths(sizes.contextLength), communicator)
        estimatedBytes = Int(configuration.stepMemory(sizes, recomputation: recomputation, communicator).bytes)
        products = configuration.products(slots: configuration.batch.slots / communicator.size, sizes)
        let products = products
        (train, complete, evaluateBatch, spans, loopTimes) =
            switch configuration.precision {
            case .float32:
                try StepBench.makeStep(subject, data, recomputation, communicator, products, storing: Float.self)
            case .float16:
                try StepBench.makeStep(subject, data, recomputation, communicator, products, storing: Float16.self)
            case .bfloat16:
                try StepBench.makeStep(subject, data, recomputation, communicator, products, storing: BFloat16.self)
            }
    }

    private static func makeStep<Element: Storage>(
        _ subject: BenchSubject, _ data: (samples: any Samples, steps: [Int])?, _ recomputation: Recomputation,
        _ communicator: any Communicator, _ products: [Product], storing: Element.Type
    ) throws -> (
        step: (Bool) throws -> Void, complete: () throws -> Void, evaluate: (Batch) -> Void, spans: SpanRecorder,
        products: () throws -> Double
    ) {
        let (configuration, sizes) = (subject.configuration, subject.sizes)
        let plan = try communicator.together { () throws(Failure) in
            try BatchPlan(
                sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: communicator.rank,
                worldSize: communicator.size)
        }
        let coordinator = try Coordinator<Element>(
            configuration, sizes, plan: plan, recomputation: recomputation, communicator)
        let batches =
            try data != nil
            ? [] : plan.localSlots.map { _ in try Batch(capacity: plan.sequencesPerSlot, subject.shape) }
        let reader = try communicator.together { () throws(Failure) in
            try data.map { data throws(Failure) in
                try BatchReader(
                    data.samples, plan: plan, seed: UInt64(configuration.run.seed),
                    poolBatches: configuration.data.lengthPool, steps: data.steps)
            }
        }
        let targetShare = configuration.targetShare(sizes)
        let spans = coordinator.spans
        let step = { (completes: Bool) in
            try spans.measure(.step) {
                if let reader {
                    _ = try coordinator.train(try spans.measure(.data) { try reader.next() }, stopRequested: false)
                } else {
                    spans.measure(.data) {
                        for (slot, batch) in zip(plan.localSlots, batches) {
                            batch.fillRandomly(
                                vocabularySize: sizes.vocabularySize, outputs: sizes.outputs,
                                targetShare: targetShare, seed: UInt64(coordinator.step * plan.slots + slot))
                        }
                    }
                    _ = try coordinator.train(batches, stopRequested: false)
                }
                if completes { try coordinator.completeWeights() }
            }
        }
        var loop: ProductLoop<Element>?
        let repeatProducts = {
            let products = loop ?? ProductLoop<Element>(products)
            loop = products
            return try products.seconds(communicator)
        }
        let evaluate = { (batch: Batch) in _ = coordinator.evaluationLoss(of: batch) }
        return (step, { try coordinator.completeWeights() }, evaluate, spans, repeatProducts)
    }

    /// Executes one step on all ranks, until the weights of all ranks have arrived.
    ///
    /// - Returns: The time of the slowest rank in seconds, the same on every rank.
    @discardableResult
    package func step() throws -> Double {
        try communicator.barrier()
        let start = clock.now
        try train(true)
        let nanoseconds = Int64((clock.now - start).seconds * 1e9)
        let slowest = Double(try communicator.maximum(nanoseconds)) * 1e-9
        if seconds.isEmpty {
            // The first step allocates memory, so its time is not representative.
            secondsToFirstStep = (clock.now - startedAt).seconds
            spans.start(capacity: 1 << 16)
        } else {
            noteSpans()
        }
        seconds.append(slowest)
        return slowest
    }

    /// Computes the loss of a batch as an evaluation does, on this rank alone. Its time is no part of a step.
    package func evaluate(_ batch: Batch) {
        evaluateBatch(batch)
        spans.removeAll()
    }

    /// Executes steps on all ranks one after another, as a run does: new weights arrive during the next step. Follows
    /// `step`.
    package func steps(_ count: Int) throws {
        restartParts()
        try train(false)
        spans.removeAll()
        var start = clock.now
        var own: [Int64] = []
        for _ in 0..<count {
            try train(false)
            let end = clock.now
            own.append(Int64((end - start).seconds * 1e9))
            start = end
            noteSpans()
        }
        try complete()
        spans.removeAll()
        for nanoseconds in own { seconds.append(Double(try communicator.maximum(nanoseconds)) * 1e-9) }
    }

    /// Adds the spans of the last step to the results.
    private func noteSpans() {
        parts.add(spans.recorded)
        communication.add(spans.transfers)
        spans.removeAll()
    }

    /// Repeats only the matrix products of the last step's linear layers, and measures them.
    package func repeatProducts() throws {
        // The loop's operands do not count as memory of training.
        if loopSeconds.isEmpty { peakBytes = peakResidentBytes() }
        loopSeconds.append((seconds.last!, try loopTimes()))
    }

    /// Forgets the parts of all steps so far.
    package func restartParts() { (parts, communication) = (StepParts(), CommunicationTimes()) }

    /// The mean times of the steps since `restartParts`, over steps and ranks; each rank had `slots` micro-batches per
    /// step.
    package func times(slots: Int) throws -> StepTimes { StepTimes(try parts.means(communicator), slots: slots) }

    /// The number of tokens per step, over all ranks.
    package var tokens: Int { tokensPerStep }

    /// The results over all steps except the first.
    package func result() throws -> Measurement {
        let time = median(seconds.count > 1 ? Array(seconds.dropFirst()) : seconds)
        let peak = Int(try communicator.maximum(Int64(loopSeconds.isEmpty ? peakResidentBytes() : peakBytes)))
        let tokensPerSecond = Double(tokensPerStep) / time
        let flopsPerSecond = tokensPerSecond * flopsPerToken
        let share = flopsPerSecond / limit.flopsPerSecond
        let means = try parts.means(communicator)
        let (partRows, partsJSON) = shares(means)
        let (communicationRows, communicationJSON) = try communication.means(means, communicator)
        let (loopRows, loopJSON) = loopShares()
        return Measurement(
            table: [
                ["", "whole job"],
                ["ranks", "\(communicator.size)"],
                ["threads per rank", "\(ThreadPool.shared.count)"],
                ["tokens/s", grouped(Int(tokensPerSecond))],
                ["seconds per step (median of \(max(1, seconds.count - 1)))", fixed(time, 4)],
                ["GFLOP/s", fixed(flopsPerSecond * 1e-9, 1)],
                ["MFU", "\(fixed(100 * share, 1)) %"],
                ["peak resident MB, largest rank, its part of shared pages", fixed(Double(peak) * 1e-6, 0)],
                ["seconds to the first step", fixed(secondsToFirstStep, 2)],
            ] + loopRows,
            others: [partRows] + (communicationRows.count > 1 ? [communicationRows] : []),
            json: [
                "ranks": .integer(communicator.size),
                "threads": .integer(ThreadPool.shared.count),
                "tokens_per_second": .number(tokensPerSecond),
                "seconds_per_step": .number(time),
                "flops_per_second": .number(flopsPerSecond),
                "limit_flops_per_second": .number(limit.flopsPerSecond),
                "peak_resident_bytes": .integer(peak),
                "estimated_bytes": .integer(estimatedBytes),
                "first_step_seconds": .number(secondsToFirstStep),
                "parts": partsJSON,
                "communication": communicationJSON,
                "product_loop": loopJSON,
            ])
    }

    /// The time of the parts of a step, averaged over ranks, and the floating-point operations of each on one rank.
    private func shares(_ means: [(part: StepPart, seconds: Double)]) -> (rows: [[String]], json: JSON) {
        let step = means.reduce(0) { $0 + $1.seconds }
        var operations: [StepPart: Double] = [:]
        for product in products { operations[product.part, default: 0] += product.operationsPerStep }
        var (rows, json) = ([["part", "ms", "% of step", "GFLOP", "GFLOP/s per rank"]], [JSON]())
        for (part, seconds) in means {
            let flops = operations[part]
            let name = part.phase == .step ? "rest" : part.name
            rows.append([
                name, fixed(seconds * 1e3, 2), fixed(100 * seconds / step, 2),
                flops.map { fixed($0 * 1e-9, 2) } ?? "", flops.map { fixed($0 / seconds * 1e-9, 1) } ?? "",
            ])
            json.append([
                "name": .string(name), "seconds": .number(seconds), "share": .number(seconds / step),
                "flops": .number(flops ?? 0),
            ])
        }
        return (rows, .array(json))
    }

    /// The time of only the matrix products of the step's linear layers, and its ratio to the time of the step.
    private func loopShares() -> (rows: [[String]], json: JSON) {
        guard !loopSeconds.isEmpty else { return ([], .null) }
        let loop = median(loopSeconds.map(\.loop))
        let share = median(loopSeconds.map { $0.loop / $0.step })
        let operations = products.filter { $0.kind != .attention }.reduce(0) { $0 + $1.operationsPerStep }
        return (
            [
                ["GFLOP of linear layers per step and rank", fixed(operations * 1e-9, 1)],
                ["seconds of only these GEMMs", fixed(loop, 4)],
                ["only these GEMMs ÷ step", "\(fixed(100 * share, 1)) %"],
            ],
            ["flops": .number(operations), "seconds": .number(loop), "step_share": .number(share)]
        )
    }
}
