import Kernels
import Numbers

// B sequences, T positions, S cache rows of P positions, M encoder positions per cache row, K KV heads, D head
// dimension.

/// The KV cache of one block.
package struct LayerCache<Element: Storage> {
    /// The keys and values of decoder positions, [S, P, 2K · D].
    let texts: UnsafeMutablePointer<Element>
    /// The keys and values of encoder outputs, [memorySlots, M, 2K · D]; nil without an encoder.
    let memories: UnsafeMutablePointer<Element>?

    /// Allocates a cache with `slots` rows of `positions` positions, and `memorySlots` rows of `memoryPositions`
    /// encoder positions.
    init(
        _ block: TransformerBlock<Element>, slots: Int, positions: Int, memorySlots: Int, memoryPositions: Int,
        from arena: ActivationArena
    ) {
        texts = arena.take(Element.self, slots * positions * 2 * block.attention.shape.keyWidth)
        memories = block.cross.map {
            arena.take(Element.self, memorySlots * memoryPositions * $0.attention.keyValue.outputWidth)
        }
    }
}

/// The cache rows and positions that the sequences of a pass use, the same for all blocks.
package struct CachePlaces {
    /// Whether the pass appends one position to each sequence (decoding); otherwise it processes prompts from position
    /// 0.
    let adds: Bool
    /// P, the number of positions per cache row.
    let capacity: Int
    /// [B]; the cache row that each sequence writes to.
    let slots: UnsafePointer<Int32>
    /// [B]; the position that the pass appends to each sequence.
    let positionIDs: UnsafePointer<Int32>
    /// [B]; the number of cached positions of each sequence, including the appended one.
    let lengths: UnsafePointer<Int32>
    /// [B, P]; the cache row that holds each position of the sequence.
    let owners: UnsafePointer<Int32>
    /// The cached encoder output of each sequence; nil without an encoder.
    let memory: Memory?

    /// The cached encoder outputs that the sequences attend to.
    package struct Memory {
        /// M, the number of encoder positions per cache row.
        let capacity: Int
        /// [B]; the number of encoder positions that each sequence attends to.
        let lengths: UnsafePointer<Int32>
        /// [B]; the cache row that holds the encoder positions.
        let slots: UnsafePointer<Int32>
        /// [B, M]; the same row for each encoder position; only for decoding passes.
        let owners: UnsafePointer<Int32>?

        /// Cached encoder outputs with the given properties.
        package init(
            capacity: Int, lengths: UnsafePointer<Int32>, slots: UnsafePointer<Int32>,
            owners: UnsafePointer<Int32>? = nil
        ) {
            self.capacity = capacity
            self.lengths = lengths
            self.slots = slots
            self.owners = owners
        }
    }

    /// The cache positions of a decoding pass, which appends one position to each sequence.
    package init(
        adding positionIDs: UnsafePointer<Int32>, slots: UnsafePointer<Int32>, lengths: UnsafePointer<Int32>,
        owners: UnsafePointer<Int32>, capacity: Int, memory: Memory?
    ) {
        adds = true
        (self.positionIDs, self.slots, self.lengths, self.owners) = (positionIDs, slots, lengths, owners)
        self.capacity = capacity
        self.memory = memory
    }

    /// The cache positions of the prefill, which processes prompts of `lengths`, [B], and writes them to the cache rows
    /// `slots`, [B].
    package init(
        readingInto slots: UnsafePointer<Int32>, lengths: UnsafePointer<Int32>, capacity: Int, memory: Memory?
    ) {
        adds = false
        (positionIDs, self.slots, self.lengths, owners) = (lengths, slots, lengths, lengths)
        self.capacity = capacity
        self.memory = memory
    }
}

extension SelfAttention {
    /// Copies the keys and values of prompts to the cache.
    func keep(
        _ queryKeyValue: UnsafePointer<Element>, in cache: LayerCache<Element>, _ places: CachePlaces,
        _ pass: Pass<Element>
    ) {
        for b in 0..<pass.sequences {
            for t in 0..<Int(places.lengths[b]) {
                keep(queryKeyValue, row: b * pass.positions + t, in: cache, slot: b, position: t, places)
            }
        }
    }

    private func keep(
        _ queryKeyValue: UnsafePointer<Element>, row: Int, in cache: LayerCache<Element>, slot b: Int, position: Int,
        _ places: CachePlaces
    ) {
        let width = 2 * shape.keyWidth
        (cache.texts + (Int(places.slots[b]) * places.capacity + position) * width)
            .update(from: queryKeyValue + row * self.queryKeyValue.outputWidth + shape.queryWidth, count: width)
    }

