import Averaging
import Measuring

/// What one rank does in a training step, in order: computing, and calls of the averaging strategy.
///
/// Steps repeat, so the program may begin anywhere. It begins when the first micro-batch's forward pass has read its
/// last weights, and ends with that of the next step, which waits for the new weights section by section: nothing is
/// under way at either end.
struct StepProgram {
    /// An action of the rank.
    enum Action: Equatable {
        /// Computes for a time in seconds.
        case compute(Double)
        /// Declares the gradients of a section final.
        case sectionIsFinal(Int)
        /// Waits for all gradients.
        case finish
        /// Sums this number of bytes over all ranks.
        case reduce(Int)
        /// Starts the exchange of weights with this index.
        case startWeights(Int)
        /// Waits for the weights of a section and of those before it.
        case requireWeights(Int)
    }

    let actions: [Action]
    let traffic: StepTraffic
    /// The time of adding the gradients of one exchange, in seconds.
    let averagingSeconds: Double

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
        let (slot, sections) = (times.layers + times.ends, max(1, sections))
        let layerShare = slot > 0 ? times.layers / slot : 0
        let (forward, backward) = (times.forward, slot - times.forward)
        /// Computes the layers of a pass of `seconds` in section `index`.
        func section(_ index: Int, of seconds: Double) -> Action {
            let isLayer = index > 0 && index < sections - 1
            return .compute(isLayer ? seconds * layerShare / Double(sections - 2) : 0)
        }
        averagingSeconds = traffic.gradients.isEmpty ? 0 : times.averaging / Double(traffic.gradients.count)
        // The other parts of the first micro-batch, all of the next ones, and the head of the last one.
        var actions: [Action] = [
            .compute(Double(slots - 1) * (slot + times.slotSum) + times.rest + backward * (1 - layerShare))
        ]
        for index in (0..<sections).reversed() {
            actions += [section(index, of: backward), .sectionIsFinal(index)]
        }
        actions += [.finish, .compute(traffic.gradients.isEmpty ? times.averaging : 0), .reduce(reducedBytes)]
        let update = times.update * shardShare / Double(max(1, traffic.weights.count))
        for index in traffic.weights.indices { actions += [.compute(update), .startWeights(index)] }
        if traffic.weights.isEmpty { actions.append(.compute(update)) }
        for index in 0..<sections { actions += [.requireWeights(index), section(index, of: forward)] }
        self.actions = actions + [.compute(forward * (1 - layerShare))]
    }

    /// The time of computing alone, in seconds.
    var computeSeconds: Double {
        actions.reduce(averagingSeconds * Double(traffic.gradients.count)) { sum, action in
            if case .compute(let seconds) = action { sum + seconds } else { sum }
        }
    }
}
