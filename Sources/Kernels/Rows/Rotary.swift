import Glibc
import Tensors

// B sequences, T positions, H heads, D head dimension.

/// The parameters of a `RotaryTable`.
package struct RotaryAngles: Equatable, Sendable {
    /// The number of positions.
    package let positions: Int
    /// D, the head dimension, even.
    package let headWidth: Int
    /// θ: the frequencies are the powers θ^(−2i/D).
    package let base: Double

    /// The parameters of a table for `positions` × D/2 angles.
    package init(positions: Int, headWidth: Int, base: Double = 10_000) {
        self.positions = positions
        self.headWidth = headWidth
        self.base = base
    }
}

/// The cosines and sines of rotary position embedding (RoPE).
///
/// Column i of a head is paired with column i + D/2, as in Llama, and rotated by the angle position · base^(−2i/D).
///
/// - Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
package final class RotaryTable: Sendable {
    /// The number of positions.
    package let positions: Int
    /// D, the head dimension, even.
    package let headWidth: Int
    /// [positions, 2, D/2]; the cosines of a position, followed by its sines.
    private let numbers: Arena<Float>

    /// A table of `positions` × D/2 angles, computed in Float64.
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

    /// The table for the parameters `angles`.
    package convenience init(_ angles: RotaryAngles) {
        self.init(positions: angles.positions, headWidth: angles.headWidth, base: angles.base)
    }

    /// Rotates heads by their positions, in place: queries, keys, or their gradients.
    ///
    /// - Parameters:
    ///   - rows: [B, T, stride]; the first head begins at column `firstColumn`.
    ///   - headCount: H, the number of heads, which are contiguous.
    ///   - firstPosition: The position of the first row of every sequence.
    ///   - places: [B, T]; the position of each row; nil: `firstPosition` + t.
    ///   - inverse: Whether to rotate backwards, which is also the backward pass.
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
