import Checkpoints
import Collectives
import Failures
import Reporting
import Settings
import Texts

extension RunIdentity {
    /// Checks that the program, configuration, dataset and model are the same on every rank, and warns if the clocks of
    /// hosts differ. Collective: every rank calls it before any other collective operation depends on them.
    ///
    /// - Throws: `AgreedFailure` with `usage`, naming the first rank that differs from rank 0, its host and the
    ///   differences.
    func compareRanks(_ communicator: any Communicator, _ console: Console) throws {
        let lines = ["the program is \(programVersion)", "the dataset is \(datasetDigest)"] + configuration.commonLines
        try communicator.barrier()
        let own = HostFacts.own(
            lines + ["the model is \(layoutDigest)"], hashesProgram: communicator.nodes.count > 1)
        let ranks = try communicator.gather(own.text).map { HostFacts(text: $0) }
        let warning = try communicator.onFirstRank { () throws(Failure) in
            try HostFacts.requireEqual(ranks)
            return HostFacts.clockWarning(ranks) ?? ""
        }
        if !warning.isEmpty { console.warn(warning) }
    }

    /// Checks that `checkpoint` has the same model and tokenizer, and, unless the user named it, the same configuration
    /// and dataset.
    ///
    /// - Returns: The accepted differences, one line each, and whether the dataset is the same.
    /// - Throws: `usage`, with the differences and a remedy; `badData` if the checkpoint's identity is invalid.
    func accept(
        _ checkpoint: Checkpoint, named: Bool
    ) throws(Failure) -> (differences: [String], isSameDataset: Bool) {
        let theirs = try CheckpointIdentity(checkpoint)
        guard !theirs.isImported else {
            throw Failure(
                .usage,
                "\(checkpoint.directory) was imported: it has no training run to resume. Start one from its weights: "
                    + "--set \(shellWord("fine_tuning.from=\(checkpoint.directory)")), and another --output.")
        }
        // The base of an adapter is recognized by its digest, wherever it is.
        let isSameBase = theirs.base?.digest == base?.digest
        var differences = configuration.trajectoryDifferences(from: theirs.configuration)
            .filter { base == nil || !isSameBase || $0.key != "fine_tuning.from" }
            .map { "\($0.key) is \($0.value), but \($0.other) in the checkpoint" }
        if theirs.datasetDigest != datasetDigest { differences.append("the dataset differs") }
        if let change = configuration.rateChange(from: theirs.configuration, at: checkpoint.step) {
            differences.append(change)
        }
        if let base, let other = theirs.base, !isSameBase {
            differences.append(
                "the base is \(base.directory) (digest \(base.digest)), but \(other.directory) (\(other.digest)) in the "
                    + "checkpoint")
        }
        let wrong: String? =
            if theirs.layoutDigest != layoutDigest {
                "has another model"
            } else if theirs.facts.tokenizer != facts.tokenizer {
                "has another tokenizer (\(theirs.facts.tokenizer.kind.rawValue), vocabulary "
                    + "\(theirs.sizes.vocabularySize); the dataset: \(facts.tokenizer.kind.rawValue), "
                    + "vocabulary \(sizes.vocabularySize))"
            } else if theirs.facts != facts {
                "has data of another kind, or other labels"
            } else if !isSameBase {
                "has another base"
            } else if theirs.configuration.precision != configuration.precision
                || theirs.configuration.optimizer.kind != configuration.optimizer.kind
                || (theirs.configuration.training.emaDecay > 0) != (configuration.training.emaDecay > 0)
            {
                "has other tensors"
            } else {
                nil
            }
        let list = differences.joined(separator: "; ")
        if let wrong {
            let fitsModel = theirs.layoutDigest == layoutDigest && theirs.facts == facts
            throw Failure(
                .usage,
                "\(checkpoint.directory) \(wrong): \(list.isEmpty ? "the vocabulary differs" : list). "
                    + "Choose another --output, or the configuration that it was written with"
                    + (checkpoint.runConfiguration.map { ": --config \(shellPath($0))" } ?? "") + "."
                    + (fitsModel
                        ? " To start a run from its weights: "
                            + "--set \(shellWord("fine_tuning.from=\(checkpoint.directory)")), and another --output."
                        : ""))
        }
        guard differences.isEmpty || named else {
            throw Failure(
                .usage,
                """
                \(checkpoint.directory) has another configuration: \(list).
                To resume from it anyway: --resume \(shellWord(checkpoint.directory))
                To start from scratch and move the old run to a subdirectory: --resume none
                To keep both: another --output
                """)
        }
        return (differences, theirs.datasetDigest == datasetDigest)
    }
}
