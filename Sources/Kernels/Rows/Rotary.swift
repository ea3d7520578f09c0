import Failures
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
    private let numbers: LazyArena<Float>

    /// A table of `positions` × D/2 angles, computed in Float64 when it is first used.
    package init(positions: Int, headWidth: Int, base: Double = 10_000) {
        require(headWidth % 2 == 0, "rotary positions need an even head dimension")
        self.positions = positions
        self.headWidth = headWidth
        numbers = LazyArena {
            let numbers = Arena<Float>(count: positions * headWidth)
            let half = headWidth / 2
            for i in 0..<half {
                let frequency = pow(base, -2 * Double(i) / Double(headWidth))
                for position in 0..<positions {
                    let angle = Double(position) * frequency
                    numbers.base[position * headWidth + i] = Float(cos(angle))
                    numbers.base[position * headWidth + half + i] = Float(sin(angle))
                }
            }
            return numbers
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
    ///   - positionIDs: [B, T]; the position of each row; nil: `firstPosition` + t.
    ///   - inverse: Whether to rotate backwards, which is also the backward pass.
    /// - Complexity: O(B · T · H · D); allocates nothing.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package func rotate<Element: Storage>(
        _ rows: UnsafeMutablePointer<Element>, stride: Int, firstColumn: Int, headCount H: Int,
        firstPosition: Int = 0, positionIDs: UnsafePointer<Int32>? = nil, inverse: Bool = false, sequences B: Int,
        positions T: Int
    ) {
        require(
            firstPosition >= 0 && firstPosition + T <= positions,
            "positions \(firstPosition) ..< \(firstPosition + T) are in the table of \(positions)")
        let (D, half) = (headWidth, headWidth / 2)
        let table = numbers.base
        let sign: Float = inverse ? -1 : 1
        parallelRows(B * T, columns: H * D) { range in
            for row in range {
                var position = firstPosition + row % T
                if let positionIDs { position = index(positionIDs[row], below: positions) }
                let cosines = table + position * D
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
