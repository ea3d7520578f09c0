import Files
import Reporting

/// What was measured, for a person and for a program.
package struct Measurement: Sendable {
    /// The heads of the columns, then the rows.
    package let table: [[String]]
    /// Tables with other columns, below it.
    package var others: [[[String]]] = []
    /// The same as one object.
    package let json: JSON

    /// The tables with aligned columns: the first to the left, the others to the right.
    package var text: String { ([table] + others).map(aligned).joined(separator: "\n\n") }
}

/// The middle of some numbers.
func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// The median time of `body`, in seconds, over at least `repetitions` calls after one to warm up.
func medianSeconds(_ repetitions: Int, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    try body()
    var seconds: [Double] = []
    for _ in 0..<repetitions {
        let start = clock.now
        try body()
        seconds.append((clock.now - start).seconds)
    }
    return median(seconds)
}
