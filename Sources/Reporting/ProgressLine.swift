import Texts

/// The progress of a training run, in a line that fits the width of the terminal.
package struct ProgressLine {
    var step: Int
    /// The number of steps of the whole run.
    var steps: Int
    var loss: Double
    /// The last value of the validation metric and the best so far; nil before the first evaluation.
    var validation: (last: Double, best: Double)?
    /// The peak memory of rank 0; nil if it is not shown.
    var residentBytes: Int?
    /// Whether the loss includes label smoothing; the validation loss does not.
    var isSmoothed = false
    var learningRate: Double
    /// nil if the step was skipped.
    var gradientNorm: Double?
    /// Why the step was skipped; nil if it was not.
    var skip: String?
    /// nil if the loss is not scaled.
    var lossScale: Double?
    var targetsPerSecond: Double
    /// The name of the targets.
    var targets = "tokens"
    /// The fraction of the measured peak rate of the CPUs (MFU), 0 to 1.
    var shareOfPeak: Double
    var secondsLeft: Double

    package init(
        step: Int, steps: Int, loss: Double, validation: (last: Double, best: Double)? = nil,
        residentBytes: Int? = nil, isSmoothed: Bool = false, learningRate: Double,
        gradientNorm: Double? = nil,
        skip: String? = nil, lossScale: Double? = nil, targetsPerSecond: Double, targets: String = "tokens",
        shareOfPeak: Double, secondsLeft: Double
    ) {
        (self.step, self.steps, self.loss, self.isSmoothed) = (step, steps, loss, isSmoothed)
        (self.validation, self.residentBytes) = (validation, residentBytes)
        (self.learningRate, self.gradientNorm, self.skip) = (learningRate, gradientNorm, skip)
        (self.lossScale, self.targetsPerSecond, self.targets) = (lossScale, targetsPerSecond, targets)
        (self.shareOfPeak, self.secondsLeft) = (shareOfPeak, secondsLeft)
    }

    /// The facts that fit into `width` columns. The step is always included; the others follow in the order of their
    /// importance, the remaining time and the loss first.
    ///
    /// - Parameter limit: The importance of the least important fact that may be included.
    package func text(width: Int, limit: Int = .max) -> String {
        // Shortens "masked tokens" to "tokens" or "tok" if a further fact then fits into the width.
        let noun = targets.exactParts(at: " ").last ?? targets
        var shown = facts(width, limit, targets)
        for unit in noun == "tokens" ? [noun, "tok"] : [noun] {
            let facts = facts(width, limit, unit)
            if facts.count > shown.count { shown = facts }
        }
        return shown.joined(separator: "  ")
    }

    /// The importance of the memory; only the fraction of the peak rate is less important.
    private static let memoryImportance = 8

    private func facts(_ columns: Int, _ limit: Int, _ unit: String) -> [String] {
        let facts: [(importance: Int, text: String)] = [
            (0, "step \(step)/\(steps)"),
            (2, "\(isSmoothed ? "smoothed loss" : "loss") \(ProgressLine.short(loss, decimals: 4))"),
            (
                7,
                validation.map {
                    "val \(ProgressLine.short($0.last, decimals: 4)), best \(ProgressLine.short($0.best, decimals: 4))"
                } ?? ""
            ),
            (5, "lr \(scientific(learningRate, digits: 2))"),
            (4, gradientNorm.map { "grad_norm \(ProgressLine.short($0, decimals: 2))" } ?? skip ?? ""),
            (6, lossScale.map(ProgressLine.scale) ?? ""),
            (3, "\(ProgressLine.rate(targetsPerSecond)) \(unit)/s"),
            (
                ProgressLine.memoryImportance,
                residentBytes.map { ProgressLine.rate(Double($0)) + "B" } ?? ""
            ),
            (9, shareOfPeak.isFinite ? "MFU \(fixed(100 * shareOfPeak, 0)) %" : ""),
            (1, "\(ProgressLine.time(secondsLeft)) left"),
        ]
        var (shown, used): (Set<Int>, Int) = ([], -2)
        let sorted = facts.sorted { $0.importance < $1.importance }
        for fact in sorted where !fact.text.isEmpty && fact.importance <= limit {
            // Every step number counts with the width of the last one, so that all lines of a run show the same facts.
            let width = fact.importance == 0 ? "step \(steps)/\(steps)".utf8.count : fact.text.utf8.count
            guard used + 2 + width <= columns || fact.importance == 0 else { break }
            shown.insert(fact.importance)
            used += 2 + width
        }
        return facts.filter { shown.contains($0.importance) }.map(\.text)
    }

    /// The text with a progress bar in front, if at least ten columns are left for it. The bar takes precedence over
    /// the fraction of the peak rate and over the memory.
    package func textWithBar(width: Int) -> String {
        for limit in [Int.max, ProgressLine.memoryImportance, ProgressLine.memoryImportance - 1] {
            let text = text(width: width, limit: limit)
            let room = min(20, width - text.utf8.count - 3)
            if room < 10 { continue }
            let done = min(room, Int(Double(room) * Double(step) / Double(max(steps, 1))))
            return "[" + String(repeating: "█", count: done) + String(repeating: "·", count: room - done) + "] " + text
        }
        return text(width: width)
    }

    /// Formats a number in at most about ten columns.
    private static func short(_ value: Double, decimals: Int) -> String {
        abs(value) < 1e5 || !value.isFinite ? fixed(value, decimals) : scientific(value)
    }

    private static func scale(_ value: Double) -> String {
        value < 1e6 || !value.isFinite || value.significand != 1
            ? "scale \(short(value, decimals: value < 1 ? 4 : 0))" : "scale 2^\(Int(value.exponent))"
    }

    /// Formats a rate with three significant digits: "0.41", "17.6", "940", "21.7k", "1.05M".
    private static func rate(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1e15 else { return "?" }
        var (scaled, units) = (value, ["", "k", "M", "G", "T"])
        while scaled >= 999.5, units.count > 1 {
            scaled /= 1000
            units.removeFirst()
        }
        return fixed(scaled, scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + units[0]
    }

    /// Formats a duration: hours, minutes and seconds, or days and hours if it is longer than four days.
    private static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 360_000, seconds < 1e12 else { return clockTime(seconds) }
        let hours = Int(seconds / 3600)
        return "\(hours / 24) d \(hours % 24) h"
    }
}
