import Failures
import Files
import Models
import Texts

/// The options of `generate` for which an imported model may have a value of its own, or that ask for sampling.
package enum GenerationOption: String, CaseIterable, Sendable {
    case tokens, temperature
    case topK = "top-k"
    case topP = "top-p"
    case repetitionPenalty = "repetition-penalty"
    case beams = "beam"
    case lengthPenalty = "length-penalty"
    case seed, samples

    /// Whether a user who gives it wants random outputs.
    var samples: Bool { [.temperature, .topK, .topP, .seed, .samples].contains(self) }
}

/// How an imported model generates in transformers: the members of its `generation_config.json`.
///
/// They are the defaults of `generate` for the model. As in transformers, the most probable token is chosen unless
/// `do_sample` is true, and `top_k` is 50 if tokens are sampled and the file does not say otherwise. Members that
/// dtrain does not know have no effect and are named; a known one with a value that is not allowed is refused.
package struct ImportedSettings: Equatable, Sendable {
    /// The tokens that end an output; empty: that of the tokenizer.
    package private(set) var endTokens: [Int32] = []
    private var samples = false
    private var temperature: Double?
    private var topK: Int?
    private var topP: Double?
    private var repetitionPenalty: Double?
    private var beams: Int?
    private var lengthPenalty: Double?
    /// The numbers of new tokens, and those that count the tokens before them, too.
    private var fewest: Int?
    private var most: Int?
    private var shortest: Int?
    private var longest: Int?
    private var forbidden: [Int32] = []
    /// The names of members without effect here.
    private var others: [String] = []

    /// Reads the members.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of tokens of the model.
    ///   - source: Where the members are, for messages.
    /// - Throws: `badData` for a value that is not allowed.
    package init(_ members: [JSON.Member], vocabularySize: Int, source: String) throws(Failure) {
        for member in members where member.value != .null {
            let value = ImportedValue(member, vocabularySize: vocabularySize, source: source)
            switch member.name.exact {
            case "do_sample": samples = try value.flag()
            case "temperature": temperature = try value.real(in: GenerationLimits.temperature)
            case "top_k": topK = try value.count(in: GenerationLimits.topK)
            case "top_p": topP = try value.real(in: GenerationLimits.topP)
            case "repetition_penalty": repetitionPenalty = try value.real(in: GenerationLimits.repetitionPenalty)
            case "num_beams": beams = try value.count(in: GenerationLimits.beams)
            case "length_penalty": lengthPenalty = try value.real(in: GenerationLimits.lengthPenalty)
            case "max_new_tokens": most = try value.count(in: GenerationLimits.tokens)
            case "min_new_tokens": fewest = try value.count(in: 0...GenerationLimits.tokens.upperBound)
            case "max_length": longest = try value.count(in: 0...GenerationLimits.tokens.upperBound)
            case "min_length": shortest = try value.count(in: 0...GenerationLimits.tokens.upperBound)
            case "eos_token_id": endTokens = try value.tokens()
            case "suppress_tokens": forbidden += try value.tokens()
            case "bad_words_ids":
                if let single = try value.singleTokens() { forbidden += single } else { others.append(member.name) }
            default: if !ImportedSettings.isWithoutEffect(member) { others.append(member.name) }
            }
        }
    }

    /// Changes the settings that the user did not choose.
    ///
    /// - Returns: What was changed, in the words of the command line; nil if nothing was.
    func apply(
        to settings: inout GenerationSettings, except chosen: Set<GenerationOption>, of architecture: Architecture
    ) -> String? {
        var (changes, others): ([String], [String]) = ([], others)
        func set<Value: Equatable>(_ option: GenerationOption, _ place: inout Value, _ value: Value?) {
            guard let value, value != place, !chosen.contains(option) else { return }
            place = value
            let text = "\(value)"
            changes.append("--\(option.rawValue) \(text.hasExactSuffix(".0") ? String(text.dropLast(2)) : text)")
        }
        let wantsSamples = chosen.contains(where: \.samples)
        if !samples, !wantsSamples {
            set(.beams, &settings.decoding.beams, beams)
        } else if let beams, beams > 1, !chosen.contains(.beams) {
            others.append("num_beams")
        }
        if settings.decoding.beams > 1 {
            set(.lengthPenalty, &settings.decoding.lengthPenalty, lengthPenalty)
        } else {
            let usual = architecture.response == .continuation ? 0.8 : 0
            var found = settings.temperature ?? usual
            set(.temperature, &found, samples ? temperature ?? 1 : wantsSamples ? temperature : 0)
            settings.temperature = found
            if samples || wantsSamples, found != 0 {
                set(.topK, &settings.decoding.topK, topK ?? (samples ? 50 : nil))
                set(.topP, &settings.decoding.topP, topP)
            }
        }
        set(.repetitionPenalty, &settings.decoding.repetitionPenalty, repetitionPenalty)
        if !chosen.contains(.tokens) {
            // The first token of an encoder-decoder's output counts.
            let counts = architecture.hasEncoder
            if !counts, longest != nil, most == nil { others.append("max_length") }
            if !counts, shortest ?? 0 > 0, fewest == nil { others.append("min_length") }
            let most = most ?? (counts ? longest.map { max(1, $0 - 1) } : nil) ?? settings.decoding.tokens
            let fewest = min(fewest ?? (counts ? shortest.map { max(0, $0 - 1) } : nil) ?? 0, most)
            if (fewest, most) != (settings.decoding.minimumTokens, settings.decoding.tokens) {
                (settings.decoding.minimumTokens, settings.decoding.tokens) = (fewest, most)
                changes.append("--tokens \(fewest > 0 ? "\(fewest):" : "")\(most)")
            }
        }
        settings.decoding.forbiddenTokens += forbidden
        if !forbidden.isEmpty { changes.append("without \(counted(forbidden.count, "token"))") }
        if !endTokens.isEmpty { changes.append("until token \(endTokens.map(String.init).joined(separator: " or "))") }
        let parts =
            [changes.joined(separator: ", ")]
            + (others.isEmpty ? [] : ["not supported: \(others.joined(separator: ", "))"])
        let text = parts.filter { !$0.isEmpty }.joined(separator: "; ")
        return text.isEmpty ? nil : text
    }

    /// Whether a member changes no text: it has the value that is the default of transformers, or concerns other
    /// things.
    private static func isWithoutEffect(_ member: JSON.Member) -> Bool {
        switch member.name.exact {
        case "use_cache", "cache_implementation", "output_attentions", "output_hidden_states", "output_scores",
            "output_logits", "return_dict_in_generate", "num_return_sequences", "forced_eos_token_id",
            "renormalize_logits", "remove_invalid_values", "max_time":
            true
        case "typical_p", "num_beam_groups", "encoder_repetition_penalty": member.value.doubleValue == 1
        default: [0, .number(0), false, [], .object([])].contains(member.value)
        }
    }
}

