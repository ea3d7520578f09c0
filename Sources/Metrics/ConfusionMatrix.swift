/// A confusion matrix for single-label classification.
///
/// Scores equal scikit-learn's with its default settings. `values` is the matrix in row-major order; a row is a target
/// class, a column a predicted class.
package struct ConfusionMatrix: AdditiveCounts, Classification {
    /// The number of classes.
    package let classCount: Int
    package var values: [Int64]

    /// A matrix without samples.
    package init(classCount: Int) {
        self.classCount = classCount
        values = Array(repeating: 0, count: classCount * classCount)
    }

    /// Counts a sample of class `target` for which `prediction` was predicted.
    package mutating func add(target: Int, prediction: Int) { values[index(target, prediction)] += 1 }

    /// The number of samples of class `target` for which `prediction` was predicted.
    package subscript(target: Int, prediction: Int) -> Int { Int(values[index(target, prediction)]) }

    /// The number of samples.
    package var sampleCount: Int { Int(values.reduce(0, +)) }

    /// The fraction of samples whose class was predicted correctly; 0 if there are no samples.
    package var accuracy: Double {
        share((0..<classCount).reduce(0) { $0 + self[$1, $1] }, of: sampleCount)
    }

    /// - Complexity: O(classes²).
    package var classes: [ClassCounts] {
        (0..<classCount).map { label in
            let targets = (0..<classCount).reduce(0) { $0 + self[label, $1] }
            let predictions = (0..<classCount).reduce(0) { $0 + self[$1, label] }
            let correct = self[label, label]
            return ClassCounts(
                truePositives: correct, falsePositives: predictions - correct, falseNegatives: targets - correct)
        }
    }

    /// The unweighted mean over the classes that occur as targets or as predictions.
    package var macroAverage: ClassScores {
        let occurring = classes.filter { $0.support + $0.falsePositives > 0 }
        return ClassScores(meanOf: occurring.map(\.scores))
    }

    private func index(_ target: Int, _ prediction: Int) -> Int {
        precondition(0..<classCount ~= target && 0..<classCount ~= prediction, "the class is not in the matrix")
        return target * classCount + prediction
    }
}
