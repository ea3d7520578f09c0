import Kernels
import Numbers
import Tensors

// T queries, S keys, H heads.

/// The attention probabilities of one sublayer for one sequence.
package struct AttentionMap: Equatable, Sendable {
    /// H.
    package let heads: Int
    /// T.
    package let queries: Int
    /// S.
    package let keys: Int
    /// [H, T, S]; each row sums to 1, and is 0 at keys that the query does not attend to.
    package let probabilities: [Float]

    /// A map with the given probabilities.
    package init(heads: Int, queries: Int, keys: Int, probabilities: [Float]) {
        precondition(probabilities.count == heads * queries * keys, "one probability per head, query and key")
        self.heads = heads
        self.queries = queries
        self.keys = keys
        self.probabilities = probabilities
    }

    /// The probabilities of the keys for one query of one head, [S].
    package func row(head: Int, query: Int) -> ArraySlice<Float> {
        probabilities[((head * queries + query) * keys)...].prefix(keys)
    }

    /// The mean over the heads, [T, S].
    package var mean: [Float] {
        var mean = [Float](repeating: 0, count: queries * keys)
        for head in 0..<heads {
            for place in mean.indices { mean[place] += probabilities[head * mean.count + place] / Float(heads) }
        }
        return mean
    }

    /// Computes the probabilities of `rows`, a single sequence.
    fileprivate init<Element: Storage>(
        _ attention: Attention, _ rows: AttentionRows<Element>, queries: Int, keys: Int, _ mask: AttentionMask,
        _ biases: DistanceBiases?
    ) {
        let count = attention.headCount * queries * keys
        self.init(
            heads: attention.headCount, queries: queries, keys: keys,
            probabilities: [Float](unsafeUninitializedCapacity: count) { memory, filled in
                attention.probabilities(
                    rows, into: memory.baseAddress!, sequences: 1, queries: queries, keys: keys, mask: mask,
                    biases: biases)
                filled = count
            })
    }
}

extension TransformerStack {
    /// The probabilities of each block's self-attention, computed from the queries and keys of a forward pass of one
    /// sequence, whose activations all blocks have kept.
    package func selfAttentionMaps(_ activations: Activations, _ pass: Pass<Element>) -> [AttentionMap] {
        precondition(pass.sequences == 1 && activations.recomputation == .none, "one sequence, with all activations")
        let biases = biased(pass, activations).biases
        return zip(blocks, activations.blocks).map { block, activations in
            AttentionMap(
                block.attention.attention, block.attention.heads(activations.attention.queryKeyValue),
                queries: pass.positions, keys: pass.positions, pass.mask, biases)
        }
    }

    /// The probabilities of each block's cross-attention to `memory`, as `selfAttentionMaps`; empty without it.
    package func crossAttentionMaps(
        _ activations: Activations, _ memory: CrossMemory<Element>, _ pass: Pass<Element>
    ) -> [AttentionMap] {
        precondition(pass.sequences == 1 && activations.recomputation == .none, "one sequence, with all activations")
        return zip(blocks, activations.blocks).compactMap { block, activations in
            guard let cross = block.cross?.attention, let rows = activations.cross else { return nil }
            return AttentionMap(
                cross.attention, cross.heads(rows.query, rows.keyValue), queries: pass.positions,
                keys: memory.positions, memory.mask, nil)
        }
    }
}
