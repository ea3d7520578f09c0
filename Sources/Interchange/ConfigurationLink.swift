import Failures
import Files
import Models
import Texts

/// One entry of a class's mapping table: how a part of `config.json` corresponds to a dtrain model, and which models
/// the class cannot represent.
struct ConfigurationLink: Sendable {
    /// A property of a model.
    typealias Property<Value> = WritableKeyPath<PortableModel, Value> & Sendable

    /// The properties that the link maps or restricts; the usual restriction of these properties does not apply.
    var properties: [PartialKeyPath<PortableModel> & Sendable] = []
    /// The incompatibility of a model with the class: dtrain's key, the value found, the values allowed; nil if there
    /// is none.
    var objection: @Sendable (PortableModel) -> String? = { _ in nil }
    /// The members to write to `config.json`.
    var write: @Sendable (PortableModel) -> [JSON.Member] = { _ in [] }
    /// Reads members of `config.json` into a model.
    var read: @Sendable (ConfigurationFile, inout PortableModel) throws(Failure) -> Void

    /// A count of at least 1.
    ///
    /// - Parameter standard: The value if the member is absent; nil: it is required.
    static func count(_ name: String, _ property: Property<Int>, default standard: Int? = nil) -> Self {
        Self(properties: [property], write: { [JSON.Member(name, .integer($0[keyPath: property]))] }) {
            (file, model) throws(Failure) in
            model[keyPath: property] = try file.integer(name, in: 1...countLimit, default: standard)
        }
    }

    /// A count under another name, which other programs read, such as llama.cpp's converter; it is not read here.
    static func repeated(_ name: String, _ property: Property<Int>) -> Self {
        Self(write: { [JSON.Member(name, .integer($0[keyPath: property]))] }) { _, _ in }
    }

    /// A count whose default is the property `original`.
    static func count(_ name: String, _ property: Property<Int>, like original: Property<Int>) -> Self {
        Self(properties: [property], write: { [JSON.Member(name, .integer($0[keyPath: property]))] }) {
            (file, model) throws(Failure) in
            model[keyPath: property] = try file.integer(name, in: 1...countLimit, default: model[keyPath: original])
        }
    }

    /// A number, written under all `names`; the first name that is present is read.
    static func number(_ names: String..., property: Property<Double>, default standard: Double) -> Self {
        Self(write: { model in names.map { JSON.Member($0, .number(model[keyPath: property])) } }) {
            (file, model) throws(Failure) in
            let name = names.first { file[$0] != nil } ?? names[0]
            model[keyPath: property] = try file.number(name, default: standard)
        }
    }

    /// A Boolean.
    static func flag(_ name: String, _ property: Property<Bool>, default standard: Bool) -> Self {
        Self(properties: [property], write: { [JSON.Member(name, .boolean($0[keyPath: property]))] }) {
            (file, model) throws(Failure) in
            model[keyPath: property] = try file.flag(name, default: standard)
        }
    }

    /// A string that stands for one of dtrain's values. If several strings stand for the same value, the first is
    /// written.
    static func choice<Value: RawRepresentable<String> & Sendable & Equatable>(
        _ name: String, _ key: String, _ property: Property<Value>, _ words: [(word: String, value: Value)],
        default standard: String
    ) -> Self {
        Self(
            properties: [property],
            objection: { model in
                let found = model[keyPath: property]
                if words.contains(where: { $0.value == found }) { return nil }
                return "\(key): found \(found.rawValue); allowed: \(list(words.map(\.value.rawValue)))"
            },
            write: { model in
                let word = words.first { $0.value == model[keyPath: property] }?.word
                return [JSON.Member(name, word.map(JSON.string) ?? .null)]
            },
            read: { (file, model) throws(Failure) in
                let word = try file.string(name, default: standard)
                guard let value = words.first(where: { $0.word == word })?.value else {
                    throw file.unexpected(name, list(words.map(\.word)))
                }
                model[keyPath: property] = value
            })
    }

