import Kernels
import Layers
import Numbers
import Products
import Tensors

// B sequences, T positions, S cache rows (slots) of P positions each, M positions of an encoder's output, V vocabulary.

/// A model with a KV cache for generation: adding a position computes only that position.
///
/// A sequence writes to one cache row, and its first positions may be in another row: sequences with the same beginning
/// share it, and no keys or values are copied. The results of a sequence are bit-identical whatever other sequences are
/// in the batch.
package final class TransformerCache<Element: Storage> {
    /// A sequence of the batch.
    package struct Sequence {
        /// The cache row that it writes to; no other sequence of the batch may write to it.
        package var slot: Int
        /// The cache row that holds its first positions.
        package var origin: Int
        /// The number of these positions.
        package var length: Int
        /// The row of the encoder output to which it attends.
        package var memory: Int

        /// A sequence whose first `length` positions are in row `origin`.
        package init(slot: Int, origin: Int, length: Int, memory: Int = 0) {
            self.slot = slot
            self.origin = origin
            self.length = length
            self.memory = memory
        }
    }

    /// The model.
    package let model: Transformer<Element>
    /// S, the number of cache rows.
    package let slots: Int
    /// P, the positions per cache row.
    package let capacity: Int
    /// B, the number of sequences in the batch.
    package private(set) var count = 0
    private let weights: Arena<Element>
    private let workspace = Workspace()
    private let memoryCapacity: Int
    private let arena = ActivationArena()
    private let caches: [LayerCache<Element>]
    private let stack: TransformerStack<Element>.Activations
    private let embedding: Embedding<Element>.Activations
    private let encoder: (embedding: Embedding<Element>.Activations, stack: TransformerStack<Element>.Activations)?
    private let rowLimit: Int

    // Inputs of a pass, for the B sequences or for a group of texts that is read.
    private let tokens: UnsafeMutablePointer<Int32>
    private let tokenPositionIDs: UnsafeMutablePointer<Int32>
    private let spanPositionIDs: UnsafeMutablePointer<Int32>
    private let readLengths: UnsafeMutablePointer<Int32>
    private let readSlots: UnsafeMutablePointer<Int32>
    private let readMemoryLengths: UnsafeMutablePointer<Int32>
    private let readMemorySlots: UnsafeMutablePointer<Int32>
    // State of the sequences of the batch.
    private let writtenSlots: UnsafeMutablePointer<Int32>
    private let positionIDs: UnsafeMutablePointer<Int32>
    private let lengths: UnsafeMutablePointer<Int32>
    private let memoryLengths: UnsafeMutablePointer<Int32>
    private let memorySlots: UnsafeMutablePointer<Int32>
    // The cache row of each position: [B, P] and [B, M]. There are two [B, P] buffers, because `select` copies from one
    // to the other.
    private var owners: UnsafeMutablePointer<Int32>
    private var otherOwners: UnsafeMutablePointer<Int32>
    private let memoryOwners: UnsafeMutablePointer<Int32>
    /// [memory rows]; the length of each encoder output.
    private let memorySizes: UnsafeMutablePointer<Int32>

    /// The number of rows to read per pass if no text is longer: enough to amortize packing the weights.
    private static var readRows: Int { 1024 }

    /// Returns the number of rows of the largest pass.
    static func rowLimit(slots: Int, capacity: Int, memoryCapacity: Int) -> Int {
        max(slots, capacity, memoryCapacity, readRows)
    }

    /// Returns the bytes that a cache allocates per slot, per encoder output and per row of a pass. Nothing is
    /// allocated. The parameters are those of `init`.
    static func bytes(
        _ model: Transformer<Element>, capacity: Int, memoryCapacity: Int
    ) -> (slot: Int, memorySlot: Int, row: Int) {
        func counted(_ take: (ActivationArena) -> Void) -> Int {
            let arena = ActivationArena(counting: true)
            take(arena)
            return arena.bytes
        }
        func caches(_ slots: Int, _ memorySlots: Int) -> Int {
            counted {
                _ = model.blocks.takeCaches(
                    slots: slots, positions: capacity, memorySlots: memorySlots, memoryPositions: memoryCapacity,
                    from: $0)
            }
        }
        func activations(rows: Int) -> Int {
            counted {
                _ = model.blocks.takePassingActivations(rows: rows, from: $0)
                if case .tokens(let embedding) = model.input { _ = embedding.takeActivations(rows: rows, from: $0) }
                _ = model.encoder?.embedding.takeActivations(rows: rows, from: $0)
                _ = model.encoder?.stack.takePassingActivations(rows: rows, from: $0)
            }
        }
        // Without what does not grow with the rows, such as the biases of relative positions.
        let row = activations(rows: 2) - activations(rows: 1)
        let owners = (2 * capacity + memoryCapacity) * MemoryLayout<Int32>.stride
        return (caches(1, 0) + owners, caches(0, 1), row)
    }

    /// Allocates `slots` cache rows of `capacity` positions.
    ///
    /// - Parameters:
    ///   - memorySlots: The number of encoder outputs that are kept.
    ///   - memoryCapacity: The length of the longest encoder output; 0 without an encoder.
    package init(
        _ model: Transformer<Element>, weights: Arena<Element>, slots: Int, capacity: Int, memorySlots: Int = 0,
        memoryCapacity: Int = 0
    ) {
        precondition(capacity <= model.sizes.contextLength && memoryCapacity <= model.sizes.contextLength)
        guard case .tokens(let embedding) = model.input else { preconditionFailure("the model does not read tokens") }
        self.model = model
        self.weights = weights
        self.slots = slots
        self.capacity = capacity
        self.memoryCapacity = memoryCapacity
        let rowLimit = TransformerCache.rowLimit(slots: slots, capacity: capacity, memoryCapacity: memoryCapacity)
        self.rowLimit = rowLimit
        caches = model.blocks.takeCaches(
            slots: slots, positions: capacity, memorySlots: memorySlots, memoryPositions: memoryCapacity, from: arena)
        stack = model.blocks.takePassingActivations(rows: rowLimit, caches: caches, from: arena)
        self.embedding = embedding.takeActivations(rows: rowLimit, from: arena)
        let arena = arena
        encoder = model.encoder.map {
            (
                $0.embedding.takeActivations(rows: rowLimit, from: arena),
                $0.stack.takePassingActivations(rows: rowLimit, from: arena)
            )
        }
        func integers(_ count: Int) -> UnsafeMutablePointer<Int32> {
            let memory = arena.take(Int32.self, max(1, count))
            memory.initialize(repeating: 0, count: max(1, count))
            return memory
        }
        (tokens, tokenPositionIDs, spanPositionIDs) = (integers(rowLimit), integers(rowLimit), integers(rowLimit))
        (readLengths, readSlots) = (integers(rowLimit), integers(rowLimit))
        (readMemoryLengths, readMemorySlots) = (integers(rowLimit), integers(rowLimit))
        (writtenSlots, positionIDs, lengths) = (integers(slots), integers(slots), integers(slots))
        (memoryLengths, self.memorySlots) = (integers(slots), integers(slots))
        (owners, otherOwners) = (integers(slots * capacity), integers(slots * capacity))
        memoryOwners = integers(slots * memoryCapacity)
        memorySizes = integers(memorySlots)
    }

    // MARK: Reading

    /// Reads texts into cache rows, each from position 0 on. In a prefix decoder, all these positions are the prefix
    /// and attend to each other.
    ///
    /// - Parameter texts: For each text the row to write to, the encoder output to which it attends, and 0 ...
    ///   `capacity` tokens.
    package func read(_ texts: [(slot: Int, memory: Int, tokens: ArraySlice<Int32>)]) {
        forEachGroup(texts.filter { !$0.tokens.isEmpty }) { count, positions in
            let visibility = model.architecture.visibility
            spanPositionIDs.update(repeating: 0, count: count * positions)
            let pass = Pass(
                sequences: count, positions: positions,
                mask: AttentionMask(
                    isCausal: visibility != .all, lengths: readLengths,
                    prefixLengths: visibility == .prefix ? UnsafePointer(readLengths) : nil),
                cachePlaces: CachePlaces(
                    readingInto: readSlots, lengths: readLengths, capacity: capacity,
                    memory: memoryCapacity == 0
                        ? nil
                        : CachePlaces.Memory(
                            capacity: memoryCapacity, lengths: readMemoryLengths, slots: readMemorySlots)),
                context(.best))
            embed(TokenInput(tokens: tokens, spanPositionIDs: spanPositionIDs), pass)
            model.blocks.forward(embedding.output, stack, pass)
        }
    }

    /// Runs the encoder on sources and stores the cross-attention keys and values of every decoder block.
    ///
    /// - Parameter sources: Texts of 1 ... `memoryCapacity` tokens each.
    package func encode(_ sources: [(slot: Int, tokens: ArraySlice<Int32>)]) {
        guard let encoder = model.encoder, let activations = self.encoder else {
            preconditionFailure("the model has no encoder")
        }
        forEachGroup(sources.map { (slot: $0.slot, memory: $0.slot, tokens: $0.tokens) }) { count, positions in
            let pass = Pass(
                sequences: count, positions: positions, mask: AttentionMask(isCausal: false, lengths: readLengths),
                context(.best))
            encoder.embedding.forward(TokenInput(tokens: tokens), activations.embedding, pass)
            encoder.stack.forward(activations.embedding.output, activations.stack, pass)
            let scratch = workspace.numbers(.gathered, count * positions * model.blocks.memoryWidth, Element.self)
            model.blocks.keepMemories(
                activations.stack.output, sequences: count, positions: positions, lengths: readLengths, in: caches,
                slots: readSlots, capacity: memoryCapacity, scratch: scratch, pass.context)
            for b in 0..<count { memorySizes[Int(readSlots[b])] = readLengths[b] }
        }
    }

    /// Calls `body` for groups of texts, padded to the longest text of the group.
    private func forEachGroup(
        _ texts: [(slot: Int, memory: Int, tokens: ArraySlice<Int32>)], _ body: (_ count: Int, _ positions: Int) -> Void
    ) {
        var first = 0
        while first < texts.count {
            var (end, positions) = (first, 0)
            while end < texts.count {
                let longest = max(positions, texts[end].tokens.count)
                guard end == first || longest * (end + 1 - first) <= rowLimit else { break }
                (end, positions) = (end + 1, longest)
            }
            for (b, text) in texts[first..<end].enumerated() {
                let row = tokens + b * positions
                for (t, token) in text.tokens.enumerated() { row[t] = token }
                (row + text.tokens.count).update(repeating: 0, count: positions - text.tokens.count)
                (readLengths[b], readSlots[b]) = (Int32(text.tokens.count), Int32(text.slot))
                if memoryCapacity == 0 { continue }
                (readMemoryLengths[b], readMemorySlots[b]) = (memorySizes[text.memory], Int32(text.memory))
            }
            body(end - first, positions)
            first = end
        }
    }

    // MARK: Sequences

    /// Replaces the batch by `sequences`.
    package func begin(_ sequences: [Sequence]) {
        count = sequences.count
        for (b, sequence) in sequences.enumerated() {
            (writtenSlots[b], lengths[b]) = (Int32(sequence.slot), Int32(sequence.length))
            (owners + b * capacity).update(repeating: Int32(sequence.origin), count: sequence.length)
            if memoryCapacity > 0 { see(sequence.memory, b) }
        }
    }

    /// Replaces the batch by continuations of present sequences.
    ///
    /// - Parameter next: For each new sequence, the index of the sequence that it continues and the cache row to which
    ///   it writes from now on. A sequence must never reuse a row that another sequence with the same beginning has
    ///   written.
    package func select(_ next: [(from: Int, slot: Int)]) {
        let old = (0..<count).map { (length: lengths[$0], memory: Int(memorySlots[$0])) }
        for (b, row) in next.enumerated() {
            (otherOwners + b * capacity).update(from: owners + row.from * capacity, count: Int(old[row.from].length))
            (writtenSlots[b], lengths[b]) = (Int32(row.slot), old[row.from].length)
            if memoryCapacity > 0 { see(old[row.from].memory, b) }
        }
        swap(&owners, &otherOwners)
        count = next.count
    }

    /// Makes sequence `b` continue from `length` positions that were read into its own row.
    package func restart(_ b: Int, length: Int) {
        lengths[b] = Int32(length)
        (owners + b * capacity).update(repeating: writtenSlots[b], count: length)
    }

    /// The number of positions of sequence `b`.
    package func length(_ b: Int) -> Int { Int(lengths[b]) }

    private func see(_ memory: Int, _ b: Int) {
        memorySlots[b] = Int32(memory)
        memoryLengths[b] = memorySizes[memory]
        (memoryOwners + b * memoryCapacity).update(repeating: Int32(memory), count: Int(memorySizes[memory]))
    }

    // MARK: Adding a position

    /// Adds one token to each sequence.
    ///
    /// - Parameters:
    ///   - newTokens: [B].
    ///   - spans: [B]; for sequences that fill a blank, the position of the blank and the token's position within the
    ///     span; otherwise empty.
    /// - Returns: The logits of the next token, [B, V]; valid until the next call.
    package func add(_ newTokens: [Int32], spans: [(gap: Int, place: Int)] = []) -> UnsafeMutablePointer<Float> {
        precondition(newTokens.count == count && (spans.isEmpty || spans.count == count), "a token for each sequence")
        for b in 0..<count {
            precondition(lengths[b] < capacity, "the slot is full")
            tokens[b] = newTokens[b]
            positionIDs[b] = lengths[b]
            owners[b * capacity + Int(lengths[b])] = writtenSlots[b]
            lengths[b] += 1
            tokenPositionIDs[b] = spans.isEmpty ? positionIDs[b] : Int32(spans[b].gap)
            spanPositionIDs[b] = spans.isEmpty ? 0 : Int32(spans[b].place)
        }
        let memory =
            memoryCapacity == 0
            ? nil
            : CachePlaces.Memory(
                capacity: memoryCapacity, lengths: memoryLengths, slots: memorySlots, owners: memoryOwners)
        let pass = Pass(
            sequences: count, positions: 1, mask: AttentionMask(isCausal: true),
            cachePlaces: CachePlaces(
                adding: positionIDs, slots: writtenSlots, lengths: lengths, owners: owners, capacity: capacity,
                memory: memory), context(.vectors))
        embed(TokenInput(tokens: tokens, positionIDs: tokenPositionIDs, spanPositionIDs: spanPositionIDs), pass)
        model.blocks.forward(embedding.output, stack, pass)
        let head = model.head
        let logits = workspace.floats(.logits, count * head.outputWidth)
        let hidden = head.transformed(stack.output, rows: count, pass.context)
        head.output.forward(hidden, into: logits, rows: count, pass.context)
        return logits
    }

    private func context(_ engine: ProductEngine) -> LayerContext<Element> {
        LayerContext(weights: weights.base, engine: engine, workspace)
    }

    private func embed(_ input: TokenInput, _ pass: Pass<Element>) {
        guard case .tokens(let embedding) = model.input else { return }
        embedding.forward(input, self.embedding, pass)
    }
}
