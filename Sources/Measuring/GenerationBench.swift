import Failures
import Files
import Models
import Products
import Reporting
import Settings
import Tensors

/// Benchmark of generation with random weights on the threads of one rank, and of its matrix products with few rows.
package struct GenerationBench {
    private let configuration: Configuration
    private let model: Transformer<Float>
    private let weights: Arena<Float>

    /// Creates the model that `subject` describes, with random weights.
    ///
    /// - Throws: `usage` for a family that does not generate.
    package init(_ subject: BenchSubject) throws(Failure) {
        let configuration = subject.configuration
        let family = configuration.model.family
        guard family.architecture.output == .tokens, family.architecture.visibility != .all else {
            throw Failure(
                .usage,
                "bench generation: model.family is \(family.rawValue), which does not generate. Allowed: decoder, "
                    + "encoder_decoder, prefix_decoder.")
        }
        self.configuration = configuration
        model = Transformer(configuration.model, subject.sizes)
        weights = Arena(count: model.layout.count)
        model.layout.initialize(weights, seed: UInt64(configuration.run.seed))
    }

    /// The maximum numbers of tokens of a prompt, and of tokens that are generated from it.
    package static let (promptTokens, generatedTokens) = (64, 64)
    /// The time after which a case is not repeated any more, so that a model with 124 M weights takes less than a
    /// minute.
    private static let limitSeconds = 3.0

    /// Generates tokens from prompts, up to `repetitions` times, and measures matrix products.
    ///
    /// Prompts have half of the context, at most 64 tokens, and as many tokens are generated.
    ///
    /// - Throws: `usage` if the random weights of the configuration produce logits that are not finite.
    package func run(repetitions: Int) throws(Failure) -> Measurement {
        do throws(NonFiniteLogits) { return try measure(repetitions: repetitions) } catch {
            throw Failure(
                .usage,
                "bench generation: the logits of the random weights are infinite or not a number. Lower "
                    + "model.initialization.")
        }
    }

    private func measure(repetitions: Int) throws(NonFiniteLogits) -> Measurement {
        let half = max(1, model.sizes.contextLength / 2)
        let (prompt, generated) = (min(half, Self.promptTokens), min(half, Self.generatedTokens))
        var (table, results) = ([["texts × beams", "tokens/s", "prompt tokens/s"]], [JSON]())
        for (batch, beams) in [(1, 1), (4, 1), (16, 1), (1, 4), (4, 4)] {
            let cases = inputs(batch, prompt)
            let reading = try seconds(repetitions, cases, beams: beams, tokens: 1)
            let all = try seconds(repetitions, cases, beams: beams, tokens: generated)
            let rate = Double(batch * (generated - 1)) / max(all - reading, 1e-9)
            let readingRate = Double(batch * prompt) / reading
            table.append(["\(batch) × \(beams)", fixed(rate, 0), fixed(readingRate, 0)])
            results.append([
                "texts": .integer(batch), "beams": .integer(beams), "tokens_per_second": .number(rate),
                "prompt_tokens_per_second": .number(readingRate),
            ])
        }
        var measurement = Measurement(table: table, json: ["generation": .array(results)])
        measurement.others = [products(repetitions)]
        return measurement
    }

    private func inputs(_ batch: Int, _ length: Int) -> [DecodingInput] {
        (0..<batch).map { text in
            let tokens = (0..<length).map { Int32(($0 * 31 + text * 17) % model.sizes.vocabularySize) }
            switch model.architecture.response {
            case .target: return DecodingInput(source: tokens, text: [0])
            case .filledBlanks: return DecodingInput(text: tokens, gap: length / 2, begin: 0)
            default: return DecodingInput(text: tokens)
            }
        }
    }

    private func seconds(
        _ repetitions: Int, _ inputs: [DecodingInput], beams: Int, tokens: Int
    ) throws(NonFiniteLogits) -> Double {
        var settings = DecodingSettings()
        (settings.tokens, settings.beams, settings.batch) = (tokens, beams, inputs.count)
        var failure: NonFiniteLogits?
        let seconds = medianSeconds(repetitions, limitSeconds: Self.limitSeconds) {
            do throws(NonFiniteLogits) { _ = try Decoding(model, weights: weights, settings).run(inputs) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return seconds
    }

    /// Measures a matrix product with few rows by the vector kernel and by the engine for many rows.
    private func products(_ repetitions: Int) -> [[String]] {
        let (C, F) = (configuration.model.width, configuration.model.hiddenWidth)
        let (a, b, c) = (Arena<Float>(count: 64 * C), Arena<Float>(count: F * C), Arena<Float>(count: 64 * F))
        var table = [["rows × \(F) × \(C), GFLOP/s", "vectors", ProductEngine.best.rawValue]]
        for rows in [1, 4, 8, 16, 32, 64] {
            let rates = [ProductEngine.vectors, .best].map { engine in
                let seconds = medianSeconds(10 * repetitions) {
                    matrixProduct(
                        a.base, stride: C, b.base, .transposed, stride: C, into: c.base, stride: F, m: rows, n: F, k: C,
                        engine: engine)
                }
                return fixed(2e-9 * Double(rows * F * C) / seconds, 1)
            }
            table.append(["\(rows)"] + rates)
        }
        return table
    }
}
