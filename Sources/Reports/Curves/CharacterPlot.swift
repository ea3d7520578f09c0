import Reporting

/// A picture of a chart in the characters of a terminal. A Braille character has two columns and four rows of dots.
struct CharacterPlot {
    private let columns: Int
    private let rows: Int
    /// The dots of each character, by row: the low byte of its code point.
    private var cells: [[UInt8]]

    /// The bits of the dots of a character, by row and column.
    private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

    private init(columns: Int, rows: Int) {
        (self.columns, self.rows) = (columns, rows)
        cells = Array(repeating: Array(repeating: 0, count: columns), count: rows)
    }

    private mutating func set(_ x: Int, _ y: Int) {
        guard 0..<2 * columns ~= x, 0..<4 * rows ~= y else { return }
        cells[y / 4][x / 2] |= CharacterPlot.bits[y % 4][x % 2]
    }

    /// The lines of a chart: its title, `rows` rows of dots with the range of values at the left, and the range of
    /// steps. Empty if the chart has no points.
    ///
    /// - Parameter width: The width in terminal columns.
    static func lines(of chart: Chart, width: Int, rows: Int) -> [String] {
        guard let bounds = chart.bounds else { return [] }
        let labels = [compact(bounds.y.upperBound), compact(bounds.y.lowerBound)]
        let margin = labels.map(\.count).max()!
        var plot = CharacterPlot(columns: max(4, width - margin - 2), rows: rows)
        func place(_ point: (x: Double, y: Double)) -> (Int, Int) {
            func share(_ value: Double, _ range: ClosedRange<Double>) -> Double {
                let span = range.upperBound - range.lowerBound
                return span > 0 ? (value - range.lowerBound) / span : 0.5
            }
            return (
                Int(share(point.x, bounds.x) * Double(2 * plot.columns - 1) + 0.5),
                Int((1 - share(point.y, bounds.y)) * Double(4 * rows - 1) + 0.5)
            )
        }
        for curve in chart.lines + chart.marks {
            var previous: (Int, Int)?
            for point in curve.points where point.y.isFinite {
                let (x, y) = place(point)
                let (x0, y0) = previous ?? (x, y)
                let length = max(abs(x - x0), abs(y - y0), 1)
                for part in 0...length {
                    plot.set(x0 + (x - x0) * part / length, y0 + (y - y0) * part / length)
                }
                previous = (x, y)
            }
        }
        let last = [chart.lines.first.map { ("", $0) }, chart.marks.first.map { ("validation ", $0) }]
            .compactMap(\.self).compactMap { words, curve in curve.points.last.map { words + compact($0.y) } }
        let rowsText = plot.cells.enumerated().map { row, cells in
            let label = row == 0 ? labels[0] : row == rows - 1 ? labels[1] : ""
            let dots = String(String.UnicodeScalarView(cells.map { Unicode.Scalar(0x2800 + UInt32($0))! }))
            return String(repeating: " ", count: margin - label.count) + label + " ┤" + dots
        }
        let (from, to) = ("\(Int(bounds.x.lowerBound))", "\(Int(bounds.x.upperBound))")
        let gap = String(repeating: " ", count: max(1, plot.columns - from.count - to.count))
        return ["\(chart.title): \(last.joined(separator: ", "))"] + rowsText
            + [String(repeating: " ", count: margin + 2) + from + gap + to]
    }
}
