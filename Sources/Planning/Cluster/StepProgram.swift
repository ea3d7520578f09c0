import Averaging
import Measuring

/// What one rank does in a training step, in order: computing, and calls that start messages or wait for them.
///
/// Forecasts and the traces for a simulator have it in common.
struct StepProgram {
    /// An action of the rank.
    enum Action: Equatable {
        /// Computes for a time in seconds.
        case compute(Double)
        /// Starts the exchange of gradients with this index.
        case start(Int)
        /// Waits for the exchange of gradients with this index.
        case wait(Int)
        /// Sums this number of bytes over all ranks.
        case reduce(Int)
        /// Starts the exchange of weights with this index.
        case startWeights(Int)
        /// Waits for all exchanges of weights.
        case waitForWeights
    }

    let actions: [Action]
    let traffic: StepTraffic

    /// The step of a rank.
    ///
    /// - Parameters:
    ///   - times: The time of the parts of a step, measured on a host with as many ranks per node.
    ///   - slots: The number of micro-batches of the rank.
    ///   - sections: The number of sections of the layout: embeddings, blocks, and the end.
    ///   - shardShare: The rank's share of the update, relative to the measured one.
    ///   - reducedBytes: The size of the sums that all ranks need.
    init(
        _ times: StepTimes, slots: Int, sections: Int, shardShare: Double, reducedBytes: Int, _ traffic: StepTraffic
    ) {
        self.traffic = traffic
        let slot = times.layers + times.ends
        let backward = slot - times.forward
        let layersBackward = times.layers > 0 ? backward * times.layers / slot : 0
        var actions: [Action] = [
            .compute(Double(slots - 1) * (slot + times.slotSum) + times.forward + times.rest)
        ]
        var (started, awaited) = (0, 0)
        // The sum over a node's gradients is part of the measured averaging; it is done bucket by bucket.
        let averaging = times.averaging / Double(max(1, traffic.gradients.count))
        for section in (0..<max(1, sections)).reversed() {
            // The first section that becomes final is that of the head, the last one that of the embeddings.
            let isEnd = section == sections - 1
            let seconds =
                isEnd ? backward - layersBackward : section == 0 ? 0 : layersBackward / Double(max(1, sections - 2))
            actions.append(.compute(seconds))
            while started < traffic.gradients.count, traffic.gradients[started].section >= section,
                started - awaited < traffic.lanes
            {
                actions.append(.start(started))
                started += 1
            }
        }
        while awaited < traffic.gradients.count {
            actions += [.wait(awaited), .compute(averaging)]
            awaited += 1
            if started < traffic.gradients.count {
                actions.append(.start(started))
                started += 1
            }
        }
        if traffic.gradients.isEmpty { actions.append(.compute(times.averaging)) }
        actions.append(.reduce(reducedBytes))
        let update = times.update * shardShare / Double(max(1, traffic.weights.count))
        for index in traffic.weights.indices { actions += [.compute(update), .startWeights(index)] }
        if traffic.weights.isEmpty { actions.append(.compute(times.update * shardShare)) }
        self.actions = actions + [.waitForWeights]
    }

    /// The time of computing alone, in seconds.
    var computeSeconds: Double {
        actions.reduce(0) { sum, action in
            if case .compute(let seconds) = action { sum + seconds } else { sum }
        }
    }
}
