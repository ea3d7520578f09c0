import Checkpoints
import Failures
import Files
import Glibc
import Reporting
import Settings
import Texts

/// A run in the characters of a terminal: curves, speed, ranks and phase.
package struct RunView {
    private let run: RunHistory

    package init(_ run: RunHistory) { self.run = run }

    /// The lines of the view.
    ///
    /// - Parameters:
    ///   - width: The width of the terminal in columns.
    ///   - height: The number of lines that are available; nil: as many as are useful.
    package func text(width: Int, height: Int?) -> String {
        var head = [PathText.shown(run.directory.path) + ": " + run.state.text, progress]
        head += [validation, phase].compactMap(\.self)
        let ranks = ranks
        let charts = Chart.all(of: [run], limit: 4 * width)
        let chosen = ["Loss", "Gradient norm", "Tokens per second"]
        let shown = charts.filter { chosen.contains($0.title) }.prefix(
            height.map { $0 < 30 ? 1 : $0 < 44 ? 2 : 3 } ?? 3)
        let room = height.map { max(4, ($0 - head.count - ranks.count - 1) / max(1, shown.count) - 2) } ?? 8
        let plots = shown.flatMap { CharacterPlot.lines(of: $0, width: width - 1, rows: min(room, 12)) }
        return (head + plots + ranks).joined(separator: "\n")
    }

    private var progress: String {
        let step = run.metrics.lastStep
        var parts = ["step \(grouped(step))" + (run.steps.map { " of \(grouped($0))" } ?? "")]
        if let loss = run.last("loss") { parts.append("loss \(fixed(loss, 4))") }
        if let rate = run.last("learning_rate") { parts.append("lr \(scientific(rate, digits: 2))") }
        if let speed = run.tokensPerSecond {
            parts.append("\(compact(speed)) tokens/s")
            let seconds = run.secondsPerStep
            if case .running = run.state, let steps = run.steps, step < steps, let seconds {
                parts.append("\(clockTime(Double(steps - step) * seconds)) left")
            }
        }
        if let memory = run.last("resident_bytes") { parts.append("\(fixed(memory * 1e-6, 0)) MB on rank 0") }
        if !run.metrics.skips.isEmpty { parts.append("\(counted(run.metrics.skips.count, "step")) skipped") }
        return parts.joined(separator: ", ")
    }

    private var validation: String? {
        guard let best = run.best, let last = run.last(best.metric.rawValue) else { return nil }
        return "\(best.metric.words) \(fixed(last, 4)), best \(fixed(best.value, 4)) at step \(best.step)"
    }

    /// What an active run is doing, as far as its files tell.
    private var phase: String? {
        guard case .running = run.state else { return nil }
        let (step, training) = (run.metrics.lastStep, run.configuration?.training)
        let names = (try? FileSystem.list(run.directory.checkpoints)) ?? []
        let isSaving = names.contains { $0.hasExactPrefix(".") }
        let isDue = training.map { step > 0 && (step % $0.evaluateEvery == 0 || step == $0.steps) } ?? false
        let isEvaluated = run.metrics.series.contains { $0.name == "validation_loss" && $0.steps.last == step }
        let activity =
            step == 0
            ? "starting" : isDue && !isEvaluated && run.metrics["validation_loss"] != nil ? "evaluating" : "training"
        return "phase: \(activity)\(isSaving ? ", writing a checkpoint" : "")"
    }

    /// One line for each process of an active run on this host.
    private var ranks: [String] {
        guard case .running(let process) = run.state else { return [] }
        let rows = JobProcess.all(of: process).map { job in
            [
                "rank \(job.rank.map(String.init) ?? "?")", "process \(job.process)",
                "\(fixed(job.residentBytes * 1e-6, 0)) MB",
                "\(counted(job.threads, "thread"))", "\(clockTime(job.processorSeconds)) of processor time", job.state,
            ]
        }
        return rows.isEmpty ? [] : aligned(rows).exactParts(at: "\n")
    }
}

extension RunHistory {
    /// The median duration of the last hundred steps.
    var secondsPerStep: Double? {
        guard let rates = metrics["tokens_per_second"], let tokens = metrics["tokens"] else { return nil }
        let recent = zip(tokens.values.suffix(100), rates.values.suffix(100)).map { $1 > 0 ? $0 / $1 : 0 }.sorted()
        return recent.isEmpty ? nil : recent[recent.count / 2]
    }
}
