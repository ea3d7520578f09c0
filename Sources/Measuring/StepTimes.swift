import Collectives
import Profiling

/// The time of a training step on this machine, divided into what depends on different sizes: measured on a model of
/// the configured width with all or some of its layers, and applied to all of them.
package struct StepTimes: Equatable, Sendable {
    /// Sublayers of all blocks, forward and backward, of one micro-batch.
    package var layers = 0.0
    /// Embedding, head, loss and final normalization of one micro-batch.
    package var ends = 0.0
    /// The forward part of `layers` and `ends`; the head's is a third of its time.
    package var forward = 0.0
    /// One addition of the gradients of two subtrees of micro-batches.
    package var slotSum = 0.0
    /// The sum of gradients over the ranks of one host.
    package var averaging = 0.0
    /// Norm, update and distribution of weights on one host.
    package var update = 0.0
    /// What a step takes besides.
    package var rest = 0.0
    /// The number of micro-batches per rank that were measured.
    package var measuredSlots = 1

    package init() {}

    /// Sums the parts of a measured step.
    ///
    /// - Parameters:
    ///   - slots: The number of micro-batches per rank in the measured step.
    init(_ parts: [(part: StepPart, seconds: Double)], slots: Int) {
        measuredSlots = slots
        for (part, seconds) in parts {
            let perSlot = seconds / Double(slots)
            switch part.phase {
            case .forward, .backward, .head:
                if part.span == .slotSum {
                    slotSum += seconds / Double(max(1, slots - 1))
                    continue
                }
                if part.span == .bucket || part.span == .waiting {
                    averaging += seconds
                    continue
                }
                let isLayer = [.attention, .crossAttention, .feedForward, .block].contains(part.span)
                if isLayer { layers += perSlot } else { ends += perSlot }
                if part.phase == .forward { forward += perSlot }
                if part.phase == .head { forward += perSlot / 3 }
            case .slotSum: slotSum += seconds / Double(max(1, slots - 1))
            case .averaging, .waiting: averaging += seconds
            case .norm, .update, .weights: update += seconds
            default: rest += seconds
            }
        }
    }

    /// The times for another number of layers and parameters.
    ///
    /// - Parameters:
    ///   - layerRatio: The number of layers divided by that of the measured model.
    ///   - parameterRatio: The number of parameters divided by that of the measured model.
    ///   - workRatio: The size of micro-batches divided by that of the measured ones.
    package func scaled(
        layerRatio: Double, parameterRatio: Double, workRatio: Double = 1, ranks: Int
    ) -> StepTimes {
        var times = self
        let layerForward = layers > 0 ? forward * layers / (layers + ends) : 0
        times.layers *= layerRatio
        times.forward += layerForward * (layerRatio - 1)
        for part in [\StepTimes.layers, \.ends, \.forward] { times[keyPath: part] *= workRatio }
        times.averaging *= parameterRatio
        times.update *= parameterRatio
        // Not measured with one micro-batch per rank: an addition reads two numbers and writes one, where the update of
        // a shard reads four and writes three.
        times.slotSum = measuredSlots > 1 ? slotSum * parameterRatio : times.update * Double(ranks) * 3 / 7
        return times
    }

    /// All times multiplied by `factor`.
    package func multiplied(by factor: Double) -> StepTimes {
        var times = self
        for part in [\StepTimes.layers, \.ends, \.forward, \.slotSum, \.averaging, \.update, \.rest] {
            times[keyPath: part] *= factor
        }
        return times
    }

    /// The times of one of `ranks` ranks that divide the cores of the measured process.
    ///
    /// - Parameters:
    ///   - threads: The number of threads of the measured process.
    ///   - serialShare: The share of a micro-batch's work that threads do not divide.
    package func dividedAmong(_ ranks: Int, threads: Int = 1, serialShare: Double = 0) -> StepTimes {
        var times = self
        /// The time of a micro-batch on `count` threads, relative to that on one.
        func share(_ count: Double) -> Double { serialShare + (1 - serialShare) / count }
        let perRank = Double(threads) / Double(ranks)
        // Less than a core for a rank: it waits for its turn.
        let factor = share(max(1, perRank)) / share(Double(threads)) / min(1, perRank)
        times.layers *= factor
        times.ends *= factor
        times.forward *= factor
        times.slotSum *= Double(ranks)
        return times
    }

    /// The time of a step of `slots` micro-batches per rank.
    package func seconds(slots: Int) -> Double {
        Double(slots) * (layers + ends) + Double(slots - 1) * slotSum + averaging + update + rest
    }
}
