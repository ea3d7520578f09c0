import Datasets
import EventFiles
import Failures
import Inference
import Models
import Numbers
import Tensors
import Tokenizers

/// What a model makes of a few prompts of its validation split while it is trained, as text for the event file.
///
/// Rank 0 generates greedily from the working weights, while the other ranks wait. Nothing that training reads is
/// changed.
struct SampleTexts {
    private let prompts: [ValidationPrompt]
    private let inputs: [DecodingInput]
    private let tokenizer: any Tokenizer
    private let settings: DecodingSettings

    /// The most tokens of a prompt, and of what is generated.
    private static let (promptTokens, generatedTokens) = (32, 48)
    /// The time after which no further token is generated.
    private static let limit = Duration.seconds(5)

    /// Samples of `count` prompts; nil if the model does not generate text.
    ///
    /// - Throws: `badData` for a damaged dataset or tokenizer.
    init?(_ count: Int, _ dataset: Dataset, _ architecture: Architecture, _ sizes: ModelSizes) throws(Failure) {
        guard count > 0, let response = architecture.response, response.isGenerated else { return nil }
        tokenizer = try dataset.makeTokenizer()
        let limit = min(SampleTexts.promptTokens, sizes.contextLength / 2)
        var (prompts, inputs): ([ValidationPrompt], [DecodingInput]) = ([], [])
        for prompt in try dataset.prompts(for: response, count: count, tokens: limit) {
            let input = try prompt.decodingInput(for: response, tokenizer, of: dataset.directory)
            // A text that is encoded again may have more tokens than it had.
            guard !input.text.isEmpty, max(input.text.count, input.source.count) < sizes.contextLength else { continue }
            prompts.append(prompt)
            inputs.append(input)
        }
        (self.prompts, self.inputs) = (prompts, inputs)
        var settings = DecodingSettings()
        settings.tokens = min(SampleTexts.generatedTokens, sizes.contextLength - limit)
        settings.temperature = 0
        settings.batch = count
        settings.end(like: tokenizer, forbidding: tokenizer.outputsWithoutText(rows: sizes.vocabularySize))
        self.settings = settings
    }

    /// The texts that the model generates now; what is not finished in five seconds is cut.
    func summaries<Element: Storage>(_ forwardPass: ForwardPass<Element>) -> [Summary] {
        let end = ContinuousClock().now + SampleTexts.limit
        var observer = Decoding<Element>.Observer()
        observer.shouldStop = { ContinuousClock().now >= end }
        let decoding = Decoding(forwardPass.model, weights: forwardPass.weights, settings)
        // Logits that are not finite are reported by the training step.
        guard let outputs = try? decoding.run(inputs, observer: observer) else { return [] }
        return zip(prompts, outputs).enumerated().map { number, sample in
            let (prompt, output) = sample
            var parts = ["prompt", prompt.prompt]
            if let target = prompt.target { parts += ["", "reference", target] }
            parts += ["", "model", String(decoding: tokenizer.decode(output), as: UTF8.self)]
            return .code("samples/\(number + 1)", parts.joined(separator: "\n"))
        }
    }
}
