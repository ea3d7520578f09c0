import Failures
import Files
import Models
import Tensors
import Texts

/// A model class of the library `transformers`, with its mapping to dtrain's models.
package struct ModelClass: Sendable {
    /// The class name, as in `architectures` of `config.json`.
    package private(set) var name: String
    /// The value of `model_type`.
    private(set) var modelType: String
    /// The corresponding dtrain family.
    let family: ModelConfiguration.Family
    /// The prefix of tensor names; files of the model without its head omit it.
    let prefix: String
    /// Whether the class generates text and therefore has a `generation_config.json`.
    var generates = false
    /// The mapping of the members of `config.json`, without the usual restrictions.
    let members: [ConfigurationLink]
    /// The mapping of a model's tensors.
    let tensors: @Sendable (PortableModel) -> [TensorLink]
    /// Tensors that files of the class may contain and that do not affect the model's results.
    var ignored: [NamePattern] = []
    /// Renamed suffixes of tensor names: older files use `old`.
    var olderNames: [(old: String, new: String)] = []
    /// The tensor [1, V] that is the bias of the output projection if it is not zero.
    var finalBias: String?
    /// The tensor that is the output projection, unless hidden states are scaled; without it the projection is the
    /// token embedding.
    var untiedHead: String?

    /// All supported classes. Of several that can represent a model, `holding` takes the first.
    static let all: [ModelClass] = [
        gpt2, llama, mistral, qwen2, qwen3, gemma, gptNeoX, starcoder2, bertMaskedLM, robertaMaskedLM,
        distilBERTMaskedLM,
        robertaMaskedLM.called("XLMRobertaForMaskedLM", "xlm-roberta"),
        robertaMaskedLM.called("CamembertForMaskedLM", "camembert"),
        bertClassifier, robertaClassifier, distilBERTClassifier,
        robertaClassifier.called("XLMRobertaForSequenceClassification", "xlm-roberta"),
        robertaClassifier.called("CamembertForSequenceClassification", "camembert"),
        marian, bart, t5, mt5, vit, deit,
    ]

    /// The same class under the name of models that differ only in how they were trained.
    private func called(_ name: String, _ modelType: String) -> ModelClass {
        var other = self
        (other.name, other.modelType) = (name, modelType)
        return other
    }

    /// The names of all classes.
    package static var names: [String] { all.map(\.name) }

    /// The mapping of the members of `config.json`, and the restrictions of options that the class does not have.
    var configuration: [ConfigurationLink] { members + ConfigurationLink.usual(without: members) }

    /// Returns the class that can represent `model`.
    ///
    /// - Parameters:
    ///   - name: The name of the class; nil: `preferred` if it can represent the model, otherwise the first of `all`.
    ///   - preferred: The class that the model was imported from.
    /// - Throws: `usage` if there is none, with the incompatibilities of the closest class.
    package static func holding(
        _ model: PortableModel, named name: String? = nil, preferring preferred: String? = nil
    ) throws(Failure) -> ModelClass {
        var candidates = all.filter { $0.family == model.configuration.family }
        if let name {
            guard let named = all.first(where: { $0.name.exact == name.exact }) else {
                throw Failure(
                    .usage, "export: --class: found \(name); allowed: \(names.joined(separator: ", ")).")
            }
            guard named.family == model.configuration.family else {
                throw Failure(
                    .usage,
                    "export: \(name) cannot represent this model: model.family: found "
                        + "\(model.configuration.family.rawValue); allowed: \(named.family.rawValue).")
            }
            candidates = [named]
        }
        let judged = candidates.map { candidate in
            (candidate: candidate, objections: candidate.configuration.compactMap { $0.objection(model) })
        }
        guard let best = judged.min(by: { $0.objections.count < $1.objections.count }) else {
            let families = ModelConfiguration.Family.allCases.filter { family in
                all.contains { $0.family == family }
            }
            throw Failure(
                .usage,
                "export: model.family: found \(model.configuration.family.rawValue), for which transformers has "
                    + "no class; allowed: \(families.map(\.rawValue).joined(separator: ", ")).")
        }
        if let same = judged.first(where: { $0.candidate.name.exact == preferred?.exact && $0.objections.isEmpty }) {
            return same.candidate
        }
        if best.objections.isEmpty { return best.candidate }
        let others = judged.dropFirst().isEmpty ? "" : ", the nearest class of transformers,"
        throw Failure(
            .usage,
            "export: \(best.candidate.name)\(others) cannot represent this model: "
                + "\(best.objections.joined(separator: "; ")).")
    }

    /// Returns the class that `config.json` names.
    ///
    /// - Throws: `badData` if the class is not supported.
    static func named(in file: ConfigurationFile) throws(Failure) -> ModelClass {
        let type = try file.string("model_type", default: nil)
        let candidates = all.filter { $0.modelType == type }
        guard let usual = candidates.first else {
            var types: [String] = []
            for type in all.map(\.modelType) where !types.contains(type) { types.append(type) }
            throw file.unexpected("model_type", types.joined(separator: ", "))
        }
        guard let names = file["architectures"]?.arrayValue, !names.isEmpty else { return usual }
        guard let named = candidates.first(where: { names.contains(.string($0.name)) }) else {
            throw file.unexpected("architectures", candidates.map { "[\"\($0.name)\"]" }.joined(separator: ", "))
        }
        return named
    }

    /// Parses the model description in `config.json`.
    package func model(_ file: ConfigurationFile) throws(Failure) -> PortableModel {
        var model = PortableModel()
        model.configuration.family = family
        for member in ModelClass.unsupportedMembers where file[member] != nil {
            throw Failure(.badData, "\(file.path): \(member): is not supported. Allowed: a model without it.")
        }
        for link in configuration { try link.read(file, &model) }
        return model
    }

    /// The contents of `config.json` for `model`.
    func configurationFile(_ model: PortableModel, _ type: ExportType) -> JSON {
        .object(
            [
                JSON.Member("architectures", [.string(name)]), JSON.Member("model_type", .string(modelType)),
                // Older versions of transformers use the second name.
                JSON.Member("dtype", .string(type.rawValue)), JSON.Member("torch_dtype", .string(type.rawValue)),
            ] + ConfigurationLink.nested(configuration.flatMap { $0.write(model) }))
    }

    /// Converts a tensor name from an older file, or from a file without the model's head, to the current name in a
    /// file of the whole model.
    func presentName(_ name: String, among expected: Set<ExactText>) -> String {
        var name = name
        for (old, new) in olderNames {
            if let stem = name.withoutExactSuffix(old) { name = stem + new }
        }
        return !expected.contains(name.exact) && expected.contains((prefix + name).exact) ? prefix + name : name
    }

    /// Whether the tensor can be ignored without changing the model.
    func ignores(_ name: String) -> Bool {
        guard name.utf8.count <= ModelClass.nameBytesLimit else { return false }
        return ignored.contains { $0.matches(name) || $0.matches(prefix + name) }
    }

    /// Members of any class that change how its tensors are to be read.
    private static let unsupportedMembers = ["quantization_config", "compression_config"]

    /// No tensor of a supported class has a longer name. Comparing two names takes time proportional to the product of
    /// their lengths.
    static let nameBytesLimit = 256
}

extension ConfigurationLink {
    /// Converts members with a dotted name to members of nested objects, and keeps the last of several values.
    fileprivate static func nested(_ members: [JSON.Member]) -> [JSON.Member] {
        var result: [JSON.Member] = []
        for member in members {
            let parts = member.name.exactParts(at: ".", maxSplits: 1)
            guard parts.count == 2 else {
                // A later link overrides an earlier one.
                result.removeAll { $0.name == member.name }
                result.append(member)
                continue
            }
            let inner = JSON.Member(parts[1], member.value)
            if let index = result.firstIndex(where: { $0.name == parts[0] }) {
                result[index] = JSON.Member(parts[0], .object((result[index].value.objectValue ?? []) + [inner]))
            } else {
                result.append(JSON.Member(parts[0], .object([inner])))
            }
        }
        return result
    }
}
