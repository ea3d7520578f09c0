import Glibc
import Numbers
import Tensors

/// The column order of sines and cosines.
package enum SinusoidalOrder: Sendable {
    /// The sine of pair i in column 2i, its cosine in column 2i + 1, as in Vaswani et al.
    case alternating
    /// All sines, then all cosines, as in Marian.
    case halves
}

/// A fixed (not learned) position table: sines and cosines of position · 10000^(−2i/C).
///
/// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
package final class SinusoidalTable<Element: Storage>: Sendable {
    private let numbers: LazyArena<Element>

    /// A table of `positions` × `width`, computed in Float64 and rounded to `Element` when it is first used.
    package init(positions: Int, width C: Int, order: SinusoidalOrder = .alternating) {
        numbers = LazyArena {
            let numbers = Arena<Element>(count: positions * C)
            for column in 0..<C {
                let frequency = pow(10_000, -Double(column / 2 * 2) / Double(C))
                let target: Int
                switch order {
                case .alternating: target = column
                case .halves: target = column % 2 == 0 ? column / 2 : (C + 1) / 2 + column / 2
                }
                for position in 0..<positions {
                    let angle = Double(position) * frequency
                    numbers.base[position * C + target] = Element(column % 2 == 0 ? sin(angle) : cos(angle))
                }
            }
            return numbers
        }
    }

    /// [positions, C]; valid while the table exists.
    package var base: UnsafePointer<Element> { numbers.base }
}
