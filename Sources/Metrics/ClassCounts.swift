/// How often one class was found, claimed and missed.
package struct ClassCounts: Equatable, Sendable {
    /// Samples of the class that were taken for it.
    package var truePositives: Int
    /// Samples of other classes that were taken for it.
    package var falsePositives: Int
    /// Samples of the class that were not taken for it.
    package var falseNegatives: Int

    /// The samples of the class.
    package var support: Int { truePositives + falseNegatives }

    /// Precision, recall and F1; each is 0 where it is undefined.
    package var scores: ClassScores {
        ClassScores(
            precision: share(truePositives, of: truePositives + falsePositives),
            recall: share(truePositives, of: support),
            f1: share(2 * truePositives, of: 2 * truePositives + falsePositives + falseNegatives))
    }
}

/// Precision, recall and their harmonic mean F1, each 0 to 1.
package struct ClassScores: Equatable, Sendable {
    /// Of the samples taken for the class, the share that is of it.
    package var precision: Double
    /// Of the samples of the class, the share that was taken for it.
    package var recall: Double
    /// 2 · precision · recall / (precision + recall).
    package var f1: Double

    /// The mean of each score, 0 where there is none.
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

/// Counts that tell how well each class was recognized.
package protocol Classification {
    /// The counts of every class, in the order of the classes.
    var classes: [ClassCounts] { get }
    /// The mean over classes, each with the same weight.
    var macroAverage: ClassScores { get }
}

extension Classification {
    /// The scores of all decisions taken together, whatever their class.
    package var microAverage: ClassScores {
        classes.reduce(into: ClassCounts(truePositives: 0, falsePositives: 0, falseNegatives: 0)) { sum, counts in
            sum.truePositives += counts.truePositives
            sum.falsePositives += counts.falsePositives
            sum.falseNegatives += counts.falseNegatives
        }.scores
    }
}

/// part / whole, 0 where the whole is empty.
func share(_ part: Int, of whole: Int) -> Double { whole > 0 ? Double(part) / Double(whole) : 0 }
