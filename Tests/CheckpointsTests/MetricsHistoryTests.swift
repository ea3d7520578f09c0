@testable import Checkpoints
import Files
import TestSupport
import Testing

struct MetricsHistoryTests {
    let directory = TemporaryDirectory()
    var path: String { directory.file("metrics.jsonl") }

    private func append(_ text: String) throws { try File(path, .append).write(text) }

    @Test func linesBecomeSeries() throws {
        try append("{\"step\":1,\"loss\":0.5,\"gradient_norm\":null,\"skipped\":\"spike\"}\n")
        try append("{\"step\":1,\"validation_loss\":2}\n{\"step\":2,\"loss\":0.25,\"gradient_norm\":1}\n")
        let history = try MetricsHistory(path)
        #expect(history.series.map(\.name) == ["loss", "validation_loss", "gradient_norm"])
        #expect(history["loss"]?.steps == [1, 2] && history["loss"]?.values == [0.5, 0.25])
        #expect(history["gradient_norm"]?.steps == [2] && history["accuracy"] == nil)
        #expect(history.skips == [.init(step: 1, reason: "spike")] && history.lastStep == 2)
    }

    /// A line that is being written is read when it is complete; a file that a resumed run has replaced is read anew.
    @Test func readsWhatIsAdded() throws {
        try append("{\"step\":1,\"loss\":1}\n{\"step\":2,\"lo")
        var history = try MetricsHistory(path)
        #expect(history["loss"]?.steps == [1])
        try history.readOn()
        #expect(history["loss"]?.steps == [1])
        try append("ss\":0.5}\n{\"step\":3,\"loss\":0.25}\n")
        try history.readOn()
        #expect(history["loss"]?.values == [1, 0.5, 0.25])
        try MetricsLog.truncate(path, afterStep: 2)
        try append("{\"step\":3,\"loss\":7}\n{\"step\":4,\"loss\":8}\n")
        try history.readOn()
        #expect(history["loss"]?.values == [1, 0.5, 7, 8])
    }

    @Test(arguments: [
        ("{\"step\":1}\n{\"loss\":1}\n", ":2: has no step"), ("{\"step\":1}\nx\n", ":2: malformed JSON at byte 0"),
        ("{\"step\":-1}\n", ":1: has no step"), ("\0\0\n", ":1: malformed JSON"),
        ("{\"step\":1e3}\n", ":1: has no step"),
        ("{\"step\":1,\"loss\":NaN}\n", ":1: malformed JSON at byte 17"),
    ])
    func damagedLinesAreErrors(text: String, message: String) throws {
        try append(text)
        expectFailure(.badData, path + message) { _ = try MetricsHistory(path) }
    }
}
