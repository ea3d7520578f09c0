import Checkpoints
import EventFiles
import Files
import TestSupport

@testable import Reports

/// The directory of a run that never was, with files as a run writes them.
struct RunFixture {
    let directory = TemporaryDirectory()
    let path: String

    /// A text that would end a script, an attribute or an element, or change the direction of the text around it.
    static let hostile = "</script><script>document.title='broken'</script>\"'<b>&amp;\u{202E}\u{0}\u{7}\u{1B}[31m"

    /// Creates a run of `steps` steps with an evaluation every tenth step.
    init(_ name: String = "run", steps: Int, settings: String = "", loss: (Int) -> Double = { 4 / Double($0) + 1 })
        throws
    {
        path = directory.file(name)
        try FileSystem.makeDirectory(path)
        let run = RunDirectory(path)
        if !settings.isEmpty { try FileSystem.replaceContents(of: run.configuration, with: settings) }
        let log = try MetricsLog(run.metrics)
        let events = try EventLog(run.tensorboard, startingAt: 1)
        try events.append([.code("session", #"{"program":"dtrain","host":"<b>","ranks":4}"#)], step: 0)
        for step in stride(from: 1, through: steps, by: 1) {
            let isSkipped = step % 25 == 0
            var line: [JSON.Member] = [
                .init("step", .integer(step)), .init("loss", .number(loss(step))),
                .init("learning_rate", .number(1e-3)), .init("gradient_norm", isSkipped ? .null : .number(0.5)),
                .init("tokens", 32), .init("tokens_per_second", .number(640 + Double(step % 7))),
                .init("resident_bytes", .integer(50_000_000)),
            ]
            if isSkipped { line.append(.init("skipped", "spike")) }
            try log.append(.object(line))
            try events.append(Summary.scalars(of: .object(line)), step: step)
            if step % 10 == 0 {
                let values: JSON = [
                    "step": .integer(step), "validation_loss": .number(loss(step) + 0.25), "validation_seconds": 0.5,
                ]
                try log.append(values)
            }
        }
    }

    func history() throws -> RunHistory { try RunHistory(path) }
}
