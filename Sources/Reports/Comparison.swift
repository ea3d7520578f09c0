import Failures
import Files
import Reporting
import Settings
import Texts

/// The differences between runs: their settings, their best metrics and their speed.
package struct Comparison {
    private let runs: [RunHistory]

    /// Compares `runs`, at least one.
    package init(_ runs: [RunHistory]) {
        precondition(!runs.isEmpty, "a run to compare")
        self.runs = runs
    }

    /// The settings that are not the same in all runs: each key with its value in every run, as YAML; nil for a run
    /// whose configuration cannot be read. Directories are left out.
    package var settings: [(key: String, values: [String?])] {
        let known = runs.compactMap(\.configuration)
        guard let first = known.first else { return [] }
        var keys: [String] = []
        for other in known.dropFirst() {
            for difference in other.differences(from: first) where !keys.containsExactly(difference.key) {
                keys.append(difference.key)
            }
        }
        // In the order in which keys are written.
        return Configuration.keyValues.filter { keys.containsExactly($0.path) && $0.path != "run.directory" }.map {
            key in
            (key.path, runs.map { run in run.configuration.flatMap { try? $0.value(of: key.path) } })
        }
    }

    /// The results of the runs: a name, and for each run a number or nothing.
    package var results: [(name: String, values: [Double?])] {
        var rows: [(String, [Double?])] = [("steps", runs.map { Double($0.metrics.lastStep) })]
        rows.append(("training loss", runs.map { $0.last("loss") }))
        for metric in ValidationMetric.allCases {
            let values = runs.map { run -> Double? in
                let series = run.metrics[metric.rawValue]?.values
                return metric.isBetterHigher ? series?.max() : series?.min()
            }
            if values.contains(where: { $0 != nil }) { rows.append(("best \(metric.words)", values)) }
        }
        rows.append(("step of the best", runs.map { $0.best.map { Double($0.step) } }))
        rows.append(("tokens per second", runs.map(\.tokensPerSecond)))
        rows.append(("training seconds", runs.map(\.trainingSeconds)))
        rows.append(("memory of rank 0, MB", runs.map { $0.last("resident_bytes").map { $0 * 1e-6 } }))
        rows.append(("skipped steps", runs.map { Double($0.metrics.skips.count) }))
        return rows.filter { $0.1.contains { $0 != nil } }
    }

    /// The tables as text: settings that differ, then results.
    package var text: String {
        let header = [""] + runs.map(\.name).map(PathText.shown)
        let settings = settings.map { [$0.key] + $0.values.map { $0 ?? "?" } }
        let results = results.map { [$0.name] + $0.values.map { $0.map(Comparison.text) ?? "" } }
        let first =
            settings.isEmpty
            ? (runs.count > 1 ? "The settings are the same.\n" : "") : aligned([header] + settings) + "\n\n"
        return first + aligned([header] + results)
    }

    /// The tables as a JSON object.
    package var json: JSON {
        let rows = runs.indices.map { index -> JSON in
            .object([
                .init("run", .string(runs[index].directory.path)), .init("state", .string(runs[index].state.text)),
                .init(
                    "settings",
                    .object(settings.map { JSON.Member($0.key, $0.values[index].map(JSON.string) ?? .null) })),
                .init(
                    "results",
                    .object(results.map { JSON.Member($0.name, $0.values[index].map(JSON.number) ?? .null) })),
            ])
        }
        return ["runs": .array(rows)]
    }

    /// A number in a table: integers in full, other numbers with four decimals.
    static func text(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return grouped(Int(value)) }
        return abs(value) >= 1000 ? grouped(Int(value.rounded())) : fixed(value, 4)
    }
}

extension RunHistory {
    /// The time spent in training steps, in seconds, from the speed of each.
    package var trainingSeconds: Double? {
        guard let rates = metrics["tokens_per_second"], let tokens = metrics["tokens"] else { return nil }
        return zip(tokens.values, rates.values).reduce(0) { $1.1 > 0 ? $0 + $1.0 / $1.1 : $0 }
    }

    /// The time spent in evaluations, in seconds.
    package var evaluationSeconds: Double { metrics["validation_seconds"]?.values.reduce(0, +) ?? 0 }
}
