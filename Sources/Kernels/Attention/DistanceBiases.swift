import Failures
import Numbers
import Tensors

// T queries and S keys per sequence, H query heads, P positions.

/// Learned biases of attention scores, one per head and distance from the query to the key.
///
/// - Source: Raffel et al. 2020 (T5), arXiv:1910.10683, section 2.1; Shaw, Uszkoreit & Vaswani 2018, arXiv:1803.02155.
package struct DistanceBiases {
    /// [H, 2P − 1]; the bias of the distance d = key − query is element P − 1 + d.
    let values: UnsafePointer<Float>
    /// P; distances are from −(P − 1) to P − 1.
    let positions: Int

    /// Biases for sequences of up to `positions` positions.
    package init(_ values: UnsafePointer<Float>, positions: Int) {
        self.values = values
        self.positions = positions
    }

    /// 2P − 1, the number of biases of a head.
    package var stride: Int { 2 * positions - 1 }

    /// Returns the index of the bias of the first of `keys`.
    @inline(__always)
    private func first(query: Int, _ keys: Range<Int>) -> Int {
        let first = positions - 1 + keys.lowerBound - query
        require(first >= 0 && first + keys.count <= stride, "distances are below \(positions)")
        return first
    }

    /// Adds the biases to the scores of a row for `keys`.
    @inline(__always)
    func add(to scores: UnsafeMutablePointer<Float>, head: Int, query: Int, keys: Range<Int>) {
        let biases = values + head * stride + first(query: query, keys)
        for (offsets, width) in vectors(keys.count) {
            for i in offsets {
                store(load(scores + i, width) + load(biases + i, width), scores + i, width)
            }
        }
    }

    /// Adds the gradients of a row's scores for `keys`, times `factor`, to the gradients of a head's biases.
    @inline(__always)
    func addGradient(
        of scores: UnsafePointer<Float>, query: Int, keys: Range<Int>, factor: Float,
        to sums: UnsafeMutablePointer<Float>
    ) {
        let sums = sums + first(query: query, keys)
        for (offsets, width) in vectors(keys.count) {
            for i in offsets {
                store(load(sums + i, width) + load(scores + i, width) * factor, sums + i, width)
            }
        }
    }
}
