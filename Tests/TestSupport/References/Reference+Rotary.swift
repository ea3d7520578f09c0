import Glibc

extension Reference {
    /// Rotary position embedding of heads in rows, [sequences, positions, stride].
    package struct Rotary: Sendable {
        /// The number of elements of a row, and the column at which the first head begins.
        package var stride: Int
        package var firstColumn: Int
        package var heads: Int
        package var headWidth: Int
        /// The number of rows of a sequence, and the position of its first row.
        package var positions: Int
        package var firstPosition: Int
        package var base: Double
        /// The number of columns of a head that are rotated, and their frequencies; nil: all, the powers of the base.
        package var frequencies: [Double]?

        package init(
            stride: Int, firstColumn: Int, heads: Int, headWidth: Int, positions: Int, firstPosition: Int = 0,
            base: Double = 10_000, frequencies: [Double]? = nil
        ) {
            self.stride = stride
            self.firstColumn = firstColumn
            self.heads = heads
            self.headWidth = headWidth
            self.positions = positions
            self.firstPosition = firstPosition
            self.base = base
            self.frequencies = frequencies
        }

        /// Rotates every pair of rotated columns (i, i + R/2) by the angle position · frequency, or by its negative if
        /// `inverse`.
        package func rotated(_ rows: [Double], inverse: Bool = false) -> [Double] {
            var result = rows
            for row in 0..<rows.count / stride {
                let position = Double(firstPosition + row % positions)
                for head in 0..<heads {
                    let frequencies =
                        frequencies ?? (0..<headWidth / 2).map { 1 / pow(base, Double(2 * $0) / Double(headWidth)) }
                    for (i, frequency) in frequencies.enumerated() {
                        let angle = position * frequency * (inverse ? -1 : 1)
                        let first = row * stride + firstColumn + head * headWidth + i
                        let second = first + frequencies.count
                        result[first] = rows[first] * cos(angle) - rows[second] * sin(angle)
                        result[second] = rows[first] * sin(angle) + rows[second] * cos(angle)
                    }
                }
            }
            return result
        }
    }
}
