import Objectives
import Testing

@testable import Inference

@Suite struct TextClassificationTests {
    private func text(
        _ logits: [Float], _ loss: Loss, names: [String] = ["cat", "dog", "bird"], all: Bool = true
    ) -> String {
        logits.withUnsafeBufferPointer {
            LabelPrediction($0, names: names, loss.targetKind).text(all: all, separator: "; ")
        }
    }

    @Test func classProbabilitiesSumToOne() {
        // The probabilities are in the ratio 1 : e² : e; then ties in the order of classes.
        #expect(text([0, 2, 1], .crossEntropy(smoothing: 0)) == "dog\t0.6652; bird\t0.2447; cat\t0.0900")
        #expect(text([0, 2, 1], .crossEntropy(smoothing: 0), all: false) == "dog\t0.6652")
        #expect(text([1, 1, 1], .crossEntropy(smoothing: 0.1), all: false) == "cat\t0.3333")
        #expect(text([-1000, 1000, 0], .crossEntropy(smoothing: 0)) == "dog\t1.0000; cat\t0.0000; bird\t0.0000")
        #expect(text([2, 0], .crossEntropy(smoothing: 0), names: []) == "0\t0.8808; 1\t0.1192")
    }

    @Test func labelsHaveIndependentProbabilities() {
        #expect(text([0, 2, -1], .binaryCrossEntropy) == "dog\t0.8808; cat\t0.5000; bird\t0.2689")
        #expect(text([0, 2, 3], .binaryCrossEntropy, all: false) == "bird\t0.9526; dog\t0.8808")
        #expect(text([-2, -2, -3], .binaryCrossEntropy, all: false) == "")
        #expect(text([2.5], .squaredError) == "2.5000")
    }
}
