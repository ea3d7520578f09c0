/// How far a training is, in a line that fits the columns there are.
package struct ProgressLine {
    var step: Int
    /// Of the whole run.
    var steps: Int
    var loss: Double
    /// Whether the loss is that of smoothed targets, which a validation loss is not.
    var isSmoothed = false
    var learningRate: Double
    /// nil where the step was skipped.
    var gradientNorm: Double?
    /// Why the step was skipped; nil where it was not.
    var skip: String?
    /// nil where the loss is not scaled.
    var lossScale: Double?
    var targetsPerSecond: Double
    /// What the targets are called.
    var targets = "tokens"
    /// The share of the processors' measured peak rate of multiply-adds, 0 to 1.
    var shareOfPeak: Double
    var secondsLeft: Double

    package init(
        step: Int, steps: Int, loss: Double, isSmoothed: Bool = false, learningRate: Double,
        gradientNorm: Double? = nil,
        skip: String? = nil, lossScale: Double? = nil, targetsPerSecond: Double, targets: String = "tokens",
        shareOfPeak: Double, secondsLeft: Double
    ) {
        (self.step, self.steps, self.loss, self.isSmoothed) = (step, steps, loss, isSmoothed)
        (self.learningRate, self.gradientNorm, self.skip) = (learningRate, gradientNorm, skip)
        (self.lossScale, self.targetsPerSecond, self.targets) = (lossScale, targetsPerSecond, targets)
        (self.shareOfPeak, self.secondsLeft) = (shareOfPeak, secondsLeft)
    }

    /// The facts that find room in `width` columns. The step is always there, then the time left and the loss, then
    /// the others in the order of their use to a person.
    ///
    /// - Parameter showsShare: Whether the share of the peak is among them.
    package func text(width: Int, showsShare: Bool = true) -> String {
        let facts: [(importance: Int, text: String)] = [
            (0, "step \(step)/\(steps)"),
            (2, "\(isSmoothed ? "smoothed loss" : "loss") \(ProgressLine.short(loss, decimals: 4))"),
            (5, "rate \(scientific(learningRate, digits: 2))"),
            (4, gradientNorm.map { "norm \(ProgressLine.short($0, decimals: 2))" } ?? skip ?? ""),
            (6, lossScale.map(ProgressLine.scale) ?? ""),
            (3, "\(ProgressLine.rate(targetsPerSecond)) \(targets)/s"),
            (7, showsShare && shareOfPeak.isFinite ? "\(fixed(100 * shareOfPeak, 0)) % of peak" : ""),
            (1, "\(ProgressLine.time(secondsLeft)) left"),
        ]
        var (shown, used): (Set<Int>, Int) = ([], -2)
        for fact in facts.sorted(by: { $0.importance < $1.importance }) where !fact.text.isEmpty {
            guard used + 2 + fact.text.utf8.count <= width || fact.importance == 0 else { break }
            shown.insert(fact.importance)
            used += 2 + fact.text.utf8.count
        }
        return facts.filter { shown.contains($0.importance) }.map(\.text).joined(separator: "  ")
    }

    /// The same behind a bar, where there is room for one of at least ten columns; the share of the peak comes after it.
    package func textWithBar(width: Int) -> String {
        for showsShare in [true, false] {
            let text = text(width: width, showsShare: showsShare)
            let room = min(20, width - text.utf8.count - 3)
            if room < 10 { continue }
            let done = min(room, Int(Double(room) * Double(step) / Double(max(steps, 1))))
            return "[" + String(repeating: "█", count: done) + String(repeating: "·", count: room - done) + "] " + text
        }
        return text(width: width)
    }

    /// A number of at most about ten columns.
    private static func short(_ value: Double, decimals: Int) -> String {
        abs(value) < 1e5 || !value.isFinite ? fixed(value, decimals) : scientific(value)
    }

    private static func scale(_ value: Double) -> String {
        value < 1e6 || !value.isFinite || value.significand != 1
            ? "scale \(short(value, decimals: value < 1 ? 4 : 0))" : "scale 2^\(Int(value.exponent))"
    }

    /// A rate with three digits: "0.41", "17.6", "940", "21.7k", "1.05M".
    private static func rate(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1e15 else { return "?" }
        var (scaled, units) = (value, ["", "k", "M", "G", "T"])
        while scaled >= 999.5, units.count > 1 {
            scaled /= 1000
            units.removeFirst()
        }
        return fixed(scaled, scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + units[0]
    }

    /// Hours and minutes, of more than four days the days and hours.
    private static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 360_000, seconds < 1e12 else { return clockTime(seconds) }
        let hours = Int(seconds / 3600)
        return "\(hours / 24) d \(hours % 24) h"
    }
}
