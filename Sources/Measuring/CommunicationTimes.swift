import Collectives
import Files
import Profiling
import Reporting

/// The time during which messages of gradients and of new weights were under way, and the part of it that ranks waited.
struct CommunicationTimes {
    /// What is sent.
    private enum Content: Int, CaseIterable {
        case gradients
        case weights

        /// The kind of its transfers.
        var span: Span { self == .gradients ? .averaging : .weights }

        /// The phases of a step in which a rank waits for it.
        var phases: [Span] { self == .gradients ? [.backward, .averaging] : [.forward, .weights] }
    }

    /// The time of transfers on this rank over all steps, in nanoseconds, and their number.
    private var underWay = [Int64](repeating: 0, count: Content.allCases.count)
    private var transfers = [Int64](repeating: 0, count: Content.allCases.count)

    /// Adds the transfers that ended in one step.
    mutating func add(_ events: [SpanRecorder.Event]) {
        for event in events {
            guard let content = Content.allCases.first(where: { $0.span == event.span }) else { continue }
            underWay[content.rawValue] += Int64(event.nanoseconds)
            transfers[content.rawValue] += 1
        }
    }

    /// The means over steps and ranks as a table and as JSON; both without rows if nothing is sent. Collective: every
    /// rank calls it.
    ///
    /// - Parameter parts: The parts of the same steps.
    func means(
        _ parts: [(part: StepPart, seconds: Double)], _ communicator: any Communicator
    ) throws(MPIError) -> (table: [[String]], json: JSON) {
        var rows = [["communication", "ms under way", "ms waited for", "waited ÷ under way"]]
        var members: [JSON.Member] = []
        for content in Content.allCases {
            let nanoseconds = try communicator.sum(underWay[content.rawValue])
            let count = try communicator.sum(transfers[content.rawValue])
            if count == 0 { continue }
            let seconds = Double(nanoseconds) * 1e-9 / Double(count)
            let waited = parts.reduce(0) { sum, entry in
                let isWait = entry.part.span == .waiting && content.phases.contains(entry.part.phase)
                return isWait ? sum + entry.seconds : sum
            }
            rows.append(["\(content)", fixed(seconds * 1e3, 2), fixed(waited * 1e3, 2), fixed(waited / seconds, 3)])
            members.append(
                .init("\(content)", ["under_way_seconds": .number(seconds), "waited_seconds": .number(waited)]))
        }
        return (rows, .object(members))
    }
}
