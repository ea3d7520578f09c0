import Checkpoints
import Failures
import Files
import Glibc
import Settings
import Texts

/// What the files of a run tell about it. Nothing is written, so that the run may be active.
package struct RunHistory {
    package let directory: RunDirectory
    /// The last part of the directory's path.
    package let name: String
    /// The resolved configuration; nil if there is none, or if this version cannot read it.
    package let configuration: Configuration?
    package private(set) var metrics: MetricsHistory
    /// The starts of the run, from its event files; empty if it writes none.
    package private(set) var sessions: [RunSession]
    package private(set) var state: RunState
    /// The checkpoints in step order, without those that cannot be read.
    package private(set) var checkpoints: [Checkpoint]

    /// Reads the run directory `path`.
    ///
    /// - Throws: `badData` if the path does not exist or is not a run, and for a damaged line in its metrics.
    package init(_ path: String) throws(Failure) {
        directory = try RunDirectory(existing: path)
        let parts = FileSystem.absolute(path).exactParts(at: "/", omittingEmpty: true).filter { $0 != "." }
        name = parts.last ?? path
        guard try FileSystem.isPresent(directory.metrics) else {
            throw Failure(
                .badData,
                "\(path): has no metrics.jsonl: it is not a run, or has not completed a step yet. Name a run directory, "
                    + "such as runs/quickstart.")
        }
        configuration = (try? FileSystem.contents(of: directory.configuration, limitBytes: 1 << 20)).flatMap {
            try? Configuration.parse(String(decoding: $0, as: UTF8.self), name: "config.yaml", isRecorded: true)
        }
        metrics = try MetricsHistory(directory.metrics)
        sessions = RunSession.all(directory)
        state = try RunState(directory)
        checkpoints = try Checkpoint.list(directory).compactMap(\.checkpoint)
    }

    /// Reads what an active run has written since.
    ///
    /// - Throws: As `init`.
    package mutating func readOn() throws(Failure) {
        try metrics.readOn()
        state = try RunState(directory)
        sessions = RunSession.all(directory)
        checkpoints = try Checkpoint.list(directory).compactMap(\.checkpoint)
    }

    /// The last value of a field; nil if it has none.
    package func last(_ field: String) -> Double? { metrics[field]?.values.last }

    /// The best value of the metric that selects checkpoints, and its step; nil if it was never measured.
    package var best: (metric: ValidationMetric, value: Double, step: Int)? {
        let metric = configuration?.training.metric ?? .loss
        guard let series = metrics[metric.rawValue] else { return nil }
        let places = series.values.indices
        let place =
            metric.isBetterHigher
            ? places.max { series.values[$0] < series.values[$1] }
            : places.min { series.values[$0] < series.values[$1] }
        return place.map { (metric, series.values[$0], series.steps[$0]) }
    }

    /// The median of the tokens per second of the last hundred steps; nil before the first step.
    package var tokensPerSecond: Double? {
        let recent = (metrics["tokens_per_second"]?.values.suffix(100) ?? []).sorted()
        return recent.isEmpty ? nil : recent[recent.count / 2]
    }

    /// The number of steps of the whole run; nil without a configuration.
    package var steps: Int? { configuration?.training.steps }
}

/// Whether a run is active, as far as its files tell.
package enum RunState: Equatable, Sendable {
    /// It ended by itself: "finished", "stopped" or "failed", with its exit code.
    case ended(String, exitCode: Int)
    /// It is active on this host.
    case running(process: pid_t)
    /// It has no outcome: it was killed, or runs on the named host.
    case unknown(host: String?)

    init(_ run: RunDirectory) throws(Failure) {
        if let bytes = try? FileSystem.contents(of: run.outcome, limitBytes: 1 << 16),
            let marker = try? JSON(parsing: bytes, source: run.outcome), let outcome = marker["outcome"]?.stringValue
        {
            self = .ended(outcome, exitCode: marker["exit_code"]?.integerValue ?? 0)
        } else if let holder = try run.holder() {
            let isHere = holder.host.exact == hostName().exact
            self =
                isHere && kill(holder.process, 0) == 0
                ? .running(process: holder.process) : .unknown(host: isHere ? nil : holder.host)
        } else {
            self = .unknown(host: nil)
        }
    }

    /// The state in words.
    package var text: String {
        switch self {
        case .ended(let outcome, let code): code == 0 ? outcome : "\(outcome) (exit code \(code))"
        case .running(let process): "running (process \(process))"
        case .unknown(nil): "no outcome: it was killed"
        case .unknown(let host?): "no outcome: it runs on \(host), or was killed"
        }
    }
}
