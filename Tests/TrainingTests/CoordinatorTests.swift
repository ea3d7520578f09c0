import Checkpoints
import Collectives
import Datasets
import Failures
import Files
import Kernels
import Models
import Numbers
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Training
@testable import Settings
@testable import Watching

struct CoordinatorTests {
    private func configuration(_ sets: String...) throws -> Configuration {
        let tiny = [
            "data.context_length=8", "model.layers=1", "model.heads=2", "model.width=16", "batch.sequences=4",
            "batch.slots=2", "schedule.warmup_steps=2", "training.steps=20", "run.seed=\(1337 + seedOffset)",
        ]
        return try Configuration.load(file: nil, sets: tiny + sets)
    }

    private func coordinator<Element: Storage>(
        _ configuration: Configuration, _: Element.Type
    ) throws -> Coordinator<Element> {
        let plan = try BatchPlan(sequences: 4, slots: 2, rank: 0, worldSize: 1)
        return try Coordinator(configuration, CoordinatorTests.sizes, plan: plan, SoloCommunicator())
    }

    private static let sizes = ModelSizes(vocabularySize: 31, contextLength: 8)

    private func batch() throws -> [Batch] {
        try randomSlots(0..<2, sequences: 2, BatchShape(positions: 8), seed: 2)
    }

    @Test func stepsCountAndLearn() throws {
        let (coordinator, batch) = (try coordinator(configuration(), Float.self), try batch())
        let losses = try (1...20).map { step in
            let report = try coordinator.train(batch, stopRequested: step == 7)
            #expect(report.tokens == 32)
            #expect(report.stopRequested == (step == 7))
            #expect(report.lossScale == nil)
            return report.loss
        }
        #expect((coordinator.step, coordinator.consumedSamples, coordinator.tokens) == (20, 80, 640))
        // A repeated batch is memorized; the first loss is that of uniform predictions.
        #expect(abs(losses[0] - 3.43) < 0.1, "\(losses)")
        #expect(losses[19] < losses[0] - 0.3, "\(losses)")
    }

