import Collectives
import Profiling

/// A part of a step: a kind of span within a phase.
struct StepPart: Hashable {
    /// The phase: a direct child span of the step.
    let phase: Span
    /// The innermost span that has a row in the table; `phase` if there is none.
    let span: Span

    init(_ phase: Span, _ span: Span) { (self.phase, self.span) = (phase, span) }

    /// The name in tables.
    var name: String {
        if phase != span { return "\(phase.name): \(span.name)" }
        return phase == .forward || phase == .backward ? "\(phase.name): rest" : phase.name
    }
}

/// The breakdown of the time of steps into parts, over all ranks.
struct StepParts {
    /// The time of each part on this rank over all steps, in nanoseconds, shape [phase, span].
    private var nanoseconds = [Int64](repeating: 0, count: StepParts.kinds * StepParts.kinds)
    private var steps = 0
    private static let kinds = Span.allCases.count

    /// Adds the spans of one step. Time within nested spans is attributed to the innermost one.
    mutating func add(_ events: UnsafeBufferPointer<SpanRecorder.Event>) {
        var (phase, rows): (Span, [Span]) = (.step, [])
        for event in events {
            let depth = Int(event.depth)
            if depth == 1 { phase = event.span }
            if depth == 0 { (phase, steps) = (.step, steps + 1) }
            // The time of a block is that of its attention and feed-forward spans.
            let row = event.span == .block ? phase : event.span
            rows.removeLast(rows.count - depth)
            // The time of a child span is not attributed to its parent.
            if let outer = rows.last {
                nanoseconds[place(depth == 1 ? .step : phase, outer)] -= Int64(event.nanoseconds)
            }
            nanoseconds[place(phase, row)] += Int64(event.nanoseconds)
            rows.append(row)
        }
    }

    private func place(_ phase: Span, _ span: Span) -> Int {
        Int(phase.rawValue) * StepParts.kinds + Int(span.rawValue)
    }

    /// The mean time of each part over steps and ranks, in seconds per step, without parts of zero time. The parts are
    /// in the order of a step, followed by the time outside of all phases.
    func means(_ communicator: any Communicator) throws(MPIError) -> [(part: StepPart, seconds: Double)] {
        var all = nanoseconds
        let own = nanoseconds
        let error: MPIError? = own.withUnsafeBufferPointer { own in
            all.withUnsafeMutableBufferPointer { all in
                do throws(MPIError) { try communicator.allreduce(own, into: all, .sum) } catch { return error }
                return nil
            }
        }
        if let error { throw error }
        let scale = 1e-9 / Double(max(1, steps) * communicator.size)
        let phases = Span.allCases.filter { $0 != .step } + [.step]
        return phases.flatMap { phase in
            Span.allCases.filter { all[place(phase, $0)] != 0 }.map {
                (StepPart(phase, $0), Double(all[place(phase, $0)]) * scale)
            }
        }
    }
}
