import Inference
import Layers
import Models

// B sequences, T positions, S source positions, C hidden size, V outputs.

/// The attribution of a model's output to the embeddings of its input tokens.
///
/// An attribution is the path integral of the gradient along the straight line from the embeddings of a baseline to
/// those of the input, times their difference, summed over the hidden size. All attributions together are the
/// difference between the output for the input and for the baseline (completeness).
///
/// - Source: Sundararajan, Taly & Yan 2017, arXiv:1703.01365, sections 3 and 5.
struct IntegratedGradients {
    /// [S]; the attributions of the source tokens.
    let source: [Double]
    /// [T]; those of the model's own tokens.
    let own: [Double]
    /// The output for the input, and for the baseline.
    let value: Double
    let baselineValue: Double

    /// The difference between the sum of the attributions and the difference of the outputs: the error of the integral.
    var gap: Double { source.reduce(0, +) + own.reduce(0, +) - (value - baselineValue) }

    /// The number of points of a part of the line.
    static let partPoints = 7
    /// The error of all parts at which no part is divided further, relative to the difference of the outputs.
    private static let tolerance = 1e-3

    /// A part of the line from the baseline (0) to the input (1).
    private struct Part {
        let range: ClosedRange<Double>
        /// The outputs at both ends.
        let values: (start: Double, end: Double)
        /// The integrals over the part, for each token.
        var source: [Double]
        var own: [Double]

        /// The difference between the integrals and the difference of the outputs, which they should be.
        var error: Double { abs(source.reduce(0, +) + own.reduce(0, +) - (values.end - values.start)) }
    }

    /// Attributes `explained` to the tokens of `read`.
    ///
    /// The line is divided where the integral is least accurate, which the outputs at the ends of a part tell: a model
    /// may change its mind within a thousandth of the line.
    ///
    /// - Parameters:
    ///   - pass: A pass without recomputation, for more than `partPoints` sequences at once.
    ///   - baseline: As long as `read`; tokens that are equal have the attribution 0.
    ///   - steps: The maximum number of points at which gradients are computed.
    ///   - shouldStop: Called before a part is divided; if true, none is divided further.
    init(
        _ pass: InspectionPass, _ read: PromptTokens, baseline: PromptTokens,
        _ explained: ExplainedOutput, steps: Int, unless shouldStop: () -> Bool
    ) {
        let width = pass.model.configuration.width
        // The embeddings of the input and of the baseline: [2, S, C] and [2, T, C].
        let pair = pass.embeddings(of: [read, baseline])
        func ends(_ values: [Float]) -> (end: [Float], start: [Float]) {
            (Array(values.prefix(values.count / 2)), Array(values.suffix(values.count / 2)))
        }
        let (own, source) = (ends(pair.own), ends(pair.source))
        func point(_ line: (end: [Float], start: [Float]), _ share: Double) -> [Float] {
            zip(line.end, line.start).map { Float(Double($1) + share * (Double($0) - Double($1))) }
        }
        /// Integrates over `range`; the output at its end is computed unless it is given.
        func integrated(_ range: ClosedRange<Double>, from start: Double, to end: Double?) -> Part {
            let size = range.upperBound - range.lowerBound
            var points = gaussLegendre(IntegratedGradients.partPoints).map {
                (point: range.lowerBound + size * $0.point, weight: size * $0.weight)
            }
            if end == nil { points.append((range.upperBound, 0)) }
            var (ownSums, sourceSums) = (
                [Double](repeating: 0, count: read.tokens.count), [Double](repeating: 0, count: read.source.count)
            )
            let values = pass.backward(
                copies: points.count, of: read, own: points.flatMap { point(own, $0.point) },
                source: points.flatMap { point(source, $0.point) }, explained
            ) { embedded, gradient in
                let line = embedded == .own ? own : source
                for (b, weight) in points.map(\.weight).enumerated() {
                    for token in 0..<line.end.count / width {
                        var sum = 0.0
                        for place in token * width..<(token + 1) * width {
                            sum +=
                                Double(gradient[b * line.end.count + place])
                                * (Double(line.end[place]) - Double(line.start[place]))
                        }
                        if embedded == .own {
                            ownSums[token] += weight * sum
                        } else {
                            sourceSums[token] += weight * sum
                        }
                    }
                }
            }
            return Part(
                range: range, values: (start, end ?? values[values.count - 1]), source: sourceSums, own: ownSums)
        }
        let values = pass.values(of: [read, baseline], explained)
        (value, baselineValue) = (values[0], values[1])
        var parts = [integrated(0...1, from: baselineValue, to: value)]
        let allowed = IntegratedGradients.tolerance * max(1, abs(value - baselineValue))
        var left = steps - IntegratedGradients.partPoints
        while left >= 2 * IntegratedGradients.partPoints, parts.reduce(0, { $0 + $1.error }) > allowed, !shouldStop() {
            let worst = parts.remove(at: parts.indices.max { parts[$0].error < parts[$1].error }!)
            let middle = (worst.range.lowerBound + worst.range.upperBound) / 2
            let first = integrated(worst.range.lowerBound...middle, from: worst.values.start, to: nil)
            parts += [
                first, integrated(middle...worst.range.upperBound, from: first.values.end, to: worst.values.end),
            ]
            left -= 2 * IntegratedGradients.partPoints
        }
        self.own = read.tokens.indices.map { token in parts.reduce(0) { $0 + $1.own[token] } }
        self.source = read.source.indices.map { token in parts.reduce(0) { $0 + $1.source[token] } }
    }
}
