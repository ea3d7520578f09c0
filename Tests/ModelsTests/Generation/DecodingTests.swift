import Glibc
import Models
import Testing

@Suite struct DecodingTests {
    private let variant = SmallModel(.decoder) { $0.positions = .learned }

    private func decoding(_ change: (inout DecodingSettings) -> Void) -> Decoding<Float> {
        let model = variant.model
        var settings = DecodingSettings()
        settings.tokens = 30
        change(&settings)
        return Decoding(model, weights: variant.weights(model), settings)
    }

    private let inputs = [[4, 8, 15], [16], [2, 3], [20, 1, 9, 9]].map { DecodingInput(text: $0.map { Int32($0) }) }

    /// Greedy decoding follows the training forward pass. When the context is full, its newer half is processed again
    /// from position 0.
    @Test func greedyDecodingFollowsForwardPass() throws {
        let model = variant.model
        let weights = variant.weights(model)
        let context = SmallModel.context
        for (input, found) in zip(inputs, try decoding { _ in }.run(inputs)) {
            var (text, seen) = (input.text, input.text)
            for _ in 0..<30 {
                if seen.count > context { seen = Array(text.suffix(context / 2)) }
                let row = model.logits(weights, source: [], text: seen, gap: nil).last!
                let best = Int32(row.indices.max { row[$0] < row[$1] }!)
                text.append(best)
                seen.append(best)
            }
            #expect(found == Array(text[input.text.count...]))
        }
    }

    /// Outputs are identical for any batch size; random choices depend on the number of the text.
    @Test func choicesDoNotDependOnTheBatch() throws {
        func texts(batch: Int, _ inputs: [DecodingInput], numbers: [Int]? = nil) throws -> [[Int32]] {
            try decoding {
                ($0.temperature, $0.topP, $0.repetitionPenalty, $0.batch) = (1, 0.95, 1.2, batch)
            }.run(inputs, numbers: numbers)
        }
        let together = try texts(batch: 4, inputs)
        #expect(try texts(batch: 1, inputs) == together)
        #expect(try texts(batch: 3, inputs) == together)
        #expect(try inputs.indices.map { try texts(batch: 4, [inputs[$0]], numbers: [$0])[0] } == together)
        // Another number gives another output.
        #expect(try texts(batch: 4, [inputs[0]], numbers: [5])[0] != together[0])
        #expect(try texts(batch: 4, [inputs[0], inputs[0]]).map { $0.prefix(20) }.first != together[1].prefix(20))
    }

