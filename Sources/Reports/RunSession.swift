import Checkpoints
import EventFiles
import Failures
import Files
import Texts

/// A start of a run and what followed, from one of its event files.
package struct RunSession: Sendable {
    /// The times of the first and the last event, in seconds since 1970.
    package var start: Double
    package var end: Double
    /// The first step of the session.
    package var firstStep: Int
    /// Program, host, processor, ranks and threads: the members of a JSON object.
    package var facts: [JSON.Member] = []

    /// The sessions of a run in order. A file that cannot be read is left out: the metrics have the same numbers.
    static func all(_ run: RunDirectory) -> [RunSession] {
        let paths = (try? EventLog.files(in: run.tensorboard)) ?? []
        return paths.compactMap { path in
            guard var reader = try? EventReader(path), let first = try? reader.next() else { return nil }
            var session = RunSession(start: first.wallTime, end: first.wallTime, firstStep: 1)
            while let event = try? reader.next() {
                session.end = event.wallTime
                switch event.content {
                case .sessionStart: session.firstStep = event.step
                case .summaries(let summaries):
                    for summary in summaries where summary.tag == "session" {
                        guard case .text(let text) = summary.value else { continue }
                        session.facts = (try? JSON(parsing: Array(text.utf8), source: path))?.objectValue ?? []
                    }
                default: break
                }
            }
            return session
        }
    }
}
