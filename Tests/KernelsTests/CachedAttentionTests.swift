import Foundation
import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// B sequences, S cache rows of P positions, H query heads, K KV heads, D head dimension.

@Suite struct CachedAttentionTests {
    @Test(arguments: [1, 5, 16, 64, 68, 150], [(4, 4), (4, 2), (3, 1)])
    func equalsTheReference(headWidth: Int, heads: (queries: Int, keys: Int)) {
        for penalizes in [false, true] {
            check(headWidth, heads.queries, heads.keys, penalizes, Float.self)
            check(headWidth, heads.queries, heads.keys, penalizes, Float16.self)
            check(headWidth, heads.queries, heads.keys, penalizes, BFloat16.self)
        }
    }

    /// Checks three sequences of different lengths whose positions are in three cache rows, in random order.
    private func check<Element: Storage>(_ D: Int, _ H: Int, _ K: Int, _ penalizes: Bool, _: Element.Type) {
        let (B, S, P, stride) = (3, 3, 40, H * D + 5)
        let lengths = [1, 40, 17]
        let owners = integers(B * P, below: S, seed: 3)
        withTestMemory { memory in
            let queries = memory.numbers(normals(B * stride, seed: 1), Element.self)
            let rows = memory.numbers(normals(S * P * 2 * K * D, seed: 2), Element.self)
            let output = memory.output(B * H * D, Element.self)
            Attention(headCount: H, keyHeadCount: K, headWidth: D, penalizesDistance: penalizes).forward(
                queries: queries, stride: stride,
                CachedRows(
                    rows, capacity: P, owners: memory.integers(owners), lengths: memory.integers(lengths)),
                into: output, sequences: B)
            let slopes = penalizes ? Attention.slopes(H).map(Double.init) : [Double](repeating: 0, count: H)
            for b in 0..<B {
                for h in 0..<H {
                    func number(_ t: Int, _ column: Int) -> Double {
                        let row = (owners[b * P + t] * P + t) * 2 * K * D
                        return Double(rows[row + column + h / (H / K) * D])
                    }
                    let scores = (0..<lengths[b]).map { t in
                        (0..<D).reduce(0) { $0 + Double(queries[b * stride + h * D + $1]) * number(t, $1) }
                            / Double(D).squareRoot() - slopes[h] * Double(lengths[b] - 1 - t)
                    }
                    let highest = scores.max()!
                    let powers = scores.map { exp($0 - highest) }
                    let sum = powers.reduce(0, +)
                    let expected = (0..<D).map { d in
                        powers.indices.reduce(0) { $0 + powers[$1] / sum * number($1, K * D + d) }
                    }
                    // The scores have magnitudes up to some tens; their rounding errors multiply the probabilities.
                    expectClose(
                        (0..<D).map { output[(b * H + h) * D + $0] }, expected,
                        absolute: 512 * Float.unitRoundoff + 2 * Element.unitRoundoff,
                        relative: 2 * Element.unitRoundoff,
                        "sequence \(b), head \(h) of \(Element.self)")
                }
            }
        }
    }
}
