import Files

/// What was measured, for a person and for a program.
package struct Measurement: Sendable {
    /// The heads of the columns, then the rows.
    package let table: [[String]]
    /// Tables with other columns, below it.
    package var others: [[[String]]] = []
    /// The same as one object.
    package let json: JSON

    /// The tables with aligned columns: the first to the left, the others to the right.
    package var text: String { ([table] + others).map(Measurement.aligned).joined(separator: "\n\n") }

    /// Rows as lines with aligned columns.
    static func aligned(_ table: [[String]]) -> String {
        let widths = (table.first ?? []).indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        return table.map { row in
            zip(row, widths).enumerated().map { index, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return index == 0 ? cell.0 + padding : padding + cell.0
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
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
