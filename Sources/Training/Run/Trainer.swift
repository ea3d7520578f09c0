import Checkpoints
import Collectives
import Failures
import Files
import Glibc
import Inference
import Models
import Numbers
import Products
import Reporting
import Resources
import Settings
import Tensors
import Watching

/// A training run, from its configuration to its final checkpoint, or after a request to stop, to the checkpoint of
/// that step.
package struct Trainer {
    private let configuration: Configuration
    private let resumption: Resumption
    private let communicator: any Communicator
    private let console: Console
    private let profiledSteps: Int

    /// Creates a run of `configuration` on all ranks of `communicator`.
    ///
    /// - Parameter profiledSteps: The number of steps, from the first, that are recorded in a trace.
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
        /// All steps are done, or early stopping was triggered.
        case finished
        /// The run was asked to stop and has saved.
        case stopped
    }

    /// Trains the model. Collective: every rank calls it.
    ///
    /// - Throws: `AgreedFailure` for an error known on every rank; `Failure` or `MPIError` for one known only on this
    ///   rank.
    package func run() throws -> Outcome {
        switch configuration.precision {
        case .float32: try run(storing: Float.self)
        case .float16: try run(storing: Float16.self)
        case .bfloat16: try run(storing: BFloat16.self)
        }
    }

    private func run<Element: Storage>(storing: Element.Type) throws -> Outcome {
        let clock = ContinuousClock()
        let start = clock.now
        let faults = try communicator.together { () throws(Failure) in
            try Fault.parse(getenv(Fault.variable).map { String(cString: $0) } ?? "")
        }
        let heartbeats = try Heartbeats(communicator)
        let remote = try RemoteHeartbeats.open(communicator, speaks: heartbeats.localRank == 0)
        let watchdog = try communicator.together { () throws(Failure) in
            try Watchdog(
                heartbeats, remote: remote, Watchdog.Limits(configured: configuration.training.stallTimeoutSeconds))
        }
        defer { watchdog.stop() }
        let data = try communicator.together { () throws(Failure) in
            do throws(Failure) {
                return try TrainingData(configuration, communicator)
            } catch {
                throw communicator.namingHost(error)
            }
        }
        let exported = try communicator.together { () throws(Failure) in try data.exportedClass() }
        // The watchdog reads the heartbeats of all ranks of its node.
        try heartbeats.allowing(bytes: data.verifiedBytes()) {
            try data.verify(communicator, console, beat: heartbeats.beat)
        }
        let positions = try communicator.together { () throws(Failure) in try data.longestPositions() }
        let recomputation = try configuration.requireTrainingMemory(data.sizes, positions: positions, communicator)
        if configuration.training.recompute == .automatic, recomputation != .none {
            console.say("recompute: \(recomputation), because the activations of all blocks would not fit into memory")
        }
        let layout = configuration.model.layout(data.sizes, configuration.fineTuning.adaptation)
        try communicator.together { () throws(Failure) in try configuration.fineTuning.requireTargets(in: layout) }
        var identity = RunIdentity(
            configuration, data.dataset, data.sizes, layout: layout.trained, datasetDigest: data.digest)
        try identity.compareRanks(communicator, console)
        let coordinator = try Coordinator<Element>(
            configuration, data.sizes, plan: data.plan, recomputation: recomputation, communicator)
        coordinator.spans.observers.append(heartbeats)
        let injection = try communicator.together { () throws(Failure) in try coordinator.injection(of: faults) }
        if let injection { coordinator.spans.observers.append(injection) }

        let directory = RunDirectory(configuration.run.directory)
        var startingWeights: StartingWeights?
        // Searching for the newest valid checkpoint, verifying a base and reading the log may take long.
        let records = try heartbeats.allowing(bytes: 4 * (coordinator.savedBytes + coordinator.frozenBytes) + (1 << 30))
        {
            try communicator.together { () throws(Failure) -> RunRecords? in
                guard communicator.rank == 0 else { return nil }
                if let source = configuration.fineTuning.from, configuration.fineTuning.adaptation != nil {
                    // A resumed run needs the frozen weights, too.
                    let base = try StartingWeights(source, layout.parameters, configuration, data.dataset)
                    (startingWeights, identity.base) = (base, base.reference)
                }
                return try RunRecords(
                    directory, identity, resumption, console, session: session
                ) { () throws(Failure) in
                    guard let source = configuration.fineTuning.from else { return nil }
                    guard startingWeights == nil else { return startingWeights?.origin }
                    startingWeights = try StartingWeights(
                        source, configuration.fineTuning.selection(layout), configuration, data.dataset)
                    return startingWeights?.origin
                }
            }
        }
        do {
            let outcome = try run(
                coordinator, data, records, startingWeights, heartbeats, exported: exported, startedAt: start)
            try communicator.together { () throws(Failure) in
                try records?.end(outcome, allIsPrinted: console.flush(), step: coordinator.step)
            }
            return outcome
        } catch let failure as AgreedFailure {
            // The marker reports the failure, so an error in writing it is ignored. Other ranks may have ended before a
            // background save is complete.
            heartbeats.allowing(bytes: 4 * coordinator.savedBytes) {
                try? records?.end(failedWith: failure.failure.exitCode, step: coordinator.step)
            }
            throw failure
        }
    }

    /// What runs where: program, host, processor, ranks and threads.
    private var session: JSON {
        [
            "program": .string(programVersion), "host": .string(hostName()),
            "processor": .string(processorName() ?? "unknown"), "ranks": .integer(communicator.size),
            "layout": .string(ComputeThreads.description(ranks: communicator.size)),
        ]
    }

    /// Runs the steps, once all components exist.
    private func run<Element>(
        _ coordinator: Coordinator<Element>, _ data: TrainingData, _ records: RunRecords?,
        _ startingWeights: StartingWeights?, _ heartbeats: Heartbeats, exported: String?,
        startedAt start: ContinuousClock.Instant
    ) throws -> Outcome {
        let directory = RunDirectory(configuration.run.directory)
        let restored = try heartbeats.allowing(bytes: 2 * coordinator.savedBytes) {
            try coordinator.takeUp(
                records?.start.checkpoint, isSameDataset: records?.start.isSameDataset ?? true,
                isSameConfiguration: records?.start.isSameConfiguration ?? true)
        }
        try describe(coordinator, data, records)
        if let exported { console.say("export: the model can be exported as \(exported)") }
        if let frozen = coordinator.frozenWeights {
            console.say(
                try heartbeats.allowing(bytes: 4 * coordinator.frozenBytes) {
                    try coordinator.freeze(startingWeights, frozen)
                })
        } else if restored == nil, configuration.fineTuning.from != nil {
            // A resumed run has its own weights.
            console.say(
                try heartbeats.allowing(bytes: 4 * coordinator.savedBytes) {
                    try coordinator.start(from: startingWeights, configuration.fineTuning)
                })
        }

        let profile =
            profiledSteps == 0
            ? nil : try RunProfile(steps: profiledSteps, directory, coordinator.spans, communicator, console)
        let run = try TrainingRun(
            configuration, data, coordinator, records, heartbeats, communicator, console, startedAt: start,
            resumption: resumption, restored: restored, profile: profile)
        return try run.finish()
    }

    /// Prints the model, the data and how they are trained.
    private func describe<Element>(
        _ coordinator: Coordinator<Element>, _ data: TrainingData, _ records: RunRecords?
    ) throws {
        let description = data.description
        let isReproducible = !ProductArithmetic.current.changesBits(of: configuration.precision.format)
        console.say(
            "\(programVersion): \(ComputeThreads.description(ranks: communicator.size)), "
                + "\(configuration.precision.rawValue), \(isReproducible ? "reproducible" : "fastest") products, "
                + "averaging \(coordinator.averaging.name)")
        if let warning = coordinator.averagingWarning { console.say(warning) }
        if configuration.precision == .bfloat16, isReproducible {
            console.say(
                configuration.products == .reproducible
                    ? "bfloat16 is not faster than float32 with products: reproducible"
                    : "bfloat16 is not faster than float32 on this CPU, which has no instructions for it")
        }
        let usable = UsableCores.ofThisProcess()
        let slots = configuration.batch.slots
        if !LaunchEnvironment.isLaunched,
            let ranks = ThreadPlan.fasterRanks(configuration.threads, usable, slots: slots)
        {
            console.say(
                "one process on \(usable.cores.count) cores: mpirun -np \(ranks) dtrain is faster, with the same result"
            )
        }
        let layout = coordinator.replica.forwardPass.model.layout
        console.say(description.model(parameters: layout.parameterCount))
        if let adapters = description.adapters(layout) { console.say(adapters) }
        console.say(
            description.data(
                data.name, count: data.count, truncated: { data.truncated[$0] ?? 0 },
                dropped: { data.dropped[$0] ?? 0 }))
        console.say(description.batch)
        if let frozen = try description.frozen(coordinator.layout) { console.say(frozen) }
        if let smoothing = description.smoothing { console.say(smoothing) }
        if !data.plan.isBitwise {
            let sizes = data.plan.bitwiseWorldSizes.map(String.init).joined(separator: ", ")
            console.say(
                "\(communicator.size) ranks: the same samples in the same order, but sums are rounded differently than "
                    + "with \(sizes), which give bit-identical results")
        }
        for note in records?.start.notes ?? [] { console.say(note) }
        if let checkpoint = records?.start.checkpoint {
            console.say("resumed from \(checkpoint.directory) at step \(checkpoint.step)")
        }
    }
}
