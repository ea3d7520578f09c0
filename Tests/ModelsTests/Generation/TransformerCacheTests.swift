import Models
import TestSupport
import Testing

@Suite struct TransformerCacheTests {
    /// Every family that generates, every position encoding and every placement, with other options varied among them.
    static let variants: [SmallModel] = {
        let families: [ModelConfiguration.Family] = [.decoder, .encoderDecoder, .prefixDecoder]
        var variants: [SmallModel] = []
        for family in families {
            for positions in ModelConfiguration.Positions.allCases {
                for placement in ModelConfiguration.Placement.allCases {
                    let number = variants.count
                    variants.append(
                        SmallModel(family, "\(positions.rawValue) \(placement.rawValue)") {
                            ($0.positions, $0.placement) = (positions, placement)
                            let activations = ModelConfiguration.Activation.allCases
                            $0.activation = activations[number % activations.count]
                            $0.normalization = number % 2 == 0 ? .layer : .rms
                            $0.kvHeads = [4, 2, 1][number % 3]
                            $0.bias = number % 4 < 2
                            $0.tieEmbeddings = number % 3 > 0
                            $0.shareEmbeddings = number % 5 > 0
                            $0.scaleEmbeddings = number % 4 == 1
                            $0.normalizeEmbeddings = number % 5 == 2
                            $0.head = number % 6 == 3 ? .transform : .linear
                            $0.decoderLayers = number % 2 == 0 ? 0 : 3
                        })
                }
            }
        }
        return variants
    }()

    /// Texts of different lengths are each read up to some position, then extended token by token: the logits equal
    /// those of the whole forward pass.
    @Test(arguments: variants)
    func cachedLogitsEqualForwardPass(variant: SmallModel) {
        let model = variant.model
        let weights = variant.weights(model)
        let (V, context) = (SmallModel.vocabulary, SmallModel.context)
        let (lengths, read, sourceLengths) = ([7, 12, 3], [4, 9, 0], [5, 2, 12])
        let fills = variant.configuration.family == .prefixDecoder
        let texts = lengths.enumerated().map { integers($1, below: V, seed: UInt64(10 + $0)).map(Int32.init) }
        let sources =
            model.architecture.hasEncoder
            ? sourceLengths.enumerated().map { integers($1, below: V, seed: UInt64(20 + $0)).map(Int32.init) }
            : [[], [], []]
        // A prefix is read as a whole; the shortest one has one token.
        let starts = fills ? [4, 9, 1] : read
        let expected = (0..<3).map {
            model.logits(
                weights, source: sources[$0], text: texts[$0],
                gap: fills ? (place: starts[$0] / 2, prefix: starts[$0]) : nil)
        }

        let cache = TransformerCache(
            model, weights: weights, slots: 4, capacity: context, memorySlots: 3,
            memoryCapacity: model.architecture.hasEncoder ? context : 0)
        if model.architecture.hasEncoder {
            cache.encode(sources.enumerated().map { (slot: 2 - $0, tokens: $1[...]) })
        }
        cache.read((0..<3).map { (slot: $0 + 1, memory: 2 - $0, tokens: texts[$0][..<starts[$0]]) })
        cache.begin((0..<3).map { .init(slot: $0 + 1, origin: $0 + 1, length: starts[$0], memory: 2 - $0) })
        var alive = [0, 1, 2]
        while !alive.isEmpty {
            let places = alive.indices.map { cache.length($0) }
            let logits = cache.add(
                zip(alive, places).map { texts[$0][$1] },
                spans: fills ? zip(alive, places).map { (gap: starts[$0] / 2, place: $1 - starts[$0] + 1) } : [])
            for (row, text) in alive.enumerated() {
                // The same sums in another order: each matrix product sums 24 to 72 terms, through at most three
                // blocks, each of which amplifies errors less than tenfold.
                expectClose(
                    (0..<V).map { logits[row * V + $0] }, expected[text][places[row]].map(Double.init),
                    absolute: 1e-4, relative: 1e-4, "text \(text) at \(places[row])")
            }
            let staying = alive.indices.filter { places[$0] + 1 < lengths[alive[$0]] }
            cache.select(staying.map { (from: $0, slot: alive[$0] + 1) })
            alive = staying.map { alive[$0] }
        }
    }

    /// Three texts with the same beginning: the first two continue it, the third continues the first. Each attends only
    /// to its own past, in whichever rows it is stored.
    @Test func branchesShareCommonBeginning() {
        let variant = SmallModel(.decoder) { $0.positions = .rotary }
        let model = variant.model
        let weights = variant.weights(model)
        let V = SmallModel.vocabulary
        let texts: [[Int32]] = [[3, 9, 4, 7, 7, 1], [3, 9, 5, 2, 6, 6], [3, 9, 4, 8, 0, 2]]
        let cache = TransformerCache(model, weights: weights, slots: 3, capacity: 6)
        cache.read([(slot: 0, memory: 0, tokens: [3])])
        cache.begin([.init(slot: 0, origin: 0, length: 1)])
        func check(_ logits: UnsafeMutablePointer<Float>, _ rows: [Int], at place: Int) {
            for (row, text) in rows.enumerated() {
                let expected = model.logits(weights, source: [], text: texts[text], gap: nil)[place]
                expectClose(
                    (0..<V).map { logits[row * V + $0] }, expected.map(Double.init), absolute: 1e-4, relative: 1e-4,
                    "text \(text) at \(place)")
            }
        }
        check(cache.add([9]), [0], at: 1)
        // From now on the second sequence writes to the row of the first.
        cache.select([(from: 0, slot: 2), (from: 0, slot: 0)])
        check(cache.add([4, 5]), [0, 1], at: 2)
        cache.select([(from: 0, slot: 1), (from: 1, slot: 2), (from: 0, slot: 0)])
        check(cache.add([7, 2, 8]), [0, 1, 2], at: 3)
        cache.select([(from: 2, slot: 2), (from: 0, slot: 1), (from: 1, slot: 0)])
        check(cache.add([0, 7, 6]), [2, 0, 1], at: 4)
        check(cache.add([2, 1, 6]), [2, 0, 1], at: 5)
    }
}
