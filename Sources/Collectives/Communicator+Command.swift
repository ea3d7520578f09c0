import Failures
import Texts

extension Communicator {
    /// Rejects a job whose ranks were started with different commands, as `mpirun … : …` can do: each command has its
    /// own sequence of collective calls, so that the ranks would wait for each other forever.
    ///
    /// It is the first communication of a job, and the same sequence of calls in every command.
    ///
    /// - Parameter words: The words of this rank's command line that must be the same on all ranks.
    /// - Throws: `AgreedFailure` with `usage`, which names the first rank that differs from rank 0.
    package func requireSameCommand(_ words: [String]) throws {
        let own = words.map(shellWord).joined(separator: " ")
        let first = try broadcast(own)
        try together { () throws(Failure) in
            guard own.exact != first.exact else { return }
            throw Failure(
                .usage,
                "was started as\n  \(own)\nbut rank 0 as\n  \(first)\nAll ranks of a job must run the same command. Start "
                    + "another command as a separate job.")
        }
    }
}
