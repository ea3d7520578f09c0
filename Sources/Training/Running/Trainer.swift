import Checkpoints
import Collectives
import Datasets
import Failures
import Files
import Kernels
import Models
import Tensors

/// A whole run: from a configuration to the last checkpoint, or to the next one when asked to stop.
package struct Trainer {
    private let configuration: Configuration
    private let resumption: Resumption
    private let communicator: any Communicator
    private let console: Console
    private let profiledSteps: Int

    /// A run of `configuration` on all ranks of `communicator`.
    ///
    /// - Parameter profiledSteps: The steps, from the run's first on, that a trace is written of.
    package init(
        _ configuration: Configuration, _ resumption: Resumption, _ communicator: any Communicator, _ console: Console,
        profiledSteps: Int = 0
    ) {
        self.profiledSteps = profiledSteps
        self.configuration = configuration
        self.resumption = resumption
        self.communicator = communicator
        self.console = console
    }

    /// How a run ended.
    package enum Outcome: Equatable, Sendable {
        /// All steps are done.
        case finished
        /// Asked to stop, and saved.
        case stopped
    }

    /// Trains.
    ///
    /// - Throws: `AgreedFailure` for what every rank knows, `Failure` or `MPIError` for what only this one does.
    package func run() throws -> Outcome {
        switch configuration.precision {
        case .float32: try run(storing: Float.self)
        case .float16: try run(storing: Float16.self)
        }
    }

    private func run<Element: Storage>(storing: Element.Type) throws -> Outcome {
        let clock = ContinuousClock()
        let start = clock.now
        let data = try communicator.together { () throws(Failure) in
            try TrainingData(configuration, communicator)
        }
        try data.verify(communicator, console)
        let layout = Transformer<Element>(configuration.model, data.sizes).layout
        let identity = RunIdentity(configuration, data.dataset, data.sizes, layout: layout)
        try identity.compareRanks(communicator)
        let coordinator = try Coordinator<Element>(
            configuration, data.sizes, plan: data.plan, communicator)

        let directory = RunDirectory(configuration.run.directory)
        let records = try communicator.together { () throws(Failure) in
            communicator.rank == 0 ? try RunRecords(directory, identity, resumption) : nil
        }
        let restored = try restore(coordinator, records)
        describe(coordinator, data, records)
        // A run that goes on has its own weights.
        if restored == nil, let source = configuration.fineTuning.from {
            console.say(
                try coordinator.startFrom(source, configuration.fineTuning, tokenizer: data.dataset.tokenizer))
        }

        let profile =
            profiledSteps == 0
            ? nil : try RunProfile(steps: profiledSteps, directory, coordinator.spans, communicator, console)
        let run = try TrainingRun(
            configuration, data, coordinator, records, communicator, console, startedAt: start,
            watched: restored?.watched, profile: profile)
        return try run.finish()
    }

    /// Takes up the checkpoint that rank 0 has chosen, on every rank.
    ///
    /// - Returns: Its state, the same on every rank; nil where the run begins.
    private func restore<Element>(
        _ coordinator: Coordinator<Element>, _ records: RunRecords?
    ) throws -> CheckpointState? {
        let start = records?.start
        let state = try communicator.onFirstRank { () throws(Failure) in
            guard let start, let checkpoint = start.checkpoint else { return "" }
            var state = checkpoint.state
            // What was measured on other data is nothing to compare with.
            if !start.isSameDataset { state.watched = nil }
            return state.text
        }
        if state.isEmpty { return nil }
        let restored = try CheckpointState(parsing: Array(state.utf8), source: "the state that rank 0 sent")
        try coordinator.load(start?.checkpoint)
        coordinator.restore(
            step: restored.step, consumedSamples: restored.consumedSamples, tokens: restored.tokens,
            skippedSteps: restored.skippedSteps,
            scaler: restored.lossScaler.map {
                .init(
                    scale: $0.scale, cleanSteps: $0.cleanSteps, hysteresisLeft: $0.hysteresisLeft,
                    configuration.scalerSettings)
            })
        return restored
    }

    /// Says what is about to be trained, on what.
    private func describe<Element>(_ coordinator: Coordinator<Element>, _ data: TrainingData, _ records: RunRecords?) {
        let description = data.description
        console.say(
            "\(programVersion): \(ComputeThreads.description(ranks: communicator.size)), "
                + "\(configuration.precision.rawValue), averaging \(coordinator.averaging.name)")
        if let warning = coordinator.averagingWarning { console.say(warning) }
        console.say(description.model(parameters: coordinator.layout.parameterCount))
        console.say(
            description.data(data.dataset.directory, count: data.dataset.count, truncated: { data.truncated[$0] ?? 0 }))
        console.say(description.batch)
        for note in records?.start.notes ?? [] { console.say(note) }
        if let checkpoint = records?.start.checkpoint {
            console.say("resumed from \(checkpoint.directory) at step \(checkpoint.step)")
        }
    }
}
