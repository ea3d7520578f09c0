import Collectives
import Datasets
import Models
import Numbers
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Training
@testable import Inference

/// Properties of every family, objective and kind of dataset.
struct FamilyTests {
    /// The bits of a run's results, for comparison.
    private struct Trace: Equatable {
        var losses: [UInt64] = []
        var targets: [Int] = []
        var weights: [Float] = []
        var scores: [UInt64] = []
    }

    /// Trains a few steps and evaluates.
    private func train<Element: Storage>(
        _ workshop: FamilyWorkshop, _ sets: [String], steps: Int, _ communicator: any Communicator, _: Element.Type
    ) throws -> Trace {
        let data = try workshop.data(sets, communicator)
        let configuration = try workshop.configuration(sets)
        let coordinator = try Coordinator<Element>(configuration, data.sizes, plan: data.plan, communicator)
        let reader = try BatchReader(
            data.training, plan: data.plan, seed: UInt64(7 + seedOffset), poolBatches: configuration.data.lengthPool)
        var trace = Trace()
        for _ in 0..<steps {
            let report = try coordinator.train(try reader.next(), stopRequested: false)
            trace.losses.append(report.loss.bitPattern)
            trace.targets.append(report.tokens)
        }
        let weights = coordinator.averaging.weights.base
        trace.weights = coordinator.layout.parameters.flatMap { array(weights + $0.offset, $0.count).map(Float.init) }
        let batches = EvaluationBatches(try #require(data.validation), sequencesPerBatch: 2, seed: 7)
        let scores = try coordinator.replica.forwardPass.scores(of: batches, batches.makeBatch(), communicator)
        #expect(scores.named.map(\.metric) == configuration.prediction.metrics)
        trace.scores = scores.named.map(\.value.bitPattern)
        return trace
    }

    /// Runs the training on several ranks and returns their traces.
    private func traces(
        _ workshop: FamilyWorkshop, _ sets: [String], ranks: Int, steps: Int = 5
    ) throws -> [Trace] {
        let outcome = Mutex<(traces: [Trace], failures: [String])>(([], []))
        let precision = try workshop.configuration(sets).precision
        LoopbackCommunicator.run(size: ranks) { communicator in
            do {
                let trace =
                    switch precision {
                    case .float32: try train(workshop, sets, steps: steps, communicator, Float.self)
                    case .float16: try train(workshop, sets, steps: steps, communicator, Float16.self)
                    case .bfloat16: try train(workshop, sets, steps: steps, communicator, BFloat16.self)
                    }
                outcome.withLock { $0.traces.append(trace) }
            } catch {
                outcome.withLock { $0.failures.append("\(error)") }
            }
        }
        let (traces, failures) = outcome.withLock(\.self)
        #expect(failures == [])
        return traces
    }

    /// Losses, weights and scores are bit-identical on every rank and for every number of ranks.
    @Test(arguments: FamilyCase.all, ["float32", "float16", "bfloat16"])
    func resultsDoNotDependOnRanks(family: FamilyCase, precision: String) throws {
        let workshop = try FamilyWorkshop(family)
        let sets = ["precision=\(precision)", "averaging.strategy=allreduce"]
        let alone = try #require(try traces(workshop, sets, ranks: 1).first)
        #expect(Set(alone.losses).count == 5 && alone.targets.allSatisfy { $0 > 0 })
        #expect(alone.scores.allSatisfy { Double(bitPattern: $0).isFinite }, "\(alone.scores)")
        for ranks in [2, 4] {
            let found = try traces(workshop, sets, ranks: ranks)
            #expect(found.count == ranks && found.allSatisfy { $0 == alone }, "\(ranks) ranks")
        }
    }

    /// The loss falls, so the contents of batches reach the model. Over ten seeds the largest ratio of final to initial
    /// loss was 0.59 (classes).
    @Test(arguments: FamilyCase.all)
    func everyFamilyLearns(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        let sets = [
            "schedule.peak=4e-3", "schedule.kind=constant", "schedule.floor=0", "model.dropout=0",
            "averaging.strategy=allreduce",
        ]
        let losses = try traces(workshop, sets, ranks: 1, steps: 100)[0].losses.map { Double(bitPattern: $0) }
        let (first, last) = (losses.prefix(5).reduce(0, +) / 5, losses.suffix(5).reduce(0, +) / 5)
        #expect(last < 0.8 * first, "\(losses)")
    }

    /// Scores do not depend on the rank count, even if batches are divided unevenly. With a different batch size the
    /// scores are nearly equal.
    @Test(arguments: FamilyCase.all)
    func scoresDoNotDependOnRanksOrBatches(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        func scores(ranks: Int, sequencesPerBatch: Int) throws -> [Double] {
            let outcome = Mutex<(scores: [[Double]], failures: [String])>(([], []))
            LoopbackCommunicator.run(size: ranks) { communicator in
                do {
                    let data = try workshop.data()
                    let model = Transformer<Float>(try workshop.configuration().model, data.sizes)
                    let weights = Arena<Float>(count: model.layout.count)
                    model.layout.initialize(weights, seed: 3)
                    let pass = ForwardPass(
                        model, try workshop.configuration().loss, weights: weights, sequences: sequencesPerBatch)
                    let batches = EvaluationBatches(data.validation!, sequencesPerBatch: sequencesPerBatch, seed: 7)
                    let scores = try pass.scores(of: batches, batches.makeBatch(), communicator)
                    outcome.withLock { $0.scores.append(scores.named.map(\.value)) }
                } catch {
                    outcome.withLock { $0.failures.append("\(error)") }
                }
            }
            let (scores, failures) = outcome.withLock(\.self)
            #expect(failures == [] && Set(scores.map { $0.map(\.bitPattern) }).count == 1, "\(scores)")
            return try #require(scores.first)
        }
        let alone = try scores(ranks: 1, sequencesPerBatch: 3)
        for ranks in [2, 3, 5] { #expect(try scores(ranks: ranks, sequencesPerBatch: 3) == alone) }
        // Float32 sums in another order.
        expectClose(try scores(ranks: 1, sequencesPerBatch: 1), alone, absolute: 1e-5, relative: 1e-5)
        expectClose(try scores(ranks: 2, sequencesPerBatch: 7), alone, absolute: 1e-5, relative: 1e-5)
    }
}
