import Files
import TestSupport
import Testing

@testable import Metrics

/// Classification and regression scores against scikit-learn.
@Suite struct ClassificationTests {
    private let file: GoldenFile
    /// Scores are quotients of equal integers, or means of a few such quotients.
    private let tolerance = 1e-14

    init() throws { file = try GoldenFile("classification") }

    @Test func singleLabelScoresMatchScikitLearn() throws {
        for golden in try file.cases("single_label") {
            let samples = zip(try golden.integers("targets"), try golden.integers("predictions"))
            // Simulates two ranks, each with every other sample.
            var parts = [ConfusionMatrix](
                repeating: ConfusionMatrix(classCount: try golden.integer("classes")), count: 2)
            for (index, sample) in samples.enumerated() {
                parts[index % 2].add(target: sample.0, prediction: sample.1)
            }
            var matrix = parts[0]
            matrix += parts[1]
            #expect(try matrix.values == golden.integers("matrix").map(Int64.init))
            #expect(try matrix.sampleCount == golden.integers("targets").count)
            expectClose(matrix.accuracy, try golden.number("accuracy"), relative: tolerance, "accuracy")
            try expectScores(matrix, golden)
        }
    }

    @Test func multiLabelScoresMatchScikitLearn() throws {
        for golden in try file.cases("multi_label") {
            func decisions(_ name: String) throws -> [[Bool]] {
                try golden.elements(name).map { row in
                    try #require(row.arrayValue).map { $0 == 1 }
                }
            }
            var parts = [MultiLabelCounts](
                repeating: MultiLabelCounts(classCount: try golden.integer("classes")), count: 2)
            for (index, sample) in zip(try decisions("targets"), try decisions("predictions")).enumerated() {
                parts[index % 2].add(targets: sample.0, predictions: sample.1)
            }
            var counts = parts[0]
            counts += parts[1]
            // True negatives, false positives, false negatives, true positives of each class.
            let matrices = counts.classes.map { found in
                let trueNegatives = counts.sampleCount - found.support - found.falsePositives
                return [trueNegatives, found.falsePositives, found.falseNegatives, found.truePositives]
            }
            #expect(try matrices == golden.elements("matrices").map { $0.arrayValue!.map { $0.integerValue! } })
            expectClose(counts.subsetAccuracy, try golden.number("subset_accuracy"), relative: tolerance, "subsets")
            try expectScores(counts, golden)
        }
    }

    @Test func regressionScoresMatchScikitLearn() throws {
        for golden in try file.cases("regression") {
            let samples = Array(zip(try golden.numbers("predictions"), try golden.numbers("targets")))
            // Sample by sample, and in batches of seven.
            for batchSize in [1, 7] {
                var sums = RegressionSums()
                for start in stride(from: 0, to: samples.count, by: batchSize) {
                    sums += samples[start..<min(start + batchSize, samples.count)].reduce(into: RegressionSums()) {
                        $0 += RegressionSums(prediction: $1.0, target: $1.1)
                    }
                }
                sums += RegressionSums()
                #expect(sums.sampleCount == samples.count)
                // With means near a million and deviations near one, about ten digits remain.
                expectClose(sums.meanSquaredError, try golden.number("mean_squared_error"), relative: 1e-12, "error")
                expectClose(sums.correlation, try golden.number("pearson"), absolute: 1e-10, "correlation")
            }
        }
    }

    /// Undefined scores are 0 or NaN and do not trap.
    @Test func emptyCountsHaveDefinedScores() {
        let matrix = ConfusionMatrix(classCount: 2)
        #expect(matrix.accuracy == 0)
        #expect(matrix.macroAverage.f1 == 0 && matrix.microAverage.f1 == 0)
        #expect(MultiLabelCounts(classCount: 2).subsetAccuracy == 0)
        #expect(RegressionSums().meanSquaredError.isNaN && RegressionSums().correlation.isNaN)
        var constant = RegressionSums(prediction: 1, target: 3)
        constant += RegressionSums(prediction: 1, target: 4)
        #expect(constant.correlation.isNaN)
        #expect(constant.meanSquaredError == 6.5)
        let sums = RegressionSums(prediction: 1e300, target: 2)
        #expect(sums.meanSquaredError == .infinity)
    }

    private func expectScores(_ actual: some Classification, _ golden: JSON) throws {
        let scores = actual.classes.map(\.scores)
        #expect(try actual.classes.map(\.support) == golden.integers("support"))
        expectClose(scores.map(\.precision), try golden.numbers("precision"), relative: tolerance, "precision")
        expectClose(scores.map(\.recall), try golden.numbers("recall"), relative: tolerance, "recall")
        expectClose(scores.map(\.f1), try golden.numbers("f1"), relative: tolerance, "F1")
        for (average, name) in [(actual.macroAverage, "macro"), (actual.microAverage, "micro")] {
            expectClose(
                [average.precision, average.recall, average.f1], try golden.numbers(name), relative: tolerance, name)
        }
    }
}
