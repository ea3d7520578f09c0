import CUnicode

/// The normalization forms of Unicode.
enum NormalizationForm: UInt32, CaseIterable {
    case nfc, nfd, nfkc, nfkd

    var isCompatible: Bool { self == .nfkc || self == .nfkd }
    var composes: Bool { self == .nfc || self == .nfkc }
}

/// The decompositions and compositions of characters; those of Hangul syllables are computed.
///
/// - Source: Unicode Standard Annex 15; chapter 3.12 of the standard for Hangul.
struct Decompositions: Sendable {
    static let all = Decompositions()

    private var canonical: [UInt32: [UInt32]] = [:]
    private var compatible: [UInt32: [UInt32]] = [:]
    /// The composition of two code points.
    private var compositions: [UInt64: UInt32] = [:]
    /// The combining classes that are not 0.
    private(set) var classes: [UInt32: UInt8] = [:]

    /// The syllables, and the lowest code points of their three letters; that of the last stands for none.
    private static let syllables = UInt32(0xAC00)..<0xAC00 + 11172
    private static let first = UInt32(0x1100)..<0x1100 + 19
    private static let vowels = UInt32(0x1161)..<0x1161 + 21
    private static let last = UInt32(0x11A7)..<0x11A7 + 28

    private init() {
        let (kinds, runs) = (numbers(cunicode_kinds()), numbers(cunicode_runs()))
        var code = UInt32(0)
        for run in stride(from: 0, to: runs.count, by: 2) {
            let combiningClass = CharacterKind(rawValue: kinds[Int(runs[run + 1])]).combiningClass
            if combiningClass != 0 { for code in code..<code + runs[run] { classes[code] = combiningClass } }
            code += runs[run]
        }
        let mappings = numbers(cunicode_mappings())
        var composing: [UInt32] = []
        var index = 0
        code = 0
        while index < mappings.count {
            code += mappings[index]
            let facts = mappings[index + 1]
            let mapping = Array(mappings[index + 2..<index + 2 + Int(facts >> 2)])
            if facts & 1 == 0 {
                canonical[code] = mapping
                if facts & 2 != 0 { composing.append(code) }
            } else {
                compatible[code] = mapping
            }
            index += 2 + mapping.count
        }
        // The table has full decompositions. A character is composed of the composition of all code points but the
        // last, and the last.
        for code in composing.sorted(by: { canonical[$0]!.count < canonical[$1]!.count }) {
            let parts = canonical[code]!
            let start = composed(Array(parts.dropLast()))
            precondition(start.count == 1, "a composition of two code points")
            compositions[UInt64(start[0]) << 32 | UInt64(parts.last!)] = code
        }
    }

    /// The code points that a text in the form does not contain, or not in every place.
    func unstableCodes(in form: NormalizationForm) -> [UInt32] {
        var codes = Array(classes.keys)
        if form.composes {
            codes += compositions.keys.map { UInt32(truncatingIfNeeded: $0) } + Self.vowels + Self.last
            codes += canonical.keys.filter { normalized([$0], form) != [$0] }
        } else {
            codes += Array(canonical.keys) + Self.syllables
        }
        return form.isCompatible ? codes + compatible.keys : codes
    }

    /// Returns a text in the form.
    func normalized(_ text: [UInt32], _ form: NormalizationForm) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count + text.count / 4)
        for code in text { decompose(code, form, into: &result) }
        reorder(&result)
        return form.composes ? composed(result) : result
    }

    private func decompose(_ code: UInt32, _ form: NormalizationForm, into result: inout [UInt32]) {
        if code < 0x80 {
            result.append(code)
        } else if Self.syllables.contains(code) {
            let index = code - Self.syllables.lowerBound
            result.append(Self.first.lowerBound + index / 588)
            result.append(Self.vowels.lowerBound + index % 588 / 28)
            if index % 28 != 0 { result.append(Self.last.lowerBound + index % 28) }
        } else if let mapping = (form.isCompatible ? compatible[code] : nil) ?? canonical[code] {
            result += mapping
        } else {
            result.append(code)
        }
    }

    /// Sorts each run of code points with a combining class by class.
    private func reorder(_ text: inout [UInt32]) {
        var start: Int?
        for index in 0...text.count {
            if index < text.count, text[index] >= 0x300, classes[text[index]] != nil {
                start = start ?? index
            } else if let first = start {
                if index - first > 1 {
                    let run = text[first..<index].enumerated().sorted {
                        (classes[$0.element]!, $0.offset) < (classes[$1.element]!, $1.offset)
                    }
                    text.replaceSubrange(first..<index, with: run.map(\.element))
                }
                start = nil
            }
        }
    }

    /// Composes a decomposed text.
    private func composed(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        /// The place of the last code point without a combining class, and the class of the last that was kept behind
        /// it.
        var (starter, lastClass): (Int?, UInt8) = (nil, 0)
        for code in text {
            let combiningClass = code < 0x300 ? 0 : classes[code] ?? 0
            if let place = starter, place + 1 == result.count || lastClass < combiningClass && lastClass != 0,
                let joined = composition(result[place], code)
            {
                result[place] = joined
                continue
            }
            if combiningClass == 0 { starter = result.count }
            lastClass = combiningClass
            result.append(code)
        }
        return result
    }

    private func composition(_ left: UInt32, _ right: UInt32) -> UInt32? {
        if right < 0x300 { return nil }
        if Self.first.contains(left), Self.vowels.contains(right) {
            let index = (left - Self.first.lowerBound) * 21 + right - Self.vowels.lowerBound
            return Self.syllables.lowerBound + index * 28
        }
        if Self.syllables.contains(left), (left - Self.syllables.lowerBound) % 28 == 0, Self.last.contains(right),
            right != Self.last.lowerBound
        {
            return left + right - Self.last.lowerBound
        }
        return compositions[UInt64(left) << 32 | UInt64(right)]
    }
}
