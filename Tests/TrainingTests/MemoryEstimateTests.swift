import Collectives
import Failures
import Models
import TestSupport
import Testing

@testable import Training
@testable import Inference
@testable import Settings
@testable import Averaging
@testable import Reporting
@testable import Watching
@testable import Resources
@testable import Measuring

struct MemoryEstimateTests {
    @Test func rejectsExcessWithBreakdown() throws {
        var estimate = MemoryEstimate()
        estimate.add("weights", 1_000_000_000, bytesEach: 4)
        estimate.add("nothing", 0, bytesEach: 4)
        estimate.add("logits", 250_000, bytesEach: 4, times: 2)
        #expect(estimate.bytes == 4.002e9)
        try estimate.require("the training", available: 4_002_000_000, remedy: "Lower it.")
        expectFailure(
            .usage, "training needs at least 4.00 GB", "(weights 4.00 GB, logits 2.0 MB)", "3.00 GB is available",
            "Lower it."
        ) { try estimate.require("the training", available: 3_000_000_000, remedy: "Lower it.") }
        expectFailure(.usage, "nothing") {
            var huge = MemoryEstimate()
            huge.add("nothing at all", .max, bytesEach: .max, times: .max)
            try huge.require("a", available: .max, remedy: "")
        }
    }

    /// A model of hundreds of gigabytes is rejected before memory is allocated; the quickstart's is accepted.
    @Test func rejectsHugeModelBeforeAllocation() throws {
        func require(_ sets: String...) throws {
            let configuration = try Configuration.load(file: nil, sets: sets)
            _ = try configuration.requireTrainingMemory(
                configuration.madeUpSizes, SequenceLengths(configuration.data.contextLength), SoloCommunicator())
        }
        try require()
        do {
            try require("model.width=16384", "model.heads=64", "model.layers=30")
            Issue.record("it does not fit")
        } catch let failure as AgreedFailure {
            #expect(failure.failure.exitCode == .usage)
            for words in ["training needs at least ", "weights ", "moments ", "model.layers", "is available"] {
                #expect(failure.failure.message.contains(words), "\(failure.failure)")
            }
        }
    }

    /// Precision, optimizer and the number of micro-batches change the expected parts of the estimate.
    @Test func partsFollowTheConfiguration() throws {
        func parts(_ sets: String...) throws -> [String: Double] {
            let configuration = try Configuration.load(file: nil, sets: sets)
            let estimate = configuration.stepMemory(configuration.madeUpSizes, SoloCommunicator())
            return Dictionary(estimate.parts.map { ($0.name, $0.bytes) }) { $0 + $1 }
        }
        let plain = try parts()
        let weights = try #require(plain["weights"])
        // Four micro-batches on one rank: two subtree sums are kept while the last gradient is computed.
        #expect(plain["gradients"] == 3 * weights && plain["moments"] == 2 * weights)
        let half = try parts("precision=float16", "training.ema_decay=0.9")
        #expect(half["weights"] == weights / 2 && half["moments"] == 2 * weights)
        #expect(half["master weights"] == weights && half["moving average"] == weights)
        #expect(try parts("optimizer.kind=sgd", "optimizer.momentum=0")["moments", default: 0] <= weights)
        let longer = try parts("data.context_length=256")
        #expect(try #require(longer["activations"]) > (try #require(plain["activations"])))
    }
}
