import Failures
import Files
import Planning
import Resources
import Settings
import Texts

extension Command {
    static let plan = Command(
        name: "plan", summary: "predict memory, time and disk space of a run",
        options: [
            .one("config", .file, "configuration of the run (default: the built-in quickstart)"),
            .settings,
            .one("ranks", "N", "number of ranks on this host (default: those that mpirun starts)"),
            .flag("no-measure", "do not measure steps: no times, and only a lower bound of the memory"),
            .one("nodes", "N,…", "forecast a step on this many nodes like this host"),
            .one("ranks-per-node", "R", "ranks on each node (default: those of mpirun; without it, the best)"),
            .one("network", ValueKind("FILE|KEY=VALUE,…", .files), "network, such as latency=2e-6,bandwidth=100e9"),
            .one("trace", .directory, "write traces of the forecast for SimGrid's smpirun"),
            .flag("json", "print one JSON object"),
        ],
        needsAllRanks: true,
        example: "mpirun -np 2 dtrain plan --config configs/nano.yaml"
    ) { arguments, session in
        let communicator = session.communicator
        let (configuration, cluster, ranks) = try communicator.together { () throws(Failure) in
            (
                try Configuration.load(file: arguments.value("config"), sets: arguments.list("set")),
                try Cluster(arguments),
                try arguments.integer("ranks", in: 1...1024, default: communicator.size)
            )
        }
        try ComputeThreads.start(configuration.threads, communicator, session.console)
        try configuration.products.settle(configuration.precision.format, communicator, session.console)
        // In a process alone, the ranks of a node are those of this host.
        let here = communicator.size > 1 ? ranks : cluster?.ranksPerNode ?? ranks
        let plan = try TrainingPlan(
            configuration, ranks: here, measures: !arguments.has("no-measure"), comparesThreads: cluster != nil,
            communicator)
        guard let cluster else {
            session.console.say(arguments.has("json") ? plan.json.printedLine : plan.text)
            return .finished
        }
        let lines = try communicator.onFirstRank { () throws(Failure) in
            try cluster.forecast(plan, asJSON: arguments.has("json"))
        }
        session.console.say(lines)
        return .finished
    }
}

/// The cluster of a forecast.
private struct Cluster {
    let nodes: [Int]
    /// nil: those of `mpirun`; without it, the best number.
    let ranksPerNode: Int?
    let network: NetworkDescription
    let trace: String?

    /// Parses the options; nil without `--nodes`.
    init?(_ arguments: Arguments) throws(Failure) {
        guard let text = arguments.value("nodes") else {
            for name in ["ranks-per-node", "network", "trace"] where arguments.has(name) {
                throw arguments.usage("--\(name) needs --nodes.")
            }
            return nil
        }
        var nodes: [Int] = []
        for part in text.exactParts(at: ",") {
            guard let number = wholeNumber(part), (1...65536).contains(number) else {
                throw arguments.usage(
                    "--nodes: found \(text); allowed: whole numbers from 1 to 65536, separated by commas.")
            }
            nodes.append(number)
        }
        guard !arguments.has("trace") || nodes.count == 1 else {
            throw arguments.usage("--trace: found \(nodes.count) numbers of nodes; allowed: one.")
        }
        let name = "ranks-per-node"
        ranksPerNode = try arguments.has(name) ? arguments.integer(name, in: 1...1024, default: 1) : nil
        self.nodes = nodes
        if let text = arguments.value("network") {
            network = try NetworkDescription(parsing: text)
        } else {
            network = NetworkDescription()
        }
        trace = arguments.value("trace")
    }

    /// Forecasts the steps and writes the trace; returns what is printed.
    func forecast(_ plan: TrainingPlan, asJSON: Bool) throws(Failure) -> String {
        var forecasts: [ClusterForecast] = []
        for count in nodes {
            if let perNode = ranksPerNode ?? (plan.rankCount > 1 ? plan.rankCount : nil) {
                forecasts.append(try ClusterForecast(plan, network, nodes: count, ranksPerNode: perNode))
            } else {
                forecasts.append(try ClusterForecast.best(plan, network, nodes: count))
            }
        }
        if let trace {
            try ReplayTrace(plan, network, nodes: nodes[0], ranksPerNode: forecasts[0].ranksPerNode).write(to: trace)
        }
        guard asJSON else { return ClusterForecast.text(forecasts) }
        return JSON.object([
            .init("plan", plan.json), .init("forecasts", .array(forecasts.map(\.json))),
        ]).printedLine
    }
}
