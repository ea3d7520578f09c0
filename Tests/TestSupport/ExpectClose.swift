import Numbers
import Testing

/// Expects every actual value within `absolute` + `relative` · |expected| of the expected one.
///
/// A NaN is close only to a NaN, an infinity only to itself. The recorded issue names the worst element with both
/// values.
package func expectClose<Actual: BinaryFloatingPoint>(
    _ actual: [Actual], _ expected: [Double], absolute: Double = 0, relative: Double = 0, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let name = what.isEmpty ? "" : "\(what): "
    guard actual.count == expected.count else {
        Issue.record("\(name)\(actual.count) numbers, \(expected.count) expected", sourceLocation: sourceLocation)
        return
    }
    var (worst, excess, failures) = (0, 1.0, 0)
    for (index, pair) in zip(actual, expected).enumerated() {
        let ratio = errorRatio(Double(pair.0), pair.1, absolute: absolute, relative: relative)
        if ratio > 1 { failures += 1 }
        if ratio > excess { (worst, excess) = (index, ratio) }
    }
    if failures > 0 {
        Issue.record(
            """
            \(name)\(failures) of \(actual.count) numbers are off, the worst at \(worst): \
            \(actual[worst]), expected \(expected[worst]), \(excess) times the tolerance
            """, sourceLocation: sourceLocation)
    }
}

/// Expects one value within `absolute` + `relative` · |expected| of the expected one.
package func expectClose<Actual: BinaryFloatingPoint>(
    _ actual: Actual, _ expected: Double, absolute: Double = 0, relative: Double = 0, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    expectClose(
        [actual], [expected], absolute: absolute, relative: relative, what, sourceLocation: sourceLocation)
}

/// Expects ‖actual − expected‖ ≤ `relative` · ‖expected‖ in the Euclidean norm.
package func expectCloseInNorm<Actual: BinaryFloatingPoint>(
    _ actual: [Actual], _ expected: [Double], relative: Double, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let error = expected.isEmpty ? 0 : relativeError(actual.map { Double($0) }, expected)
    if actual.count != expected.count || !(error <= relative) {
        Issue.record(
            "\(what): the relative error is \(error), at most \(relative) is allowed", sourceLocation: sourceLocation)
    }
}

/// The same expectation for elements of a storage type.
@_disfavoredOverload
package func expectClose<Actual: Storage>(
    _ actual: [Actual], _ expected: [Double], absolute: Double = 0, relative: Double = 0, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    expectClose(
        actual.map { Double($0) }, expected, absolute: absolute, relative: relative, what,
        sourceLocation: sourceLocation)
}

/// The same expectation for elements of a storage type.
@_disfavoredOverload
package func expectCloseInNorm<Actual: Storage>(
    _ actual: [Actual], _ expected: [Double], relative: Double, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    expectCloseInNorm(
        actual.map { Double($0) }, expected, relative: relative, what, sourceLocation: sourceLocation)
}

/// Returns ‖actual − expected‖ / ‖expected‖.
package func relativeError(_ actual: [Double], _ expected: [Double]) -> Double {
    let difference = zip(actual, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
}

/// Returns the error of `actual` as a multiple of the tolerance; +∞ if only one value is finite.
private func errorRatio(_ actual: Double, _ expected: Double, absolute: Double, relative: Double) -> Double {
    if actual == expected || (actual.isNaN && expected.isNaN) { return 0 }
    guard actual.isFinite, expected.isFinite else { return .infinity }
    return abs(actual - expected) / (absolute + relative * abs(expected))
}
