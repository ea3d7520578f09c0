/// How often each class was found, claimed and missed where a sample has any number of classes.
///
/// Scores are scikit-learn's with its defaults. `values` are the true positives of every class, their false positives,
/// their false negatives, then the samples and those of them with all classes right.
package struct MultiLabelCounts: AdditiveCounts, Classification {
    /// The number of classes.
    package let classCount: Int
    package var values: [Int64]

    /// The counts of no samples.
    package init(classCount: Int) {
        self.classCount = classCount
        values = Array(repeating: 0, count: 3 * classCount + 2)
    }

    /// Counts a sample.
    ///
    /// - Parameters:
    ///   - targets: Whether the sample is of each class.
    ///   - predictions: Whether it was taken for each.
    package mutating func add(targets: [Bool], predictions: [Bool]) {
        precondition(targets.count == classCount && predictions.count == classCount, "a word on every class")
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

    /// All samples.
    package var sampleCount: Int { Int(values[3 * classCount]) }

    /// The share of samples whose classes are all right; 0 where there are none.
    package var subsetAccuracy: Double { share(Int(values[3 * classCount + 1]), of: sampleCount) }

    package var classes: [ClassCounts] {
        (0..<classCount).map { label in
            ClassCounts(
                truePositives: Int(values[label]), falsePositives: Int(values[classCount + label]),
                falseNegatives: Int(values[2 * classCount + label]))
        }
    }

    /// The samples that are not of class `label` and were not taken for it.
    package func trueNegatives(of label: Int) -> Int {
        let counts = classes[label]
        return sampleCount - counts.support - counts.falsePositives
    }

    /// The mean over all classes.
    package var macroAverage: ClassScores { ClassScores(meanOf: classes.map(\.scores)) }
}
