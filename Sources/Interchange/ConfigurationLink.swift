import Failures
import Files
import Texts

/// A line of a class's table: a part of `config.json`, what it is here, and which models it has no words for.
struct ConfigurationLink: Sendable {
    /// A property of a model.
    typealias Property<Value> = WritableKeyPath<PortableModel, Value> & Sendable

    /// Why the class cannot hold a model: our key, what was found, what is allowed; nil: it can.
    var objection: @Sendable (PortableModel) -> String? = { _ in nil }
    /// What it writes to `config.json`.
    var write: @Sendable (PortableModel) -> [JSON.Member] = { _ in [] }
    /// Takes up what stands in `config.json`.
    var read: @Sendable (ConfigurationFile, inout PortableModel) throws(Failure) -> Void

    /// A count from 1 on.
    ///
    /// - Parameter standard: What it is where the file is silent; nil: the file has to say it.
    static func count(_ name: String, _ property: Property<Int>, default standard: Int? = nil) -> Self {
        Self(write: { [JSON.Member(name, .integer($0[keyPath: property]))] }) { (file, model) throws(Failure) in
            model[keyPath: property] = try file.integer(name, in: 1...countLimit, default: standard)
        }
    }

    /// A count that is that of `original` where the file is silent.
    static func count(_ name: String, _ property: Property<Int>, like original: Property<Int>) -> Self {
        Self(write: { [JSON.Member(name, .integer($0[keyPath: property]))] }) { (file, model) throws(Failure) in
            model[keyPath: property] = try file.integer(name, in: 1...countLimit, default: model[keyPath: original])
        }
    }

    /// A number, in one or several members; the first that is there is read.
    static func number(_ names: String..., property: Property<Double>, default standard: Double) -> Self {
        Self(write: { model in names.map { JSON.Member($0, .number(model[keyPath: property])) } }) {
            (file, model) throws(Failure) in
            let name = names.first { file[$0] != nil } ?? names[0]
            model[keyPath: property] = try file.number(name, default: standard)
        }
    }

    /// True or false.
    static func flag(_ name: String, _ property: Property<Bool>, default standard: Bool) -> Self {
        Self(write: { [JSON.Member(name, .boolean($0[keyPath: property]))] }) { (file, model) throws(Failure) in
            model[keyPath: property] = try file.flag(name, default: standard)
        }
    }

    /// One of a few words, each for one of our values; of several for the same value the first is written.
    static func choice<Value: RawRepresentable<String> & Sendable & Equatable>(
        _ name: String, _ key: String, _ property: Property<Value>, _ words: [(word: String, value: Value)],
        default standard: String
    ) -> Self {
        Self(
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

    /// The activation between the two maps of a feed-forward network that has no gate, by the words of transformers.
    static func activation(_ name: String, default standard: String) -> Self {
        choice(
            name, "model.activation", \.configuration.activation,
            [("gelu", .geluExact), ("gelu_new", .gelu), ("relu", .relu), ("silu", .silu), ("swish", .silu)],
            default: standard)
    }

    /// A member that has one value only, which is also what it means where it is absent.
    static func always(_ name: String, _ value: JSON) -> Self {
        Self(write: { _ in [JSON.Member(name, value)] }) { (file, _) throws(Failure) in
            guard file[name] == nil || file[name] == value else { throw file.unexpected(name, value.line) }
        }
    }

    /// A member that is not written, and where it stands has one value only.
    static func absent(_ name: String, or value: JSON) -> Self {
        Self { (file, _) throws(Failure) in
            guard file[name] == nil || file[name] == value else { throw file.unexpected(name, value.line) }
        }
    }

    /// A value of ours that models of the class have, without a word for it.
    static func only<Value: Equatable & Sendable>(
        _ key: String, _ property: Property<Value>, _ value: Value, _ text: @escaping @Sendable (Value) -> String
    ) -> Self {
        Self(objection: { model in
            let found = model[keyPath: property]
            return found == value ? nil : "\(key): found \(text(found)); allowed: \(text(value))"
        }) { (_, model) throws(Failure) in model[keyPath: property] = value }
    }

    /// A word of ours that models of the class have.
    static func only<Value: RawRepresentable<String> & Equatable & Sendable>(
        _ key: String, _ property: Property<Value>, _ value: Value
    ) -> Self {
        only(key, property, value) { $0.rawValue }
    }

    /// A flag of ours that models of the class have.
    static func only(_ key: String, _ property: Property<Bool>, _ value: Bool) -> Self {
        only(key, property, value) { String($0) }
    }

    /// As many heads of keys and values as of queries.
    static let allHeads = Self(objection: { model in
        let (found, heads) = (model.configuration.keyHeads, model.configuration.heads)
        return found == heads ? nil : "model.kv_heads: found \(found); allowed: \(heads), as many as model.heads"
    }) { (_, model) throws(Failure) in model.configuration.kvHeads = 0 }

    /// A special token's number, null where there is none.
    static func token(_ name: String, _ property: Property<Int32?>) -> Self {
        Self(write: { [JSON.Member(name, $0[keyPath: property].map { .integer(Int($0)) } ?? .null)] }) {
            (file, model) throws(Failure) in
            // Some models have several tokens that end a text; the first is the usual one.
            let found = file[name]?.arrayValue?.first ?? file[name]
            guard let found else { return model[keyPath: property] = nil }
            guard let number = found.integerValue.flatMap(Int32.init(exactly:)), number >= 0 else {
                throw file.unexpected(name, "a token's number or null")
            }
            // A number beyond the vocabulary is one that the program which wrote it never looked at.
            model[keyPath: property] = Int(number) < model.vocabularySize ? number : nil
        }
    }

    /// Bounds what any count may be; what it may be here is the configuration's matter.
    private static let countLimit = 1 << 31

    private static func list(_ words: [String]) -> String {
        var seen: Set<ExactText> = []
        return words.filter { seen.insert($0.exact).inserted }.joined(separator: ", ")
    }
}
