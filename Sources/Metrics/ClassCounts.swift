/// True positives, false positives and false negatives of one class.
package struct ClassCounts: Equatable, Sendable {
    /// Samples of the class for which it was predicted.
    package var truePositives: Int
    /// Samples of other classes for which it was predicted.
    package var falsePositives: Int
    /// Samples of the class for which it was not predicted.
    package var falseNegatives: Int

    /// The number of samples of the class.
    package var support: Int { truePositives + falseNegatives }

    /// Precision, recall and F1; each is 0 if it is undefined.
    package var scores: ClassScores {
        ClassScores(
            precision: share(truePositives, of: truePositives + falsePositives),
            recall: share(truePositives, of: support),
            f1: share(2 * truePositives, of: 2 * truePositives + falsePositives + falseNegatives))
    }
}

/// Precision, recall and their harmonic mean F1, each 0 to 1.
package struct ClassScores: Equatable, Sendable {
    /// True positives / all predictions of the class.
    package var precision: Double
    /// True positives / all samples of the class.
    package var recall: Double
    /// 2 · precision · recall / (precision + recall).
    package var f1: Double

    /// The mean of each score; 0 for an empty array.
    init(meanOf scores: [ClassScores]) {
        func mean(_ score: KeyPath<ClassScores, Double>) -> Double {
            scores.isEmpty ? 0 : scores.reduce(0) { $0 + $1[keyPath: score] } / Double(scores.count)
        }
        (precision, recall, f1) = (mean(\.precision), mean(\.recall), mean(\.f1))
    }

    fileprivate init(precision: Double, recall: Double, f1: Double) {
        (self.precision, self.recall, self.f1) = (precision, recall, f1)
    }
}

/// Counts from which per-class precision, recall and F1 are computed.
package protocol Classification {
    /// The counts of every class, in the order of the classes.
    var classes: [ClassCounts] { get }
    /// The unweighted mean of the classes' scores.
    var macroAverage: ClassScores { get }
}

extension Classification {
    /// The scores computed from the counts summed over all classes.
    package var microAverage: ClassScores {
        classes.reduce(into: ClassCounts(truePositives: 0, falsePositives: 0, falseNegatives: 0)) { sum, counts in
            sum.truePositives += counts.truePositives
            sum.falsePositives += counts.falsePositives
            sum.falseNegatives += counts.falseNegatives
        }.scores
    }
}

/// Returns part / whole, or 0 if `whole` is 0.
func share(_ part: Int, of whole: Int) -> Double { whole > 0 ? Double(part) / Double(whole) : 0 }
