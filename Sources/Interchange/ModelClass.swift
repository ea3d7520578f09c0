import Failures
import Files
import Models
import Tensors
import Texts

/// A class of the library `transformers`, and which of our models it is.
package struct ModelClass: Sendable {
    /// The name of the class, as `architectures` has it.
    package let name: String
    /// The value of `model_type`.
    let modelType: String
    /// The family of ours.
    let family: ModelConfiguration.Family
    /// What the names of tensors begin with, but in files of the model without its head.
    let prefix: String
    /// Whether the class continues a text, so that `generation_config.json` belongs to it.
    var generates = false
    /// The lines of `config.json`.
    let configuration: [ConfigurationLink]
    /// The lines of the tensors of a model.
    let tensors: @Sendable (PortableModel) -> [TensorLink]
    /// Tensors that files of the class may hold and that the class does not compute with.
    var ignored: [NamePattern] = []
    /// Older names: what ends with the first ends with the second today.
    var olderNames: [(old: String, new: String)] = []

    /// The catalogue.
    static let all: [ModelClass] = [gpt2, llama, bertMaskedLM, bertClassifier, marian, vit]

    /// The class that can hold `model`.
    ///
    /// - Throws: `usage` where none can, with what would have to be otherwise for the one that comes nearest.
    package static func holding(_ model: PortableModel) throws(Failure) -> ModelClass {
        let candidates = all.filter { $0.family == model.configuration.family }
        let judged = candidates.map { candidate in
            (candidate: candidate, objections: candidate.configuration.compactMap { $0.objection(model) })
        }
        guard let best = judged.min(by: { $0.objections.count < $1.objections.count }) else {
            let families = ModelConfiguration.Family.allCases.filter { family in
                all.contains { $0.family == family }
            }
            throw Failure(
                .usage,
                "export: model.family: found \(model.configuration.family.rawValue), which no class of transformers "
                    + "is; allowed: \(families.map(\.rawValue).joined(separator: ", ")).")
        }
        if best.objections.isEmpty { return best.candidate }
        let others = judged.dropFirst().isEmpty ? "" : ", the nearest class of transformers,"
        throw Failure(
            .usage,
            "export: \(best.candidate.name)\(others) cannot hold this model: "
                + "\(best.objections.joined(separator: "; ")).")
    }

    /// The class that `config.json` speaks of.
    ///
    /// - Throws: `badData` where it is none of the catalogue.
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

    /// The model that `config.json` describes.
    func model(_ file: ConfigurationFile) throws(Failure) -> PortableModel {
        var model = PortableModel()
        model.configuration.family = family
        for link in configuration { try link.read(file, &model) }
        return model
    }

    /// What `config.json` of `model` says.
    func configurationFile(_ model: PortableModel) -> JSON {
        .object(
            [
                JSON.Member("architectures", [.string(name)]), JSON.Member("model_type", .string(modelType)),
                JSON.Member("dtype", "float32"),
            ] + ConfigurationLink.nested(configuration.flatMap { $0.write(model) }))
    }

    /// The name that a tensor would have if its file were of today and of the whole model.
    func presentName(_ name: String, among expected: Set<ExactText>) -> String {
        var name = name
        for (old, new) in olderNames {
            if let stem = name.withoutExactSuffix(old) { name = stem + new }
        }
        return !expected.contains(name.exact) && expected.contains((prefix + name).exact) ? prefix + name : name
    }

    /// Whether nothing is lost without the tensor.
    func ignores(_ name: String) -> Bool {
        guard name.utf8.count <= ModelClass.nameBytesLimit else { return false }
        return ignored.contains { $0.matches(name) || $0.matches(prefix + name) }
    }

    /// No tensor of the catalogue has a longer name; to compare two costs the product of their lengths.
    static let nameBytesLimit = 256
}

extension ConfigurationLink {
    /// Members whose names have a dot, put into objects.
    fileprivate static func nested(_ members: [JSON.Member]) -> [JSON.Member] {
        var result: [JSON.Member] = []
        for member in members {
            let parts = member.name.exactParts(at: ".", maxSplits: 1)
            guard parts.count == 2 else {
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
