import Numbers
import Products
import Tensors
import Threads

// B sequences, T queries and S keys per sequence, H query heads.

extension Attention {
    /// Computes the probabilities softmax(Q·Kᵀ/√D + bias and mask) of each head, which `forward` does not keep, by the
    /// same operations and without dropout.
    ///
    /// - Parameters:
    ///   - rows: The queries and keys; values are not read.
    ///   - output: [B, H, T, S]; 0 for keys that a query does not attend to.
    ///   - biases: Learned biases of scores; nil: none.
    package func probabilities<Element: Storage>(
        _ rows: AttentionRows<Element>, into output: UnsafeMutablePointer<Float>, sequences B: Int, queries T: Int,
        keys S: Int, mask: AttentionMask, biases: DistanceBiases? = nil
    ) {
        let group = headCount / keyHeadCount
        let mask = mask.within(window)
        output.update(repeating: 0, count: B * headCount * T * S)
        parallel(B * headCount) { part in
            let (b, h) = (part / headCount, part % headCount)
            let head = AttentionHead(rows, sequence: b, head: h, keyHead: h / group, headWidth: headWidth, T, S)
            let keys = head.packedKeys(factor: scale)
            let scores = ThreadScratch.ofThread.floats(.scores, Attention.blockQueries * head.scoreStride)
            forEachBlock(of: Attention.blockQueries, in: 0..<T) { queries in
                _ = probabilities(
                    head, keys, into: scores, sequence: b, head: h, queries: queries, T, S, mask, biases
                ) { query, row, visible, _ in
                    (output + (part * T + query) * S + visible.lowerBound).update(from: row, count: visible.count)
                }
            }
        }
    }
}
