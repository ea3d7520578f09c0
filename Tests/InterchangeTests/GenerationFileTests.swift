import Failures
import Files
import TestSupport
import Testing
import Texts

@testable import Interchange

/// What an import keeps, so that an export has it again: the class and the settings of generation.
@Suite struct GenerationFileTests {
    private let directory = TemporaryDirectory()

    private func copy(_ name: String, _ files: [String] = ["config.json", "model.safetensors"]) throws {
        let golden = try GoldenModel(name).directory
        for file in files {
            let bytes = try FileSystem.contents(of: "\(golden)/\(file)")
            try FileSystem.replaceContents(of: directory.file(file)) { (target: borrowing File) throws(Failure) in
                try target.write(bytes)
            }
        }
    }

    private func written(_ loaded: LoadedModel) throws -> JSON {
        let output = TemporaryDirectory()
        let writer = try ModelWriter(loaded.reader.modelClass, loaded.reader.model, to: output.path)
        try writer.write(loaded.layout, loaded.weights, generation: loaded.reader.generation)
        let path = output.file("generation_config.json")
        return try JSON(parsing: try FileSystem.contents(of: path), source: path)
    }

    @Test func settingsOfGenerationAreKept() throws {
        try copy("bart")
        try FileSystem.replaceContents(
            of: directory.file("generation_config.json"),
            with: """
                {"_from_model_config": true, "transformers_version": "5.0", "forced_bos_token_id": 0, "num_beams": 4,
                 "no_repeat_ngram_size": 3, "length_penalty": 2.0, "pad_token_id": 99, "eos_token_id": [2, 5],
                 "max_length": null}
                """)
        let loaded = try LoadedModel(directory.path)
        let file = try written(loaded)
        #expect(file["forced_bos_token_id"] == 0 && file["num_beams"] == 4 && file["no_repeat_ngram_size"] == 3)
        // Several end tokens are kept; a single special token is that of the model.
        #expect(file["eos_token_id"] == [2, 5] && file["_from_model_config"] == nil && file["max_length"] == nil)
        #expect(file["pad_token_id"]?.integerValue == loaded.reader.model.special.pad.map(Int.init))
        #expect(file.objectValue?.map(\.name).firstRepeated() == nil)
    }

    /// An end token of generation that differs from the model's, and several in config.json.
    @Test(arguments: [
        ("[2, 5]", "", "[2,5]"), ("2", #"{"eos_token_id": 5}"#, "5"),
    ])
    func endTokensAreKept(configuration: String, generation: String, written: String) throws {
        try copy("bart")
        let path = directory.file("config.json")
        let members = try #require(JSON(parsing: try FileSystem.contents(of: path), source: path).objectValue)
        let end = try JSON(parsing: Array(configuration.utf8), source: "a")
        let changed = members.map { $0.name == "eos_token_id" ? JSON.Member($0.name, end) : $0 }
        try FileSystem.replaceContents(of: path, with: JSON.object(changed).page)
        if !generation.isEmpty {
            try FileSystem.replaceContents(of: directory.file("generation_config.json"), with: generation)
        }
        #expect(try self.written(try LoadedModel(directory.path))["eos_token_id"]?.line == written)
    }

    /// Older models have them in config.json.
    @Test func settingsInTheConfigurationAreKept() throws {
        try copy("bart")
        let path = directory.file("config.json")
        var members = try #require(
            JSON(parsing: try FileSystem.contents(of: path), source: path).objectValue)
        members.removeAll { $0.name == "forced_bos_token_id" }
        members += [JSON.Member("forced_bos_token_id", 1), JSON.Member("min_length", 5)]
        try FileSystem.replaceContents(of: path, with: JSON.object(members).page)
        let file = try written(try LoadedModel(directory.path))
        #expect(file["forced_bos_token_id"] == 1 && file["min_length"] == 5)
    }

    @Test func malformedSettingsAreRefused() throws {
        try copy("bart")
        try FileSystem.replaceContents(of: directory.file("generation_config.json"), with: "[]")
        expectFailure(.badData, "generation_config.json: is not a JSON object") {
            _ = try ModelReader(directory.path)
        }
    }

    /// Models that differ from another class in their name only.
    @Test(arguments: [
        ("roberta", "XLMRobertaForMaskedLM", "xlm-roberta"),
        ("roberta_classes", "CamembertForSequenceClassification", "camembert"),
        ("t5_gated", "MT5ForConditionalGeneration", "mt5"),
    ])
    func relativesKeepTheirNames(name: String, modelClass: String, type: String) throws {
        try copy(name)
        let path = directory.file("config.json")
        let members = try #require(JSON(parsing: try FileSystem.contents(of: path), source: path).objectValue)
        let changed = members.map { member in
            switch member.name {
            case "architectures": JSON.Member(member.name, [.string(modelClass)])
            case "model_type": JSON.Member(member.name, .string(type))
            default: member
            }
        }
        try FileSystem.replaceContents(of: path, with: JSON.object(changed).page)
        let reader = try ModelReader(directory.path)
        #expect(reader.modelClass.name == modelClass)
        try reader.check(reader.model.makeLayout())
        #expect(try ModelClass.holding(reader.model).name != modelClass)
        let kept = try ModelClass.holding(reader.model, preferring: modelClass)
        #expect(kept.configurationFile(reader.model, .float32)["model_type"] == .string(type))
    }

    @Test func aMissingFileOfAnIndexIsNamed() throws {
        try copy("llama_shards", ["config.json", "model.safetensors.index.json"])
        expectFailure(
            .badData, "model-00001-of-00005.safetensors: is missing, although model.safetensors.index.json names it",
            "Copy all files of the model"
        ) {
            _ = try ModelReader(directory.path)
        }
    }

    /// Mistral without a window is the same as a Llama, but stays a Mistral.
    @Test func theClassOfTheImportIsPreferred() throws {
        let reader = try ModelReader(try GoldenModel("mistral").directory)
        #expect(reader.modelClass.name == "MistralForCausalLM")
        #expect(try ModelClass.holding(reader.model, preferring: reader.modelClass.name).name == "MistralForCausalLM")
        #expect(
            try ModelClass.holding(reader.model, named: "LlamaForCausalLM", preferring: "x").name == "LlamaForCausalLM")
        // A model that the class cannot represent any more is exported as the first that can.
        var changed = reader.model
        changed.configuration.attentionBias = .all
        #expect(
            try ModelClass.holding(changed, preferring: reader.modelClass.name).name == ModelClass.holding(changed).name
        )
    }
}
