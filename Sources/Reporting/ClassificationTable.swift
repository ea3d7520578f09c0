import Failures
import Metrics
import Texts

/// Tables of classification quality per class. At most 20 classes are shown: those with the most samples, in class
/// order.
package enum ClassificationTable {
    private static let shownLimit = 20
    private static let nameLimit = 24

    /// Precision, recall, F1 and sample count of each class, and the averages.
    ///
    /// - Parameter names: The names of the classes.
    package static func scores(_ classification: some Classification, names: [String]) -> String {
        let classes = classification.classes
        precondition(names.count == classes.count, "a name for each class")
        let shown = mostFrequent(classes, limit: shownLimit)
        func row(_ name: String, _ scores: ClassScores, _ support: Int) -> [String] {
            [name] + [scores.precision, scores.recall, scores.f1].map { fixed($0, 4) } + [grouped(support)]
        }
        let samples = classes.reduce(0) { $0 + $1.support }
        return aligned(
            [["class", "precision", "recall", "F1", "samples"]]
                + shown.map { row(label(names[$0]), classes[$0].scores, classes[$0].support) }
                + [
                    row("macro average", classification.macroAverage, samples),
                    row("micro average", classification.microAverage, samples),
                ]) + omission(shown.count, classes.count)
    }

    /// The confusion matrix: one row for each target, one column for each prediction, with the same numbering.
    ///
    /// - Parameters:
    ///   - names: The names of the classes.
    ///   - width: The maximum width of the table in terminal columns; classes that do not fit are omitted.
    package static func confusion(_ matrix: ConfusionMatrix, names: [String], width: Int = 100) -> String {
        precondition(names.count == matrix.classCount, "a name for each class")
        let classes = matrix.classes
        var shown = mostFrequent(classes, limit: shownLimit)
        while true {
            let rows =
                [["target \\ prediction"] + shown.map { "\($0 + 1)" }]
                + shown.map { target in
                    ["\(target + 1) \(label(names[target]))"] + shown.map { grouped(matrix[target, $0]) }
                }
            let text = aligned(rows)
            let fits = text.exactParts(at: "\n").allSatisfy { displayWidth($0) <= width }
            if fits || shown.count <= 1 { return text + omission(shown.count, classes.count) }
            shown = mostFrequent(classes, limit: shown.count - 1)
        }
    }

    /// The `limit` classes with the most samples, in class order; ties are broken by the lower index.
    private static func mostFrequent(_ classes: [ClassCounts], limit: Int) -> [Int] {
        let ranked = classes.indices.sorted { (-classes[$0].support, $0) < (-classes[$1].support, $1) }
        return ranked.prefix(limit).sorted()
    }

    private static func omission(_ shown: Int, _ all: Int) -> String {
        shown < all ? "\n\(shown) of \(all) classes are shown, those with the most samples." : ""
    }

    /// A class name as one line of limited width; bytes that are not UTF-8 are shown as `\xNN`.
    package static func label(_ name: String) -> String {
        let isControl = { (character: Character) in
            character.isNewline || character.unicodeScalars.contains { $0.properties.generalCategory == .control }
        }
        let line = PathText.shown(String(name.map { isControl($0) ? " " : $0 }))
        guard displayWidth(line) > nameLimit else { return line }
        var short = Substring(line)
        while displayWidth(short) >= nameLimit { short.removeLast() }
        return short + "…"
    }
}
