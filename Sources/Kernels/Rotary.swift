import Glibc
import Tensors

// B sequences, T positions, H heads, D head width.

/// The angles that a `RotaryTable` is computed from.
package struct RotaryAngles: Equatable, Sendable {
    /// How many positions there are.
    package let positions: Int
    /// D, even.
    package let headWidth: Int
    /// The base of the powers that the frequencies are.
    package let base: Double

    /// The angles of `positions` × D/2 pairs of columns.
    package init(positions: Int, headWidth: Int, base: Double = 10_000) {
        self.positions = positions
        self.headWidth = headWidth
        self.base = base
    }
}

/// The cosines and sines that rotary position embedding turns pairs of columns by.
///
/// Column i of a head is paired with column i + D/2, as in Llama, and turned by the angle position · base^(−2i/D).
///
/// - Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
package final class RotaryTable: Sendable {
    /// How many positions there are.
    package let positions: Int
    /// D, even.
    package let headWidth: Int
    /// [positions, 2, D/2]: the cosines of a position, then its sines.
    private let numbers: Arena<Float>

    /// The table of `positions` × D/2 angles, computed in Float64.
    package init(positions: Int, headWidth: Int, base: Double = 10_000) {
        precondition(headWidth % 2 == 0, "columns are turned in pairs")
        self.positions = positions
        self.headWidth = headWidth
        numbers = Arena(count: positions * headWidth)
        let half = headWidth / 2
        for i in 0..<half {
            let frequency = pow(base, -2 * Double(i) / Double(headWidth))
            for position in 0..<positions {
                let angle = Double(position) * frequency
                numbers.base[position * headWidth + i] = Float(cos(angle))
                numbers.base[position * headWidth + half + i] = Float(sin(angle))
            }
        }
    }

    /// The table of `angles`.
    package convenience init(_ angles: RotaryAngles) {
        self.init(positions: angles.positions, headWidth: angles.headWidth, base: angles.base)
    }

    /// Turns heads of rows by their positions, in place: queries or keys, or what flows back to them.
    ///
    /// - Parameters:
    ///   - rows: [B, T, stride]; the columns of the first of the heads begin at `firstColumn`.
    ///   - headCount: H; the heads lie side by side.
    ///   - firstPosition: The position of every sequence's first row.
    ///   - places: [B, T]; the position of each row, where they do not count up from the first.
    ///   - inverse: Turns back, which is also the backward pass.
    /// - Complexity: O(B · T · H · D); allocates nothing.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func rotate<Element: Storage>(
        _ rows: UnsafeMutablePointer<Element>, stride: Int, firstColumn: Int, headCount H: Int,
        firstPosition: Int = 0, places: UnsafePointer<Int32>? = nil, inverse: Bool = false, sequences B: Int,
        positions T: Int
    ) {
        precondition(firstPosition >= 0 && firstPosition + T <= positions, "positions of the table")
        let (D, half) = (headWidth, headWidth / 2)
        let table = UnsafePointer(numbers.base)
        let sign: Float = inverse ? -1 : 1
        parallelRows(B * T, columns: H * D) { range in
            for row in range {
                var place = firstPosition + row % T
                if let places { place = Int(places[row]) }
                let cosines = table + place * D
                let sines = cosines + half
                for h in 0..<H {
                    let first = rows + row * stride + firstColumn + h * D
                    let second = first + half
                    forEachVector(half) { i, width in
                        let (x, y) = (load(first + i, width), load(second + i, width))
                        let (cosine, sine) = (load(cosines + i, width), load(sines + i, width) * sign)
                        store(x * cosine - y * sine, first + i, width)
                        store(y * cosine + x * sine, second + i, width)
                    }
                }
            }
        }
    }
}
