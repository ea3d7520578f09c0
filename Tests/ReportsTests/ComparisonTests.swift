import Checkpoints
import Failures
import Files
import TestSupport
import Testing

@testable import Reports

struct ComparisonTests {
    @Test func settingsThatDifferAndResults() throws {
        let a = try RunFixture("a", steps: 20, settings: "optimizer: {weight_decay: 0.1}\nrun: {directory: x}\n")
        let b = try RunFixture("b", steps: 40, settings: "optimizer: {weight_decay: 0.2}\nmodel: {dropout: 0.5}\n")
        let comparison = Comparison([try a.history(), try b.history()])
        #expect(comparison.settings.map(\.key) == ["model.dropout", "optimizer.weight_decay"])
        #expect(comparison.settings[1].values == ["0.1", "0.2"])
        let text = comparison.text
        #expect(text.contains("optimizer.weight_decay  0.1  0.2"), "\(text)")
        let best = try #require(comparison.results.first { $0.name == "best validation loss" })
        #expect(best.values == [1.45, 1.35])
        #expect(comparison.json["runs"]?.arrayValue?.count == 2)
        let picture = CurvePicture.svg(
            Chart.all(of: [try a.history(), try b.history()], limit: 100), runs: ["<a>", "b"])
        #expect(picture.hasPrefix("<svg xmlns=") && picture.contains("&lt;a&gt;") && picture.contains("<polyline"))
    }

    @Test func runsWithoutMetricsAreErrors() throws {
        let directory = TemporaryDirectory()
        expectFailure(.badData, "there is no such directory", "Name a run directory") {
            _ = try RunHistory(directory.file("none"))
        }
        expectFailure(.badData, "has no metrics.jsonl") { _ = try RunHistory(directory.path) }
        _ = try directory.file("metrics.jsonl", holding: Array("{\"step\":1}\nnonsense\n".utf8))
        expectFailure(.badData, "metrics.jsonl:2: malformed JSON at byte 0") { _ = try RunHistory(directory.path) }
    }

    /// The state follows from the outcome, or from the process that holds the lock.
    @Test func statesOfRuns() throws {
        let fixture = try RunFixture(steps: 3)
        let run = RunDirectory(fixture.path)
        #expect(try fixture.history().state == .unknown(host: nil))
        let lock = try run.lock()
        guard case .running = try fixture.history().state else {
            Issue.record("the run is not active")
            return
        }
        _ = consume lock
        try FileSystem.replaceContents(of: run.lockFile, with: "host elsewhere, pid 1")
        #expect(try fixture.history().state == .unknown(host: "elsewhere"))
        try FileSystem.replaceContents(of: run.outcome, with: #"{"outcome":"stopped","exit_code":75,"step":3}"#)
        #expect(try fixture.history().state == .ended("stopped", exitCode: 75))
    }

    @Test func viewFitsTheTerminal() throws {
        let run = try RunFixture(steps: 100, settings: "training: {steps: 400}\n").history()
        for (width, height) in [(80, 24), (40, 12), (200, 60)] {
            let lines = RunView(run).text(width: width, height: height).split(separator: "\n")
            #expect(lines.count < height && lines.contains { $0.contains("⠤") || $0.contains("⠒") || $0.contains("⠉") })
        }
        let text = RunView(run).text(width: 80, height: nil)
        #expect(text.contains("step 100 of 400") && text.contains("validation loss 1.2900, best 1.2900 at step 100"))
    }
}