    @Test func outputEndsAtEndToken() throws {
        let free = try decoding { $0.tokens = 12 }.run(inputs)
        let end = free[0][3]
        let place = free[0].firstIndex(of: end)!
        let ended = try decoding { ($0.tokens, $0.endTokens) = (12, [end]) }.run(inputs)
        for (all, text) in zip(free, ended) { #expect(text == Array(all.prefix { $0 != end })) }
        // The first of several end tokens ends an output.
        let other = try #require(free[0].prefix(3).first { $0 != end })
        let earlier = try decoding { ($0.tokens, $0.endTokens) = (12, [end, other]) }.run(inputs)
        for (all, text) in zip(free, earlier) { #expect(text == Array(all.prefix { $0 != end && $0 != other })) }
        let later = try decoding { ($0.tokens, $0.endTokens, $0.minimumTokens) = (12, [end], 6) }.run(inputs)
        #expect(later[0].count >= 6)
        #expect(!later[0].prefix(6).contains(end))
        #expect(Array(later[0].prefix(place)) == Array(free[0].prefix(place)))

        var observer = Decoding<Float>.Observer()
        var told: [[Int32]] = [[], [], [], []]
        observer.isComplete = { input, tokens in tokens.count == input + 2 }
        observer.chose = { input, token in told[input].append(token) }
        let stopped = try decoding { $0.tokens = 12 }.run(inputs, observer: observer)
        #expect(stopped.map(\.count) == [2, 3, 4, 5])
        #expect(stopped == zip(free, 2...).map { Array($0.prefix($1)) })
        #expect(told == stopped)
        observer.shouldStop = { true }
        #expect(try decoding { _ in }.run(inputs, observer: observer).allSatisfy { $0.isEmpty })
    }

    /// The log-probability is that of the model for the chosen tokens and the end token, for sampling with temperature,
    /// penalties and a minimum length as for beam search.
    @Test func outputsHaveTheirProbability() throws {
        let model = variant.model
        let weights = variant.weights(model)
        let end = try decoding { $0.tokens = 12 }.run(inputs)[0][3]
        for change in [
            { $0.temperature = 0 }, { ($0.temperature, $0.repetitionPenalty, $0.minimumTokens) = (2, 1.3, 4) },
            { $0.beams = 3 },
        ] as [(inout DecodingSettings) -> Void] {
            let all = try decoding {
                ($0.tokens, $0.endTokens, $0.scores) = (6, [end], true)
                change(&$0)
            }.outputs(for: inputs)
            for (input, outputs) in zip(inputs, all) {
                #expect(!outputs.isEmpty)
                for output in outputs {
                    var (text, sum) = (input.text, 0.0)
                    for token in output.tokens + (output.tokens.count < 6 ? [end] : []) {
                        let row = model.logits(weights, source: [], text: text, gap: nil).last!.map(Double.init)
                        sum += row[Int(token)] - log(row.reduce(0) { $0 + exp($1) })
                        text.append(token)
                    }
                    #expect(abs(output.logProbability - sum) < 1e-3, "\(output), \(sum)")
                }
            }
        }
    }

    /// A token that would complete a forbidden output is replaced by the next choice.
    @Test(arguments: [1, 3]) func forbiddenOutputsAreNeverChosen(beams: Int) throws {
        let free = try decoding { ($0.tokens, $0.beams) = (8, beams) }.run(inputs)
        var observer = Decoding<Float>.Observer()
        let banned = free.map { $0[1] }
        observer.isForbidden = { input, tokens in tokens.count == 2 && tokens[1] == banned[input] }
        let found = try decoding { ($0.tokens, $0.beams) = (8, beams) }.run(inputs, observer: observer)
        for (place, output) in found.enumerated() {
            #expect(output[1] != banned[place] && output.count == 8)
            if beams == 1 { #expect(output[0] == free[place][0]) }
        }
        // If every output is forbidden, the search still ends.
        observer.isForbidden = { _, _ in true }
        #expect(try decoding { ($0.tokens, $0.beams) = (8, beams) }.run(inputs, observer: observer).count == 4)
    }

    /// Forbidden tokens are never generated, however probable they are: with greedy decoding, sampling, top-K, top-P,
    /// repetition penalty or beam search, for a continuation, a translation or a blank.
    @Test(arguments: [ModelConfiguration.Family.decoder, .encoderDecoder, .prefixDecoder])
    func forbiddenTokensAreNeverChosen(family: ModelConfiguration.Family) throws {
        let variant = SmallModel(family)
        let model = variant.model
        let inputs = (0..<4).map { number -> DecodingInput in
            let text = [Int32](repeating: Int32(number), count: 2 + number)
            switch family {
            case .encoderDecoder: return DecodingInput(source: text, text: [1])
            case .prefixDecoder: return DecodingInput(text: text, gap: 1, begin: 2)
            default: return DecodingInput(text: text)
            }
        }
        var ways: [DecodingSettings] = []
        for (temperature, topK, topP, penalty, beams) in [
            (0, 0, 1, 1, 1), (1, 0, 1, 1, 1), (1000, 0, 1, 1, 1), (1000, 20, 1, 1, 1), (1000, 0, 0.99, 1, 1),
            (1, 22, 0.5, 2, 1), (0, 0, 1, 1, 3), (0, 0, 1, 5, 11),
        ] as [(Double, Int, Double, Double, Int)] {
            var settings = DecodingSettings()
            (settings.tokens, settings.temperature, settings.topK) = (9, temperature, topK)
            (settings.topP, settings.repetitionPenalty, settings.beams) = (topP, penalty, beams)
            ways.append(settings)
        }
        for settings in ways {
            let free = try Decoding(model, weights: variant.weights(model), settings).run(inputs)
            var limited = settings
            // All but three tokens are forbidden, including the last rows of the vocabulary and previously generated
            // tokens.
            let allowed: Set<Int32> = Set([5, 6, 7])
            limited.forbiddenTokens = (0..<Int32(SmallModel.vocabulary)).filter { !allowed.contains($0) }
            let found = try Decoding(model, weights: variant.weights(model), limited).run(inputs)
            #expect(!Set(free.joined()).isSubset(of: allowed))
            #expect(found.allSatisfy { !$0.isEmpty && Set($0).isSubset(of: allowed) }, "\(settings): \(found)")
        }
    }

    /// A large repetition penalty prevents any token from occurring twice, including those of the prompt, while there
    /// are others.
    @Test(arguments: [1, 3])
    func penaltyPreventsRepetition(beams: Int) throws {
        let model = variant.model
        // All logits are positive or all negative: the penalty divides positive and multiplies negative ones.
        var settings = DecodingSettings()
        (settings.tokens, settings.repetitionPenalty, settings.beams) = (8, 100, beams)
        let free = try Decoding(
            model, weights: variant.weights(model),
            {
                var settings = settings
                settings.repetitionPenalty = 1
                return settings
            }()
        ).run(inputs)
        let found = try Decoding(model, weights: variant.weights(model), settings).run(inputs)
        #expect(zip(inputs, free).contains { Set($0.text + $1).count < Set($0.text).count + $1.count })
        for (input, text) in zip(inputs, found) {
            #expect(Set(text).count == text.count)
            #expect(Set(text).isDisjoint(with: input.text))
        }
    }

    /// Infinite or NaN logits are an error with every way of choosing; weights that cause them may be finite.
    @Test(arguments: [Float.nan, .infinity, 3e38], [(1, 0.0, 1.0), (1, 1, 0.5), (3, 0, 1)] as [(Int, Double, Double)])
    func rejectsLogitsThatAreNotFinite(value: Float, choice: (beams: Int, temperature: Double, topP: Double)) throws {
        let model = variant.model
        let weights = variant.weights(model)
        let table = try #require(model.layout.parameters.first { $0.name == "token_embedding.weight" })
        let token = 17
        for index in 0..<variant.configuration.width {
            weights.base[table.offset + token * variant.configuration.width + index] = value
        }
        var settings = DecodingSettings()
        (settings.tokens, settings.beams) = (5, choice.beams)
        (settings.temperature, settings.topP) = (choice.temperature, choice.topP)
        let failure = try #require(throws: NonFiniteLogits.self) {
            try Decoding(model, weights: weights, settings).run(inputs)
        }
        #expect(inputs.indices.contains(failure.input))
        #expect(failure.token == token)
    }

    @Test(arguments: [1, 2])
    func outputEndsWhenContextIsFull(beams: Int) throws {
        let variant = SmallModel(.encoderDecoder)
        let model = variant.model
        var settings = DecodingSettings()
        (settings.tokens, settings.beams) = (100, beams)
        let decoding = Decoding(model, weights: variant.weights(model), settings)
        let source = [Int32](repeating: 5, count: SmallModel.context)
        // The last token needs no position.
        #expect(try decoding.run([DecodingInput(source: source, text: [0])])[0].count == SmallModel.context)
        #expect(try decoding.run([DecodingInput(source: [1], text: [0, 3, 4])])[0].count == SmallModel.context - 2)
        #expect(try decoding.run([]).isEmpty)
    }
}
