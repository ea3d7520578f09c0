import Failures
import Foundation
import TestSupport
import Testing

@testable import Inference
@testable import Interpretation

struct ExplanationTests {
    /// The attributions sum to the difference of the outputs (completeness), for every family, kind of output and of
    /// position: this fails if a gradient is wrong.
    @Test func attributionsAreComplete() throws {
        for (name, model) in try TinyModel.families() {
            let prompt = name == "encoder" || name == "prefix decoder" ? "ab [MASK] de" : "a small dog"
            let explanation = try explain(model, prompt, steps: 500)
            let sum = explanation.influences.reduce(0) { $0 + $1.attribution }
            let difference = explanation.value - explanation.baselineValue
            #expect(abs(difference) > 1e-3, "\(name): the baseline says nothing")
            #expect(abs(sum - difference - explanation.gap) < 1e-9, "\(name)")
            #expect(abs(explanation.gap) < 2e-3 * max(1, abs(difference)), "\(name): \(explanation.gap)")
        }
    }

    /// A token that is left out changes the output as if it had never been there; special tokens are not left out.
    @Test func omissionsAreDifferences() throws {
        let model = try TinyModel("decoder")
        let whole = try explain(model, "abc", output: "x")
        let without = try explain(model, "ac", output: "x")
        #expect(whole.influences.map(\.token) == ["a", "b", "c"])
        #expect(abs(whole.influences[1].omission! - (whole.value - without.value)) < 1e-4)
        let classifier = try #require(try TinyModel.families().first { $0.name == "classifier" }).model
        let influences = try explain(classifier, "ab").influences
        #expect(influences.map(\.token) == ["<cls>", "a", "b"])
        #expect(influences[0].omission == nil && influences[0].attribution == 0)
    }

    /// The last layer of the lens predicts what the model predicts, and the first reads only the embeddings.
    @Test func lensEndsWithThePrediction() throws {
        for (name, model) in try TinyModel.families() {
            let prompt = name == "encoder" ? "ab [MASK] de" : "a small dog"
            let explanation = try explain(model, prompt, steps: 2)
            let layers = explanation.lens.layers
            #expect(layers.map(\.blocks) == [0, 1, 2, 3], "\(name)")
            #expect(layers[3].prediction == explanation.output && layers[3].value == layers[3].explained, "\(name)")
            #expect(layers[0].explained != layers[3].explained, "\(name)")
        }
        let model = try #require(try TinyModel.families().first { $0.name == "classifier" }).model
        let explanation = try explain(model, "a small dog")
        guard
            case .classes(let ranked) = try model.generation.predictions(
                for: ["a small dog"], shouldStop: { false }, refuse: { _, reason in Failure(.usage, reason) })[0]
        else { return }
        #expect(ranked[0].label == explanation.output)
        #expect(abs(ranked[0].probability - explanation.probability) < 1e-5)
    }

    @Test func refusals() throws {
        let model = try TinyModel("decoder")
        expectFailure(.usage, "--class", "cannot predict nonsense") { _ = try explain(model, "a", output: "nonsense") }
        let classifier = try #require(try TinyModel.families().first { $0.name == "classifier" }).model
        expectFailure(.usage, "cannot predict god", "Allowed: bad, good, other") {
            _ = try explain(classifier, "a", output: "god")
        }
        expectFailure(.usage, "has no [MASK]") { _ = try explain(TinyModel("encoder"), "a") }
        expectFailure(.usage, "is empty") { _ = try explain(model, "") }
    }

    @Test func textHasNoColoursUnlessAsked() throws {
        let explanation = try explain(TinyModel("decoder"), "a dog")
        #expect(explanation.text(isColored: false).contains("completeness gap"))
        #expect(!explanation.text(isColored: false).contains("\u{1B}"))
    }

    /// n points integrate polynomials of degree 2n − 1 exactly, and those of higher degree not.
    @Test(arguments: [1, 2, 5, 64])
    func quadratureIsExact(count: Int) {
        let points = gaussLegendre(count)
        func integral(degree: Int) -> Double {
            points.reduce(0) { $0 + $1.weight * pow($1.point, Double(degree)) }
        }
        for degree in 0..<2 * count {
            #expect(abs(integral(degree: degree) - 1 / Double(degree + 1)) < 1e-13, "degree \(degree)")
        }
        if count < 6 { #expect(abs(integral(degree: 2 * count) - 1 / Double(2 * count + 1)) > 1e-8) }
    }

    private func explain(
        _ model: TinyModel, _ prompt: String, output: String? = nil, steps: Int = 16
    ) throws -> Explanation {
        try Explainer(model.generation, steps: steps).explain(prompt, target: nil, output: output) {
            Failure(.usage, $0)
        }
    }
}
