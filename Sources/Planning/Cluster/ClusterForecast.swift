import Averaging
import Failures
import Files
import Glibc
import Measuring
import Models
import Reporting
import Settings
import Tensors

/// The time of a training step on the nodes of a cluster, predicted from the step that was measured on this host and
/// the messages that the averaging strategy sends.
package struct ClusterForecast {
    /// What makes a step slower than on one node.
    enum Limit: String, CaseIterable {
        case gradients = "waiting for gradients"
        case sums = "sums over all ranks"
        case weights = "waiting for weights"
        case messages = "starting messages"
        case stragglers
    }

    let nodes: Int
    package let ranksPerNode: Int
    /// The number of micro-batches of the rank with the most.
    let slots: Int
    /// The time of a step in seconds.
    let seconds: Double
    /// The time of computing alone.
    let computeSeconds: Double
    /// The throughput, relative to as many single nodes whose ranks have as many micro-batches.
    let efficiency: Double
    let limits: [(limit: Limit, seconds: Double)]
    /// The bytes that a node sends per step.
    let nodeBytes: Double
    /// The messages that a rank sends per step.
    let messages: Int
    let positions: Int
    /// The seconds of a step with other numbers of ranks per node, and the threads of each rank.
    private(set) var alternatives: [(ranks: Int, threads: Int, seconds: Double)] = []

    /// The forecast with the number of ranks per node that makes a step shortest, of those that divide the measured
    /// threads.
    ///
    /// - Throws: `usage` if none is possible.
    package static func best(
        _ plan: TrainingPlan, _ network: NetworkDescription, nodes: Int
    ) throws(Failure) -> ClusterForecast {
        let threads = plan.probe?.threads ?? 1
        let candidates = (1...threads).filter { threads.isMultiple(of: $0) }
        var best = try ClusterForecast(plan, network, nodes: nodes, ranksPerNode: 1)
        var all: [(ranks: Int, threads: Int, seconds: Double)] = []
        for ranks in candidates where nodes * ranks <= plan.configuration.batch.slots {
            let forecast = try ClusterForecast(plan, network, nodes: nodes, ranksPerNode: ranks)
            all.append((ranks, threads / ranks, forecast.seconds))
            if forecast.seconds < best.seconds { best = forecast }
        }
        best.alternatives = all
        return best
    }

    /// Forecasts a step of `plan` on `nodes` nodes like this host.
    ///
    /// - Throws: `usage` if there are more ranks than micro-batches, or the plan has no measurement.
    package init(
        _ plan: TrainingPlan, _ network: NetworkDescription, nodes: Int, ranksPerNode: Int
    ) throws(Failure) {
        let ranks = nodes * ranksPerNode
        let batch = plan.configuration.batch
        guard ranks <= batch.slots else {
            throw Failure(
                .usage,
                "plan: \(nodes) nodes × \(ranksPerNode) ranks are \(ranks) ranks; batch.slots \(batch.slots) allows at most "
                    + "as many. Raise batch.slots (and batch.sequences), which changes the results of the run.")
        }
        guard nodes == 1 || plan.configuration.averaging.strategy != .sharedMemory else {
            throw Failure(
                .usage,
                "plan: averaging.strategy shared_memory works on one node; allowed for \(nodes) nodes: auto, allreduce, "
                    + "hierarchical.")
        }
        guard let times = plan.rankTimes(network, ranksPerNode: ranksPerNode) else {
            let reason = plan.unmeasured ?? "not measured"
            throw Failure(.usage, "plan: a forecast needs a measured step, but it was \(reason).")
        }
        let slots = (batch.slots + ranks - 1) / ranks
        let program = plan.program(times, slots: slots, nodes: nodes, ranksPerNode: ranksPerNode, rank: 0)
        let clock = NetworkClock(program, network, nodes: nodes, ranksPerNode: ranksPerNode)
        // The largest of many normal deviates (Cramér 1946).
        let stragglers = network.jitter * sqrt(2 * log(Double(max(1, ranks)))) * program.computeSeconds
        (self.nodes, self.ranksPerNode, self.slots) = (nodes, ranksPerNode, slots)
        computeSeconds = program.computeSeconds
        seconds = clock.now + stragglers
        efficiency = times.seconds(slots: slots) / seconds
        limits = [
            (.gradients, clock.gradientWait), (.sums, clock.reductionWait), (.weights, clock.weightWait),
            (.messages, clock.messageTime), (.stragglers, stragglers),
        ]
        let share = 1 - 1 / Double(nodes)
        let sums = nodes > 1 ? 2 * share * Double(plan.reducedBytes) * Double(ranksPerNode) : 0
        nodeBytes =
            sums
            + (0..<ranksPerNode).reduce(0.0) {
                $0 + Double(plan.traffic(nodes: nodes, ranksPerNode: ranksPerNode, rank: $1).sentBytes)
            }
        messages = (program.traffic.gradients + program.traffic.weights).reduce(0) { $0 + $1.sends.count }
        positions = batch.sequences * plan.sizes.contextLength
    }

    /// What limits the step: computing, or what makes up most of the rest.
    var limit: String {
        guard efficiency < 0.95, let most = limits.max(by: { $0.seconds < $1.seconds }) else { return "computing" }
        return most.limit.rawValue
    }

    /// Forecasts as a table.
    package static func text(_ forecasts: [ClusterForecast]) -> String {
        let header = ["nodes × ranks", "slots per rank", "s per step", "efficiency", "limit", "MB sent per node"]
        let rows = forecasts.map { forecast in
            [
                "\(forecast.nodes) × \(forecast.ranksPerNode)", "\(forecast.slots)", fixed(forecast.seconds, 3),
                fixed(forecast.efficiency, 3), forecast.limit, fixed(forecast.nodeBytes * 1e-6, 2),
            ]
        }
        var lines = [aligned([header] + rows)]
        if forecasts.count == 1, let forecast = forecasts.first {
            let parts = forecast.limits.map { "\($0.limit.rawValue) \(fixed($0.seconds, 3)) s" }
            lines.append("computing \(fixed(forecast.computeSeconds, 3)) s, " + parts.joined(separator: ", "))
        }
        for forecast in forecasts where forecast.alternatives.count > 1 {
            let others = forecast.alternatives.map { "\($0.ranks) × \($0.threads): \(fixed($0.seconds, 3)) s" }
            let nodes = counted(forecast.nodes, "node")
            lines.append("ranks × threads per node, \(nodes): \(others.joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
    }

    /// The forecast as one JSON object.
    package var json: JSON {
        let parts = limits.map { JSON.Member($0.limit.rawValue, .number($0.seconds)) }
        return .object([
            .init("nodes", .integer(nodes)), .init("ranks_per_node", .integer(ranksPerNode)),
            .init("slots_per_rank", .integer(slots)), .init("seconds_per_step", .number(seconds)),
            .init("compute_seconds", .number(computeSeconds)), .init("efficiency", .number(efficiency)),
            .init("positions_per_second", .number(Double(positions) / seconds)), .init("limit", .string(limit)),
            .init("seconds", .object(parts)), .init("node_bytes", .number(nodeBytes)),
            .init("messages_per_rank", .integer(messages)),
            .init(
                "alternatives",
                .array(
                    alternatives.map {
                        [
                            "ranks_per_node": .integer($0.ranks), "threads": .integer($0.threads),
                            "seconds_per_step": .number($0.seconds),
                        ]
                    })),
        ])
    }
}

extension TrainingPlan {
    /// The time of the parts of a step of one of `ranksPerNode` ranks that have a node together and for themselves; nil
    /// if nothing was measured.
    func rankTimes(_ network: NetworkDescription, ranksPerNode: Int) -> StepTimes? {
        guard let probe else { return nil }
        let times = probe.times.multiplied(by: probe.processorShare / network.nodeSpeed)
        guard probe.isOneProcess(of: ranksPerNode) else { return times }
        return times.dividedAmong(ranksPerNode, threads: probe.threads, serialShare: probe.serialShare ?? 0)
    }

    /// The number of ranks that the measurement stands for.
    private func measuredRanks(_ ranksPerNode: Int) -> Int {
        probe.map { $0.isOneProcess(of: ranksPerNode) ? ranksPerNode : $0.ranks } ?? ranksPerNode
    }

    /// The bytes that all ranks sum in a step: losses of micro-batches, and a sum of squares for each chunk.
    var reducedBytes: Int {
        (configuration.batch.slots + (layout.trained.count + chunkElements - 1) / chunkElements)
            * MemoryLayout<Double>.stride
    }

    /// The messages between nodes of a rank.
    func traffic(nodes: Int, ranksPerNode: Int, rank: Int) -> StepTraffic {
        let all = (0..<nodes).map { $0 * ranksPerNode..<($0 + 1) * ranksPerNode }
        let node = all[rank / ranksPerNode]
        let (averaging, trained) = (configuration.averaging, layout.trained)
        let traffic =
            switch configuration.precision {
            case .float32: averaging.traffic(trained, nodes: all, rank: rank, storing: Float.self)
            case .float16: averaging.traffic(trained, nodes: all, rank: rank, storing: Float16.self)
            case .bfloat16: averaging.traffic(trained, nodes: all, rank: rank, storing: BFloat16.self)
            }
        return traffic.leaving(node)
    }

    /// What a rank does in a step.
    func program(
        _ times: StepTimes, slots: Int, nodes: Int, ranksPerNode: Int, rank: Int
    ) -> StepProgram {
        StepProgram(
            times, slots: slots, sections: layout.trained.sections.count,
            // A rank of the measurement updated a larger shard.
            shardShare: Double(measuredRanks(ranksPerNode)) / Double(nodes * ranksPerNode),
            reducedBytes: reducedBytes, traffic(nodes: nodes, ranksPerNode: ranksPerNode, rank: rank))
    }
}
