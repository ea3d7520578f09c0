import Failures
import Files
import Texts

/// The network of a cluster, for forecasts: a tree of switches with equal nodes.
///
/// It is read from a YAML file, or from `KEY=VALUE` pairs separated by commas.
package struct NetworkDescription: Equatable, Sendable {
    /// The time that a message of one byte needs between two nodes on one switch, in seconds.
    package var latency = 2e-6
    /// The bandwidth of a node's link in each direction, in bits per second.
    package var bandwidth = 100e9
    /// The time in which a rank can do nothing else for each message that it sends or receives, in seconds.
    package var messageOverhead = 1e-6
    /// The computing time of a rank for each byte that it sends or receives, in seconds: the processor's work for TCP.
    package var byteOverhead = 0.0
    /// The number of nodes on one switch; 0: all nodes.
    package var nodesPerSwitch = 0
    /// The time that a message needs in addition to reach another switch, in seconds.
    package var switchLatency = 1e-6
    /// How much narrower the links between switches are than the links of their nodes together; 1: a full fat tree.
    package var oversubscription = 1.0
    /// Whether messages move while ranks compute, as with network cards that access memory by themselves; otherwise
    /// only inside MPI.
    package var movesInBackground = true
    /// The standard deviation of a rank's computing time in a step, relative to its mean.
    package var jitter = 0.0
    /// How much faster a node computes than this host.
    package var nodeSpeed = 1.0

    package init() {}

    static let keys: [ConfigurationKey<Self>] = [
        .real("latency", \.latency, in: 0...1),
        .real("bandwidth", \.bandwidth, in: 1e3...1e15),
        .real("message_overhead", \.messageOverhead, in: 0...1),
        .real("byte_overhead", \.byteOverhead, in: 0...1e-3),
        .integer("nodes_per_switch", \.nodesPerSwitch, in: 0...65536),
        .real("switch_latency", \.switchLatency, in: 0...1),
        .real("oversubscription", \.oversubscription, in: 1...1000),
        .boolean("moves_in_background", \.movesInBackground),
        .real("jitter", \.jitter, in: 0...1),
        .real("node_speed", \.nodeSpeed, in: 1e-3...1e6),
    ]

    /// Reads the description that `--network` names: a file, or pairs such as `latency=2e-6,bandwidth=100e9`.
    ///
    /// - Throws: `usage` for an unknown key or a value that is not allowed.
    package init(parsing text: String) throws(Failure) {
        self.init()
        if text.containsExactly("="), !FileSystem.exists(text) {
            let source = YAMLSource.argument("--network \(text)")
            var seen: [String] = []
            for pair in text.exactParts(at: ",") {
                guard let (name, value) = pair.exactHalves(at: "=") else {
                    throw Failure(
                        .usage,
                        "--network \(printable(text)): found \(pair.isEmpty ? "an empty pair" : printable(pair)); allowed: "
                            + "a file, or KEY=VALUE pairs separated by commas; keys: \(Self.names)")
                }
                guard !seen.containsExactly(name) else {
                    throw Failure(.usage, "--network \(printable(text)): \(printable(name)) is given more than once.")
                }
                seen.append(name)
                try set(name, to: try YAMLReader.document(Array(value.utf8), from: source), YAMLMark(), source)
            }
            return
        }
        guard try FileSystem.isPresent(text) else {
            throw Failure(
                .usage,
                "--network \(printable(text)): no such file\(FileSystem.reasonForAbsence(of: text)). Allowed: a YAML file, or "
                    + "KEY=VALUE pairs separated by commas, such as latency=2e-6,bandwidth=100e9; keys: \(Self.names)")
        }
        let bytes: [UInt8]
        do throws(Failure) {
            bytes = try FileSystem.contents(of: text, limitBytes: YAMLReader.limitBytes)
        } catch {
            throw error.exitCode == .badData ? Failure(.usage, error.message) : error
        }
        try apply(bytes, name: text)
    }

    /// Applies the bytes of a YAML file.
    mutating func apply(_ bytes: [UInt8], name: String) throws(Failure) {
        let source = YAMLSource.file(name)
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw Failure(.usage, "\(printable(name, limit: 4096)): is not UTF-8; allowed: a YAML file")
        }
        let root = try YAMLReader.document(bytes, from: source)
        guard case .mapping(let entries) = root.content else {
            throw Failure(
                .usage,
                "\(source.place(of: root.mark)): found \(root.description); allowed: a mapping of \(Self.names)")
        }
        for entry in entries { try set(entry.key, to: entry.value, entry.mark, source) }
    }

    private mutating func set(
        _ name: String, to node: YAMLNode, _ mark: YAMLMark, _ source: YAMLSource
    ) throws(Failure) {
        guard let key = Self.keys.first(where: { $0.name.exact == name.exact }) else {
            let nearest = nearestSpelling(to: name, among: Self.keys.map(\.name)).map { "; the nearest is \($0)" }
            throw Failure(
                .usage,
                "\(source.place(of: mark)): unknown key \(printable(name))\(nearest ?? "; allowed: \(Self.names)")")
        }
        do throws(ConfigurationMismatch) {
            try key.read(node, &self)
        } catch {
            throw Failure(
                .usage,
                "\(source.place(of: error.node.mark)): \(key.name): found \(error.node.description); allowed: \(key.allowed)"
            )
        }
    }

    private static var names: String { keys.map(\.name).joined(separator: ", ") }
}

extension NetworkDescription {
    /// The longest time of a message between two of `nodes` nodes, in seconds.
    package func longestLatency(nodes: Int) -> Double {
        guard nodesPerSwitch > 0, nodes > nodesPerSwitch else { return latency }
        // Each level of a tree of switches joins as many of them as a switch has nodes.
        var (levels, reach) = (0, nodesPerSwitch)
        while reach < nodes {
            levels += 1
            let (next, overflow) = reach.multipliedReportingOverflow(by: max(2, nodesPerSwitch))
            reach = overflow ? Int.max : next
        }
        return latency + 2 * Double(levels) * switchLatency
    }

    /// The bandwidth that a node has for an exchange with all other nodes, in bytes per second.
    package func exchangeBandwidth(nodes: Int) -> Double {
        let link = bandwidth / 8
        guard nodesPerSwitch > 0, nodes > nodesPerSwitch, oversubscription > 1 else { return link }
        let outside = Double(nodes - nodesPerSwitch) / Double(nodes - 1)
        return min(link, link / oversubscription / outside)
    }
}
