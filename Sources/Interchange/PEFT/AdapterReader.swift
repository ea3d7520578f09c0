import Failures
import Files
import Models
import Tensors
import Texts

/// Reads an adapter in the format of the library PEFT: `adapter_config.json` and `adapter_model.safetensors`.
package struct AdapterReader {
    /// The adaptation, with the full names of the adapted layers as targets.
    package let adaptation: LowRankAdaptation
    private let path: String
    private let weights: WeightFiles
    /// The module of each adapter, by the adapter's name.
    private let modules: [ExactText: AdapterModule]

    /// Whether `directory` has the configuration of an adapter.
    package static func holdsAdapter(_ directory: String) throws(Failure) -> Bool {
        try FileSystem.isPresent("\(directory)/\(AdapterFiles.configurationName)")
    }

    /// Opens an adapter for a model; only the headers of the tensors are read.
    ///
    /// - Parameters:
    ///   - model: The model that the adapter adapts.
    ///   - layout: The layout of the model.
    /// - Throws: `badData` if the adapter is for layers that the model does not have, or uses methods that dtrain does
    ///   not know.
    package init(_ directory: String, for model: PortableModel, _ layout: ParameterLayout) throws(Failure) {
        let file = try ConfigurationFile("\(directory)/\(AdapterFiles.configurationName)")
        try AdapterReader.requireKnownMethod(file)
        var adaptation = LowRankAdaptation()
        adaptation.rank = try file.integer("r", in: 1...65536, default: nil)
        adaptation.alpha = try file.number("lora_alpha", default: nil)
        adaptation.dropout = try file.number("lora_dropout", default: 0)
        guard (1e-6...1e6).contains(adaptation.alpha) else {
            throw file.unexpected("lora_alpha", "0.000001 to 1000000")
        }
        guard (0..<1).contains(adaptation.dropout) else { throw file.unexpected("lora_dropout", "0 to below 1") }
        weights = try WeightFiles(directory, fileName: AdapterFiles.weightsName)
        path = weights.path
        let known = ModelClass.representing(model).map { $0.moduleNames(model, layout) }
        let names = try AdapterReader.moduleNames(weights)
        let fitting = known.first { modules in names.allSatisfy { modules[$0.exact] != nil } } ?? known.first ?? [:]
        var modules: [ExactText: AdapterModule] = [:]
        for name in names {
            guard let module = fitting[name.exact] else {
                throw Failure(
                    .badData,
                    "\(path): adapts \(name), which the base model does not have; the nearest: "
                        + NamePattern(String(name.prefix(ModelClass.nameBytesLimit)))
                        .nearest(3, among: fitting.keys.map(\.text).sortedExactly()).joined(separator: ", ")
                        + ". Name the base that it was trained for: --base DIR.")
            }
            let sorted = module.outputs.sorted()
            let outputs = sorted[0]..<sorted[sorted.count - 1] + 1
            guard let adapted = layout.adaptables.first(where: { $0.weight == module.weight && $0.outputs == outputs })
            else { preconditionFailure("\(name) is no part of a layer") }
            modules[adapted.name.exact] = module
        }
        adaptation.targets = layout.adaptables.map(\.name).filter { modules[$0.exact] != nil }
        (self.adaptation, self.modules) = (adaptation, modules)
    }

    /// Reads all adapters into `target`.
    ///
    /// - Parameters:
    ///   - layout: The layout of the model with `adaptation`.
    ///   - target: An arena of `layout.trained`.
    /// - Throws: `badData` if a matrix is missing, or has a shape other than that of the rank.
    package func load(_ layout: ParameterLayout, into target: Arena<Float>) throws(Failure) {
        for adapter in layout.adapters {
            let module = modules[adapter.name.exact]!
            let (rank, rows) = (adapter.rank, module.outputs.count)
            let numbers = UnsafeMutableBufferPointer<Float>.allocate(capacity: rows * rank)
            defer { numbers.deallocate() }
            try read(module, AdapterFiles.a, [rank, adapter.inputWidth], into: target.base + adapter.a)
            try read(module, AdapterFiles.b, [rows, rank], into: numbers.baseAddress!)
            for (row, output) in module.outputs.enumerated() {
                (target.base + adapter.b + (output - adapter.outputs.lowerBound) * rank).update(
                    from: numbers.baseAddress! + row * rank, count: rank)
            }
        }
    }

    private func read(
        _ module: AdapterModule, _ suffix: String, _ shape: [Int], into target: UnsafeMutablePointer<Float>
    ) throws(Failure) {
        let name = AdapterFiles.prefix + module.name + suffix
        guard let found = weights.shape(of: name) else {
            throw Failure(.badData, "\(path): tensor \(name): is missing; the other matrix of the module is there.")
        }
        guard found == shape else {
            throw Failure(
                .badData,
                "\(path): tensor \(name): its shape is \(found); for rank \(adaptation.rank), as in "
                    + "\(AdapterFiles.configurationName), and this base model it must be \(shape).")
        }
        try weights.check(name, shape: shape)
        try weights.read(name, into: target, count: shape.reduce(1, *))
    }

    /// The names of the adapted modules.
    ///
    /// - Throws: `badData` for a tensor that is no matrix of an adapter.
    private static func moduleNames(_ weights: WeightFiles) throws(Failure) -> [String] {
        var names: Set<ExactText> = []
        for name in weights.names.sortedExactly() {
            let stem = name.withoutExactSuffix(AdapterFiles.a) ?? name.withoutExactSuffix(AdapterFiles.b)
            guard let module = stem?.withoutExactPrefix(AdapterFiles.prefix) else {
                throw Failure(
                    .badData,
                    "\(weights.path(of: name)): tensor \(name): is no matrix of an adapter; allowed: "
                        + "\(AdapterFiles.prefix)MODULE\(AdapterFiles.a) and \(AdapterFiles.b).")
            }
            names.insert(module.exact)
        }
        guard !names.isEmpty else { throw Failure(.badData, "\(weights.path): has no tensors.") }
        return names.sorted().map(\.text)
    }

    /// Members that are set only by methods that change what an adapter computes or what else is trained.
    private static let otherMethods = [
        "modules_to_save", "rank_pattern", "alpha_pattern", "layer_replication", "trainable_token_indices",
        "target_parameters", "alora_invocation_tokens", "arrow_config", "kasa_config", "velora_config",
        "monteclora_config", "use_bdlora",
    ]

    /// Checks that the adapter is y = W·x + α/r · B·A·x and nothing more.
    private static func requireKnownMethod(_ file: ConfigurationFile) throws(Failure) {
        guard try file.string("peft_type", default: nil) == "LORA" else { throw file.unexpected("peft_type", "LORA") }
        for name in ["use_rslora", "use_dora", "lora_bias", "use_qalora"] {
            if try file.flag(name, default: false) { throw file.unexpected(name, "false") }
        }
        guard try file.string("bias", default: "none") == "none" else { throw file.unexpected("bias", "none") }
        for name in AdapterReader.otherMethods {
            guard let value = file[name] else { continue }
            guard value.arrayValue?.isEmpty ?? value.objectValue?.isEmpty ?? false else {
                throw file.unexpected(name, "null or empty")
            }
        }
        // Other initializations change the base.
        switch file["init_lora_weights"] {
        case nil, .boolean?, .string("gaussian")?: break
        default: throw file.unexpected("init_lora_weights", "true, false, \"gaussian\"")
        }
    }
}

extension ModelClass {
    /// The classes that can represent `model`.
    fileprivate static func representing(_ model: PortableModel) -> [ModelClass] {
        all.filter { candidate in
            candidate.family == model.configuration.family
                && candidate.configuration.allSatisfy { $0.objection(model) == nil }
        }
    }

    /// The modules that adapters can adapt, by name.
    fileprivate func moduleNames(_ model: PortableModel, _ layout: ParameterLayout) -> [ExactText: AdapterModule] {
        Dictionary(uniqueKeysWithValues: adapterModules(model, layout).map { ($0.name.exact, $0) })
    }
}
