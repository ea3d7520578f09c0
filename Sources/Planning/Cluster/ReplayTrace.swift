import Averaging
import Failures
import Files
import Measuring
import Settings
import Texts

/// The steps of all ranks of a cluster as a trace that SimGrid's SMPI replays, to check a forecast with an independent
/// simulator.
///
/// The directory receives a time-independent trace per rank, the list of them, a platform and a list of hosts:
///
///     smpirun -np N -platform platform.xml -hostfile hosts.txt -replay ranks.txt
///
/// A host computes 10⁹ operations per second, so operations are nanoseconds.
///
/// - Source: Casanova et al. 2014, "Versatile, scalable, and accurate simulation of distributed applications and
///   platforms" (SimGrid).
package struct ReplayTrace {
    private let plan: TrainingPlan
    private let network: NetworkDescription
    private let nodes: Int
    private let ranksPerNode: Int
    /// The number of steps in the trace.
    private let steps: Int

    /// A trace of `steps` steps of `plan`.
    package init(
        _ plan: TrainingPlan, _ network: NetworkDescription, nodes: Int, ranksPerNode: Int, steps: Int = 3
    ) {
        (self.plan, self.network) = (plan, network)
        (self.nodes, self.ranksPerNode, self.steps) = (nodes, ranksPerNode, steps)
    }

    /// Writes the files into a new or empty directory.
    ///
    /// - Throws: `usage` if the directory has other files or the plan has no measurement; `inputOutput` if writing
    ///   fails.
    package func write(to directory: String) throws(Failure) {
        guard let times = plan.rankTimes(network, ranksPerNode: ranksPerNode) else {
            throw Failure(.usage, "plan: a trace needs a measured step.")
        }
        let kind = OutputDirectory.Kind(
            markerName: ".dtrain-trace", command: "plan",
            isLeftover: { $0.hasExactPrefix("rank-") || ReplayTrace.names.containsExactly($0) }
        ) { names throws(Failure) in
            guard names.isEmpty else {
                throw Failure(.usage, "--trace \(directory): is not empty. Name a new directory.")
            }
        }
        let output = try OutputDirectory(claiming: directory, kind)
        let ranks = nodes * ranksPerNode
        let slots = plan.configuration.batch.slots
        let names = (0..<ranks).map { "rank-\($0).txt" }
        for rank in 0..<ranks {
            let own = (rank + 1) * slots / ranks - rank * slots / ranks
            let program = plan.program(
                times, slots: max(1, own), nodes: nodes, ranksPerNode: ranksPerNode, rank: rank)
            let clock = NetworkClock(program, network, nodes: nodes, ranksPerNode: ranksPerNode)
            try FileSystem.replaceContents(
                of: "\(directory)/\(names[rank])", with: text(clock.operations, program.traffic, rank: rank))
        }
        let list = names.map { $0 + "\n" }.joined()
        try FileSystem.replaceContents(of: "\(directory)/ranks.txt", with: list)
        let hosts = (0..<nodes).flatMap { node in (0..<ranksPerNode).map { _ in "node-\(node)\n" } }.joined()
        try FileSystem.replaceContents(of: "\(directory)/hosts.txt", with: hosts)
        try FileSystem.replaceContents(of: "\(directory)/platform.xml", with: platform)
        try output.complete()
    }

    private static let names = ["ranks.txt", "hosts.txt", "platform.xml"]

    /// The actions of a rank, one per line.
    private func text(_ operations: [NetworkClock.Operation], _ traffic: StepTraffic, rank: Int) -> String {
        var lines = ["\(rank) init"]
        // Tags tell exchanges apart; those of weights follow those of gradients.
        let weightTag = traffic.gradients.count
        func start(_ exchange: StepTraffic.Exchange, tag: Int) {
            for message in exchange.receives { lines.append("\(rank) irecv \(message.rank) \(tag) \(message.bytes)") }
            for message in exchange.sends { lines.append("\(rank) isend \(message.rank) \(tag) \(message.bytes)") }
            let overhead = Double(exchange.receives.count + exchange.sends.count) * network.messageOverhead
            if overhead > 0 { lines.append("\(rank) compute \(ReplayTrace.operations(overhead))") }
        }
        func wait(_ exchange: StepTraffic.Exchange, tag: Int) {
            for message in exchange.receives { lines.append("\(rank) wait \(message.rank) \(rank) \(tag)") }
            for message in exchange.sends { lines.append("\(rank) wait \(rank) \(message.rank) \(tag)") }
        }
        for _ in 0..<steps {
            for operation in operations {
                switch operation {
                case .compute(let seconds): lines.append("\(rank) compute \(ReplayTrace.operations(seconds))")
                case .start(let index): start(traffic.gradients[index], tag: index)
                case .wait(let index): wait(traffic.gradients[index], tag: index)
                case .reduce(let bytes): lines.append("\(rank) allreduce \(bytes) 0")
                case .startWeights(let index): start(traffic.weights[index], tag: weightTag + index)
                case .waitForWeights(let index): wait(traffic.weights[index], tag: weightTag + index)
                }
            }
        }
        return (lines + ["\(rank) finalize"]).map { $0 + "\n" }.joined()
    }

    /// The operations of a host for a time in seconds.
    private static func operations(_ seconds: Double) -> Int { Int((seconds * 1e9).rounded()) }

    /// A cluster whose nodes are on one switch, or on a fat tree of two levels.
    private var platform: String {
        let bytes = Int(network.bandwidth / 8)
        let isTree = network.nodesPerSwitch > 0 && nodes > network.nodesPerSwitch
        // A message passes two links on one switch and four in the tree.
        let latency = isTree ? network.longestLatency(nodes: nodes) / 4 : network.latency / 2
        let switches = isTree ? (nodes + network.nodesPerSwitch - 1) / network.nodesPerSwitch : 1
        let uplinks = max(1, Int(Double(network.nodesPerSwitch) / network.oversubscription))
        let topology =
            isTree
            ? " topology=\"FAT_TREE\" topo_parameters=\"2;\(network.nodesPerSwitch),\(switches);1,\(uplinks);1,1\"" : ""
        return """
            <?xml version="1.0"?>
            <!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
            <platform version="4.1">
              <cluster id="cluster" prefix="node-" suffix="" radical="0-\(nodes - 1)" speed="1Gf" core="\(ranksPerNode)"
                bw="\(bytes)Bps" lat="\(latency)s" sharing_policy="SPLITDUPLEX"\(topology)/>
            </platform>

            """
    }
}
