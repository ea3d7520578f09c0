import Failures
import Files
import Models
import Tensors
import TestSupport

@testable import Interchange

extension FuzzedReader {
    /// `adapter_config.json` of an adapter, beside the tensors of one for a tiny model.
    static let adapterConfiguration = FuzzedReader(name: "adapter-configuration", refusals: [.badData]) {
        let directory = TemporaryDirectory()
        try writeAdapter(to: directory.path)
        let ours = try FileSystem.contents(of: directory.file(AdapterFiles.configurationName))
        let theirs: JSON = [
            "alpha_pattern": [:], "auto_mapping": .null, "bias": "none", "init_lora_weights": "gaussian",
            "layers_to_transform": .null, "loftq_config": [:], "lora_alpha": 16, "lora_bias": false,
            "lora_dropout": 0.05, "modules_to_save": [], "peft_type": "LORA", "r": 2, "rank_pattern": [:],
            "target_modules": ["c_attn"], "use_dora": false,
        ]
        return [ours, Array(theirs.page.utf8)]
    } open: { directory in
        try writeAdapter(to: directory.path)
        let layout = tinyModel.makeLayout()
        return { bytes in
            _ = try directory.file(AdapterFiles.configurationName, holding: bytes)
            let reader = try AdapterReader(directory.path, for: tinyModel, layout)
            let adapted = tinyModel.configuration.layout(tinyModel.sizes, reader.adaptation)
            try Defect.unless(!adapted.adapters.isEmpty, "an adapter without matrices")
            try reader.load(adapted, into: Arena<Float>(count: adapted.trained.count))
        }
    }

    private static let tinyModel: PortableModel = {
        var configuration = ModelConfiguration()
        (configuration.layers, configuration.heads, configuration.width) = (1, 2, 8)
        return PortableModel(
            configuration, ModelSizes(vocabularySize: 11, contextLength: 4), labels: nil, special: .none)
    }()

    private static func writeAdapter(to directory: String) throws {
        var adaptation = LowRankAdaptation()
        (adaptation.rank, adaptation.targets) = (2, ["attention.query_key_value"])
        let layout = tinyModel.configuration.layout(tinyModel.sizes, adaptation)
        try AdapterWriter(.gpt2, tinyModel).write(
            layout, Arena<Float>(count: layout.trained.count), dropout: 0, base: "base", as: .float32, to: directory)
    }
}
