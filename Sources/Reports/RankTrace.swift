import Checkpoints
import Files
import Texts

/// The trace of rank 0 that `train --profile` writes.
enum RankTrace {
    /// The share of each part in the traced time, the largest first: the time of its spans without the spans within
    /// them. Empty if there is no trace, or none that can be read.
    static func shares(of run: RunDirectory) -> [(name: String, share: Double)] {
        guard let bytes = try? FileSystem.contents(of: run.trace(rank: 0)),
            let events = (try? JSON(parsing: bytes, source: ""))?.arrayValue
        else { return [] }
        let spans = events.compactMap { event -> (name: String, start: Double, duration: Double)? in
            guard let name = event["name"]?.stringValue, let start = event["ts"]?.doubleValue,
                let duration = event["dur"]?.doubleValue
            else { return nil }
            // The name may end with the number of a step or a layer.
            let parts = name.exactParts(at: " ")
            let words = parts.last.flatMap { Int($0) } == nil ? parts : parts.dropLast()
            return (words.joined(separator: " "), start, duration)
        }.sorted { ($0.start, -$0.duration) < ($1.start, -$1.duration) }
        var own: [ExactText: Double] = [:]
        var open: [(name: String, end: Double)] = []
        for span in spans {
            while let last = open.last, last.end <= span.start { open.removeLast() }
            if let parent = open.last { own[parent.name.exact, default: 0] -= span.duration }
            own[span.name.exact, default: 0] += span.duration
            open.append((span.name, span.start + span.duration))
        }
        let total = own.values.reduce(0, +)
        guard total > 0 else { return [] }
        return own.map { (name: $0.key.text, share: $0.value / total) }
            .sorted { ($1.share, $0.name.exact) < ($0.share, $1.name.exact) }
    }
}
