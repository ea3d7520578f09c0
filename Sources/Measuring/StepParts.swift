import Collectives
import Kernels
import Profiling

/// A part of a step: a span and the phase of the step that it lies in.
struct StepPart: Hashable {
    /// The span right inside the step.
    let phase: Span
    /// The innermost span that has a row of its own; `phase` itself for what is in none.
    let span: Span

    init(_ phase: Span, _ span: Span) { (self.phase, self.span) = (phase, span) }

    /// The name in tables.
    var name: String {
        if phase != span { return "\(phase.name): \(span.name)" }
        return phase == .forward || phase == .backward ? "\(phase.name): rest" : phase.name
    }
}

/// Where the time of steps went, over all ranks.
struct StepParts {
    /// The nanoseconds of each part over all steps, of this rank: [phase, span].
    private var nanoseconds = [Int64](repeating: 0, count: StepParts.kinds * StepParts.kinds)
    private var steps = 0
    private static let kinds = Span.allCases.count

    /// Adds what was recorded of one step. A span's time is given to the innermost one.
    mutating func add(_ events: UnsafeBufferPointer<SpanRecorder.Event>) {
        var (phase, rows): (Span, [Span]) = (.step, [])
        for event in events {
            let depth = Int(event.depth)
            if depth == 1 { phase = event.span }
            if depth == 0 { (phase, steps) = (.step, steps + 1) }
            // A block is its attention and its feed-forward.
            let row = event.span == .block ? phase : event.span
            rows.removeLast(rows.count - depth)
            // What is inside is not the outer's own time.
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

    /// The seconds a step of each part that took any, the mean over steps and ranks, in the order of a step; the last
    /// is what no part accounts for.
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
