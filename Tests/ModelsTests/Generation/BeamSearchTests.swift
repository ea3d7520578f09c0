import Foundation
import Models
import Tensors
import TestSupport
import Testing

@Suite struct BeamSearchTests {
    private static let end: Int32 = 1

    private func settings(beams: Int, tokens: Int, lengthPenalty: Double = 1, batch: Int = 4) -> DecodingSettings {
        var settings = DecodingSettings()
        (settings.beams, settings.tokens, settings.lengthPenalty) = (beams, tokens, lengthPenalty)
        (settings.endTokens, settings.batch) = ([BeamSearchTests.end], batch)
        return settings
    }

    private static let models = [
        SmallModel(.decoder) { $0.positions = .alibi },
        SmallModel(.encoderDecoder) { ($0.tieEmbeddings, $0.shareEmbeddings) = (false, false) },
        SmallModel(.prefixDecoder),
    ]

    private func inputs(_ variant: SmallModel) -> [DecodingInput] {
        let texts: [[Int32]] = [[3, 9, 4], [7], [11, 2, 2, 5, 8], [13, 4], [6, 6, 6]]
        switch variant.configuration.family {
        case .encoderDecoder: return texts.map { DecodingInput(source: $0, text: [0]) }
        case .prefixDecoder: return texts.map { DecodingInput(text: $0, gap: $0.count / 2, begin: 0) }
        default: return texts.map { DecodingInput(text: $0) }
        }
    }

    /// The log-probability of `tokens` after an input, followed by the end token.
    private func score(
        _ model: Transformer<Float>, _ weights: Arena<Float>, _ input: DecodingInput, _ tokens: [Int32]
    ) -> Double {
        let start = input.text + (input.gap.map { [$0.begin] } ?? [])
        let rows = model.logits(
            weights, source: input.source, text: start + tokens.dropLast(),
            gap: input.gap.map { (place: $0.place, prefix: input.text.count) })
        return tokens.enumerated().reduce(0) { sum, item in
            let row = rows[start.count - 1 + item.offset].map(Double.init)
            let highest = row.max()!
            return sum + row[Int(item.element)] - highest - log(row.reduce(0) { $0 + exp($1 - highest) })
        }
    }

    /// With as many beams as there are outputs of up to three tokens, the search is exhaustive and finds the best
    /// output for every length penalty.
    @Test(arguments: [0, 0.7, 1, 2], [0, 1, 2])
    func findsBestOutputWithManyBeams(lengthPenalty: Double, number: Int) throws {
        let variant = BeamSearchTests.models[number]
        let model = variant.model
        let weights = variant.weights(model, deviation: 0.6)
        let V = Int32(SmallModel.vocabulary)
        for input in inputs(variant).prefix(2) {
            var best: (tokens: [Int32], score: Double) = ([], -.infinity)
            func extend(_ tokens: [Int32]) {
                for token in 0..<V {
                    let all = tokens + [token]
                    if token == BeamSearchTests.end || all.count == 2 {
                        let score = score(model, weights, input, all) / pow(Double(all.count), lengthPenalty)
                        if score > best.score { best = (token == BeamSearchTests.end ? tokens : all, score) }
                    } else {
                        extend(all)
                    }
                }
            }
            extend([])
            let found = try Decoding(
                model, weights: weights, settings(beams: 600, tokens: 2, lengthPenalty: lengthPenalty)
            ).run([input])
            #expect(found[0] == best.tokens)
        }
    }

    /// Without a length penalty, 12 beams find outputs that are at least as probable as greedy ones, and some more
    /// probable ones: for each of ten test seeds at least five of 40.
    @Test(arguments: [0, 1, 2])
    func manyBeamsAreNoWorseThanOne(number: Int) throws {
        let variant = BeamSearchTests.models[number]
        let model = variant.model
        let inputs = inputs(variant)
        var better = 0
        for seed in 0..<8 {
            let weights = variant.weights(model, seed: UInt64(1 + 8 * seedOffset + seed), deviation: 0.6)
            let greedy = try Decoding(model, weights: weights, settings(beams: 1, tokens: 5, lengthPenalty: 0))
                .run(inputs)
            let wide = try Decoding(model, weights: weights, settings(beams: 12, tokens: 5, lengthPenalty: 0))
                .run(inputs)
            for (index, input) in inputs.enumerated() {
                func total(_ tokens: [Int32]) -> Double {
                    score(model, weights, input, tokens.count < 5 ? tokens + [BeamSearchTests.end] : tokens)
                }
                let (one, many) = (total(greedy[index]), total(wide[index]))
                #expect(many >= one - 1e-4)
                if many > one + 1e-4 { better += 1 }
            }
        }
        #expect(better > 0)
    }

    /// Decoding the inputs one by one, all together, or in batches of two gives the same tokens.
    @Test(arguments: [0, 1, 2], [1, 3])
    func outputDoesNotDependOnBatch(number: Int, beams: Int) throws {
        let variant = BeamSearchTests.models[number]
        let model = variant.model
        let weights = variant.weights(model, deviation: 0.6)
        let inputs = inputs(variant)
        let alone = try inputs.map {
            try Decoding(model, weights: weights, settings(beams: beams, tokens: 7)).run([$0])[0]
        }
        #expect(Set(alone).count > 1)
        for batch in [1, 2, 5] {
            #expect(
                try Decoding(model, weights: weights, settings(beams: beams, tokens: 7, batch: batch)).run(inputs)
                    == alone)
        }
    }
}
