@testable import dtrain
@testable import Settings

extension FuzzedReader {
    /// A configuration, YAML or JSON.
    static let configuration = FuzzedReader(name: "configuration", refusals: [.usage]) {
        [
            Configuration().resolvedYAML, "model: {family: encoder, width: 96, heads: 3}\nbatch:\n  sequences: 8\n",
            "{\"schedule\": {\"kind\": \"step\", \"milestones\": [1, 20]}, \"precision\": \"float16\"}", "{}",
            "optimizer:\n  groups: [{names: \"*.bias\", weight_decay: 0.0}]\n  betas: [.9, 9.5e-1]\nthreads: auto\n",
        ].map { Array($0.utf8) }
    } open: { _ in
        return { bytes in
            let configuration = try Configuration.parse(bytes, name: "c.yaml")
            let text = configuration.resolvedYAML
            let again = try Configuration.parse(text, name: "again")
            try Defect.unless(again == configuration, "the configuration written again differs")
            try Defect.unless(again.resolvedYAML == text, "the text written again differs")
        }
    }

    /// The description of a network.
    static let network = FuzzedReader(name: "network", refusals: [.usage]) {
        [
            "latency: 2e-6\nbandwidth: 100e9\nmessage_overhead: 1e-6\njitter: 0.01\n",
            "{\"nodes_per_switch\": 16, \"switch_latency\": 1e-6, \"oversubscription\": 2.5}",
            "moves_in_background: false\n",
        ].map { Array($0.utf8) }
    } open: { _ in
        return { bytes in
            var network = NetworkDescription()
            try network.apply(bytes, name: "n.yaml")
            for nodes in [1, 2, 17, 65536] {
                try Defect.unless(
                    network.longestLatency(nodes: nodes).isFinite && network.exchangeBandwidth(nodes: nodes) > 0,
                    "\(nodes) nodes have no network")
            }
        }
    }

    /// Command-line arguments, separated by zero bytes. They are parsed, but no command is run.
    static let commandLine = FuzzedReader(name: "command-line", refusals: [.usage]) {
        // The arguments after the program's name, up to a redirection or a pipe.
        let examples = Command.all.filter { !$0.example.contains("\"") }.map { command in
            let words = command.example.split(separator: " ").map(String.init)
            return words.drop { $0 != "dtrain" }.dropFirst().prefix { $0 != ">" && $0 != "|" }
        }
        let others = [
            ["help", "train"], ["--set", "model.layers=2", "--set=optimizer.betas=[0.9, 0.95]", "--profile=7"],
            ["generate", "--checkpoint", "d", "--temperature", "-0.5e1", "--top-k", "9", "--threads", "2"],
        ]
        return (examples.map(Array.init) + others).map { Array($0.joined(separator: "\0").utf8) }
    } open: { _ in
        return { bytes in
            // As for arguments from the system, invalid UTF-8 is replaced.
            let words = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            if words.first == "help" {
                _ = try Help.text(for: Array(words.dropFirst()))
                return
            }
            let (command, rest) = try Command.find(words)
            let arguments = try Arguments(rest, for: command)
            _ = try arguments.threads()
            _ = try arguments.weights()
            for option in command.options where option.arity == .one {
                _ = try? arguments.integer(option.name, in: 0...10, default: 0)
                _ = try? arguments.real(option.name, in: 0...1, default: 0)
            }
            _ = try Configuration.load(file: nil, sets: arguments.list("set"))
        }
    }
}
