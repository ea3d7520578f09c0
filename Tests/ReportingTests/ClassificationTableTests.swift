import Metrics
import Testing

@testable import Reporting

struct ClassificationTableTests {
    @Test func formatsScores() {
        var matrix = ConfusionMatrix(classCount: 3)
        for _ in 0..<1200 { matrix.add(target: 0, prediction: 0) }
        for _ in 0..<3 { matrix.add(target: 1, prediction: 0) }
        matrix.add(target: 1, prediction: 1)
        #expect(
            ClassificationTable.scores(matrix, names: ["English", "日本語", "never"]) == """
                class          precision  recall      F1  samples
                English           0.9975  1.0000  0.9988    1 200
                日本語            1.0000  0.2500  0.4000        4
                never             0.0000  0.0000  0.0000        0
                macro average     0.9988  0.6250  0.6994    1 204
                micro average     0.9975  0.9975  0.9975    1 204
                """)
        #expect(
            ClassificationTable.confusion(matrix, names: ["English", "日本語", "never"]) == """
                target \\ prediction      1  2  3
                1 English            1 200  0  0
                2 日本語                 3  1  0
                3 never                  0  0  0
                """)
    }

    /// Of many classes, the most frequent ones that fit the width are shown; line breaks in names do not break the
    /// table.
    @Test(arguments: [(120, 20), (100, 19), (60, 9), (1, 1)])
    func confusionMatrixFitsWidth(width: Int, count: Int) {
        let classCount = 40
        var matrix = ConfusionMatrix(classCount: classCount)
        for label in 0..<classCount {
            // Odd classes are frequent.
            for _ in 0..<(label % 2 == 1 ? 9 : 1) { matrix.add(target: label, prediction: (label * 7) % classCount) }
        }
        let names = (0..<classCount).map { "class\n\($0)\t" + String(repeating: "𝛼", count: $0) }
        let lines = ClassificationTable.confusion(matrix, names: names, width: width).split(separator: "\n")
        #expect(lines.count == 1 + count + 1, "\(lines)")
        if width > 1 { #expect(lines.dropLast().allSatisfy { $0.count <= width }) }
        #expect(lines.last == "\(count) of 40 classes are shown, those with the most samples.")
        #expect(lines[1].hasPrefix("2 class 1 𝛼 "))

        let rows = ClassificationTable.scores(matrix, names: names).split(separator: "\n")
        #expect(rows.count == 1 + 20 + 2 + 1)
        #expect(rows[20].hasPrefix("class 39 𝛼𝛼𝛼𝛼𝛼𝛼𝛼𝛼𝛼𝛼𝛼𝛼𝛼𝛼… "))
        #expect(Set(rows[..<23].map(\.count)).count == 1)
    }
}
