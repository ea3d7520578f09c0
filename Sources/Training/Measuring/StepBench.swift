import Collectives
import Datasets
import Failures
import Files
import Kernels
import Models

/// Whole training steps on made-up tokens, one after another.
package final class StepBench {
    private let communicator: any Communicator
    private let train: () throws -> Void
    private let tokensPerStep: Int
    private let flopsPerToken: Double
    private let limit: ProcessorLimit
    private let clock = ContinuousClock()
    private let startedAt: ContinuousClock.Instant
    private var seconds: [Double] = []
    private var secondsToFirstStep = 0.0

    /// Builds the model that `configuration` describes on every rank. No dataset is needed.
    package init(_ configuration: Configuration, _ communicator: any Communicator) throws {
        startedAt = clock.now
        self.communicator = communicator
        try communicator.together { () throws(Failure) in
            try configuration.batch.validate(worldSize: communicator.size)
        }
        let vocabulary = configuration.model.benchVocabularySize
        tokensPerStep = configuration.batch.sequences * configuration.data.contextLength
        flopsPerToken = configuration.model.flopsPerToken(
            vocabularySize: vocabulary, contextLength: configuration.data.contextLength)
        limit = try ProcessorLimit(measuringWith: communicator)
        train =
            switch configuration.precision {
            case .float32: try StepBench.makeStep(configuration, vocabulary, communicator, storing: Float.self)
            case .float16: try StepBench.makeStep(configuration, vocabulary, communicator, storing: Float16.self)
            }
    }

    private static func makeStep<Element: Storage>(
        _ configuration: Configuration, _ vocabularySize: Int, _ communicator: any Communicator,
        storing: Element.Type
    ) throws -> () throws -> Void {
        let plan = try BatchPlan(
            sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: communicator.rank,
            worldSize: communicator.size)
        let coordinator = try Coordinator<Element>(
            configuration, vocabularySize: vocabularySize, plan: plan, communicator)
        let batch = try TokenBatch(
            randomSequences: plan.localSequences, contextLength: configuration.data.contextLength,
            vocabularySize: vocabularySize, seed: UInt64(communicator.rank))
        return { _ = try coordinator.train(batch, stopRequested: false) }
    }

    /// One step, over all ranks.
    ///
    /// - Returns: Its time in seconds, the same on every rank.
    @discardableResult
    package func step() throws -> Double {
        try communicator.barrier()
        let start = clock.now
        try train()
        let nanoseconds = Int64((clock.now - start).seconds * 1e9)
        let slowest = Double(try communicator.maximum(nanoseconds)) * 1e-9
        if seconds.isEmpty { secondsToFirstStep = (clock.now - startedAt).seconds }
        seconds.append(slowest)
        return slowest
    }

    /// The tokens of a step, of the whole job.
    package var tokens: Int { tokensPerStep }

    /// What all steps but the first told.
    package func result() throws -> Measurement {
        let time = median(seconds.count > 1 ? Array(seconds.dropFirst()) : seconds)
        let peak = Int(try communicator.maximum(Int64(peakResidentBytes())))
        let tokensPerSecond = Double(tokensPerStep) / time
        let flopsPerSecond = tokensPerSecond * flopsPerToken
        let share = flopsPerSecond / limit.flopsPerSecond
        return Measurement(
            table: [
                ["", "whole job"],
                ["ranks", "\(communicator.size)"],
                ["threads a rank", "\(ThreadPool.shared.count)"],
                ["tokens a second", grouped(Int(tokensPerSecond))],
                ["seconds a step (median of \(max(1, seconds.count - 1)))", fixed(time, 4)],
                ["GFLOP/s", fixed(flopsPerSecond * 1e-9, 1)],
                ["share of the processor's limit", "\(fixed(100 * share, 1)) %"],
                ["peak resident MB, largest rank", fixed(Double(peak) * 1e-6, 0)],
                ["seconds to the first step", fixed(secondsToFirstStep, 2)],
            ],
            json: [
                "ranks": .integer(communicator.size),
                "threads": .integer(ThreadPool.shared.count),
                "tokens_per_second": .number(tokensPerSecond),
                "seconds_per_step": .number(time),
                "flops_per_second": .number(flopsPerSecond),
                "limit_flops_per_second": .number(limit.flopsPerSecond),
                "peak_resident_bytes": .integer(peak),
                "first_step_seconds": .number(secondsToFirstStep),
            ])
    }
}

extension ModelConfiguration {
    /// V for measuring without a dataset: a byte vocabulary where the configuration leaves it to the dataset.
    package var benchVocabularySize: Int { vocabularySize > 0 ? vocabularySize : 256 }
}
