import Failures
import Files
import Models

extension ConfigurationLink {
    /// The rotary angles: their base, the rotated part of a head, and the scaling for long contexts.
    ///
    /// Must follow the link of the context length. Newer files have all members in `rope_parameters`; older ones have
    /// the base beside them and the scaling in `rope_scaling`.
    ///
    /// - Parameters:
    ///   - context: The name of the member with the context length.
    ///   - older: Older names of the base and of the rotated part.
    ///   - share: The default of the rotated part; nil: always the whole head.
    static func rotary(
        context: String, older: (base: String, share: String) = ("rope_theta", "partial_rotary_factor"),
        share standardShare: Double? = nil
    ) -> [ConfigurationLink] {
        [
            Self(
                properties: [\.configuration.rotaryBase, \.configuration.rotaryScaling],
                write: { model in scaling(model.configuration, older.base) }
            ) { (file, model) throws(Failure) in
                let names = [scope(file) + "rope_theta", "rope_parameters.rope_theta", older.base]
                model.configuration.rotaryBase = try file.number(present(names, file), default: 10_000)
                try read(file, &model, context: context)
            },
            Self(
                // Only a class that rotates parts of heads maps the share.
                properties: standardShare == nil ? [] : [\.configuration.rotaryShare],
                write: { model in
                    guard standardShare != nil else { return [] }
                    let share = JSON.number(model.configuration.rotaryShare)
                    return [
                        JSON.Member("rope_parameters.partial_rotary_factor", share), JSON.Member(older.share, share),
                    ]
                }
            ) { (file, model) throws(Failure) in
                let name = present([scope(file) + "partial_rotary_factor", older.share], file)
                let share = try file.number(name, default: standardShare ?? 1)
                guard standardShare != nil || share == 1 else { throw file.unexpected(name, "1.0") }
                model.configuration.rotaryShare = share
            },
            // The length that the scaling refers to, if it is not the context length itself.
            Self(write: { model in
                model.configuration.rotaryScaling == .dynamic
                    ? [JSON.Member(context, .integer(model.configuration.rotaryOriginalContext))] : []
            }) { _, _ in },
        ]
    }

    private static func scope(_ file: ConfigurationFile) -> String {
        file["rope_scaling"] == nil ? "rope_parameters." : "rope_scaling."
    }

    private static func present(_ names: [String], _ file: ConfigurationFile) -> String {
        names.first { file[$0] != nil } ?? names[0]
    }

    private static func scaling(_ model: ModelConfiguration, _ olderBase: String) -> [JSON.Member] {
        var members = [
            JSON.Member("rope_type", .string(model.rotaryScaling == .none ? "default" : model.rotaryScaling.rawValue))
        ]
        if model.rotaryScaling != .none { members.append(.init("factor", .number(model.rotaryFactor))) }
        if model.rotaryScaling == .llama3 {
            members += [
                .init("low_freq_factor", .number(model.rotaryLowFrequency)),
                .init("high_freq_factor", .number(model.rotaryHighFrequency)),
                .init("original_max_position_embeddings", .integer(model.rotaryOriginalContext)),
            ]
        }
        let base = JSON.number(model.rotaryBase)
        return [.init("rope_parameters", .object([.init("rope_theta", base)] + members)), .init(olderBase, base)]
            + (model.rotaryScaling == .none ? [] : [.init("rope_scaling", .object(members))])
    }

    private static func read(_ file: ConfigurationFile, _ model: inout PortableModel, context: String) throws(Failure) {
        let scope = scope(file)
        let type = present([scope + "rope_type", scope + "type"], file)
        let kinds: [(word: String, kind: ModelConfiguration.RotaryScalingKind)] = [
            ("default", .none), ("linear", .linear), ("dynamic", .dynamic), ("llama3", .llama3),
        ]
        let word = try file.string(type, default: "default")
        guard let kind = kinds.first(where: { $0.word == word })?.kind else {
            throw file.unexpected(type, kinds.map(\.word).joined(separator: ", "))
        }
        model.configuration.rotaryScaling = kind
        guard kind != .none else { return }
        let factor = try file.number(scope + "factor", default: nil)
        guard (1...1e6).contains(factor) else { throw file.unexpected(scope + "factor", "1 to 1e6") }
        model.configuration.rotaryFactor = factor
        switch kind {
        case .none, .linear: break
        case .dynamic:
            // The file has the original context length; the factor is meant for a context that is so many times longer.
            model.configuration.rotaryOriginalContext = model.contextLength
            model.contextLength = Int(Double(model.contextLength) * factor)
        case .llama3:
            model.configuration.rotaryLowFrequency = try file.number(scope + "low_freq_factor", default: nil)
            model.configuration.rotaryHighFrequency = try file.number(scope + "high_freq_factor", default: nil)
            model.configuration.rotaryOriginalContext = try file.integer(
                scope + "original_max_position_embeddings", in: 1...1 << 31, default: nil)
        }
    }
}
