import Failures
import Glibc
import Numbers
import Tensors

// B sequences, T positions, H heads, D head dimension, R rotated columns of a head.

/// The cosines and sines of rotary position embedding (RoPE).
///
/// Column i of a head is paired with column i + R/2, as in Llama, and rotated by the angle position · frequency i.
///
/// - Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
package final class RotaryTable: Sendable {
    /// The positions, the head dimension and the frequencies.
    package let angles: RotaryAngles
    /// [positions, 2, R/2]; the cosines of a position, followed by its sines.
    private let numbers: LazyArena<Float>

    /// A table of `angles.positions` × R/2 angles, computed in Float64 when it is first used.
    package init(_ angles: RotaryAngles) {
        require(angles.rotatedWidth % 2 == 0, "rotary positions need an even number of columns")
        require(angles.rotatedWidth <= angles.headWidth, "a head has the columns that are rotated")
        self.angles = angles
        numbers = LazyArena {
            let width = angles.rotatedWidth
            let numbers = Arena<Float>(count: angles.positions * width)
            let frequencies = angles.frequencies(length: 1)
            for position in 0..<angles.positions {
                RotaryTable.fill(numbers.base + position * width, position, frequencies)
            }
            return numbers
        }
    }

    /// A table without scaling for heads that are rotated as a whole.
    package convenience init(positions: Int, headWidth: Int, base: Double = 10_000) {
        self.init(RotaryAngles(positions: positions, headWidth: headWidth, base: base))
    }

    private static func fill(_ row: UnsafeMutablePointer<Float>, _ position: Int, _ frequencies: [Double]) {
        for (i, frequency) in frequencies.enumerated() {
            let angle = Double(position) * frequency
            row[i] = Float(cos(angle))
            row[frequencies.count + i] = Float(sin(angle))
        }
    }

    /// Rotates heads by their positions, in place: queries, keys, or their gradients.
    ///
    /// - Parameters:
    ///   - rows: [B, T, stride]; the first head begins at column `firstColumn`.
    ///   - headCount: H, the number of heads, which are contiguous.
    ///   - firstPosition: The position of the first row of every sequence.
    ///   - positionIDs: [B, T]; the position of each row, the last of its sequence; nil: `firstPosition` + t.
    ///   - lengths: [B]; the number of positions of each sequence, which `RotaryScaling.dynamic` depends on; nil:
    ///     `firstPosition` + T.
    ///   - inverse: Whether to rotate backwards, which is also the backward pass.
    /// - Complexity: O(B · T · H · R); allocates nothing unless a sequence is longer than the original positions of
    ///   `RotaryScaling.dynamic`.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package func rotate<Element: Storage>(
        _ rows: UnsafeMutablePointer<Element>, stride: Int, firstColumn: Int, headCount H: Int,
        firstPosition: Int = 0, positionIDs: UnsafePointer<Int32>? = nil, lengths: UnsafePointer<Int32>? = nil,
        inverse: Bool = false, sequences B: Int, positions T: Int
    ) {
        let positions = angles.positions
        require(
            firstPosition >= 0 && firstPosition + T <= positions,
            "positions \(firstPosition) ..< \(firstPosition + T) are in the table of \(positions)")
        let (D, R, half) = (angles.headWidth, angles.rotatedWidth, angles.rotatedWidth / 2)
        let (table, fixedLength) = (numbers.base, angles.fixedLength)
        let sign: Float = inverse ? -1 : 1
        parallelRows(B * T, columns: H * R) { range in
            var long = LongSequence(angles)
            for row in range {
                var (position, length) = (firstPosition + row % T, firstPosition + T)
                if let positionIDs {
                    position = index(positionIDs[row], below: positions)
                    length = position + 1
                } else if let lengths {
                    length = Int(lengths[row / T])
                }
                let cosines =
                    length > fixedLength ? UnsafePointer(long.row(position, length: length)) : table + position * R
                let sines = cosines + half
                for h in 0..<H {
                    let first = rows + row * stride + firstColumn + h * D
                    let second = first + half
                    for (offsets, width) in vectors(half) {
                        for i in offsets {
                            let (x, y) = (load(first + i, width), load(second + i, width))
                            let (cosine, sine) = (load(cosines + i, width), load(sines + i, width) * sign)
                            store(x * cosine - y * sine, first + i, width)
                            store(y * cosine + x * sine, second + i, width)
                        }
                    }
                }
            }
            long.deallocate()
        }
    }

    /// The angles of sequences that are too long for the table, computed for one position at a time.
    private struct LongSequence {
        private let angles: RotaryAngles
        private var memory: UnsafeMutablePointer<Float>?
        private var length = 0
        private var frequencies: [Double] = []

        init(_ angles: RotaryAngles) { self.angles = angles }

        mutating func row(_ position: Int, length: Int) -> UnsafeMutablePointer<Float> {
            let row = memory ?? UnsafeMutablePointer<Float>.allocate(capacity: angles.rotatedWidth)
            memory = row
            if length != self.length { (self.length, frequencies) = (length, angles.frequencies(length: length)) }
            fill(row, position, frequencies)
            return row
        }

        func deallocate() { memory?.deallocate() }
    }
}
