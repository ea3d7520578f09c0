/// True positives, false positives and false negatives of every class for multi-label classification.
///
/// Scores equal scikit-learn's with its default settings. `values` are the true positives of every class, the false
/// positives, the false negatives, the number of samples, and the number of samples with all labels correct.
package struct MultiLabelCounts: AdditiveCounts, Classification {
    /// The number of classes.
    package let classCount: Int
    package var values: [Int64]

    /// Counts without samples.
    package init(classCount: Int) {
        self.classCount = classCount
        values = Array(repeating: 0, count: 3 * classCount + 2)
    }

    /// Counts one sample.
    ///
    /// - Parameters:
    ///   - targets: For each class, whether the sample has it.
    ///   - predictions: For each class, whether it was predicted.
    package mutating func add(targets: [Bool], predictions: [Bool]) {
        precondition(
            targets.count == classCount && predictions.count == classCount,
            "one target and one prediction per class are required")
        for label in 0..<classCount {
            switch (targets[label], predictions[label]) {
            case (true, true): values[label] += 1
            case (false, true): values[classCount + label] += 1
            case (true, false): values[2 * classCount + label] += 1
            case (false, false): break
            }
        }
        values[3 * classCount] += 1
        values[3 * classCount + 1] += targets == predictions ? 1 : 0
    }

    /// The number of samples.
    package var sampleCount: Int { Int(values[3 * classCount]) }

    /// The fraction of samples for which all labels are correct; 0 if there are no samples.
    package var subsetAccuracy: Double { share(Int(values[3 * classCount + 1]), of: sampleCount) }

    package var classes: [ClassCounts] {
        (0..<classCount).map { label in
            ClassCounts(
                truePositives: Int(values[label]), falsePositives: Int(values[classCount + label]),
                falseNegatives: Int(values[2 * classCount + label]))
        }
    }

    /// The unweighted mean over all classes.
    package var macroAverage: ClassScores { ClassScores(meanOf: classes.map(\.scores)) }
}
