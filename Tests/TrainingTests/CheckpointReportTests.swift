import Checkpoints
import Collectives
import Datasets
import Files
import Models
import Numbers
import Tensors
import TestSupport
import Testing

@testable import Inference
@testable import Inspection
@testable import Settings

/// What `dtrain inspect` says about checkpoints.
struct CheckpointReportTests {
    /// Norms, ties, parts and values that are not finite, in the precision of the run.
    @Test(arguments: ["float32", "bfloat16"]) func describesWeights(precision: String) throws {
        let workshop = try FamilyWorkshop(FamilyCase.all[0])
        let sets = ["precision=\(precision)"]
        let report =
            precision == "float32"
            ? try report(workshop, sets, Float.self) : try report(workshop, sets, BFloat16.self)
        let tensors = try #require(report.json["tensors"]?.arrayValue)
        #expect(tensors.allSatisfy { $0["largest"]?.doubleValue == 0.5 })
        #expect(report.json["non_finite"]?.integerValue == 1)
        let broken = try #require(tensors.first { $0["non_finite"]?.integerValue == 1 })
        #expect(broken["name"]?.stringValue == "token_embedding.weight")
        #expect(broken["root_mean_square"]?.doubleValue == 0.5)
        for words in ["1 not finite", "1 weights are infinite", "the head's weight is the token embedding", "5.00e-01"]
        {
            #expect(report.text.contains(words), "\(report.text)")
        }
    }

    /// A checkpoint whose weights are all 0.5, but one that is NaN.
    private func report<Element: Storage>(
        _ workshop: FamilyWorkshop, _ sets: [String], _: Element.Type
    ) throws -> CheckpointReport {
        let (configuration, data) = (try workshop.configuration(sets), try workshop.data(sets))
        let layout = configuration.model.layout(data.sizes)
        let weights = Arena<Element>(count: layout.count)
        for index in 0..<layout.count { weights.base[index] = Element(0.5 as Float) }
        weights.base[layout.parameters[0].offset] = Element(Float.nan)
        let identity = RunIdentity(configuration, data.dataset, data.sizes, layout: layout)
        let checkpoint = try Checkpoint.commit(
            run: RunDirectory(workshop.directory.file("run")),
            state: CheckpointState(step: 3, consumedSamples: 48, tokens: 9, skippedSteps: 0), program: "dtrain test",
            identity: identity.json, tokenizerModel: data.dataset.tokenizerModel,
            files: [(modelFileName, NamedArena(weights, layout).sources)])
        return try CheckpointReport(checkpoint)
    }

    /// Every parameter of every family belongs to a part.
    @Test(arguments: FamilyCase.all) func everyParameterHasAPart(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        let layout = try workshop.configuration().model.layout(workshop.data().sizes)
        let parts = ModelPart.sums(layout.parameters.map { ($0.name, $0.count) })
        #expect(parts.reduce(0) { $0 + $1.count } == layout.parameterCount)
        #expect(!parts.contains { $0.part == .other }, "\(parts)")
    }
}
