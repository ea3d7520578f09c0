import Files
import Reporting
import Resources

/// Shows the progress of training: a progress bar on a terminal, otherwise lines, at most one every two seconds.
final class ProgressReporter {
    private let console: Console
    private let steps: Int
    private let targets: String
    private let isSmoothed: Bool
    private let flopsPerTarget: Double
    private let limit: ProcessorLimit
    private let clock = ContinuousClock()
    private var lastLine: ContinuousClock.Instant
    private var recent: [(tokens: Int, seconds: Double)] = []
    /// The last value of the watched metric and the best so far; nil before the first evaluation.
    var validation: (last: Double, best: Double)?

    /// - Parameters:
    ///   - targets: The name of the targets.
    ///   - isSmoothed: Whether step losses include label smoothing.
    init(
        _ console: Console, steps: Int, targets: String, isSmoothed: Bool, flopsPerTarget: Double, limit: ProcessorLimit
    ) {
        self.console = console
        self.steps = steps
        self.targets = targets
        self.isSmoothed = isSmoothed
        self.flopsPerTarget = flopsPerTarget
        self.limit = limit
        lastLine = clock.now - .seconds(60)
    }

    /// Shows step `step`, which took `seconds` seconds.
    ///
    /// - Parameter residentBytes: The peak memory of rank 0.
    func stepDone<Element>(
        _ step: Int, _ report: Coordinator<Element>.Report, seconds: Double, residentBytes: Int
    ) {
        recent.append((report.tokens, seconds))
        if recent.count > 20 { recent.removeFirst() }
        let total = recent.reduce(0) { $0 + $1.seconds }
        let rate = Double(recent.reduce(0) { $0 + $1.tokens }) / total
        let left = Double(steps - step) * total / Double(recent.count)
        let line = ProgressLine(
            step: step, steps: steps, loss: report.loss, validation: validation, residentBytes: residentBytes,
            isSmoothed: isSmoothed, learningRate: report.learningRate,
            gradientNorm: report.gradientNorm, skip: report.skip?.words, lossScale: report.lossScale,
            targetsPerSecond: rate, targets: targets, shareOfPeak: rate * flopsPerTarget / limit.flopsPerSecond,
            secondsLeft: left)
        if console.isTerminal {
            console.draw(line.textWithBar(width: console.columns - 1))
        } else if step == 1 || step == steps || clock.now - lastLine >= .seconds(2) {
            console.say(line.text(width: 80))
            lastLine = clock.now
        }
    }
}

extension Coordinator.Skip {
    /// The reason as written in the progress line.
    var words: String { self == .notFinite ? "not finite" : rawValue }
}

extension Coordinator.Report {
    /// The step's line in `metrics.jsonl`. It contains the reason of a skipped step, and always the number of skipped
    /// steps.
    ///
    /// - Parameter residentBytes: The peak resident memory of rank 0.
    func metrics(step: Int, seconds: Double, residentBytes: Int) -> JSON {
        var line: [JSON.Member] = [
            .init("step", .integer(step)), .init("loss", .number(loss)),
            .init("learning_rate", .number(learningRate)),
            .init("gradient_norm", gradientNorm.map(JSON.number) ?? .null),
            .init("loss_scale", .number(lossScale ?? 1)), .init("tokens", .integer(tokens)),
            .init("tokens_per_second", .number(Double(tokens) / seconds)),
            .init("waiting_share", .number(min(1, waitedSeconds / seconds))),
            .init("skipped_steps", .integer(skippedSteps)), .init("resident_bytes", .integer(residentBytes)),
        ]
        if let skip { line.append(.init("skipped", .string(skip.rawValue))) }
        if isNewLossLevel { line.append(.init("new_loss_level", true)) }
        if returns > 0 { line.append(.init("returns", .integer(returns))) }
        return .object(line)
    }
}
