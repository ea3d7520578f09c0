import Tensors
import Datasets
import Files
import Models
import Tokenizers
import TestSupport
import Testing

@testable import Interchange
@testable import Training
@testable import Settings

/// The documentation of exports, and the check at the start of a run, agree with the supported classes.
struct ExportTests {
    private static func repository(_ path: String) -> String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/") + "/"
            + path
    }

    private func portable(_ configuration: Configuration, labels: LabelDescription.Kind) -> PortableModel {
        let family = configuration.model.family
        let image = family == .imageClassifier ? ImageShape(height: 64, width: 64, channels: 3) : nil
        let predictsTokens = family.architecture.output == .tokens
        var special = SpecialTokens.none
        special.pad = 0
        return PortableModel(
            configuration.model, configuration.sizes(image: image, vocabularySize: 256, outputs: 2),
            labels: predictsTokens ? nil : LabelDescription(kind: labels, names: labels == .number ? [] : ["a", "b"]),
            special: special)
    }

    private func objections(_ modelClass: ModelClass, _ configuration: Configuration) -> Int {
        let model = portable(configuration, labels: .class)
        return modelClass.configuration.count { $0.objection(model) != nil }
    }

    /// The table row of a class: its family, and the required value of each key that the family uses.
    private func row(_ modelClass: ModelClass) throws -> String {
        let keys = Configuration.keys.filter { $0.section == "model" && $0.name != "family" }
        var configuration = Configuration()
        configuration.model.family = modelClass.family
        for key in keys {
            for example in key.examples {
                var other = configuration
                example(&other)
                if objections(modelClass, other) < objections(modelClass, configuration) { configuration = other }
            }
        }
        try #require(objections(modelClass, configuration) == 0, "\(modelClass.name)")
        let needs = keys.compactMap { key -> String? in
            guard configuration.reads(key) else { return nil }
            var (accepted, isRestricted) = ([String](), false)
            for example in [{ _ in }] + key.examples {
                var other = configuration
                example(&other)
                if objections(modelClass, other) > 0 {
                    isRestricted = true
                } else if !accepted.contains(key.plain(other)) {
                    accepted.append(key.plain(other))
                }
            }
            return isRestricted ? "`\(key.name)` \(accepted.sorted().joined(separator: ", "))" : nil
        }
        let kinds = LabelDescription.Kind.allCases.filter { kind in
            modelClass.configuration.allSatisfy { $0.objection(portable(configuration, labels: kind)) == nil }
        }
        let labels = kinds.count == LabelDescription.Kind.allCases.count ? [] : ["labels: \(kinds[0].rawValue)"]
        return "| `\(modelClass.family.rawValue)` | \(modelClass.name) | \((needs + labels).joined(separator: "; ")) |"
    }

    @Test func documentedTableMatchesClasses() throws {
        let rows = try ModelClass.all.map { try row($0) }
        let text = String(
            decoding: try FileSystem.contents(of: ExportTests.repository("docs/configuration.md"), limitBytes: 1 << 20),
            as: UTF8.self)
        let table = text.split(separator: "\n").map(String.init).filter { line in
            ModelClass.all.contains { line.contains("| \($0.name) |") }
        }
        #expect(table == rows, "the table should be\n\(rows.joined(separator: "\n"))")
        for family in ModelConfiguration.Family.allCases where !ModelClass.all.contains(where: { $0.family == family })
        {
            #expect(text.contains("`\(family.rawValue)` cannot be exported"), "\(family.rawValue)")
        }
    }

    /// The committed configurations that can be exported, with their classes.
    @Test(arguments: [
        ("quickstart", "GPT2LMHeadModel"), ("nano", "GPT2LMHeadModel"), ("gpt2-124m", "GPT2LMHeadModel"),
        ("llama", "LlamaForCausalLM"), ("bert", "BertForMaskedLM"), ("digits", "ViTForImageClassification"),
    ])
    func committedConfigurationsCanBeExported(name: String, modelClass: String) throws {
        let configuration = try Configuration.load(file: ExportTests.repository("configs/\(name).yaml"))
        #expect(try ModelClass.holding(portable(configuration, labels: .class)).name == modelClass)
    }

    /// A run with an impossible export is rejected before training.
    @Test func rejectsImpossibleExportAtStart() throws {
        func exported(_ family: FamilyCase, _ sets: [String]) throws -> String? {
            let workshop = try FamilyWorkshop(family)
            defer { withExtendedLifetime(workshop) {} }
            return try workshop.data(sets).exportedClass()
        }
        let family = FamilyCase.all[1]
        #expect(try exported(family, ["run.export=huggingface"]) == "BertForMaskedLM")
        #expect(try exported(family, []) == nil)
        expectFailure(
            .usage, "run.export: found huggingface", "model.positions: found rotary; allowed: learned",
            "or train without run.export"
        ) { _ = try exported(family, ["run.export=huggingface", "model.positions=rotary"]) }
        #expect(try exported(family, ["model.positions=rotary"]) == nil)
        expectFailure(.usage, "model.family: found prefix_decoder, for which transformers has no class") {
            _ = try exported(FamilyCase.all[3], ["run.export=huggingface"])
        }
    }
}
