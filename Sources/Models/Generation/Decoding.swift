import Kernels
import Numbers
import Tensors
import Threads

/// The error for logits that are infinite or NaN, from which no token can be chosen.
package struct NonFiniteLogits: Error {
    /// The index of the affected input.
    package let input: Int
    /// The first token whose logit is not finite.
    package let token: Int
}

/// Generates output tokens with a model: continues a prompt, translates, or fills a blank.
///
/// Inputs of similar length are decoded together in a batch; each output is the same, bit for bit, as if its input were
/// the only one.
package final class Decoding<Element: Storage> {
    /// Callbacks of the caller during decoding.
    package struct Observer {
        /// Whether the output of an input is complete although no end token was generated.
        package var isComplete: (_ input: Int, _ tokens: [Int32]) -> Bool = { _, _ in false }
        /// Called for each token that is chosen for an input. Beam search does not call it.
        package var chose: (_ input: Int, _ token: Int32) -> Void = { _, _ in }
        /// Whether the output of an input must not begin with these tokens: the last of them is then replaced by the
        /// next choice. nil: all outputs are allowed.
        package var isForbidden: ((_ input: Int, _ tokens: [Int32]) -> Bool)?
        /// Whether to stop decoding; called before each token.
        package var shouldStop: () -> Bool = { false }

        /// An observer that does nothing.
        package init() {}
    }

    private let model: Transformer<Element>
    private let weights: Arena<Element>
    private let settings: DecodingSettings
    private let adjustment: LogitAdjustment
    private let sampler: TokenSampler

    /// Decoding with `model`, whose family must predict tokens.
    package init(_ model: Transformer<Element>, weights: Arena<Element>, _ settings: DecodingSettings) {
        self.model = model
        self.weights = weights
        self.settings = settings
        adjustment = LogitAdjustment(settings)
        sampler = TokenSampler(
            temperature: settings.temperature, topK: settings.topK, topP: settings.topP, seed: settings.seed)
    }

    /// The sizes of the cache for a list of inputs.
    private struct CacheSizes {
        let batch: Int
        let slots: Int
        let capacity: Int
        let memorySlots: Int
        let memoryCapacity: Int
    }

    private func cacheSizes(_ inputs: [DecodingInput]) -> CacheSizes {
        let longest = inputs.map { $0.positions + settings.tokens - 1 }.max() ?? 1
        let batch = min(settings.batch, inputs.count)
        return CacheSizes(
            batch: batch, slots: batch * settings.beams, capacity: min(model.sizes.contextLength, longest),
            memorySlots: model.architecture.hasEncoder ? batch : 0,
            memoryCapacity: inputs.map(\.source.count).max() ?? 0)
    }

    /// Returns the memory that `run` allocates for `inputs` in addition to the weights: for each purpose, the bytes of
    /// one item and the number of items.
    package func memory(for inputs: [DecodingInput]) -> [(name: String, bytes: Int, count: Int)] {
        if inputs.isEmpty { return [] }
        let sizes = cacheSizes(inputs)
        let bytes = TransformerCache.bytes(model, capacity: sizes.capacity, memoryCapacity: sizes.memoryCapacity)
        let rows = TransformerCache<Element>.rowLimit(
            slots: sizes.slots, capacity: sizes.capacity, memoryCapacity: sizes.memoryCapacity)
        let outputs = model.head.outputWidth
        var parts = [
            ("keys and values", bytes.slot, sizes.slots), ("encoder outputs", bytes.memorySlot, sizes.memorySlots),
            ("activations", bytes.row, rows), ("logits", outputs * MemoryLayout<Float>.stride, sizes.slots),
        ]
        if settings.beams > 1 {
            let candidates = min(BeamSearch(settings, limit: 1).candidateCount, outputs)
            parts.append(
                ("continuations", candidates * MemoryLayout<BeamSearch.Continuation>.stride, sizes.slots))
        }
        return parts.map { (name: $0, bytes: $1, count: $2) }
    }

    /// Generates the output tokens for each of `inputs`, without the end token.
    ///
    /// An output ends when the context is full. The exception is a decoder without beam search: it drops the older half
    /// of the text, processes the newer half again from position 0, and continues the text.
    ///
    /// - Parameters:
    ///   - inputs: The inputs, none longer than the context.
    ///   - numbers: For each input, the number from which, with the seed, its random choices are derived; nil: its
    ///     index.
    /// - Throws: `NonFiniteLogits` if the model computes a logit that is infinite or NaN.
    package func run(
        _ inputs: [DecodingInput], numbers: [Int]? = nil, observer: Observer = Observer()
    ) throws(NonFiniteLogits) -> [[Int32]] {
        try outputs(for: inputs, numbers: numbers, observer: observer).map { $0[0].tokens }
    }

    /// Generates the outputs for each of `inputs`, as `run`: one or, by a beam search, up to one for each beam, the
    /// best first.
    ///
    /// - Throws: As `run`.
    package func outputs(
        for inputs: [DecodingInput], numbers: [Int]? = nil, observer: Observer = Observer()
    ) throws(NonFiniteLogits) -> [[DecodingOutput]] {
        // Longest inputs first, so that inputs of similar length share a batch.
        let order = inputs.indices.sorted {
            let (a, b) = (inputs[$0], inputs[$1])
            return (-a.source.count, -a.text.count, $0) < (-b.source.count, -b.text.count, $1)
        }
        let empty = [DecodingOutput(tokens: [], logProbability: 0)]
        var results = [[DecodingOutput]](repeating: empty, count: inputs.count)
        if inputs.isEmpty || settings.tokens == 0 { return results }
        let sizes = cacheSizes(inputs)
        let cache = TransformerCache(
            model, weights: weights, slots: sizes.slots, capacity: sizes.capacity, memorySlots: sizes.memorySlots,
            memoryCapacity: sizes.memoryCapacity)
        for start in stride(from: 0, to: order.count, by: sizes.batch) {
            let part = Array(order[start..<min(start + sizes.batch, order.count)])
            if observer.shouldStop() { break }
            begin(part.map { inputs[$0] }, cache)
            if settings.beams == 1 {
                try choose(part, inputs, numbers, cache, observer, into: &results)
            } else {
                try search(part, inputs, cache, observer, into: &results)
            }
        }
        return results
    }

    /// Throws if a logit, of [inputs.count, V], is not finite.
    private func check(_ logits: UnsafePointer<Float>, of inputs: [Int]) throws(NonFiniteLogits) {
        let outputs = model.head.outputWidth
        guard let index = firstNonFinite(logits, count: inputs.count * outputs) else { return }
        throw NonFiniteLogits(input: inputs[index / outputs], token: index % outputs)
    }

    /// Reads the prompts: each becomes one sequence, in the first cache row of its beams.
    private func begin(_ inputs: [DecodingInput], _ cache: TransformerCache<Element>) {
        let beams = settings.beams
        if model.architecture.hasEncoder {
            cache.encode(inputs.enumerated().map { (slot: $0.offset, tokens: $0.element.source[...]) })
        }
        cache.read(
            inputs.enumerated().map { (slot: $0.offset * beams, memory: $0.offset, tokens: $0.element.readTokens) })
        cache.begin(
            inputs.enumerated().map {
                .init(
                    slot: $0.offset * beams, origin: $0.offset * beams, length: $0.element.readTokens.count,
                    memory: $0.offset)
            })
    }

    // MARK: Token by token

    /// The state of one input that is decoded without beam search.
    private struct Text {
        let input: Int
        let number: Int
        let slot: Int
        var all: [Int32]
        var chosen: Int
        var next: Int32
        let limit: Int
    }

    private func choose(
        _ part: [Int], _ inputs: [DecodingInput], _ numbers: [Int]?, _ cache: TransformerCache<Element>,
        _ observer: Observer, into results: inout [[DecodingOutput]]
    ) throws(NonFiniteLogits) {
        let (context, outputs) = (model.sizes.contextLength, model.head.outputWidth)
        var texts = part.enumerated().map { slot, index in
            let input = inputs[index]
            let slides = input.gap == nil && !model.architecture.hasEncoder
            return Text(
                input: index, number: numbers?[index] ?? index, slot: slot, all: input.text, chosen: 0,
                next: input.firstToken,
                limit: slides ? settings.tokens : min(settings.tokens, input.room(contextLength: context)))
        }
        while !texts.isEmpty, !observer.shouldStop() {
            for b in texts.indices where cache.length(b) == cache.capacity { forget(texts[b], b, cache) }
            let logits = cache.add(texts.map(\.next), spans: spans(texts.map { ($0.input, $0.chosen) }, inputs))
            try check(logits, of: texts.map(\.input))
            let unchanged =
                settings.scores ? Array(UnsafeBufferPointer(start: logits, count: texts.count * outputs)) : []
            var chosen = [Int32](repeating: 0, count: texts.count)
            let (current, adjustment, sampler) = (texts, adjustment, sampler)
            func choice(_ b: Int) -> Int32 {
                let row = UnsafeBufferPointer(start: logits + b * outputs, count: outputs)
                return sampler.choose(row, at: current[b].all.count, of: current[b].number)
            }
            chosen.withUnsafeMutableBufferPointer { chosen in
                let chosen = chosen.baseAddress!
                parallel(current.count) { b in
                    adjustment.apply(logits + b * outputs, after: current[b].all, chosen: current[b].chosen)
                    chosen[b] = choice(b)
                }
            }
            for b in texts.indices {
                let (row, output) = (logits + b * outputs, results[texts[b].input][0].tokens)
                while forbids(chosen[b], after: output, texts[b].input, row, observer) { chosen[b] = choice(b) }
                if settings.scores {
                    results[texts[b].input][0].logProbability += unchanged.withUnsafeBufferPointer {
                        logProbability(of: Int(chosen[b]), $0.baseAddress! + b * outputs, count: outputs)
                    }
                }
            }
            var staying: [Int] = []
            for b in texts.indices where !settings.endTokens.contains(chosen[b]) {
                texts[b].all.append(chosen[b])
                texts[b].chosen += 1
                texts[b].next = chosen[b]
                results[texts[b].input][0].tokens.append(chosen[b])
                observer.chose(texts[b].input, chosen[b])
                let output = results[texts[b].input][0].tokens
                if texts[b].chosen < texts[b].limit, !observer.isComplete(texts[b].input, output) {
                    staying.append(b)
                }
            }
            if staying.count < texts.count {
                cache.select(staying.map { (from: $0, slot: texts[$0].slot) })
                texts = staying.map { texts[$0] }
            }
        }
    }

    /// Whether the observer forbids `token` after `output`; if so, removes it from the choices, [V]. A token that is
    /// already impossible is not forbidden: no other is left.
    private func forbids(
        _ token: Int32, after output: [Int32], _ input: Int, _ logits: UnsafeMutablePointer<Float>,
        _ observer: Observer
    ) -> Bool {
        guard let isForbidden = observer.isForbidden, !settings.endTokens.contains(token),
            logits[Int(token)] > -.infinity,
            isForbidden(input, output + [token])
        else { return false }
        logits[Int(token)] = -.infinity
        return true
    }

    /// Drops the older half of a text whose cache row is full, and processes the newer half again from position 0.
    private func forget(_ text: Text, _ b: Int, _ cache: TransformerCache<Element>) {
        let kept = text.all.suffix(max(1, cache.capacity / 2)).dropLast()
        cache.read([(slot: text.slot, memory: 0, tokens: kept)])
        cache.restart(b, length: kept.count)
    }

    /// The span positions of the tokens that are added, for inputs with a blank.
    private func spans(
        _ texts: [(input: Int, chosen: Int)], _ inputs: [DecodingInput]
    ) -> [(gap: Int, place: Int)] {
        texts.compactMap { text in inputs[text.input].gap.map { (gap: $0.place, place: text.chosen + 1) } }
    }

    // MARK: Beam search

    /// The state of one input that is decoded by beam search.
    private struct Search {
        let input: Int
        let place: Int
        var beams: BeamSearch
    }

    private func search(
        _ part: [Int], _ inputs: [DecodingInput], _ cache: TransformerCache<Element>, _ observer: Observer,
        into results: inout [[DecodingOutput]]
    ) throws(NonFiniteLogits) {
        let outputs = model.head.outputWidth
        var searches = part.enumerated().map { place, index in
            let room = inputs[index].room(contextLength: model.sizes.contextLength)
            return Search(
                input: index, place: place, beams: BeamSearch(settings, limit: min(settings.tokens, room)))
        }
        var all = searches
        while !searches.isEmpty, !observer.shouldStop() {
            // The open hypotheses of all inputs, in the order of the cache's sequences.
            let rows = searches.indices.flatMap { s in searches[s].beams.open.indices.map { (search: s, beam: $0) } }
            let hypotheses = rows.map { searches[$0.search].beams.open[$0.beam] }
            let histories = zip(rows, hypotheses).map { inputs[searches[$0.search].input].text + $1.tokens }
            let tokens = zip(rows, hypotheses).map { $1.tokens.last ?? inputs[searches[$0.search].input].firstToken }
            let logits = cache.add(
                tokens, spans: spans(zip(rows, hypotheses).map { (searches[$0.search].input, $1.tokens.count) }, inputs)
            )
            try check(logits, of: rows.map { searches[$0.search].input })
            logSoftmax(logits, rows: rows.count, columns: outputs)
            var candidates = [[BeamSearch.Continuation]](repeating: [], count: rows.count)
            let (adjustment, count) = (adjustment, searches[0].beams.candidateCount)
            func continuations(_ b: Int) -> [BeamSearch.Continuation] {
                likeliest(count, UnsafeBufferPointer(start: logits + b * outputs, count: outputs)).map {
                    .init(parent: rows[b].beam, token: Int32($0.token), score: hypotheses[b].score + $0.value)
                }
            }
            candidates.withUnsafeMutableBufferPointer { candidates in
                let candidates = candidates.baseAddress!
                parallel(rows.count) { b in
                    let row = logits + b * outputs
                    adjustment.apply(row, after: histories[b], chosen: hypotheses[b].tokens.count)
                    candidates[b] = continuations(b)
                }
            }
            for b in rows.indices where observer.isForbidden != nil {
                let row = logits + b * outputs
                while candidates[b].contains(where: {
                    forbids($0.token, after: hypotheses[b].tokens, searches[rows[b].search].input, row, observer)
                }) { candidates[b] = continuations(b) }
            }
            var (next, first): ([(from: Int, slot: Int)], Int) = ([], 0)
            for s in searches.indices {
                let (input, count) = (searches[s].input, searches[s].beams.open.count)
                let parents = searches[s].beams.advance(candidates[first..<first + count].flatMap { $0 }) {
                    observer.isComplete(input, $0)
                }
                all[searches[s].place] = searches[s]
                if !searches[s].beams.isOver {
                    for (beam, parent) in parents.enumerated() {
                        next.append((from: first + parent, slot: searches[s].place * settings.beams + beam))
                    }
                }
                first += count
            }
            searches.removeAll { $0.beams.isOver }
            cache.select(next)
        }
        for search in all { results[search.input] = search.beams.outputs }
    }
}