    /// The activation of a feed-forward layer without a gate, by its name in transformers.
    static func activation(_ name: String, default standard: String) -> Self {
        choice(
            name, "model.activation", \.configuration.activation,
            [
                ("gelu", .geluExact), ("gelu_new", .gelu), ("gelu_pytorch_tanh", .gelu), ("relu", .relu),
                ("silu", .silu), ("swish", .silu),
            ], default: standard)
    }

    /// The activation of a feed-forward layer with a gate.
    ///
    /// - Parameter words: Further names, after the usual ones.
    static func gatedActivation(
        _ name: String, default standard: String, _ words: (word: String, value: ModelConfiguration.Activation)...
    ) -> Self {
        choice(
            name, "model.activation", \.configuration.activation,
            [("silu", .swiglu), ("swish", .swiglu), ("gelu_pytorch_tanh", .geglu), ("gelu_new", .geglu)] + words,
            default: standard)
    }

    /// Whether all projections of attention have biases, or none.
    static func attentionBias(_ name: String, default standard: Bool) -> Self {
        Self(
            properties: [\.configuration.attentionBias],
            objection: { model in
                let biases = model.configuration.attentionBiases
                return biases.inputs == biases.output
                    ? nil : "model.attention_bias: found query_key_value; allowed: none, all"
            }, write: { [JSON.Member(name, .boolean($0.configuration.attentionBiases.output))] }
        ) { (file, model) throws(Failure) in
            let isPresent = try file.flag(name, default: standard)
            model.configuration.attentionBias =
                isPresent == model.configuration.bias ? .same : isPresent ? .all : .none
        }
    }

    /// Attention whose projections to queries, keys and values alone have biases.
    static let biasedQueriesKeysValues = Self(
        properties: [\.configuration.attentionBias],
        objection: { model in
            let biases = model.configuration.attentionBiases
            return biases.inputs && !biases.output
                ? nil
                : "model.attention_bias: found \(model.configuration.attentionBias.rawValue); allowed: query_key_value"
        }
    ) { (_, model) throws(Failure) in model.configuration.attentionBias = .queryKeyValue }

    /// Whether the layers of the feed-forward network have biases.
    static func feedForwardBias(_ name: String, default standard: Bool) -> Self {
        Self(
            properties: [\.configuration.feedForwardBias],
            write: { [JSON.Member(name, .boolean($0.configuration.feedForwardHasBias))] }
        ) { (file, model) throws(Failure) in
            let isPresent = try file.flag(name, default: standard)
            model.configuration.feedForwardBias =
                isPresent == model.configuration.bias ? .same : isPresent ? .all : .none
        }
    }

    /// A property whose value follows from the tensors, so that `config.json` has no member for it.
    static func free<Value>(_ property: Property<Value>) -> Self { Self(properties: [property]) { _, _ in } }

    /// A member that must have this value; it is written, and may be absent when read.
    static func always(_ name: String, _ value: JSON) -> Self {
        Self(write: { _ in [JSON.Member(name, value)] }) { (file, _) throws(Failure) in
            guard file[name] == nil || file[name] == value else { throw file.unexpected(name, value.line) }
        }
    }

    /// A member that is not written; when read, it must be absent or have this value.
    static func absent(_ name: String, or value: JSON) -> Self {
        Self { (file, _) throws(Failure) in
            guard file[name] == nil || file[name] == value else { throw file.unexpected(name, value.line) }
        }
    }

    /// A dtrain property that has a fixed value in the class, without a member in `config.json`.
    static func only<Value: Equatable & Sendable>(
        _ key: String, _ property: Property<Value>, _ value: Value, _ text: @escaping @Sendable (Value) -> String
    ) -> Self {
        Self(
            properties: [property],
            objection: { model in
                let found = model[keyPath: property]
                return found == value ? nil : "\(key): found \(text(found)); allowed: \(text(value))"
            }
        ) { (_, model) throws(Failure) in model[keyPath: property] = value }
    }

    /// A property with a fixed value, for enumerations.
    static func only<Value: RawRepresentable<String> & Equatable & Sendable>(
        _ key: String, _ property: Property<Value>, _ value: Value
    ) -> Self {
        only(key, property, value) { $0.rawValue }
    }