/// The value of a member, with its name for messages.
private struct ImportedValue {
    private let (name, value): (String, JSON)
    private let vocabularySize: Int
    private let source: String

    init(_ member: JSON.Member, vocabularySize: Int, source: String) {
        (name, value) = (member.name, member.value)
        (self.vocabularySize, self.source) = (vocabularySize, source)
    }

    private func wrong(_ allowed: String) -> Failure {
        Failure(.badData, "\(source): \"\(name)\" is \(String(value.line.prefix(60))); allowed: \(allowed).")
    }

    func flag() throws(Failure) -> Bool {
        guard case .boolean(let flag) = value else { throw wrong("true or false") }
        return flag
    }

    func real(in range: ClosedRange<Double>) throws(Failure) -> Double {
        guard let number = value.doubleValue, range.contains(number) else {
            throw wrong("a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func count(in range: ClosedRange<Int>) throws(Failure) -> Int {
        guard let number = value.integerValue, range.contains(number) else {
            throw wrong("a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A token ID or a list of them; IDs beyond the vocabulary, which no model generates, are left out.
    func tokens() throws(Failure) -> [Int32] {
        var tokens: [Int32] = []
        for item in value.arrayValue ?? [value] {
            guard let number = item.integerValue, number >= 0 else { throw wrong("token IDs") }
            if number < vocabularySize, !tokens.contains(Int32(number)) { tokens.append(Int32(number)) }
        }
        return tokens
    }

    /// The tokens of lists with one token each; nil if one has several.
    func singleTokens() throws(Failure) -> [Int32]? {
        guard let lists = value.arrayValue else { throw wrong("a list of lists of token IDs") }
        var found: [Int32] = []
        for list in lists {
            let tokens = try ImportedValue(.init(name, list), vocabularySize: vocabularySize, source: source).tokens()
            guard list.arrayValue?.count == 1 else { return nil }
            found += tokens
        }
        return found
    }
}
