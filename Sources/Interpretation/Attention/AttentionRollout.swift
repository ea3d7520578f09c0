import Layers

// T positions, H heads, L layers.

/// The attention of each position to each input position through all layers of a stack: the product of the layers'
/// matrices ½ mean over heads + ½ I, whose second term is the residual connection.
///
/// - Parameter layers: L maps of T queries and T keys, the first layer first.
/// - Returns: [T, T]; each row sums to 1.
/// - Complexity: O(L · T³).
/// - Source: Abnar & Zuidema 2020, arXiv:2005.00928, section 3.
package func attentionRollout(_ layers: [AttentionMap]) -> [Float] {
    guard let count = layers.first?.queries else { return [] }
    var rollout = [Double](repeating: 0, count: count * count)
    for place in 0..<count { rollout[place * count + place] = 1 }
    for layer in layers {
        let mean = layer.mean
        var next = [Double](repeating: 0, count: count * count)
        for query in 0..<count {
            for middle in 0..<count {
                let factor = 0.5 * Double(mean[query * count + middle]) + (query == middle ? 0.5 : 0)
                if factor == 0 { continue }
                for key in 0..<count { next[query * count + key] += factor * rollout[middle * count + key] }
            }
        }
        rollout = next
    }
    return rollout.map { Float($0) }
}