    /// A property with a fixed value, for Booleans.
    static func only(_ key: String, _ property: Property<Bool>, _ value: Bool) -> Self {
        only(key, property, value) { String($0) }
    }

    /// A sliding window of attention, for all blocks.
    ///
    /// - Parameter standard: The window if the member is absent; null means none.
    static func window(_ name: String, default standard: Int) -> Self {
        Self(
            properties: [\.configuration.attentionWindow],
            objection: { model in
                let first = model.configuration.unlimitedLayers
                return model.configuration.attentionWindow == 0 || first == 0
                    ? nil : "model.unlimited_layers: found \(first); allowed: 0"
            }, write: { model in [JSON.Member(name, window(model))] }
        ) { (file, model) throws(Failure) in try readWindow(name, default: standard, file, &model) }
    }

    /// A sliding window of attention that applies from a certain block on, if a Boolean member says so.
    static func window(
        _ name: String, default standard: Int, if condition: String, from first: String, default standardFirst: Int
    ) -> Self {
        Self(
            properties: [\.configuration.attentionWindow],
            write: { model in
                let configuration = model.configuration
                let kinds = (0..<configuration.layers).map { index -> JSON in
                    configuration.attentionWindow > 0 && index >= configuration.unlimitedLayers
                        ? "sliding_attention" : "full_attention"
                }
                return [
                    JSON.Member(name, window(model)),
                    JSON.Member(condition, .boolean(configuration.attentionWindow > 0)),
                    JSON.Member(first, .integer(configuration.unlimitedLayers)),
                    JSON.Member("layer_types", .array(kinds)),
                ]
            }
        ) { (file, model) throws(Failure) in
            guard try file.flag(condition, default: false) else { return }
            try readWindow(name, default: standard, file, &model)
            let layers = model.configuration.layers
            var unlimited = try file.integer(first, in: 0...countLimit, default: standardFirst)
            if let kinds = file["layer_types"]?.arrayValue {
                let sliding: JSON = "sliding_attention"
                unlimited = kinds.firstIndex(of: sliding) ?? layers
                guard kinds.count == layers, kinds[..<unlimited].allSatisfy({ $0 == "full_attention" }),
                    kinds[unlimited...].allSatisfy({ $0 == sliding })
                else {
                    throw file.unexpected(
                        "layer_types", "\(layers) times full_attention or sliding_attention, in this order")
                }
            }
            if unlimited >= layers { model.configuration.attentionWindow = 0 }
            model.configuration.unlimitedLayers = model.configuration.attentionWindow > 0 ? unlimited : 0
        }
    }

    private static func window(_ model: PortableModel) -> JSON {
        model.configuration.attentionWindow > 0 ? .integer(model.configuration.attentionWindow) : .null
    }

    private static func readWindow(
        _ name: String, default standard: Int, _ file: ConfigurationFile, _ model: inout PortableModel
    ) throws(Failure) {
        if file[name] == nil, file.contains(name) { return }
        let window = try file.integer(name, in: 1...countLimit, default: standard)
        // A window as long as the context hides nothing.
        model.configuration.attentionWindow = window < model.contextLength ? window : 0
    }

    /// The ID of a special token; null if there is none.
    static func token(_ name: String, _ property: Property<Int32?>) -> Self {
        Self(write: { [JSON.Member(name, $0[keyPath: property].map { .integer(Int($0)) } ?? .null)] }) {
            (file, model) throws(Failure) in
            // Some models have several end tokens; the first is the usual one.
            let found = file[name]?.arrayValue?.first ?? file[name]
            guard let found else { return model[keyPath: property] = nil }
            guard let number = found.integerValue.flatMap(Int32.init(exactly:)), number >= 0 else {
                throw file.unexpected(name, "a token ID or null")
            }
            // IDs beyond the vocabulary occur in files whose program never used them; they are ignored.
            model[keyPath: property] = Int(number) < model.vocabularySize ? number : nil
        }
    }

    /// A general limit of counts; the check of the configuration sets tighter ones.
    private static let countLimit = 1 << 31

    private static func list(_ words: [String]) -> String {
        var seen: Set<ExactText> = []
        return words.filter { seen.insert($0.exact).inserted }.joined(separator: ", ")
    }
}
