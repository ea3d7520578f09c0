import Failures

extension Generation {
    /// Processes `lines` from index `first` on in rounds, and passes the results of each round to `write` in order, on
    /// rank 0.
    ///
    /// The size of a round is adapted to the duration of the previous one, so that an interruption loses at most a few
    /// seconds of work. It does not affect results.
    ///
    /// - Parameters:
    ///   - name: The name of the file, for messages.
    ///   - shouldStop: Called before each token, on each rank.
    /// - Returns: The number of lines that are done, including those before `first`.
    /// - Throws: `AgreedFailure` with the error of `write`; otherwise as `run(lines:in:numbers:name:shouldStop:)`.
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

    /// The number of lines that all ranks together decode at once.
    private var batchLines: Int {
        let (lines, overflow) = settings.decoding.batch.multipliedReportingOverflow(by: communicator.size)
        return overflow ? 1 << 20 : lines
    }
}
