import Collectives
import EventFiles
import Numbers
import Tensors
import TestSupport
import Testing

@testable import Inference
@testable import Settings
@testable import Training

/// Texts that a model generates while it is trained.
struct SampleTextsTests {
    private static let generating: Set<String> = ["decoder", "encoder-decoder", "prefix decoder"]

    /// Families that generate have a text for each prompt, the same every time, and generating changes no weight; the
    /// others have none.
    @Test(arguments: FamilyCase.all) func samplesOfEveryFamily(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        defer { withExtendedLifetime(workshop) {} }
        let configuration = try workshop.configuration()
        let data = try workshop.data()
        let samples = try SampleTexts(2, data.dataset, configuration.model.family.architecture, data.sizes)
        #expect((samples != nil) == SampleTextsTests.generating.contains(family.name))
        guard let samples else { return }
        let coordinator = try Coordinator<BFloat16>(configuration, data.sizes, plan: data.plan, SoloCommunicator())
        let pass = coordinator.replica.forwardPass
        let before = (0..<pass.weights.count).map { pass.weights.base[$0].bitPattern }
        let summaries = samples.summaries(pass)
        #expect(summaries.map(\.tag) == ["samples/1", "samples/2"])
        #expect(samples.summaries(pass) == summaries)
        #expect((0..<pass.weights.count).map { pass.weights.base[$0].bitPattern } == before)
        for summary in summaries {
            guard case .text(let text) = summary.value else {
                Issue.record("\(summary)")
                continue
            }
            #expect(text.hasPrefix("    prompt\n    ") && text.contains("\n    model\n    "), "\(text)")
            #expect(text.contains("\n    reference\n") == (family.name == "encoder-decoder"), "\(text)")
        }
    }

    /// A key that would do nothing is rejected.
    @Test func onlyGeneratingFamiliesHaveSamples() {
        expectFailure(.usage, "training.samples: found 2; allowed: 0") {
            _ = try Configuration.parse("model: {family: classifier}\ntraining: {samples: 2}", name: "c.yaml")
        }
    }
}