    /// Computes the forward pass for one more position of each sequence, attending to the cache.
    func add(
        _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Float>,
        _ activations: Activations, _ cache: LayerCache<Element>, _ places: CachePlaces, _ pass: Pass<Element>
    ) {
        let (rows, stride) = (pass.sequences, queryKeyValue.outputWidth)
        project(input, activations, pass, positionIDs: places.positionIDs)
        for b in 0..<rows {
            keep(activations.queryKeyValue, row: b, in: cache, slot: b, position: Int(places.positionIDs[b]), places)
        }
        attention.forward(
            queries: activations.queryKeyValue, stride: stride,
            CachedRows(
                UnsafePointer(cache.texts), capacity: places.capacity, owners: places.owners, lengths: places.lengths),
            biases: pass.biases, into: activations.mixed, sequences: rows)
        projection.forward(activations.mixed, into: output, rows: rows, pass.context)
    }
}

extension CrossAttention {
    /// Computes attention to the cached keys and values of encoder outputs.
    func see(
        _ activations: Activations, into output: UnsafeMutablePointer<Float>,
        _ pass: Pass<Element>
    ) {
        guard let memory = pass.cachePlaces?.memory else {
            preconditionFailure("the pass has no cached encoder output")
        }
        if let owners = memory.owners {
            attention.forward(
                queries: activations.query, stride: shape.queryWidth,
                CachedRows(
                    UnsafePointer(activations.keyValue), capacity: memory.capacity, owners: owners,
                    lengths: memory.lengths),
                into: activations.mixed, sequences: pass.sequences)
        } else {
            for b in 0..<pass.sequences {
                let first = b * pass.positions
                let stretch =
                    activations.keyValue + Int(memory.slots[b]) * memory.capacity * keyValue.outputWidth
                attention.forward(
                    heads(activations.query + first * shape.queryWidth, stretch),
                    into: activations.mixed + first * shape.queryWidth,
                    logSums: activations.logSums + first * shape.headCount, sequences: 1, queries: pass.positions,
                    keys: Int(memory.lengths[b]), mask: AttentionMask(isCausal: false))
            }
        }
        projection.forward(activations.mixed, into: output, rows: pass.rows, pass.context)
    }
}

extension TransformerStack {
    /// Allocates the KV caches of all blocks.
    package func takeCaches(
        slots: Int, positions: Int, memorySlots: Int, memoryPositions: Int, from arena: ActivationArena
    ) -> [LayerCache<Element>] {
        blocks.map {
            LayerCache(
                $0, slots: slots, positions: positions, memorySlots: memorySlots, memoryPositions: memoryPositions,
                from: arena)
        }
    }

    /// Allocates activations for inference passes of `rows` rows; the blocks alternate between two sets of buffers.
    ///
    /// - Parameter caches: The KV caches of the blocks; empty for an encoder, which needs none.
    package func takePassingActivations(
        rows: Int, caches: [LayerCache<Element>] = [], from arena: ActivationArena
    ) -> Activations {
        let pair = (0..<2).map { _ in
            blocks[0].takeActivations(sequences: rows, positions: 1, memoryPositions: 0, from: arena)
        }
        let all = blocks.indices.map { index in
            var activations = pair[index % 2]
            guard !caches.isEmpty else { return activations }
            activations.attention.cache = caches[index]
            if let cross = activations.cross, let memories = caches[index].memories {
                activations.cross = .init(
                    query: cross.query, keyValue: memories, mixed: cross.mixed, logSums: cross.logSums)
            }
            return activations
        }
        return Activations(
            output: finalNormalization == nil ? all.last!.output : arena.take(Element.self, rows * width),
            blocks: all, recomputation: .block,
            finalStatistics: finalNormalization.map { _ in arena.takeStatistics(Element.self, rows: rows) },
            biases: takeBiases(from: arena))
    }

    /// Computes the keys and values of encoder outputs and stores them in the caches of all blocks.
    ///
    /// - Parameters:
    ///   - rows: The encoder outputs, [B, T, C].
    ///   - lengths: [B]; the number of positions of each sequence to store.
    ///   - slots: [B]; the cache row of each sequence.
    ///   - scratch: [B, T, 2K · D].
    ///   - capacity: M.
    package func keepMemories(
        _ rows: UnsafePointer<Element>, sequences: Int, positions: Int, lengths: UnsafePointer<Int32>,
        in caches: [LayerCache<Element>], slots: UnsafePointer<Int32>, capacity: Int,
        scratch: UnsafeMutablePointer<Element>, _ context: LayerContext<Element>
    ) {
        for (block, cache) in zip(blocks, caches) {
            guard let linear = block.cross?.attention.keyValue, let memories = cache.memories else { continue }
            linear.forward(rows, into: scratch, rows: sequences * positions, context)
            for b in 0..<sequences {
                (memories + Int(slots[b]) * capacity * linear.outputWidth).update(
                    from: scratch + b * positions * linear.outputWidth, count: Int(lengths[b]) * linear.outputWidth)
            }
        }
    }

    /// 2K · D, the number of elements of an encoder position's keys and values; 0 without cross-attention.
    package var memoryWidth: Int { blocks[0].cross?.attention.keyValue.outputWidth ?? 0 }
}
