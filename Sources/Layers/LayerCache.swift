import Kernels

// B sequences, T positions, S slots of P positions, M positions of an encoder's output, K heads of keys, D head width.

/// Keys and values that one block has computed, kept so that later positions see them without computing them again.
package struct LayerCache<Element: Storage> {
    /// Of the positions of texts, [S, P, 2K · D].
    let texts: UnsafeMutablePointer<Element>
    /// Of an encoder's output, [slots of it, M, 2K · D]; nil without an encoder.
    let memories: UnsafeMutablePointer<Element>?

    /// Memory for `slots` texts of `positions` and as many outputs of an encoder as `memorySlots` says.
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

/// Where the sequences of a pass stand in the caches of all blocks.
package struct CachePlaces {
    /// Whether the pass adds one position to each sequence; otherwise it reads texts from their first position on.
    let adds: Bool
    /// P.
    let capacity: Int
    /// [B]; the slot that each sequence writes to.
    let slots: UnsafePointer<Int32>
    /// [B]; the position that the pass adds to each sequence.
    let places: UnsafePointer<Int32>
    /// [B]; the positions that each sequence then sees.
    let lengths: UnsafePointer<Int32>
    /// [B, P]; the slot in which each of them lies.
    let owners: UnsafePointer<Int32>
    /// What each sequence sees of an encoder's output.
    let memory: Memory?

    /// Stretches of an encoder's output.
    package struct Memory {
        /// M.
        let capacity: Int
        /// [B]; how many positions each sequence sees.
        let lengths: UnsafePointer<Int32>
        /// [B]; the slot in which they lie.
        let slots: UnsafePointer<Int32>
        /// [B, M]; the same for each of them; only where one position is added to each sequence.
        let owners: UnsafePointer<Int32>?

        /// Stretches of memory.
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

    /// The places of a pass that adds one position to each sequence.
    package init(
        adding places: UnsafePointer<Int32>, slots: UnsafePointer<Int32>, lengths: UnsafePointer<Int32>,
        owners: UnsafePointer<Int32>, capacity: Int, memory: Memory?
    ) {
        adds = true
        (self.places, self.slots, self.lengths, self.owners) = (places, slots, lengths, owners)
        self.capacity = capacity
        self.memory = memory
    }

    /// The places of a pass that reads texts of `lengths`, [B], into `slots`, [B].
    package init(
        readingInto slots: UnsafePointer<Int32>, lengths: UnsafePointer<Int32>, capacity: Int, memory: Memory?
    ) {
        adds = false
        (places, self.slots, self.lengths, owners) = (lengths, slots, lengths, lengths)
        self.capacity = capacity
        self.memory = memory
    }
}

extension SelfAttention {
    /// Puts the keys and values of texts that were read into the cache.
    func keep(
        _ queryKeyValue: UnsafePointer<Element>, in cache: LayerCache<Element>, _ places: CachePlaces, _ pass: Pass
    ) {
        for b in 0..<pass.sequences {
            for t in 0..<Int(places.lengths[b]) {
                keep(queryKeyValue, row: b * pass.positions + t, in: cache, slot: b, place: t, places)
            }
        }
    }

    private func keep(
        _ queryKeyValue: UnsafePointer<Element>, row: Int, in cache: LayerCache<Element>, slot b: Int, place: Int,
        _ places: CachePlaces
    ) {
        let width = 2 * shape.keyWidth
        (cache.texts + (Int(places.slots[b]) * places.capacity + place) * width)
            .update(from: queryKeyValue + row * self.queryKeyValue.outputWidth + shape.width, count: width)
    }

    /// The forward pass of one position more for each sequence.
    func add(
        _ input: UnsafePointer<Element>, weights: UnsafePointer<Element>, into output: UnsafeMutablePointer<Float>,
        _ activations: Activations, _ cache: LayerCache<Element>, _ places: CachePlaces, _ pass: Pass
    ) {
        let (rows, stride) = (pass.sequences, queryKeyValue.outputWidth)
        queryKeyValue.forward(input, weights: weights, into: activations.queryKeyValue, rows: rows, engine: pass.engine)
        turn(activations.queryKeyValue, pass, places: places.places, back: false)
        for b in 0..<rows {
            keep(activations.queryKeyValue, row: b, in: cache, slot: b, place: Int(places.places[b]), places)
        }
        attention.forward(
            queries: activations.queryKeyValue, stride: stride,
            CachedRows(
                UnsafePointer(cache.texts), capacity: places.capacity, owners: places.owners, lengths: places.lengths),
            into: activations.mixed, sequences: rows)
        projection.forward(activations.mixed, weights: weights, into: output, rows: rows, engine: pass.engine)
    }
}

extension CrossAttention {
    /// Attention to what is cached of an encoder's output.
    func see(
        _ activations: Activations, weights: UnsafePointer<Element>, into output: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        guard let memory = pass.cachePlaces?.memory else { preconditionFailure("nothing to attend to") }
        if let owners = memory.owners {
            attention.forward(
                queries: activations.query, stride: shape.width,
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
                    heads(activations.query + first * shape.width, stretch),
                    into: activations.mixed + first * shape.width,
                    logSums: activations.logSums + first * shape.headCount, sequences: 1, queries: pass.positions,
                    keys: Int(memory.lengths[b]), mask: AttentionMask(isCausal: false))
            }
        }
        projection.forward(activations.mixed, weights: weights, into: output, rows: pass.rows, engine: pass.engine)
    }
}

extension TransformerStack {
    /// Memory for the caches of all blocks.
    package func takeCaches(
        slots: Int, positions: Int, memorySlots: Int, memoryPositions: Int, from arena: ActivationArena
    ) -> [LayerCache<Element>] {
        blocks.map {
            LayerCache(
                $0, slots: slots, positions: positions, memorySlots: memorySlots, memoryPositions: memoryPositions,
                from: arena)
        }
    }

    /// Memory for passes of `rows` without a backward pass: blocks take turns with that of two.
    ///
    /// - Parameter caches: Those of the blocks; none for an encoder, whose positions are all there at once.
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
            blocks: all,
            finalStatistics: finalNormalization.map { _ in arena.takeStatistics(Element.self, rows: rows) })
    }

    /// Computes the keys and values of encoders' outputs for all blocks.
    ///
    /// - Parameters:
    ///   - rows: [B, T, C].
    ///   - lengths: [B]; how many positions of each are kept.
    ///   - slots: [B]; where.
    ///   - scratch: [B, T, 2K · D].
    ///   - capacity: M.
    package func keepMemories(
        _ rows: UnsafePointer<Element>, sequences: Int, positions: Int, lengths: UnsafePointer<Int32>,
        in caches: [LayerCache<Element>], slots: UnsafePointer<Int32>, capacity: Int,
        scratch: UnsafeMutablePointer<Element>, weights: UnsafePointer<Element>
    ) {
        for (block, cache) in zip(blocks, caches) {
            guard let linear = block.cross?.attention.keyValue, let memories = cache.memories else { continue }
            linear.forward(rows, weights: weights, into: scratch, rows: sequences * positions)
            for b in 0..<sequences {
                (memories + Int(slots[b]) * capacity * linear.outputWidth).update(
                    from: scratch + b * positions * linear.outputWidth, count: Int(lengths[b]) * linear.outputWidth)
            }
        }
    }

    /// The numbers of a position's keys and values of an encoder's output.
    package var memoryWidth: Int { blocks[0].cross?.attention.keyValue.outputWidth ?? 0 }
}
