import Files
import Profiling
import Reporting

/// The results of a benchmark, as text and as JSON.
package struct Measurement: Sendable {
    /// The column titles, followed by the rows.
    package let table: [[String]]
    /// Further tables with other columns.
    package var others: [[[String]]] = []
    /// The results as one JSON object.
    package let json: JSON

    /// The tables with aligned columns: the first flush left, the others flush right.
    package var text: String { ([table] + others).map(aligned).joined(separator: "\n\n") }
}

/// The median time of `body` in seconds over `repetitions` calls, after one call for warm-up.
///
/// - Parameter limitSeconds: The time after which no further call starts, except the first one that is measured.
func medianSeconds(
    _ repetitions: Int, limitSeconds: Double = .infinity, _ body: () throws -> Void
) rethrows -> Double {
    let clock = ContinuousClock()
    let first = clock.now
    try body()
    var seconds: [Double] = []
    while seconds.isEmpty || seconds.count < repetitions && (clock.now - first).seconds < limitSeconds {
        let start = clock.now
        try body()
        seconds.append((clock.now - start).seconds)
    }
    return median(seconds)
}
