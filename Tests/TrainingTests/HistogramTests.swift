import Collectives
import Datasets
import EventFiles
import Models
import Numbers
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Settings
@testable import Training

/// Histograms of weights and gradients during training.
struct HistogramTests {
    private static let sizes = ModelSizes(vocabularySize: 31, contextLength: 8)

    /// Trains two steps on `ranks` ranks, with histograms after each.
    private func histograms<Element: Storage>(_ ranks: Int, _: Element.Type, _ sets: [String]) throws -> [Summary] {
        let configuration = try Configuration.load(
            file: nil,
            sets: [
                "data.context_length=8", "model.layers=1", "model.heads=2", "model.width=16", "batch.sequences=4",
                "batch.slots=2", "averaging.strategy=allreduce", "averaging.bucket_bytes=1024",
            ] + sets)
        let result = Mutex<[Summary]>([])
        LoopbackCommunicator.run(size: ranks) { communicator in
            do {
                let plan = try BatchPlan(sequences: 4, slots: 2, rank: communicator.rank, worldSize: ranks)
                let coordinator = try Coordinator<Element>(
                    configuration, HistogramTests.sizes, plan: plan, communicator)
                var last: [Summary] = []
                for step in 0..<2 {
                    let batches = try randomSlots(
                        plan.localSlots, sequences: 2, BatchShape(positions: 8), seed: UInt64(step))
                    let report = try coordinator.train(batches, stopRequested: false)
                    last = try coordinator.histograms(hasGradients: true, lossScale: report.lossScale ?? 1)
                }
                if communicator.rank == 0 { result.withLock { $0 = last } }
            } catch {
                Issue.record(error)
            }
        }
        return result.withLock { $0 }
    }

    private func histogram(_ tag: String, _ summaries: [Summary]) throws -> Histogram {
        let found = summaries.first { $0.tag == tag }
        guard case .histogram(let histogram)? = found?.value else {
            return try #require(nil, "\(tag) among \(summaries.map(\.tag))")
        }
        return histogram
    }

    /// The counts are those of all values, for any number of ranks.
    @Test func histogramsDoNotDependOnTheRanks() throws {
        let (one, two) = (try histograms(1, Float.self, []), try histograms(2, Float.self, []))
        #expect(one.count > 20 && one.map(\.tag) == two.map(\.tag))
        for tag in one.map(\.tag) {
            let (a, b) = (try histogram(tag, one), try histogram(tag, two))
            #expect(a.counts == b.counts && a.limits == b.limits && (a.minimum, a.maximum) == (b.minimum, b.maximum))
            #expect(abs(a.sum - b.sum) <= 1e-12 * max(1, abs(a.sum)))
        }
        let tokens = try histogram("weights/token_embedding.weight", one)
        #expect(tokens.count == 31 * 16 && tokens.counts.reduce(0, +) == 31 * 16)
    }

    /// Gradients are told without their loss scale.
    @Test func lossScaleIsRemoved() throws {
        let (scaled, plain) = (
            try histograms(1, Float16.self, ["precision=float16"]), try histograms(1, Float.self, [])
        )
        let (a, b) = (
            try histogram("gradients/token_embedding.weight", scaled),
            try histogram("gradients/token_embedding.weight", plain)
        )
        #expect(abs(a.maximum / b.maximum - 1) < 0.05, "\(a.maximum), \(b.maximum)")
    }
}
