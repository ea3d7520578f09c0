import Kernels
import Layers
import Tensors

// B sequences, T positions, S slots of P positions, M positions of an encoder's output, V vocabulary.

/// A model that generates: it keeps the keys and values of the positions that it has seen, so that the next position costs one
/// row.
///
/// A sequence writes to a slot of the cache, and may have begun in another one: sequences with the same beginning share it, and
/// no row is ever moved. What a sequence computes does not depend on those beside it, to the last bit.
package final class TransformerCache<Element: Storage> {
    /// A sequence of the batch.
    package struct Sequence {
        /// The slot that it writes to; no other sequence of the batch does.
        package var slot: Int
        /// The slot that its first positions were read into.
        package var origin: Int
        /// How many those are.
        package var length: Int
        /// The slot of the encoder's output that it sees.
        package var memory: Int

        /// A sequence whose first `length` positions are in `origin`.
        package init(slot: Int, origin: Int, length: Int, memory: Int = 0) {
            self.slot = slot
            self.origin = origin
            self.length = length
            self.memory = memory
        }
    }

    /// The model.
    package let model: Transformer<Element>
    /// S.
    package let slots: Int
    /// P.
    package let capacity: Int
    /// B.
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

    // Rows of B or of a batch that is read.
    private let tokens: UnsafeMutablePointer<Int32>
    private let tokenPlaces: UnsafeMutablePointer<Int32>
    private let spanPlaces: UnsafeMutablePointer<Int32>
    private let readLengths: UnsafeMutablePointer<Int32>
    private let readSlots: UnsafeMutablePointer<Int32>
    private let readMemoryLengths: UnsafeMutablePointer<Int32>
    private let readMemorySlots: UnsafeMutablePointer<Int32>
    // Of the sequences of the batch.
    private let writtenSlots: UnsafeMutablePointer<Int32>
    private let places: UnsafeMutablePointer<Int32>
    private let lengths: UnsafeMutablePointer<Int32>
    private let memoryLengths: UnsafeMutablePointer<Int32>
    private let memorySlots: UnsafeMutablePointer<Int32>
    // [B, P], [B, M]; the first twice, to be rearranged from one to the other.
    private var owners: UnsafeMutablePointer<Int32>
    private var otherOwners: UnsafeMutablePointer<Int32>
    private let memoryOwners: UnsafeMutablePointer<Int32>
    /// [slots of memory].
    private let memorySizes: UnsafeMutablePointer<Int32>

    /// Rows that are read together, if one text is not longer: enough to pay for packing the weights.
    private static var readRows: Int { 1024 }

    /// Memory for `slots` sequences of up to `capacity` positions.
    ///
    /// - Parameters:
    ///   - memorySlots: How many outputs of an encoder are kept.
    ///   - memoryCapacity: The longest of them; 0 without an encoder.
    package init(
        _ model: Transformer<Element>, weights: Arena<Element>, slots: Int, capacity: Int, memorySlots: Int = 0,
        memoryCapacity: Int = 0
    ) {
        precondition(capacity <= model.sizes.contextLength && memoryCapacity <= model.sizes.contextLength)
        guard case .tokens(let embedding) = model.input else { preconditionFailure("a model of texts") }
        self.model = model
        self.weights = weights
        self.slots = slots
        self.capacity = capacity
        self.memoryCapacity = memoryCapacity
        let rowLimit = max(slots, capacity, memoryCapacity, TransformerCache.readRows)
        self.rowLimit = rowLimit
        caches = model.stack.takeCaches(
            slots: slots, positions: capacity, memorySlots: memorySlots, memoryPositions: memoryCapacity, from: arena)
        stack = model.stack.takePassingActivations(rows: rowLimit, caches: caches, from: arena)
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
        (tokens, tokenPlaces, spanPlaces) = (integers(rowLimit), integers(rowLimit), integers(rowLimit))
        (readLengths, readSlots) = (integers(rowLimit), integers(rowLimit))
        (readMemoryLengths, readMemorySlots) = (integers(rowLimit), integers(rowLimit))
        (writtenSlots, places, lengths) = (integers(slots), integers(slots), integers(slots))
        (memoryLengths, self.memorySlots) = (integers(slots), integers(slots))
        (owners, otherOwners) = (integers(slots * capacity), integers(slots * capacity))
        memoryOwners = integers(slots * memoryCapacity)
        memorySizes = integers(memorySlots)
    }

    // MARK: Reading

    /// Reads texts into slots, each from its first position on. A prefix decoder's positions all see each other.
    ///
    /// - Parameter texts: Each of 0 ... `capacity` tokens, and the slot of the encoder's output that it sees.
    package func read(_ texts: [(slot: Int, memory: Int, tokens: ArraySlice<Int32>)]) {
        forEachGroup(texts.filter { !$0.tokens.isEmpty }) { count, positions in
            let visibility = model.architecture.visibility
            spanPlaces.update(repeating: 0, count: count * positions)
            let pass = Pass(
                sequences: count, positions: positions,
                mask: AttentionMask(
                    isCausal: visibility != .all, lengths: readLengths,
                    prefixes: visibility == .prefix ? UnsafePointer(readLengths) : nil),
                cachePlaces: CachePlaces(
                    readingInto: readSlots, lengths: readLengths, capacity: capacity,
                    memory: memoryCapacity == 0
                        ? nil
                        : CachePlaces.Memory(
                            capacity: memoryCapacity, lengths: readMemoryLengths, slots: readMemorySlots)), workspace)
            embed(TokenInput(tokens: tokens, spanPlaces: spanPlaces), pass)
            model.stack.forward(embedding.output, weights: weights.base, stack, pass)
        }
    }

    /// Reads sources with the encoder and keeps what each block sees of its output.
    ///
    /// - Parameter sources: Each of 1 ... `memoryCapacity` tokens.
    package func encode(_ sources: [(slot: Int, tokens: ArraySlice<Int32>)]) {
        guard let encoder = model.encoder, let activations = self.encoder else {
            preconditionFailure("a model with an encoder")
        }
        forEachGroup(sources.map { (slot: $0.slot, memory: $0.slot, tokens: $0.tokens) }) { count, positions in
            let pass = Pass(
                sequences: count, positions: positions, mask: AttentionMask(isCausal: false, lengths: readLengths),
                workspace)
            encoder.embedding.forward(TokenInput(tokens: tokens), weights: weights.base, activations.embedding, pass)
            encoder.stack.forward(activations.embedding.output, weights: weights.base, activations.stack, pass)
            let scratch = workspace.numbers(.gathered, count * positions * model.stack.memoryWidth, Element.self)
            model.stack.keepMemories(
                activations.stack.output, sequences: count, positions: positions, lengths: readLengths, in: caches,
                slots: readSlots, capacity: memoryCapacity, scratch: scratch, weights: weights.base)
            for b in 0..<count { memorySizes[Int(readSlots[b])] = readLengths[b] }
        }
    }

    /// Calls `body` for some texts after another, padded to the longest of them. Where products compute rows in another way
    /// for another number of them, each text comes by itself, so that it always has the same bits.
    private func forEachGroup(
        _ texts: [(slot: Int, memory: Int, tokens: ArraySlice<Int32>)], _ body: (_ count: Int, _ positions: Int) -> Void
    ) {
        var first = 0
        while first < texts.count {
            var (end, positions) = (first, 0)
            while end < texts.count {
                let longest = max(positions, texts[end].tokens.count)
                let fits = longest * (end + 1 - first) <= rowLimit
                guard end == first || (fits && ProductEngine.best.computesRowsAlike) else { break }
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

    /// Makes the batch one of `sequences`.
    package func begin(_ sequences: [Sequence]) {
        count = sequences.count
        for (b, sequence) in sequences.enumerated() {
            (writtenSlots[b], lengths[b]) = (Int32(sequence.slot), Int32(sequence.length))
            (owners + b * capacity).update(repeating: Int32(sequence.origin), count: sequence.length)
            if memoryCapacity > 0 { see(sequence.memory, b) }
        }
    }

    /// Makes the batch one of sequences of which each continues one of the present ones.
    ///
    /// - Parameter next: The number of the one that it continues, and the slot that it writes to from now on. Of sequences that
    ///   continue the same one, or have the same beginning, each keeps to slots that only they have used.
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

    /// Lets sequence `b` go on from what was read into its own slot.
    package func restart(_ b: Int, length: Int) {
        lengths[b] = Int32(length)
        (owners + b * capacity).update(repeating: writtenSlots[b], count: length)
    }

    /// The positions of sequence `b`.
    package func length(_ b: Int) -> Int { Int(lengths[b]) }

    private func see(_ memory: Int, _ b: Int) {
        memorySlots[b] = Int32(memory)
        memoryLengths[b] = memorySizes[memory]
        (memoryOwners + b * memoryCapacity).update(repeating: Int32(memory), count: Int(memorySizes[memory]))
    }

    // MARK: One position more

    /// Adds a token to each sequence.
    ///
    /// - Parameters:
    ///   - newTokens: [B].
    ///   - spans: [B]; for sequences that fill in a gap, the place of the gap and the token's place inside the span; empty
    ///     otherwise.
    /// - Returns: The logits of what follows, [B, V], until the next call.
    package func add(_ newTokens: [Int32], spans: [(gap: Int, place: Int)] = []) -> UnsafeMutablePointer<Float> {
        precondition(newTokens.count == count && (spans.isEmpty || spans.count == count), "a token for each sequence")
        for b in 0..<count {
            precondition(lengths[b] < capacity, "the slot is full")
            tokens[b] = newTokens[b]
            places[b] = lengths[b]
            owners[b * capacity + Int(lengths[b])] = writtenSlots[b]
            lengths[b] += 1
            tokenPlaces[b] = spans.isEmpty ? places[b] : Int32(spans[b].gap)
            spanPlaces[b] = spans.isEmpty ? 0 : Int32(spans[b].place)
        }
        let memory =
            memoryCapacity == 0
            ? nil
            : CachePlaces.Memory(
                capacity: memoryCapacity, lengths: memoryLengths, slots: memorySlots, owners: memoryOwners)
        let pass = Pass(
            sequences: count, positions: 1, mask: AttentionMask(isCausal: true),
            cachePlaces: CachePlaces(
                adding: places, slots: writtenSlots, lengths: lengths, owners: owners, capacity: capacity,
                memory: memory), workspace)
        embed(TokenInput(tokens: tokens, places: tokenPlaces, spanPlaces: spanPlaces), pass)
        model.stack.forward(embedding.output, weights: weights.base, stack, pass)
        let head = model.head
        let logits = workspace.floats(.logits, count * head.outputWidth)
        let hidden = head.transformed(stack.output, weights: weights.base, rows: count, workspace, engine: .vectors)
        head.output.forward(hidden, weights: weights.base, into: logits, rows: count, engine: .vectors)
        return logits
    }

    private func embed(_ input: TokenInput, _ pass: Pass) {
        guard case .tokens(let embedding) = model.input else { return }
        embedding.forward(input, weights: weights.base, self.embedding, pass)
    }
}
