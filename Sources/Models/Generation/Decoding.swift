import Kernels
import Layers
import Tensors

/// Logits that are infinite or NaN, from which no token can be chosen.
package struct NonFiniteLogits: Error {
    /// The index of the text among those that were given.
    package let input: Int
    /// The first token whose logit is not finite.
    package let token: Int
}

/// A model that continues, translates or fills in texts.
///
/// Texts of similar length are decoded together; what becomes of one does not depend on the others, to the last bit.
package final class Decoding<Element: Storage> {
    /// What the caller has to say and to hear while texts are decoded.
    package struct Observer {
        /// Whether a text, given its number and the tokens chosen for it, ends here though no end token has come.
        package var isComplete: (_ input: Int, _ tokens: [Int32]) -> Bool = { _, _ in false }
        /// Told of each token as it is chosen for a text. A beam search tells nothing.
        package var chose: (_ input: Int, _ token: Int32) -> Void = { _, _ in }
        /// Whether to end; asked before each token.
        package var shouldStop: () -> Bool = { false }

        /// An observer that never interferes.
        package init() {}
    }

    private let model: Transformer<Element>
    private let weights: Arena<Element>
    private let settings: DecodingSettings
    private let adjustment: LogitAdjustment
    private let sampler: TokenSampler

    /// Decoding with `model`, of a family that predicts tokens one after another.
    package init(_ model: Transformer<Element>, weights: Arena<Element>, _ settings: DecodingSettings) {
        self.model = model
        self.weights = weights
        self.settings = settings
        adjustment = LogitAdjustment(settings)
        sampler = TokenSampler(
            temperature: settings.temperature, topK: settings.topK, topP: settings.topP, seed: settings.seed)
    }

    /// The tokens that are chosen for each of `inputs`, without the end token.
    ///
    /// A text stops where the context is full. Only where a text is continued token by token, its older half is forgotten then
    /// and its newer half is read again.
    ///
    /// - Parameters:
    ///   - inputs: None longer than the context.
    ///   - numbers: What the random choices of each depend on, beside the seed; nil: its place among `inputs`.
    /// - Throws: `NonFiniteLogits` where the model computes a logit that is infinite or NaN.
    package func run(
        _ inputs: [DecodingInput], numbers: [Int]? = nil, observer: Observer = Observer()
    ) throws(NonFiniteLogits) -> [[Int32]] {
        let context = model.sizes.contextLength
        // What is longest first, so that texts that are decoded together end together.
        let order = inputs.indices.sorted {
            let (a, b) = (inputs[$0], inputs[$1])
            return (-a.source.count, -a.text.count, $0) < (-b.source.count, -b.text.count, $1)
        }
        let longest = inputs.map { $0.positions + settings.tokens - 1 }.max() ?? 1
        let batch = min(settings.batch, inputs.count)
        var results = [[Int32]](repeating: [], count: inputs.count)
        if inputs.isEmpty || settings.tokens == 0 { return results }
        let cache = TransformerCache(
            model, weights: weights, slots: batch * settings.beams, capacity: min(context, longest),
            memorySlots: model.architecture.hasEncoder ? batch : 0,
            memoryCapacity: inputs.map(\.source.count).max() ?? 0)
        for start in stride(from: 0, to: order.count, by: batch) {
            let part = Array(order[start..<min(start + batch, order.count)])
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

    /// Refuses logits of some texts, [inputs.count, V], that are not finite, before anything is made of them.
    private func check(_ logits: UnsafePointer<Float>, of inputs: [Int]) throws(NonFiniteLogits) {
        let outputs = model.head.outputWidth
        guard let index = firstNonFinite(logits, count: inputs.count * outputs) else { return }
        throw NonFiniteLogits(input: inputs[index / outputs], token: index % outputs)
    }

    /// Reads the beginnings of some texts: one sequence each, in the first of its slots.
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

    /// A text that is decoded token by token.
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
        _ observer: Observer, into results: inout [[Int32]]
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
            var chosen = [Int32](repeating: 0, count: texts.count)
            let (current, adjustment, sampler) = (texts, adjustment, sampler)
            chosen.withUnsafeMutableBufferPointer { chosen in
                let chosen = chosen.baseAddress!
                parallel(current.count) { b in
                    let (row, text) = (logits + b * outputs, current[b])
                    adjustment.apply(row, after: text.all, chosen: text.chosen)
                    chosen[b] = sampler.choose(
                        UnsafeBufferPointer(start: row, count: outputs), at: text.all.count, of: text.number)
                }
            }
            var staying: [Int] = []
            for b in texts.indices where chosen[b] != settings.endToken {
                texts[b].all.append(chosen[b])
                texts[b].chosen += 1
                texts[b].next = chosen[b]
                results[texts[b].input].append(chosen[b])
                observer.chose(texts[b].input, chosen[b])
                if texts[b].chosen < texts[b].limit, !observer.isComplete(texts[b].input, results[texts[b].input]) {
                    staying.append(b)
                }
            }
            if staying.count < texts.count {
                cache.select(staying.map { (from: $0, slot: texts[$0].slot) })
                texts = staying.map { texts[$0] }
            }
        }
    }

    /// Reads the newer half of a text again, where its slot is full.
    private func forget(_ text: Text, _ b: Int, _ cache: TransformerCache<Element>) {
        let kept = text.all.suffix(max(1, cache.capacity / 2)).dropLast()
        cache.read([(slot: text.slot, memory: 0, tokens: kept)])
        cache.restart(b, length: kept.count)
    }

    /// Where the tokens stand that are added to texts that fill in gaps.
    private func spans(
        _ texts: [(input: Int, chosen: Int)], _ inputs: [DecodingInput]
    ) -> [(gap: Int, place: Int)] {
        texts.compactMap { text in inputs[text.input].gap.map { (gap: $0.place, place: text.chosen + 1) } }
    }

    // MARK: Beam search

    /// A text that is searched for.
    private struct Search {
        let input: Int
        let place: Int
        var beams: BeamSearch
    }

    private func search(
        _ part: [Int], _ inputs: [DecodingInput], _ cache: TransformerCache<Element>, _ observer: Observer,
        into results: inout [[Int32]]
    ) throws(NonFiniteLogits) {
        let outputs = model.head.outputWidth
        var searches = part.enumerated().map { place, index in
            let room = inputs[index].room(contextLength: model.sizes.contextLength)
            return Search(
                input: index, place: place, beams: BeamSearch(settings, limit: min(settings.tokens, room)))
        }
        var all = searches
        while !searches.isEmpty, !observer.shouldStop() {
            // The open hypotheses of all texts, in the order of the cache's sequences.
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
            candidates.withUnsafeMutableBufferPointer { candidates in
                let candidates = candidates.baseAddress!
                parallel(rows.count) { b in
                    let row = logits + b * outputs
                    adjustment.apply(row, after: histories[b], chosen: hypotheses[b].tokens.count)
                    candidates[b] = likeliest(count, UnsafeBufferPointer(start: row, count: outputs)).map {
                        .init(parent: rows[b].beam, token: Int32($0.token), score: hypotheses[b].score + $0.value)
                    }
                }
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
        for search in all { results[search.input] = search.beams.best }
    }
}
