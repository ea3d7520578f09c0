import Collectives
import Failures

extension Generation {
    /// Works on `lines` from the one with the number `first` on, some at a time, and gives what becomes of them to `write` in
    /// their order, on rank 0.
    ///
    /// How many are taken at a time follows from how long the last ones took: a few seconds of work are lost at most where it is
    /// interrupted. That changes no result.
    ///
    /// - Parameters:
    ///   - name: Where the lines come from, for messages.
    ///   - shouldStop: Asked before each token, on each rank.
    /// - Returns: How many lines are done, those before `first` included.
    /// - Throws: `AgreedFailure` with what `write` throws.
    package func run(
        lines: [String], from first: Int, name: String, shouldStop: @escaping () -> Bool,
        write: (_ results: [String]) throws(Failure) -> Void
    ) throws -> Int {
        let clock = ContinuousClock()
        let numbers = PromptNumbers.of(lines)
        var done = first
        var batches = 1
        while done < lines.count {
            let start = clock.now
            let count = min(batches * batchLines, lines.count - done)
            guard
                let results = try run(
                    lines: lines, in: done..<done + count, numbers: numbers, name: name, shouldStop: shouldStop)
            else {
                break
            }
            try communicator.together { () throws(Failure) in
                if communicator.rank == 0 { try write(results) }
            }
            done += count
            let seconds = (clock.now - start).seconds
            let wanted = seconds < 1 ? min(2 * batches, 64) : seconds > 4 ? max(batches / 2, 1) : batches
            batches = Int(try communicator.maximum(communicator.rank == 0 ? Int64(wanted) : 0))
        }
        return done
    }

    /// Lines that all ranks decode at once.
    private var batchLines: Int {
        let (lines, overflow) = settings.decoding.batch.multipliedReportingOverflow(by: communicator.size)
        return overflow ? 1 << 20 : lines
    }
}