    /// If one rank has no batch, both skip the step, and the next step is unaffected.
    @Test func stepWithoutBatchesChangesNothing() throws {
        let configuration = try configuration("averaging.bucket_bytes=4096")
        let outcomes = Mutex<[Int: [Double]]>([:])
        let givenUp = Mutex(0)
        for fails in [false, true] {
            LoopbackCommunicator.run(size: 2) { communicator in
                do {
                    let rank = communicator.rank
                    let plan = try BatchPlan(sequences: 4, slots: 2, rank: rank, worldSize: 2)
                    let coordinator = try Coordinator<Float>(
                        configuration, CoordinatorTests.sizes, plan: plan, communicator)
                    var losses: [Double] = []
                    for step in 0..<3 {
                        let slots = try randomSlots(
                            rank..<rank + 1, sequences: 2, BatchShape(positions: 8), seed: UInt64(step))
                        if fails, step == 1 {
                            #expect(throws: Coordinator<Float>.LacksBatches.self) {
                                _ = try coordinator.train(rank == 1 ? nil : slots, stopRequested: false)
                            }
                            givenUp.withLock { $0 += 1 }
                            #expect(coordinator.step == 1 && coordinator.consumedSamples == 4)
                        }
                        losses.append(try coordinator.train(slots, stopRequested: false).loss)
                    }
                    let key = (fails ? 2 : 0) + rank
                    outcomes.withLock { $0[key] = losses }
                } catch {
                    Issue.record(error)
                }
            }
        }
        let found = outcomes.withLock { $0 }
        #expect(givenUp.withLock { $0 } == 2)
        #expect(found.count == 4 && Set(found.values).count == 1, "\(found)")
    }

    /// A state that is not finite is not saved, and the message names the array.
    @Test(arguments: ["weights", "first_moment", "working weights"])
    func nonFiniteStateIsNotSaved(name: String) throws {
        func check<Element: Storage>(_: Element.Type, _ sets: String...) throws {
            let configuration = try Configuration.load(
                file: nil,
                sets: [
                    "data.context_length=8", "model.layers=1", "model.heads=2", "model.width=16", "batch.sequences=4",
                    "batch.slots=2", "training.verify_every=0",
                ] + sets)
            let coordinator = try coordinator(configuration, Element.self)
            var saved = 0
            try coordinator.save { _ throws(Failure) in saved += 1 }
            let parameter = coordinator.layout.parameters[1]
            let place = parameter.offset + parameter.count - 1
            switch name {
            case "weights": coordinator.master.arena.base[place] = .infinity
            case "first_moment": coordinator.states[0].base[place] = .nan
            default: coordinator.averaging.weights.base[place] = Element(Float.infinity)
            }
            let failure = try #require(throws: AgreedFailure.self) {
                try coordinator.save { _ throws(Failure) in saved += 1 }
            }
            #expect(failure.failure.exitCode == .internalError)
            #expect(failure.failure.message.contains("of \(parameter.name) are"), "\(failure.failure)")
            #expect(failure.failure.message.contains("last checkpoint is untouched"))
            #expect(saved == 1)
        }
        if name != "working weights" { try check(Float.self) }
        try check(Float16.self, "precision=float16")
    }

    /// An overflow changes only counters and the loss scale.
    @Test func overflowsAreSkipped() throws {
        let sets = try configuration(
            "precision=float16", "loss_scale.initial=4294967296", "loss_scale.hysteresis=2", "model.dropout=0.1")
        let (coordinator, batch) = (try coordinator(sets, Float16.self), try batch())
        let before = array(coordinator.master.arena.base, coordinator.layout.count)
        for (step, scale) in [(1, 4_294_967_296.0), (2, 2_147_483_648), (3, 1_073_741_824)] {
            let report = try coordinator.train(batch, stopRequested: false)
            #expect(report.overflowedParameter != nil)
            #expect(report.gradientNorm == nil)
            #expect(coordinator.scaler?.scale == scale)
            #expect(coordinator.skippedSteps == step)
            #expect(coordinator.consumedSamples == 4 * step)
        }
        #expect(array(coordinator.master.arena.base, coordinator.layout.count) == before)
    }

    /// Frozen parameters keep their bits, and their gradients are not part of the norm; the others follow the settings
    /// of their group.
    @Test(arguments: ["sgd", "adamw"])
    func freezesParametersAndAppliesGroups(kind: String) throws {
        let sets = try configuration(
            "optimizer.kind=\(kind)", "optimizer.freeze=[\"*embedding*\", \"*.shift\"]",
            "optimizer.groups=[{names: \"*.scale\", learning_rate_scale: 0}]")
        let (coordinator, batch) = (try coordinator(sets, Float.self), try batch())
        func weights() -> [[Float]] {
            coordinator.layout.parameters.map { array(coordinator.master.arena.base + $0.offset, $0.count) }
        }
        let before = weights()
        let report = try coordinator.train(batch, stopRequested: false)
        var squares = 0.0
        for (index, parameter) in coordinator.layout.parameters.enumerated() {
            let isFrozen = parameter.name.contains("embedding") || parameter.name.hasSuffix(".shift")
            let stays = isFrozen || parameter.name.hasSuffix(".scale")
            #expect((weights()[index] == before[index]) == stays, "\(parameter.name)")
            let gradient = array(coordinator.averaging.gradients.base + parameter.offset, parameter.count)
            #expect(gradient.allSatisfy { $0 == 0 } == isFrozen, "\(parameter.name)")
            squares += gradient.reduce(0) { $0 + Double($1) * Double($1) }
        }
        expectClose(try #require(report.gradientNorm), squares.squareRoot(), relative: 1e-12)
    }

    @Test func everyRankRejectsUnmatchedPatterns() throws {
        let sets = try configuration("optimizer.freeze=blocks.7.*")
        do {
            _ = try coordinator(sets, Float.self)
            Issue.record("Nothing was thrown.")
        } catch let agreed as AgreedFailure {
            #expect(agreed.failure.exitCode == .usage)
        }
    }

    @Test func nonFiniteLossNamesStepRankAndSlot() throws {
        let coordinator = try coordinator(configuration(), Float.self)
        let parameter = coordinator.layout.parameters[3]
        coordinator.master.arena.base[parameter.offset] = .nan
        do {
            _ = try coordinator.train(batch(), stopRequested: false)
            Issue.record("Nothing was thrown.")
        } catch let agreed as AgreedFailure {
            #expect(agreed.failure.exitCode == .internalError)
            #expect(agreed.failure.message.contains("step 1, rank 0: the loss of slot 0"))
            #expect(agreed.failure.message.contains("the weights \(parameter.name) are not finite"))
        }
    }

    /// A NaN in the backward pass skips the step without other effects; repeated for many steps, it ends the run.
    @Test(arguments: ["float32", "float16", "bfloat16"])
    func nonFiniteGradientIsSkipped(precision: String) throws {
        func check<Element: Storage>(_: Element.Type) throws {
            let (coordinator, batch) = (
                try coordinator(configuration("precision=\(precision)"), Element.self), try batch()
            )
            let before = array(coordinator.master.arena.base, coordinator.layout.count)
            let injection = try coordinator.injection(of: Fault.parse("nan step=0"))
            coordinator.spans.observers = [try #require(injection)]
            let report = try coordinator.train(batch, stopRequested: false)
            #expect(report.overflowedParameter != nil && report.gradientNorm == nil && report.loss.isFinite)
            #expect(array(coordinator.master.arena.base, coordinator.layout.count) == before)
            #expect((coordinator.step, coordinator.skippedSteps) == (1, 1))
            #expect(try coordinator.train(batch, stopRequested: false).gradientNorm != nil)
        }
        switch precision {
        case "float32": try check(Float.self)
        case "float16": try check(Float16.self)
        default: try check(BFloat16.self)
        }
    }

    @Test func persistentNonFiniteGradientsEndTheRun() throws {
        let (coordinator, batch) = (try coordinator(configuration(), Float.self), try batch())
        let fault = try Fault.parse("nan step=0")[0]
        coordinator.spans.observers = [
            try #require(try coordinator.injection(of: Array(repeating: fault, count: 100)))
        ]
        // All faults were injected in the first step, so each step needs a new one.
        for _ in 0..<10 {
            _ = try coordinator.train(batch, stopRequested: false)
            coordinator.spans.observers = [try #require(try coordinator.injection(of: [fault]))]
        }
        #expect(coordinator.skippedSteps == 10)
        do {
            _ = try coordinator.train(batch, stopRequested: false)
            Issue.record("Nothing was thrown.")
        } catch let agreed as AgreedFailure {
            #expect(agreed.failure.exitCode == .internalError)
            #expect(agreed.failure.message.contains("is not finite, for 11 steps in a row"))
        }
    }

    /// The loss scale can fall to its minimum before the run is stopped, even with a large hysteresis.
    @Test func lossScaleFallsBeforeRunEnds() throws {
        let sets = try configuration(
            "precision=float16", "loss_scale.initial=4294967296", "loss_scale.hysteresis=60", "training.steps=200")
        let (coordinator, batch) = (try coordinator(sets, Float16.self), try batch())
        var skips = 0
        while try coordinator.train(batch, stopRequested: false).skip == .overflow { skips += 1 }
        #expect(skips > 60)
        #expect(coordinator.updates == 1 && coordinator.skipsInARow == 0)
    }

    /// If the loss scale is at its minimum, repeated overflows end the run, and the earlier state can be saved.
    @Test func lossScaleAtMinimumEndsTheRun() throws {
        let sets = try configuration(
            "precision=float16", "loss_scale.initial=4294967296", "loss_scale.floor=4294967296")
        let (coordinator, batch) = (try coordinator(sets, Float16.self), try batch())
        for _ in 0..<50 { #expect(try coordinator.train(batch, stopRequested: false).skip == .overflow) }
        let failure = #expect(throws: AgreedFailure.self) { try coordinator.train(batch, stopRequested: false) }
        #expect(failure?.failure.message.contains("is not finite, for 51 steps in a row") == true)
        #expect(failure?.failure.exitCode == .internalError)
        #expect(coordinator.isSoundAfterFailure)
        // A run resumed from this checkpoint fails at the next step, as this one did; with another configuration it
        // starts counting again.
        let state = coordinator.checkpointState(validationLoss: nil, watched: nil)
        #expect((state.step, state.skippedSteps, state.skipsInARow) == (50, 50, 50))
    }

    /// A harder batch is skipped as a spike at first; if its loss persists, it is trained on.
    @Test func persistentlyHigherLossIsAccepted() throws {
        let sets = try configuration("training.spike_zscore=2", "training.steps=400", "schedule.peak=1e-2")
        let coordinator = try coordinator(sets, Float.self)
        let easy = try batch()
        for _ in 0..<80 { _ = try coordinator.train(easy, stopRequested: false) }
        let before = coordinator.skippedSteps
        let hard = try randomSlots(0..<2, sequences: 2, BatchShape(positions: 8), seed: 9)
        let reports = try (0..<100).map { _ in try coordinator.train(hard, stopRequested: false) }
        #expect(reports[0].skip == .spike && reports[0].gradientNorm == nil)
        let skipped = reports.filter { $0.skip == .spike }.count
        #expect(skipped < LossTrend.patience)
        #expect(coordinator.skippedSteps == before + skipped && coordinator.spikeSkips == coordinator.skippedSteps)
        #expect(reports[99].loss < reports[0].loss - 0.3, "\(reports.map(\.loss))")
    }

    /// A flipped bit in any array of the state is detected and reported at the next update.
    @Test func detectsChangesWithoutUpdate() throws {
        let batch = try batch()
        for place in ["weights", "first_moment", "second_moment", "average"] {
            let coordinator = try coordinator(configuration("training.ema_decay=0.9"), Float.self)
            _ = try coordinator.train(batch, stopRequested: false)
            let parameter = coordinator.layout.parameters[4]
            let arenas = ["weights": coordinator.master.arena, "average": coordinator.averages]
            let names = coordinator.optimizer.stateNames
            let arena = arenas[place] ?? coordinator.states[names.firstIndex(of: place) ?? 0]
            let bytes = try #require(arena).bytes(of: parameter.range)
            bytes[bytes.count - 1] ^= 1 << 2
            do {
                _ = try coordinator.train(batch, stopRequested: false)
                Issue.record("\(place): nothing was thrown.")
            } catch let failure as Failure {
                #expect(failure.exitCode == .diverged)
                #expect(failure.message.contains("step 2: the \(place) of \(parameter.name) changed"), "\(failure)")
            }
        }
    }

    /// A run resumed from a checkpoint of any step takes exactly the same steps, even if the loss scale is about to
    /// change.
    @Test(arguments: [0, 1, 5])
    func checkpointsRestoreEverything(stepsBefore: Int) throws {
        let directory = TemporaryDirectory()
        let sets = try configuration(
            "precision=float16", "loss_scale.initial=67108864", "loss_scale.hysteresis=3",
            "loss_scale.growth_interval=2")
        let (original, batch) = (try coordinator(sets, Float16.self), try batch())
        for _ in 0..<stepsBefore { _ = try original.train(batch, stopRequested: false) }
        let checkpoint = try #require(try commit(original, directory))

        let copy = try coordinator(sets, Float16.self)
        copy.master.arena.base.update(repeating: 7, count: copy.layout.count)
        let state = try #require(try copy.takeUp(checkpoint))
        #expect(state.validationLoss == 2 && state.watched == .init(name: "validation_loss", best: 1))
        #expect(copy.scaler == original.scaler)
        for _ in 0..<6 {
            let (one, other) = try (
                original.train(batch, stopRequested: false), copy.train(batch, stopRequested: false)
            )
            #expect((one.loss, one.lossScale, one.tokens) == (other.loss, other.lossScale, other.tokens))
            #expect(original.scaler == copy.scaler)
        }
        #expect(copy.step == stepsBefore + 6)
        for (one, other) in zip([original.master.arena] + original.states, [copy.master.arena] + copy.states) {
            for parameter in original.layout.parameters {
                #expect(
                    array(one.base + parameter.offset, parameter.count)
                        == array(other.base + parameter.offset, parameter.count))
            }
        }
    }

    /// Commits a checkpoint of `coordinator`; called on rank 0.
    private func commit<Element>(
        _ coordinator: Coordinator<Element>, _ directory: TemporaryDirectory
    ) throws -> Checkpoint? {
        let state = coordinator.checkpointState(validationLoss: 2, watched: .init(name: "validation_loss", best: 1))
        var checkpoint: Checkpoint?
        try coordinator.save { files throws(Failure) in
            checkpoint = try Checkpoint.commit(
                run: RunDirectory(directory.path), state: state, program: "test", identity: [:], files: files)
        }
        return checkpoint
    }

    /// Ranks that own shards of the state write the same files as a single rank, and read their shards back.
    @Test(arguments: ["float32", "float16", "bfloat16"])
    func checkpointDoesNotDependOnRanks(precision: String) throws {
        let sets = try configuration(
            "precision=\(precision)", "averaging.strategy=allreduce", "averaging.bucket_bytes=1024", "model.width=64")
        let all = try [1, 2, 4].map { (ranks: Int) -> [String] in
            switch sets.precision {
            case .float32: return try digests(of: sets, ranks, Float.self)
            case .float16: return try digests(of: sets, ranks, Float16.self)
            case .bfloat16: return try digests(of: sets, ranks, BFloat16.self)
            }
        }
        #expect(Set(all.joined()).count == 1, "\(all)")
    }

    /// The digests of a run with `ranks` ranks, and of a run resumed from its checkpoint.
    private func digests<Element: Storage>(
        of sets: Configuration, _ ranks: Int, _: Element.Type
    ) throws -> [String] {
        let directories = (0..<2).map { _ in TemporaryDirectory() }
        let outcome = Mutex<(digests: [String], failures: [String], full: Set<Int>)>(([], [], []))
        LoopbackCommunicator.run(size: ranks) { communicator in
            do {
                let plan = try BatchPlan(sequences: 4, slots: 4, rank: communicator.rank, worldSize: ranks)
                func coordinator(steps: Int) throws -> Coordinator<Element> {
                    let coordinator = try Coordinator<Element>(
                        sets, CoordinatorTests.sizes, plan: plan, communicator)
                    let slots = try randomSlots(plan.localSlots, sequences: 1, BatchShape(positions: 8), seed: 2)
                    for _ in 0..<steps { _ = try coordinator.train(slots, stopRequested: false) }
                    return coordinator
                }
                let original = try coordinator(steps: 2)
                let checkpoint = try commit(original, directories[0])
                let copy = try coordinator(steps: 0)
                _ = try copy.takeUp(checkpoint)
                let second = try commit(copy, directories[1])
                outcome.withLock {
                    $0.digests += [checkpoint, second].compactMap { $0?.digest }
                    $0.full.formUnion(original.states.map(\.count))
                }
                // If rank 0 cannot read or write, all ranks throw, and none waits.
                let full = Failure(.inputOutput, "the disk is full")
                for doomed in [
                    { try original.save { _ throws(Failure) in throw full } },
                    {
                        try original.save { files throws(Failure) in
                            try files[1].tensors[0].forEachBlock { _ in }
                            throw full
                        }
                    },
                ] {
                    do {
                        try doomed()
                        outcome.withLock { $0.failures.append("nothing was thrown") }
                    } catch let agreed as AgreedFailure {
                        if agreed.failure.message != full.message {
                            outcome.withLock { $0.failures.append(agreed.failure.message) }
                        }
                    }
                }
            } catch {
                outcome.withLock { $0.failures.append("\(error)") }
            }
        }
        let (digests, failures, full) = outcome.withLock(\.self)
        #expect(failures == [])
        // No rank holds the optimizer state of all shards.
        let layout = try Coordinator<Element>(
            sets, CoordinatorTests.sizes, plan: BatchPlan(sequences: 4, slots: 4, rank: 0, worldSize: 1),
            SoloCommunicator()
        ).layout
        #expect(full.contains(layout.count) == (ranks == 1), "\(full) of \(layout.count)")
        return digests
    }

    @Test func stepReportBecomesMetricsLine() throws {
        let coordinator = try coordinator(configuration(), Float.self)
        var report = try coordinator.train(batch(), stopRequested: false)
        report.loss = 1.5
        report.gradientNorm = 0.25
        report.learningRate = 0.001
        report.waitedSeconds = 0.125
        let line = report.metrics(step: 3, seconds: 0.5, residentBytes: 1024).line
        #expect(
            line == #"{"step":3,"loss":1.5,"learning_rate":0.001,"gradient_norm":0.25,"loss_scale":1.0,"tokens":32,"#
                + #""tokens_per_second":64.0,"waiting_share":0.25,"skipped_steps":0,"resident_bytes":1024}"#, "\(line)")
        (report.skip, report.skippedSteps, report.returns) = (.notFinite, 3, 2)
        #expect(
            report.metrics(step: 3, seconds: 0.5, residentBytes: 1024).line.hasSuffix(
                #""skipped_steps":3,"resident_bytes":1024,"skipped":"not_finite","returns":2}"#))
        report.gradientNorm = nil
        #expect(report.metrics(step: 3, seconds: 0.5, residentBytes: 1024)["gradient_norm"] == .null)
    }
}
