import Checkpoints
import Failures
import Files
import Models
import Tensors
import Texts

/// The names of the files and tensors in which the library PEFT stores an adapter.
enum AdapterFiles {
    static let configurationName = "adapter_config.json"
    static let weightsName = "adapter_model.safetensors"
    /// What precedes the name of a module.
    static let prefix = "base_model.model."
    /// The suffixes of the two matrices.
    static let (a, b) = (".lora_A.weight", ".lora_B.weight")
}

/// Writes the adapters of a model in the format of the library PEFT.
package struct AdapterWriter {
    private let modelClass: ModelClass
    private let model: PortableModel

    /// A writer of adapters for a model of `modelClass`.
    package init(_ modelClass: ModelClass, _ model: PortableModel) {
        (self.modelClass, self.model) = (modelClass, model)
    }

    /// Writes `adapter_config.json` and `adapter_model.safetensors`.
    ///
    /// Where several adapters adapt outputs of one module, the module's adapter has the sum of their ranks: its B has
    /// zeros where an adapter has no outputs. The product, scaled, is the same.
    ///
    /// - Parameters:
    ///   - layout: The layout of the model with its adapters.
    ///   - weights: The arena of the adapters; must stay valid until the call returns.
    ///   - dropout: The dropout probability in training.
    ///   - base: The name of the base model for the configuration.
    ///   - type: The type of the tensors.
    /// - Throws: `usage` for another type; `inputOutput` if writing fails.
    package func write(
        _ layout: ParameterLayout, _ weights: Arena<Float>, dropout: Double, base: String, as type: ExportType,
        to directory: String
    ) throws(Failure) {
        guard let tensorType = type.tensorType else {
            throw Failure(
                .usage,
                "export: --type: found \(type.rawValue); allowed: float32, float16, bfloat16 with --format peft.")
        }
        let modules = modelClass.adapterModules(model, layout)
        let pairs = modules.compactMap { Pair($0, layout.adapters, weights) }
        let sources = pairs.flatMap(\.sources).sorted { $0.name.exact < $1.name.exact }
        try FileSystem.makeDirectory(directory)
        try SafetensorsFile.replace(
            "\(directory)/\(AdapterFiles.weightsName)", with: sources.map { $0.converted(to: tensorType) })
        withExtendedLifetime(pairs) {}
        let text = configuration(pairs, layout.adaptation!, dropout, base).page
        try FileSystem.replaceContents(of: "\(directory)/\(AdapterFiles.configurationName)", with: text)
    }

    private func configuration(
        _ pairs: [Pair], _ adaptation: LowRankAdaptation, _ dropout: Double, _ base: String
    ) -> JSON {
        let most = pairs.map(\.members).max() ?? 1
        let others = pairs.filter { $0.members < most }
        func rank(_ members: Int) -> JSON { .integer(adaptation.rank * members) }
        func alpha(_ members: Int) -> JSON { .number(adaptation.alpha * Double(members)) }
        let members: [JSON.Member] = [
            .init("peft_type", "LORA"), .init("task_type", task.map(JSON.string) ?? .null),
            .init("base_model_name_or_path", .string(base)), .init("inference_mode", true),
            .init("r", rank(most)), .init("lora_alpha", alpha(most)), .init("lora_dropout", .number(dropout)),
            .init("target_modules", .array(pairs.map { .string($0.module.name) })),
            .init("rank_pattern", .object(others.map { .init($0.module.name, rank($0.members)) })),
            .init("alpha_pattern", .object(others.map { .init($0.module.name, alpha($0.members)) })),
            .init("fan_in_fan_out", .boolean(pairs.contains { $0.module.isTransposed })), .init("bias", "none"),
            .init("modules_to_save", .null), .init("init_lora_weights", true), .init("use_rslora", false),
            .init("use_dora", false),
        ]
        return .object(members)
    }

    /// PEFT's name of what the model does.
    private var task: String? {
        switch model.configuration.family {
        case .decoder: "CAUSAL_LM"
        case .encoderDecoder: "SEQ_2_SEQ_LM"
        default: nil
        }
    }

    /// The two matrices of a module.
    private struct Pair {
        let module: AdapterModule
        /// The number of adapters that are combined.
        let members: Int
        private let rank: Int
        private let inputWidth: Int
        /// [rank, inputs] and [outputs of the module, rank].
        private let a: Arena<Float>
        private let b: Arena<Float>

        /// Combines the adapters of the outputs of `module`; nil if there are none.
        init?(_ module: AdapterModule, _ adapters: [LowRankAdapter], _ weights: Arena<Float>) {
            let own = adapters.filter { adapter in
                adapter.weight == module.weight && module.outputs.contains { adapter.outputs.contains($0) }
            }
            guard let first = own.first else { return nil }
            self.module = module
            (members, rank, inputWidth) = (own.count, own.count * first.rank, first.inputWidth)
            a = Arena(count: rank * inputWidth)
            b = Arena(count: module.outputs.count * rank)
            for (number, adapter) in own.enumerated() {
                (a.base + number * adapter.rank * inputWidth).update(
                    from: weights.base + adapter.a, count: adapter.rank * inputWidth)
                for (row, output) in module.outputs.enumerated() where adapter.outputs.contains(output) {
                    (b.base + row * rank + number * adapter.rank).update(
                        from: weights.base + adapter.b + (output - adapter.outputs.lowerBound) * adapter.rank,
                        count: adapter.rank)
                }
            }
        }

        /// The tensors to write; the pair must stay alive until they are written.
        var sources: [TensorSource] {
            let name = AdapterFiles.prefix + module.name
            return [
                TensorSource(
                    name: name + AdapterFiles.a, type: .float32, shape: [rank, inputWidth],
                    bytes: UnsafeRawBufferPointer(a.bytes(of: 0..<rank * inputWidth))),
                TensorSource(
                    name: name + AdapterFiles.b, type: .float32, shape: [module.outputs.count, rank],
                    bytes: UnsafeRawBufferPointer(b.bytes(of: 0..<module.outputs.count * rank))),
            ]
        }
    }
}
