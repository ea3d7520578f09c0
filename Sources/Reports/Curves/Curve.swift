import Checkpoints
import Reporting
import Settings

/// A curve of a run: the values of one field.
package struct Curve: Sendable {
    /// The name of the run and of the values.
    package var name: String
    /// The index of the run among those that are drawn.
    package var run: Int
    /// The points, ascending in x.
    package var points: [(x: Double, y: Double)]

    /// The curve of a series, with at most about `limit` points: of each part of the steps the smallest and the largest
    /// value remain, so that spikes do.
    package init(_ name: String, run: Int, _ series: MetricsHistory.Series, limit: Int) {
        (self.name, self.run) = (name, run)
        let count = series.values.count
        func point(_ index: Int) -> (x: Double, y: Double) { (Double(series.steps[index]), series.values[index]) }
        guard count > limit else {
            points = (0..<count).map(point)
            return
        }
        let parts = max(1, limit / 2)
        points = (0..<parts).flatMap { part in
            let range = part * count / parts..<(part + 1) * count / parts
            let least = range.min { series.values[$0] < series.values[$1] }!
            let most = range.max { series.values[$0] < series.values[$1] }!
            return (least == most ? [least] : [min(least, most), max(least, most)]).map(point)
        }
    }
}

/// What is drawn in one picture.
package struct Chart: Sendable {
    package var title: String
    /// The curves of measurements at every step.
    package var lines: [Curve]
    /// The curves of single measurements, drawn as points on a line.
    package var marks: [Curve]
    /// Whether large and small values are better seen on a logarithmic axis.
    package var isLogarithmic = false

    /// The charts of runs, those of the same field over one another. A field that no run has is left out.
    ///
    /// - Parameter limit: The maximum number of points of a curve.
    package static func all(of runs: [RunHistory], limit: Int) -> [Chart] {
        func curves(_ field: String, _ name: String) -> [Curve] {
            runs.enumerated().compactMap { index, run in
                let title = runs.count > 1 ? "\(run.name): \(name)" : name
                return run.metrics[field].map { Curve(title, run: index, $0, limit: limit) }
            }
        }
        var charts = [
            Chart(title: "Loss", lines: curves("loss", "training"), marks: curves("validation_loss", "validation")),
            Chart(title: "Learning rate", lines: curves("learning_rate", "learning rate"), marks: []),
            Chart(
                title: "Gradient norm", lines: curves("gradient_norm", "gradient norm"), marks: [], isLogarithmic: true),
            Chart(title: "Tokens per second", lines: curves("tokens_per_second", "tokens per second"), marks: []),
        ]
        charts += ValidationMetric.allCases.filter { $0 != .loss }.map { metric in
            Chart(title: "Validation \(metric.score)", lines: [], marks: curves(metric.rawValue, metric.score))
        }
        let scales = runs.flatMap { $0.metrics["loss_scale"]?.values ?? [] }
        if Set(scales).count > 1 {
            charts.append(
                Chart(title: "Loss scale", lines: curves("loss_scale", "loss scale"), marks: [], isLogarithmic: true))
        }
        if runs.contains(where: { $0.metrics["waiting_share"]?.values.contains { $0 > 0 } ?? false }) {
            charts.append(
                Chart(title: "Share of the time waiting", lines: curves("waiting_share", "waiting"), marks: []))
        }
        charts.append(Chart(title: "Memory of rank 0 (bytes)", lines: curves("resident_bytes", "memory"), marks: []))
        return charts.filter { !$0.lines.isEmpty || !$0.marks.isEmpty }
    }

    /// The smallest and largest x and y of all points; nil if there are none.
    var bounds: (x: ClosedRange<Double>, y: ClosedRange<Double>)? {
        let points = (lines + marks).flatMap(\.points)
        guard let first = points.first else { return nil }
        return points.reduce((first.x...first.x, first.y...first.y)) { bounds, point in
            (
                min(bounds.0.lowerBound, point.x)...max(bounds.0.upperBound, point.x),
                min(bounds.1.lowerBound, point.y)...max(bounds.1.upperBound, point.y)
            )
        }
    }
}

/// Round numbers within a range, about `count` of them: multiples of 1, 2 or 5 times a power of ten.
func ticks(in range: ClosedRange<Double>, count: Int) -> [Double] {
    let span = range.upperBound - range.lowerBound
    guard span > 0, span.isFinite else { return [range.lowerBound] }
    let raw = span / Double(max(1, count))
    var power = 1.0
    while power > raw { power /= 10 }
    while power * 10 <= raw { power *= 10 }
    let step = power * ([1, 2, 5, 10].first { $0 * power >= raw } ?? 10)
    let first = (range.lowerBound / step).rounded(.up)
    return (0...2 * count + 2).map { (first + Double($0)) * step }.filter { $0 <= range.upperBound + step * 1e-9 }
}

/// A number for an axis or a tooltip: at most four significant digits, "1.2k", "3.4M", "5.6e-05".
package func compact(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let magnitude = abs(value)
    if value == 0 { return "0" }
    for (limit, unit) in [(1e9, "G"), (1e6, "M"), (1e4, "k")] where magnitude >= limit {
        let divisor = unit == "k" ? 1e3 : limit
        return trimmed(value / divisor, 2) + unit
    }
    if magnitude < 1e-3 { return scientific(value, digits: 3) }
    return trimmed(value, magnitude < 1 ? 4 : magnitude < 100 ? 3 : 1)
}

/// A number with up to `decimals` decimals, without trailing zeros.
private func trimmed(_ value: Double, _ decimals: Int) -> String {
    var text = Substring(fixed(value, decimals))
    guard text.utf8.contains(UInt8(ascii: ".")) else { return String(text) }
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
}
