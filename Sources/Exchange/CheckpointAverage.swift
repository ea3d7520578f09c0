import Checkpoints
import Failures
import Inference
import Models
import Resources
import Settings
import Tensors
import Texts

/// The arithmetic mean of the weights of several checkpoints of one model.
///
/// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 6.1 (the last checkpoints of a run); Wortsman et al. 2022,
///   arXiv:2203.05482 (several runs).
package struct CheckpointAverage {
    /// The checkpoints with their identities, in the order of their digests: the order of the sum.
    private let members: [(checkpoint: Checkpoint, identity: CheckpointIdentity)]

    /// Opens the checkpoints without reading their tensors.
    ///
    /// - Parameter directories: At least two different checkpoints, or runs (their newest checkpoints).
    /// - Throws: `usage` for fewer checkpoints, the same one twice or different models; `badData` if one is invalid.
    package init(_ directories: [String]) throws(Failure) {
        guard directories.count > 1 else {
            throw Failure(.usage, "checkpoint average: found one checkpoint; expected: at least two.")
        }
        var members: [(checkpoint: Checkpoint, identity: CheckpointIdentity)] = []
        for directory in directories {
            let checkpoint = try Checkpoint.find(directory).checkpoint
            let identity = try CheckpointIdentity(checkpoint)
            guard identity.base == nil else {
                throw Failure(
                    .usage,
                    "checkpoint average: \(checkpoint.directory) is an adapter: the mean of adapters is not the adapter "
                        + "of the mean. Merge it first (dtrain merge).")
            }
            if let same = members.first(where: { $0.checkpoint.digest == checkpoint.digest }) {
                throw Failure(
                    .usage,
                    "checkpoint average: \(checkpoint.directory) and \(same.checkpoint.directory) are the same "
                        + "checkpoint. Name each once.")
            }
            if let first = members.first, let difference = CheckpointAverage.difference(first.identity, identity) {
                throw Failure(
                    .usage,
                    "checkpoint average: \(checkpoint.directory) and \(first.checkpoint.directory) have different "
                        + "models: \(difference). Name checkpoints of one model and tokenizer.")
            }
            members.append((checkpoint, identity))
        }
        self.members = members.sorted { $0.checkpoint.digest.exact < $1.checkpoint.digest.exact }
    }

    /// Verifies the checkpoints and writes the mean to the run directory `output`, in Float32.
    ///
    /// Each mean is the sum in Float64, divided by the number of checkpoints and rounded once. The terms are added in
    /// the order of the digests, so the result does not depend on the order in which the checkpoints are named.
    ///
    /// - Parameters:
    ///   - choice: The weights to average; nil: the moving average of the checkpoints that have one.
    ///   - progress: As for `Checkpoint.verify`.
    /// - Returns: A summary as one line.
    /// - Throws: `usage` if the directory contains a run; `badData` for a damaged checkpoint; `inputOutput` if writing
    ///   fails.
    package func write(
        to output: String, _ choice: WeightChoice? = nil, progress: (_ done: Int, _ total: Int) -> Void
    ) throws(Failure) -> String {
        let newest = members.max { $0.checkpoint.step < $1.checkpoint.step }!
        let layout = newest.identity.configuration.model.layout(newest.identity.sizes)
        // Float32 weights of one checkpoint, Float64 sums.
        try MemoryEstimate.weights(layout, copies: 3).require(
            "checkpoint average", available: MemoryEstimate.availableBytes(), remedy: "Use a larger host.")
        var configuration = newest.identity.configuration
        configuration.precision = .float32
        configuration.training.emaDecay = 0
        let identity = RunIdentity(
            newest.identity, configuration, layout: layout, tokenizerModel: try newest.checkpoint.tokenizerModel())
        let mean = Arena<Float>(count: layout.count)
        let checkpoint = try WeightsRun(command: "checkpoint average", output: output)
            .commit(step: newest.checkpoint.step, identity) { () throws(Failure) in
                for (checkpoint, _) in members { try checkpoint.verify(progress: progress) }
                try average(layout, choice, into: mean)
                return NamedArena(mean, layout).sources
            }
        return "\(checkpoint.directory): mean of \(members.count) checkpoints, "
            + "\(grouped(layout.parameterCount)) parameters"
    }

    /// Computes the mean of all weights.
    private func average(
        _ layout: ParameterLayout, _ choice: WeightChoice?, into mean: Arena<Float>
    ) throws(Failure) {
        let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: layout.count)
        defer { sums.deallocate() }
        sums.initialize(repeating: 0)
        for (checkpoint, _) in members {
            try PreciseWeights(checkpoint, layout.parameters, choice).read(layout, into: mean)
            for index in sums.indices { sums[index] += Double(mean.base[index]) }
        }
        for index in sums.indices { mean.base[index] = Float(sums[index] / Double(members.count)) }
    }

    /// How the models of two checkpoints differ; nil if they do not.
    private static func difference(_ first: CheckpointIdentity, _ second: CheckpointIdentity) -> String? {
        let keys = second.configuration.modelDifferences(from: first.configuration)
            .map { "\($0.key) is \($0.value) and \($0.other)" }
        if !keys.isEmpty { return keys.joined(separator: "; ") }
        if first.facts.tokenizer != second.facts.tokenizer { return "the tokenizers differ" }
        if first.facts != second.facts { return "the kinds of data or the labels differ" }
        return first.layoutDigest == second.layoutDigest ? nil : "names or shapes of parameters differ"
    }
}
